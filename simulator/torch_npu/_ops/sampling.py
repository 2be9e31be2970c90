"""Operators that draw, or prepare drawing: dropout with a byte mask, random choices, top-k and top-p."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_npu._ops._fused import fused, generator, invalid

_MOST_DIMENSIONS = 5


@fused("DropoutWithByteMask", "random")
def dropout_with_byte_mask(self: Tensor, p: float, train: bool) -> Tensor:
    """Dropout whose mask has a byte an element.

    Args:
        self: any floating-point tensor.
        p: probability of an element to be zeroed.
        train: False leaves the tensor as it is.

    Raises:
        RuntimeError: p is not between 0 and 1.
    """
    if not 0 <= p <= 1:
        raise invalid(f"dropout probability has to be between 0 and 1, but got {p}")
    if not train or p == 0:
        return self.clone()
    keep = torch.empty_like(self, requires_grad=False).bernoulli_(1 - p, generator=generator())
    return self * keep * (0.0 if p == 1 else 1 / (1 - p))


@fused("RandomChoiceWithMask", "random", differentiable=False)
def npu_random_choice_with_mask(
    x: Tensor, count: int = 256, seed: int = 0, seed2: int = 0
) -> tuple[Tensor, Tensor]:
    """Places of True, drawn without repetition.

    Args:
        x: bool, of 1 to 5 dimensions.
        count: how many.
        seed: of the draw; with `seed2` 0 as well, the device's random numbers are used.
        seed2: as above.

    Returns:
        The places (count, dimensions) int32, and which of them are valid (count,): where there are fewer.
        Drawn places are sorted where all are taken.

    Raises:
        RuntimeError: another type, too many dimensions, or no count.
    """
    if x.dtype is not torch.bool:
        raise invalid(f"The input.dtype should be bool, but get{x.dtype}")
    if not 1 <= x.dim() <= _MOST_DIMENSIONS:
        raise invalid(f"The input.dim should be in [1, 5], but get{x.dim()}")
    if count <= 0:
        raise invalid(f"The count must greater than 0, but get{count}")
    places = x.nonzero()
    if len(places) > count:
        drawn = torch.Generator().manual_seed(seed << 32 | seed2) if seed or seed2 else generator()
        places = places[torch.randperm(len(places), generator=drawn)[:count]]
    found = torch.zeros(count, x.dim(), dtype=torch.int32)
    found[: len(places)] = places.int()
    return found, torch.arange(count) < len(places)


@fused("TopKTopPSampling", "reduce", differentiable=False)
def npu_top_k_top_p(logits: Tensor, p: Tensor | None = None, k: Tensor | None = None) -> Tensor:
    """Logits with -inf wherever a word is neither among the k likeliest nor within the probability p.

    Args:
        logits: (batch, words).
        p: (batch,) the likeliest words that together have this probability stay, at least one.
        k: (batch,) integers; so many stay, and those as likely as the last.
    """
    values, order = logits.sort(dim=-1, stable=True)
    if k is not None:
        least = values.gather(1, (values.shape[1] - k.long()).clamp(min=0).unsqueeze(1))
        values = values.masked_fill(values < least, float("-inf"))
    if p is not None:
        below = values.float().softmax(-1).cumsum(-1) <= 1 - p.float().unsqueeze(1)
        below[:, -1] = False
        values = values.masked_fill(below, float("-inf"))
    return torch.empty_like(values).scatter_(-1, order, values)
