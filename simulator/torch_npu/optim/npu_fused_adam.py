"""Adam with one launch a group (torch_npu/optim/npu_fused_adam.py of Ascend/pytorch)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase, check

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NpuFusedAdam"]


class NpuFusedAdam(NpuFusedOptimizerBase):
    """Adam, with the numbers of `torch.optim.Adam`.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the averages of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: added to the gradient, times the parameter.
        amsgrad: keep the largest average of the square.

    Raises:
        ValueError: a setting is out of bounds.
    """

    _STATE = (("exp_avg", 0.0), ("exp_avg_sq", 0.0), ("max_exp_avg_sq", 0.0))
    _OP = "ApplyAdamV2"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
    ) -> None:
        check(
            lr=("learning rate", lr, math.inf),
            eps=("epsilon value", eps, math.inf),
            beta1=("beta parameter at index 0", betas[0], 1.0),
            beta2=("beta parameter at index 1", betas[1], 1.0),
            decay=("weight_decay value", weight_decay, math.inf),
        )
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        )

    def _wants(self, name: str, group: dict[str, Any]) -> bool:
        return name != "max_exp_avg_sq" or bool(group["amsgrad"])

    def _decay(self, group: dict[str, Any], param: Tensor, grad: Tensor) -> None:
        if group["weight_decay"]:
            grad.add_(param, alpha=group["weight_decay"])

    def _update(
        self,
        group: dict[str, Any],
        bundle: Bundle,
        param: Tensor,
        grad: Tensor,
        state: dict[str, Tensor],
        step: int,
    ) -> None:
        beta1, beta2 = group["betas"]
        self._decay(group, param, grad)
        average, square = state["exp_avg"], state["exp_avg_sq"]
        average.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            square = torch.maximum(state["max_exp_avg_sq"], square, out=state["max_exp_avg_sq"])
        denominator = (square.sqrt() / math.sqrt(1 - beta2**step)).add_(group["eps"])
        param.addcdiv_(average, denominator, value=-group["lr"] / (1 - beta1**step))
