"""BERT's Adam with one launch a group (torch_npu/optim/npu_fused_bert_adam.py of Ascend/pytorch)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch.optim.optimizer import required

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase, check
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["NpuFusedBertAdam"]

# What the learning rate is multiplied by at a part x of the training, after the warmup to a part w.
SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "warmup_cosine": lambda x, _w: 0.5 * (1 + math.cos(math.pi * x)),
    "warmup_constant": lambda _x, _w: 1.0,
    "warmup_linear": lambda x, w: max((x - 1) / (w - 1), 0.0),
    "warmup_poly": lambda x, _w: (1 - x) ** 0.5,
}


class NpuFusedBertAdam(NpuFusedOptimizerBase):
    """Adam as BERT was trained with: decoupled decay, no correction for bias, clipped gradients, a schedule.

    Args:
        params: parameters or groups.
        lr: learning rate; it must be given.
        warmup: part of `t_total` in which the learning rate rises; -1 for none.
        t_total: steps of the training; -1 keeps the learning rate.
        schedule: "warmup_linear", "warmup_cosine", "warmup_constant" or "warmup_poly".
        b1: decay of the average of the gradient.
        b2: decay of the average of its square.
        e: added to the denominator.
        weight_decay: added to the step, times the parameter.
        max_grad_norm: bound of a group's gradient norm; -1 for none.

    Raises:
        ValueError: a setting is out of bounds, or missing.
    """

    _STATE = (("exp_avg", 0.0), ("exp_avg_sq", 0.0))
    _OP = "ApplyAdamD"

    def __init__(
        self,
        params: Any,
        lr: Any = required,
        warmup: float = -1,
        t_total: int = -1,
        schedule: str = "warmup_linear",
        b1: float = 0.9,
        b2: float = 0.999,
        e: float = 1e-6,
        weight_decay: float = 0.01,
        max_grad_norm: float = 1.0,
    ) -> None:
        if lr is not required:
            check(lr=("learning rate", lr, math.inf))
        if warmup != -1:
            check(warmup=("warmup", warmup, 1.0))
        if schedule not in SCHEDULES:
            raise ValueError(f"Invalid schedule parameter: {schedule}" + pta_error(ErrCode.VALUE))
        check(b1=("b1 parameter", b1, 1.0), b2=("b2 parameter", b2, 1.0), e=("epsilon value", e, math.inf))
        self.max_grad_norm = max_grad_norm
        super().__init__(
            params,
            {
                "lr": lr,
                "schedule": schedule,
                "warmup": warmup,
                "t_total": t_total,
                "b1": b1,
                "b2": b2,
                "e": e,
                "weight_decay": weight_decay,
                "max_grad_norm": max_grad_norm,
            },
        )

    def _update(
        self,
        group: dict[str, Any],
        bundle: Bundle,
        param: Tensor,
        grad: Tensor,
        state: dict[str, Tensor],
        step: int,
    ) -> None:
        if self.max_grad_norm > 0:
            scale = self.max_grad_norm / (grad.float().norm() + 1e-6)
            if scale < 1:
                grad.mul_(scale)
        average = state["exp_avg"].mul_(group["b1"]).add_(grad, alpha=1 - group["b1"])
        square = state["exp_avg_sq"].mul_(group["b2"]).addcmul_(grad, grad, value=1 - group["b2"])
        update = average / (square.sqrt() + group["e"])
        if group["weight_decay"] > 0:
            update.add_(param, alpha=group["weight_decay"])
        param.add_(update, alpha=-_rate(group, step - 1))


def _rate(group: dict[str, Any], done: int) -> float:
    """The learning rate after so many steps."""
    rate = float(group["lr"])
    if group["t_total"] == -1:
        return rate
    part, warmup = done / group["t_total"], group["warmup"]
    return rate * (part / warmup if part < warmup else SCHEDULES[group["schedule"]](part, warmup))
