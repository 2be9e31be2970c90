"""Stochastic gradient descent with one launch a group: npu_fused_sgd.py of Ascend/pytorch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch.optim.optimizer import required

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase, check
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["NpuFusedSGD"]


class NpuFusedSGD(NpuFusedOptimizerBase):
    """Gradient descent, with the numbers of `torch.optim.SGD`.

    Args:
        params: parameters or groups.
        lr: learning rate; it must be given.
        momentum: how much of the last step goes on.
        dampening: taken off the gradient in the momentum.
        weight_decay: added to the gradient, times the parameter.
        nesterov: look ahead; needs momentum and no dampening.

    Raises:
        ValueError: a setting is out of bounds, or missing.
    """

    _STATE = (("momentum_buffer", 0.0),)
    _OP = "ApplyMomentum"

    def __init__(
        self,
        params: Any,
        lr: Any = required,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if lr is not required:
            check(lr=("learning rate", lr, math.inf))
        check(
            momentum=("momentum value", momentum, math.inf),
            decay=("weight_decay value", weight_decay, math.inf),
        )
        if nesterov and (momentum <= 0 or dampening):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening" + pta_error(ErrCode.VALUE)
            )
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient; see `NpuFusedOptimizerBase.step`."""
        return super().step(closure)

    def _wants(self, name: str, group: dict[str, Any]) -> bool:
        return bool(group["momentum"])

    def _update(
        self,
        group: dict[str, Any],
        bundle: Bundle,
        param: Tensor,
        grad: Tensor,
        state: dict[str, Tensor],
        step: int,
    ) -> None:
        if group["weight_decay"]:
            grad.add_(param, alpha=group["weight_decay"])
        if group["momentum"]:
            buffer = state["momentum_buffer"]
            # the first step takes the gradient whole
            buffer.mul_(group["momentum"]).add_(grad, alpha=1 - (group["dampening"] if step > 1 else 0))
            grad = grad.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
        param.add_(grad, alpha=-group["lr"])
