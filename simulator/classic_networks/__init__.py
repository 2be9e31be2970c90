"""Classic networks as PyTorch modules with random weights, to be exported where none can be downloaded.

`python -m classic_networks resnet50` writes `resnet50.onnx`; without a name it lists them. Layers and sizes
are those of the papers and of the published models, which the number of parameters shows (tests hold it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from classic_networks import convolutional, transformers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from torch import nn

__all__ = ["NETWORKS", "Network", "UnknownNetworkError", "build", "example", "export"]


class UnknownNetworkError(ValueError):
    """A network was asked for that is not here."""


class Network(NamedTuple):
    """A network and what it takes.

    Attributes:
        make: builds it.
        shape: of its input without the batch: a picture (channels, rows, columns), or the tokens of a text.
        source: the paper that its layers are from.
    """

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    source: str


_PICTURE = (3, 224, 224)
_RESNET = "He et al. 2015, arXiv 1512.03385"
NETWORKS = {
    "lenet": Network(convolutional.LeNet, (1, 32, 32), "LeCun et al. 1998"),
    "resnet18": Network(lambda: convolutional.ResNet((2, 2, 2, 2)), _PICTURE, _RESNET),
    "resnet34": Network(lambda: convolutional.ResNet((3, 4, 6, 3)), _PICTURE, _RESNET),
    "resnet50": Network(lambda: convolutional.ResNet((3, 4, 6, 3), deep=True), _PICTURE, _RESNET),
    "resnet101": Network(lambda: convolutional.ResNet((3, 4, 23, 3), deep=True), _PICTURE, _RESNET),
    "vgg16": Network(convolutional.vgg16, _PICTURE, "Simonyan and Zisserman 2014, arXiv 1409.1556"),
    "mobilenet_v2": Network(convolutional.mobilenet_v2, _PICTURE, "Sandler et al. 2018, arXiv 1801.04381"),
    "squeezenet1_1": Network(convolutional.SqueezeNet, _PICTURE, "Iandola et al. 2016, arXiv 1602.07360"),
    "vit_b_16": Network(
        transformers.VisionTransformer, _PICTURE, "Dosovitskiy et al. 2020, arXiv 2010.11929"
    ),
    "twins_pcpvt_small": Network(transformers.Twins, _PICTURE, "Chu et al. 2021, arXiv 2104.13840"),
    "bert_base": Network(transformers.Bert, (128,), "Devlin et al. 2018, arXiv 1810.04805"),
}


def build(name: str, seed: int = 0) -> nn.Module:
    """A network with random weights, the same for the same seed, in evaluation mode.

    Raises:
        UnknownNetworkError: there is none of that name.
    """
    import torch

    if name not in NETWORKS:
        raise UnknownNetworkError(f"there is no network {name!r}; choose from {', '.join(NETWORKS)}.")
    torch.manual_seed(seed)
    return NETWORKS[name].make().eval()


def example(name: str, batch: int = 2) -> torch.Tensor:
    """An input of a network: a picture of noise, or numbers of tokens (int64)."""
    import torch

    shape = (batch, *NETWORKS[name].shape)
    return torch.rand(shape) if len(shape) > 2 else torch.randint(1000, shape)  # noqa: PLR2004  a text has two


def export(name: str, path: Path | str, seed: int = 0) -> None:
    """Write a network as ONNX: input `input`, output `output`, the batch open.

    Raises:
        UnknownNetworkError: there is none of that name.
    """
    import torch

    net = build(name, seed)
    torch.onnx.export(
        net,
        (example(name),),
        str(path),
        input_names=["input"],
        output_names=["output"],
        dynamic_shapes=({0: "n"},),
        verbose=False,
    )
