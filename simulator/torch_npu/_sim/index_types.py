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
from torch_npu.utils._error_code import ErrCode, ops_error

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
    """Kernel of aten::one_hot, of the classes' own type; their number is read back where it is not given.

    A class beyond `num_classes`, or below 0, gets a row of zeros (aclnnOneHot in CANN's reference).

    Raises:
        RuntimeError: num_classes below -1, or none for an empty tensor.
    """
    index = self.get_device()
    if num_classes < -1:
        words = "not yet support negative num_classes, when num_classes less than -1"
        raise RuntimeError(f"NPU error, {words}" + ops_error(ErrCode.PARAM))
    if self.numel() == 0 and num_classes <= 0:
        words = "can not infer total number of classes from empty tensor."
        raise RuntimeError(f"NPU error, {words}" + ops_error(ErrCode.PARAM))
    classes = alias(self)
    if num_classes < 0:
        sync_debug.waits()
        read_back(index, self.element_size())
        num_classes = max(int(classes.max()) + 1, 1)
    result = (classes.unsqueeze(-1) == torch.arange(num_classes)).to(self.dtype)
    spec = spec_of(result)
    given = adopt(result, index, None, spec)
    charge(index, "OneHot", "elementwise", [spec_of(self)], [spec])
    return given


KERNELS = {"one_hot": one_hot}
