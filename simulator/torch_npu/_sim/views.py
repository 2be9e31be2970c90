"""Operators that give another view of the same memory: PyTorch's CPU kernels only compute metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch._C import DispatchKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch._ops import OpOverload


def make_view(overload: OpOverload) -> Callable[..., Any]:
    """A kernel that calls the CPU kernel on the NPU tensor itself: it touches sizes and strides only."""
    call = overload._op_dk

    def kernel(*args: Any, **kwargs: Any) -> Any:
        return call(DispatchKey.CPU, *args, **kwargs)

    return kernel
