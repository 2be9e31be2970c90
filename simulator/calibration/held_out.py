"""Published throughputs that the fit never saw: deeper residual networks, other vision transformers.

The constants of the cost model are fitted on `perf_calibration.csv`, which holds ResNet-18, ResNet-50 (as
int8, and one figure from another page) and ViT-B/16 at 224. These networks are of the same two families, and
no constant was ever chosen by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim import execution_ns, find_chip, fuse

from calibration.networks import resnet_basic, resnet_bottleneck, vit

if TYPE_CHECKING:
    from npusim import GraphNode

_ZOO = "Ascend/ModelZoo-PyTorch@05360171:ACL_PyTorch/contrib/cv/classfication"
_MLPERF = "Ascend/ModelZoo-PyTorch@3801088c:ACL_PyTorch/built-in/cv/Resnet50_mlperf/README.md"
_VIT = "Ascend/ModelZoo-PyTorch@ddb86ab2:ACL_PyTorch/contrib/cv/classfication/ViT_base/performances.md"

# network: chip, source, {batch: images a second of one chip}
_PUBLISHED: dict[str, tuple[str, str, dict[int, float]]] = {
    "ResNet-34": (
        "Ascend310",
        f"{_ZOO}/ResNet34/README.md",
        {1: 503.525, 4: 672.405, 8: 884.554, 16: 938.992, 32: 875.835},
    ),
    "ResNet-50": (
        "Ascend310P3",
        _MLPERF,
        {1: 1503.92, 2: 2272.42, 4: 3163.26, 8: 3714.24, 16: 3793.27, 32: 3852.32, 64: 3940.45},
    ),
    "ResNet-101": (
        "Ascend310",
        f"{_ZOO}/ResNet101/README.md",
        {1: 247.898, 4: 331.096, 8: 371.905, 16: 401.046, 32: 370.456},
    ),
    "ResNet-152": (
        "Ascend310",
        f"{_ZOO}/ResNet152/README.md",
        {1: 180.131, 4: 244.742, 8: 270.962, 16: 291.04, 32: 270.402},
    ),
    "ViT-B/8 at 224": (
        "Ascend310P3",
        _VIT,
        {1: 76.42, 4: 93.78, 8: 98.48, 16: 92.32, 32: 93.30, 64: 93.43},
    ),
    "ViT-B/16 at 384": (
        "Ascend310P3",
        _VIT,
        {1: 108.87, 4: 129.80, 8: 151.01, 16: 141.72, 32: 139.40, 64: 139.65},
    ),
    "ViT-B/32 at 224": (
        "Ascend310P3",
        _VIT,
        {1: 431.89, 4: 1118.96, 8: 1439.61, 16: 1569.50, 32: 1593.47, 64: 1679.63},
    ),
    "ViT-B/32 at 384": (
        "Ascend310P3",
        _VIT,
        {1: 267.01, 4: 468.30, 8: 587.07, 16: 576.49, 32: 596.55, 64: 543.51},
    ),
}

_REPEATS = {
    "ResNet-34": (3, 4, 6, 3),
    "ResNet-50": (3, 4, 6, 3),
    "ResNet-101": (3, 4, 23, 3),
    "ResNet-152": (3, 8, 36, 3),
}
_PATCHES = {  # patch, picture: pixels a side
    "ViT-B/8 at 224": (8, 224),
    "ViT-B/16 at 384": (16, 384),
    "ViT-B/32 at 224": (32, 224),
    "ViT-B/32 at 384": (32, 384),
}


class HeldOut(NamedTuple):
    """One published figure: network, chip, images at once, images a second of one chip, where it stands."""

    network: str
    soc: str
    batch: int
    fps: float
    source: str


def held_out() -> list[HeldOut]:
    """All figures."""
    return [
        HeldOut(network, soc, batch, fps, source)
        for network, (soc, source, figures) in _PUBLISHED.items()
        for batch, fps in figures.items()
    ]


def predict_held_out(row: HeldOut) -> float:
    """Images a second of one chip, by the model."""
    return row.batch * 1e9 / execution_ns(find_chip(row.soc), _graph(row))


def _graph(row: HeldOut) -> list[GraphNode]:
    if row.network in _PATCHES:
        patch, size = _PATCHES[row.network]
        return fuse(
            vit(row.batch, 768, 12, size=size, patch=patch, padded=True)
        )  # opt_vit.py, as the page says
    build = resnet_basic if row.network == "ResNet-34" else resnet_bottleneck
    return fuse(build(row.batch, _REPEATS[row.network]))  # converted by a plain atc command
