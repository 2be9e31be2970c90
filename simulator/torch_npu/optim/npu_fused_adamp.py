"""AdamP with one launch a group (torch_npu/optim/npu_fused_adamp.py of Ascend/pytorch)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch_npu.optim.npu_fused_optim_base import Bundle, NpuFusedOptimizerBase

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NpuFusedAdamP"]


class NpuFusedAdamP(NpuFusedOptimizerBase):
    """AdamP (Heo et al., arXiv:2006.08217): Adam whose steps do not lengthen scale-invariant weights.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the averages of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: what of itself a parameter loses each step, times the learning rate.
        delta: cosine below which a weight counts as scale-invariant.
        wd_ratio: weight decay of those, as a part.
        nesterov: look ahead.
    """

    _STATE = (("exp_avg", 0.0), ("exp_avg_sq", 0.0))
    _OP = "ApplyAdamP"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        delta: float = 0.1,
        wd_ratio: float = 0.1,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "delta": delta,
                "wd_ratio": wd_ratio,
                "nesterov": nesterov,
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
        beta1, beta2 = group["betas"]
        average, square = state["exp_avg"], state["exp_avg_sq"]
        average.mul_(beta1).add_(grad, alpha=1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        denominator = (square.sqrt() / math.sqrt(1 - beta2**step)).add_(group["eps"])
        ahead = beta1 * average + (1 - beta1) * grad if group["nesterov"] else average
        perturb = ahead / denominator
        for p, g, d in zip(*(bundle.split(t) for t in (param, grad, perturb)), strict=True):
            ratio = _project(p, g, d, group) if p.dim() > 1 else 1.0
            if group["weight_decay"] > 0:
                p.mul_(1 - group["lr"] * group["weight_decay"] * ratio)
        param.add_(perturb, alpha=-group["lr"] / (1 - beta1**step))


def _project(p: Tensor, grad: Tensor, perturb: Tensor, group: dict[str, Any]) -> float:
    """Takes the radial part out of the step of a scale-invariant weight; returns its ratio of decay."""
    eps = group["eps"]
    for rows in (p.shape[0], 1):  # by channel, then as a whole
        values, slopes = p.reshape(rows, -1), grad.reshape(rows, -1)
        dot = (values * slopes).sum(1).abs()
        cosine = dot / (slopes.norm(dim=1) + eps) / (values.norm(dim=1) + eps)
        if cosine.max() < group["delta"] / math.sqrt(values.shape[1]):
            shape = [-1] + [1] * (p.dim() - 1)
            unit = p / (values.norm(dim=1).view(shape) + eps)
            radial = (unit * perturb).reshape(rows, -1).sum(1).view(shape)
            perturb.sub_(unit * radial)
            return float(group["wd_ratio"])
    return 1.0
