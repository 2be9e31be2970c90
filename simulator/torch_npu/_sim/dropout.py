"""Dropout: the CPU kernel would draw from the CPU's generator, so the mask is drawn here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torch_npu._sim import generators
from torch_npu._sim.kernels import Target, charge
from torch_npu._sim.storages import adopt, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """Kernel of aten::native_dropout.

    Args:
        input: any floating-point tensor on the device.
        p: probability of an element to be zeroed.
        train: False leaves the input as it is; None is True.

    Returns:
        The result, scaled by 1 / (1 - p), and the mask of kept elements (bool).
    """
    target = Target(host_ok=False)
    x = target.take(input)
    index = target.index
    if train is False or p == 0:
        mask = torch.ones_like(x, dtype=torch.bool)
        result = x.clone()
    else:
        mask = torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - p, generator=generators.default(index))
        scale = 0.0 if p == 1 else 1 / (1 - p)
        result = x * mask * scale
    writes = [spec_of(result), spec_of(mask)]
    given = adopt(result, index), adopt(mask, index)
    charge(index, "DropOutDoMask", "random", target.reads, writes)
    return given


KERNELS: dict[str, Callable[..., Any]] = {"native_dropout": native_dropout}
