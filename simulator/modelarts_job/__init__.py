"""A training job shaped as on ModelArts, on this machine: an object store, a container's folders, arguments.

What a job is given follows ModelArts' documentation of training jobs: the folders below
`/home/ma-user/modelarts`, `--data_url` and `--train_url`, the variables MA_* and VC_*, moxing for the store.
"""
