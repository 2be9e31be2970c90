"""Adadelta with one launch a group (torch_npu/optim/npu_fused_adadelta.py of Ascend/pytorch)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase, check
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NpuFusedAdadelta"]


class NpuFusedAdadelta(NpuFusedOptimizerBase):
    """Adadelta, with the numbers of `torch.optim.Adadelta`.

    Args:
        params: parameters or groups.
        lr: what the step is multiplied by.
        rho: decay of the average of squared gradients, from 0 to 1.
        eps: added within the roots.
        weight_decay: added to the gradient, times the parameter.

    Raises:
        ValueError: a setting is out of bounds.
    """

    _STATE = (("square_avg", 0.0), ("acc_delta", 0.0))
    _OP = "ApplyAdadelta"

    def __init__(
        self, params: Any, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0
    ) -> None:
        check(
            lr=("learning rate", lr, math.inf),
            eps=("epsilon value", eps, math.inf),
            decay=("weight_decay value", weight_decay, math.inf),
        )
        if not 0 <= rho <= 1:
            raise ValueError(f"Invalid rho value: {rho}" + pta_error(ErrCode.VALUE))
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay})

    def _update(
        self,
        group: dict[str, Any],
        bundle: Bundle,
        param: Tensor,
        grad: Tensor,
        state: dict[str, Tensor],
        step: int,
    ) -> None:
        rho, eps = group["rho"], group["eps"]
        if group["weight_decay"]:
            grad.add_(param, alpha=group["weight_decay"])
        square, gathered = state["square_avg"], state["acc_delta"]
        square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = gathered.add(eps).sqrt_().div_(square.add(eps).sqrt_()).mul_(grad)
        gathered.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        param.add_(delta, alpha=-group["lr"])
