"""LAMB with one launch a group (torch_npu/optim/npu_fused_lamb.py of Ascend/pytorch)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["NpuFusedLamb"]

MAX_WEIGHT_NORM = 10


class NpuFusedLamb(NpuFusedOptimizerBase):
    """LAMB (You et al., arXiv:1904.00962): Adam whose step has the length of the weights, layer by layer.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the averages of the gradient and of its square, which are not corrected for bias.
        eps: added to the denominator.
        weight_decay: added to the step, times the parameter.
        adam: keep Adam's length.
        use_global_grad_norm: divide the gradients by their common norm where it exceeds 1.

    Raises:
        ValueError: a setting is out of bounds.
    """

    _STATE = (("exp_avg", 0.0), ("exp_avg_sq", 0.0))
    _OP = "LambApplyOptimizerAssign"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0,
        adam: bool = False,
        use_global_grad_norm: bool = False,
    ) -> None:
        check(
            lr=("learning rate", lr, math.inf),
            beta1=("beta parameter at index 0", betas[0], 1.0),
            beta2=("beta parameter at index 1", betas[1], 1.0),
            eps=("epsilon value", eps, math.inf),
        )
        self.adam = adam
        self.use_global_grad_norm = use_global_grad_norm
        self.global_grad_norm = 1.0
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient; see `NpuFusedOptimizerBase.step`."""
        if self.use_global_grad_norm:
            self._maybe_init_combined_params_and_grads()
            flat = [g.float().square().sum() for g in self.get_combined_grads() if g is not None]
            self.global_grad_norm = math.sqrt(sum(x.item() for x in flat))
        return super().step(closure)

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
        if self.global_grad_norm > 1:
            grad.div_(self.global_grad_norm)
        average = state["exp_avg"].mul_(beta1).add_(grad, alpha=1 - beta1)
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        direction = average / square.sqrt().add_(group["eps"])
        if group["weight_decay"]:
            direction.add_(param, alpha=group["weight_decay"])
        for p, d in zip(bundle.split(param), bundle.split(direction), strict=True):
            p.add_(d, alpha=-group["lr"] * self._trust(p, d))

    def _trust(self, p: Tensor, direction: Tensor) -> float:
        """How much longer than Adam's the step of one parameter is."""
        if self.adam:
            return 1.0
        weight = min(p.float().norm().item(), MAX_WEIGHT_NORM)
        length = direction.float().norm().item()
        return weight / length if weight and length else 1.0
