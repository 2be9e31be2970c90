"""Sample inputs of operators (torch_npu/testing/common_methods_invocations.py of Ascend/pytorch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


class SampleInput(list[Any]):
    """One call of an operator: `input`, `args` and `kwargs`."""

    def __init__(
        self, input: torch.Tensor, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__([input, args, kwargs or {}])
        self.input = input
        self.args = args
        self.kwargs = kwargs or {}


def _random(shape: tuple[int, ...], device: Any, dtype: torch.dtype, *, requires_grad: bool) -> torch.Tensor:
    if dtype.is_floating_point:
        return torch.randn(shape, dtype=dtype, device=device).requires_grad_(requires_grad)
    return torch.randint(-9, 9, shape, device=device).to(dtype)


def sample_inputs_median_custom(
    self: Any, device: Any, dtype: torch.dtype, requires_grad: bool, **kwargs: Any
) -> Iterator[SampleInput]:
    """Calls of median: without a dimension, with one, and keeping it."""
    for args in ((), (0,), (1, True)):
        yield SampleInput(_random((5, 10), device, dtype, requires_grad=requires_grad), args)


def sample_inputs_normal_tensor_second(
    self: Any, device: Any, dtype: torch.dtype, requires_grad: bool, **kwargs: Any
) -> Iterator[SampleInput]:
    """Calls of normal: a mean, and deviations as a number and as a tensor."""
    for std in (1.5, torch.ones(3, dtype=dtype, device=device)):
        mean = (
            0.25
            if isinstance(std, torch.Tensor)
            else _random((3,), device, dtype, requires_grad=requires_grad)
        )
        first, rest = (std, ()) if isinstance(std, torch.Tensor) else (mean, (std,))
        assert isinstance(first, torch.Tensor)  # noqa: S101 - one of the two is
        yield SampleInput(first, rest)
