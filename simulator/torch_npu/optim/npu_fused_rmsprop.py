"""RMSprop with one launch a group (torch_npu/optim/npu_fused_rmsprop.py of Ascend/pytorch)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase, check

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NpuFusedRMSprop"]


class NpuFusedRMSprop(NpuFusedOptimizerBase):
    """RMSprop, with the numbers of `torch.optim.RMSprop`.

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: decay of the average of squared gradients.
        eps: added to the root.
        weight_decay: added to the gradient, times the parameter.
        momentum: how much of the last step goes on.
        centered: divide by the gradient's deviation instead of its size.

    Raises:
        ValueError: a setting is out of bounds.
    """

    _STATE = (("square_avg", 0.0), ("momentum_buffer", 0.0), ("grad_avg", 0.0))
    _OP = "ApplyRMSProp"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
    ) -> None:
        check_rmsprop(lr, alpha, eps, weight_decay, momentum)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
            },
        )

    def _wants(self, name: str, group: dict[str, Any]) -> bool:
        return wants(name, group)

    def _update(
        self,
        group: dict[str, Any],
        bundle: Bundle,
        param: Tensor,
        grad: Tensor,
        state: dict[str, Tensor],
        step: int,
    ) -> None:
        alpha = group["alpha"]
        if group["weight_decay"]:
            grad.add_(param, alpha=group["weight_decay"])
        square = state["square_avg"].mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].lerp_(grad, 1 - alpha)
            square = square.addcmul(mean, mean, value=-1)
        root = square.sqrt().add_(group["eps"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, root)
            param.add_(buffer, alpha=-group["lr"])
        else:
            param.addcdiv_(grad, root, value=-group["lr"])


def check_rmsprop(lr: float, alpha: float, eps: float, weight_decay: float, momentum: float) -> None:
    """Raises where a setting is out of bounds.

    Raises:
        ValueError: a setting is negative.
    """
    check(
        lr=("learning rate", lr, math.inf),
        eps=("epsilon value", eps, math.inf),
        momentum=("momentum value", momentum, math.inf),
        decay=("weight_decay value", weight_decay, math.inf),
        alpha=("alpha value", alpha, math.inf),
    )


def wants(name: str, group: dict[str, Any]) -> bool:
    """Whether RMSprop remembers that with the group's settings."""
    if name == "momentum_buffer":
        return bool(group["momentum"] > 0)
    return name != "grad_avg" or bool(group["centered"])
