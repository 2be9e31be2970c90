"""The classic networks in PyTorch, to export, convert and run where no weights can be downloaded.

    import classic_networks

    model = classic_networks.build("resnet18")              # random weights, the same each time
    classic_networks.export("resnet18", "resnet18.onnx", batch=1)

The names are the keys of `CLASSICS`. Weights are random; batch normalisation has seen one batch of noise, so
that values stay in float16's range from the first layer to the last, as in a trained network.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from classic_networks import inception, plain, resnet, small, transformers, twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

__all__ = ["CLASSICS", "Classic", "UnknownModelError", "build", "export", "sample"]

SCALES = (1, 2, 4, 8, 16, 56)  # cells a side
SEEN = 4  # pictures that set batch normalisation
OPSET = 17  # has LayerNormalization as one operator


class UnknownModelError(ValueError):
    """A name that is no classic's."""


class Classic(NamedTuple):
    """A network.

    Attributes:
        make: builds it with fresh weights.
        shape: of one input without its batch; of tokens for BERT.
        inputs: names of the inputs in the ONNX file.
        outputs: names of the outputs.
        parameters: how many weights it has, as the paper or the reference implementation counts them.
    """

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    parameters: int
    inputs: tuple[str, ...] = ("input",)
    outputs: tuple[str, ...] = ("output",)


PICTURE = (3, 224, 224)
BERT = ("input_ids", "input_mask", "segment_ids"), ("start_logits", "end_logits")
CLASSICS = {
    "lenet": Classic(plain.LeNet, (1, 28, 28), 61_706),
    "resnet18": Classic(resnet.resnet18, PICTURE, 11_689_512),
    "resnet34": Classic(resnet.resnet34, PICTURE, 21_797_672),
    "resnet50": Classic(resnet.resnet50, PICTURE, 25_557_032),
    "resnet101": Classic(resnet.resnet101, PICTURE, 44_549_160),
    "vgg16": Classic(plain.VGG, PICTURE, 138_357_544),
    "mobilenet_v2": Classic(small.MobileNetV2, PICTURE, 3_504_872),
    "squeezenet1_1": Classic(small.SqueezeNet, PICTURE, 1_235_496),
    "inception_v3": Classic(inception.InceptionV3, (3, 299, 299), 23_834_568),
    "vit_b_16": Classic(transformers.VisionTransformer, PICTURE, 86_567_656),
    "bert_base": Classic(transformers.BertBase, (384,), 108_893_186, *BERT),
    "twins_pcpvt_s": Classic(twins.twins_pcpvt_s, PICTURE, 24_106_216),
}


def _classic(name: str) -> Classic:
    if name not in CLASSICS:
        raise UnknownModelError(f"'{name}' is no classic network; give one of {', '.join(CLASSICS)}")
    return CLASSICS[name]


def sample(name: str, batch: int = 1) -> tuple[Tensor, ...]:
    """Inputs of a network: noise for pictures, words at random for BERT.

    Raises:
        UnknownModelError: there is no such network.
    """
    found = _classic(name)
    generator = torch.Generator().manual_seed(0)
    if len(found.inputs) == 1:
        return (_pictures(batch, found.shape, generator),)
    words = torch.randint(0, transformers.WORDS, (batch, *found.shape), generator=generator)
    return words, torch.ones_like(words), torch.zeros_like(words)


def _pictures(batch: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Noise that is coarse and fine, as pictures are: of pure noise, all pictures look alike to a network."""
    total = torch.zeros(batch, *shape)
    for cells in SCALES:
        noise = torch.randn(batch, shape[0], cells, cells, generator=generator)
        total += nn.functional.interpolate(noise, shape[1:], mode="bilinear", align_corners=False)
    total /= len(SCALES) ** 0.5
    return total


@torch.no_grad()
def build(name: str, seed: int = 0) -> nn.Module:
    """A network with random weights, ready for inference.

    Args:
        name: a key of `CLASSICS`.
        seed: of the weights.

    Raises:
        UnknownModelError: there is no such network.
    """
    found = _classic(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = found.make()
        layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and not isinstance(model, transformers.VisionTransformer):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if layers:
            for layer in layers:
                layer.momentum = 1.0  # what one batch says is all it keeps
            model.train()(*sample(name, SEEN))
            for layer in layers:
                layer.momentum = 0.1
    return model.eval()


def export(name: str, path: str | PathLike[str], batch: int | None = None, seed: int = 0) -> None:
    """Write a network as an ONNX file.

    Args:
        name: a key of `CLASSICS`.
        path: of the file.
        batch: of its inputs; None leaves it open for `atc --input_shape`.
        seed: of the weights.

    Raises:
        UnknownModelError: there is no such network.
    """
    found = _classic(name)
    axes = None if batch else {n: {0: "batch"} for n in (*found.inputs, *found.outputs)}
    with _quiet():
        torch.onnx.export(
            build(name, seed),
            sample(name, batch or 1),
            path,
            dynamo=False,  # one graph with batch normalisation folded in, as the published models were made
            opset_version=OPSET,
            input_names=list(found.inputs),
            output_names=list(found.outputs),
            dynamic_axes=axes,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's word that it is the older one."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        yield
