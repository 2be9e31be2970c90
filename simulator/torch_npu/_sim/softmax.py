"""Softmax that gives float32 out of 16 bits (`half_to_float`), which the CPU's kernels refuse.

Cast first, as op-plugin does (SoftmaxKernelNpuOpApi.cpp); the gradient is of the input's type again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


def _widening(kernel: Callable[..., Any]) -> Callable[..., Any]:
    def widening(self: torch.Tensor, dim: int, half_to_float: bool) -> Any:
        return kernel(self.float() if half_to_float else self, dim, False)

    return widening


def _narrowing(kernel: Callable[..., Any]) -> Callable[..., Any]:
    def narrowing(grad: torch.Tensor, output: torch.Tensor, dim: int, input_dtype: torch.dtype) -> Any:
        found = kernel(grad, output, dim, grad.dtype)
        return found if grad.dtype is input_dtype else found.to(input_dtype)

    return narrowing


# By operator, what its kernel is wrapped in.
WRAPPERS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "_softmax": _widening,
    "_log_softmax": _widening,
    "_softmax_backward_data": _narrowing,
    "_log_softmax_backward_data": _narrowing,
}
