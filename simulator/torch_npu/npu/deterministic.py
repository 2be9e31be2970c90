"""Deterministic algorithms for part of a network, in forward and in backward."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function

__all__ = ["disable_deterministic_with_backward", "enable_deterministic_with_backward"]


class _State:
    compatible = False
    level = 0


class _Begin(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        torch.use_deterministic_algorithms(mode=True)
        return tensor

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        torch.use_deterministic_algorithms(mode=False)
        return grad


class _End(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        torch.use_deterministic_algorithms(mode=False)
        return tensor

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        torch.use_deterministic_algorithms(mode=True)
        return grad


def enable_deterministic_with_backward(tensor: Tensor) -> Tensor:
    """Deterministic algorithms from here on; in backward, up to here.

    Args:
        tensor: what the network computed so far; go on with what comes back.
    """
    found: Tensor = _Begin.apply(tensor)  # type: ignore[no-untyped-call]
    return found


def disable_deterministic_with_backward(tensor: Tensor) -> Tensor:
    """Deterministic algorithms up to here; in backward, from here on.

    Args:
        tensor: what the network computed so far; go on with what comes back.
    """
    found: Tensor = _End.apply(tensor)  # type: ignore[no-untyped-call]
    return found


def set_deterministic_level(level: int) -> None:
    """0: no deterministic algorithms; 1 or 2: deterministic ones. The simulated device computes so anyway.

    Raises:
        RuntimeError: no such level.
    """
    if level not in {0, 1, 2}:
        raise RuntimeError(f"the deterministic level must be 0, 1 or 2, got {level}")
    wanted = level > 0
    if wanted != torch.are_deterministic_algorithms_enabled():
        warnings.warn(
            "The current configuration value of 'torch_npu.npu.set_deterministic_level' "
            "conflicts with 'torch.use_deterministic_algorithms'. "
            f"'torch.use_deterministic_algorithms' has been configured to '{wanted}'.",
            stacklevel=2,
        )
        torch.use_deterministic_algorithms(wanted)
    _State.level = level


def use_compatible_impl(mode: bool) -> None:
    """Whether operators shall compute as PyTorch's on other devices do; the simulated ones do anyway.

    Raises:
        TypeError: not a bool.
    """
    if not isinstance(mode, bool):
        raise TypeError(f"mode must be a bool, but got {type(mode).__name__}")
    _State.compatible = mode


def are_compatible_impl_enabled() -> bool:
    """What `use_compatible_impl` was given; False at first."""
    return _State.compatible
