"""Which path of the project stands for which place in the object store. Fill it in before you start a job."""

PATH_MAPPING_CONFIG: dict[str, dict[str, str]] = {
    # Fetched before the training: {"/dataset/imagenet": "obs://my-bucket/imagenet"}. Absolute paths only.
    "input": {},
    # Brought back when the program ends: {"./checkpoints": "obs://my-bucket/outputs/"}.
    "output": {},
}
