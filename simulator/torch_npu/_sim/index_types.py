"""Classes and indices of 32 bits: the device's kernels take them where PyTorch's own for the CPU do not.

Source: op-plugin hands targets to CANN as int32, whatever integer a program gave (NLLLossKernelNpu.cpp,
MultilabelMarginLossKernelNpu.cpp, OneHotKernelNpu.cpp).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torch_npu._sim import sync_debug
from torch_npu._sim.kernels import charge, read_back
from torch_npu._sim.storages import adopt, alias, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

# By operator, which argument holds the classes.
POSITIONS = {
    "multilabel_margin_loss_backward": 3,
    "multilabel_margin_loss_forward": 1,
    "nll_loss2d_backward": 2,
    "nll_loss2d_forward": 1,
    "nll_loss_backward": 2,
    "nll_loss_forward": 1,
}


def widened(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel of an operator of `POSITIONS`, with classes of 32 bits widened for it."""
    place = POSITIONS[name]

    def widening(*args: Any, **kwargs: Any) -> Any:
        classes = args[place]
        if classes.dtype is torch.int32 and classes.get_device() >= 0:
            wide = adopt(alias(classes).long(), classes.get_device())
            args = (*args[:place], wide, *args[place + 1 :])
        return kernel(*args, **kwargs)

    return widening


def one_hot(self: Tensor, num_classes: int = -1) -> Tensor:
    """Kernel of aten::one_hot, of the classes' own type; their number is read back where it is not given."""
    index = self.get_device()
    if num_classes < 0:
        sync_debug.waits()
        read_back(index, self.element_size())
    result = torch.nn.functional.one_hot(alias(self).long(), num_classes).to(self.dtype)
    spec = spec_of(result)
    given = adopt(result, index, None, spec)
    charge(index, "OneHot", "elementwise", [spec_of(self)], [spec])
    return given


KERNELS = {"one_hot": one_hot}
