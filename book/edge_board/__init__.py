"""A toy car that drives by what an Ascend board sees: the road, the detector, the board, and the pipelines.

`road` renders what the camera sees, `detector` is the network and its training, `sight` says what its
numbers mean, `board` runs it through `acl`, `pipelines` holds four ways to keep the board busy, and
`drive` closes the loop. Nothing here knows the simulator: on an Atlas 200I DK A2 it runs as it is.
"""
