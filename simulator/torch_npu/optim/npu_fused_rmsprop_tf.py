"""TensorFlow's RMSprop with one launch a group: npu_fused_rmsprop_tf.py of Ascend/pytorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase
from torch_npu.optim.npu_fused_rmsprop import check_rmsprop, wants

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NpuFusedRMSpropTF"]


class NpuFusedRMSpropTF(NpuFusedOptimizerBase):
    """RMSprop as TensorFlow has it: the average begins at 1, eps is within the root, lr within the momentum.

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: decay of the average of squared gradients.
        eps: added within the root.
        weight_decay: added to the gradient, times the parameter.
        momentum: how much of the last step goes on.
        centered: divide by the gradient's deviation instead of its size.
        decoupled_decay: take the decay off the parameter instead.
        lr_in_momentum: put the learning rate into the momentum.

    Raises:
        ValueError: a setting is out of bounds.
    """

    _STATE = (("square_avg", 1.0), ("momentum_buffer", 0.0), ("grad_avg", 0.0))
    _OP = "ApplyRMSProp"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.9,
        eps: float = 1e-10,
        weight_decay: float = 0,
        momentum: float = 0.0,
        centered: bool = False,
        decoupled_decay: bool = False,
        lr_in_momentum: bool = True,
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
                "decoupled_decay": decoupled_decay,
                "lr_in_momentum": lr_in_momentum,
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
        rest = 1 - group["alpha"]
        if group["weight_decay"] and group["decoupled_decay"]:
            param.add_(param, alpha=-group["weight_decay"])
        elif group["weight_decay"]:
            grad.add_(param, alpha=group["weight_decay"])
        square = state["square_avg"]
        square.add_(grad.pow(2) - square, alpha=rest)
        if group["centered"]:
            mean = state["grad_avg"]
            mean.add_(grad - mean, alpha=rest)
            square = square.addcmul(mean, mean, value=-1)
        root = square.add(group["eps"]).sqrt_()
        if group["momentum"] <= 0:
            param.addcdiv_(grad, root, value=-group["lr"])
            return
        inner, outer = (group["lr"], 1.0) if group["lr_in_momentum"] else (1.0, group["lr"])
        buffer = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, root, value=inner)
        param.add_(buffer, alpha=-outer)
