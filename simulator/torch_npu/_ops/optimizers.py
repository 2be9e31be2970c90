"""Steps of optimizers on single tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from torch_npu._ops._fused import fused, invalid

if TYPE_CHECKING:
    from torch import Tensor


@fused("ApplyAdamD", "optimizer", differentiable=False)
def _adam(
    var: Tensor,
    m: Tensor,
    v: Tensor,
    grad: Tensor,
    rate: float,
    betas: tuple[float, float],
    eps: float,
    ahead: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    m.mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    v.mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
    step = m * betas[0] + grad * (1 - betas[0]) if ahead else m
    var.addcdiv_(step, v.sqrt().add_(eps), value=-rate)
    return var, m, v


def npu_apply_adam(
    beta1_power: float,
    beta2_power: float,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    grad: Tensor,
    use_locking: bool | None,
    use_nesterov: bool | None,
    *,
    out: tuple[Tensor, Tensor, Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of Adam, in place.

    Args:
        beta1_power: beta1 to the power of the step.
        beta2_power: beta2 to the power of the step.
        lr: learning rate.
        beta1: decay of the average of the gradient.
        beta2: decay of the average of its square.
        epsilon: added to the denominator.
        grad: the gradient.
        use_locking: without effect.
        use_nesterov: look ahead.
        out: the variable and the two averages.
    """
    rate = lr * math.sqrt(1 - beta2_power) / (1 - beta1_power)
    found: tuple[Tensor, Tensor, Tensor] = _adam(
        *out, grad, rate=rate, betas=(beta1, beta2), eps=epsilon, ahead=bool(use_nesterov)
    )
    return found


@fused("ApplyAdamW", "optimizer", differentiable=False)
def _adam_w(
    var: Tensor,
    m: Tensor,
    v: Tensor,
    grad: Tensor,
    most: Tensor | None,
    powers: tuple[float, float],
    betas: tuple[float, float],
    lr: float,
    decay: float,
    eps: float,
    maximize: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    grad = -grad if maximize else grad
    var.mul_(1 - lr * decay)
    m.mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    v.mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
    square = v if most is None else torch.maximum(most, v)
    root = (square / (1 - powers[1] * betas[1])).sqrt() + eps
    var.addcdiv_(m, root, value=-lr / (1 - powers[0] * betas[0]))
    return var, m, v


def npu_apply_adam_w(
    beta1_power: float,
    beta2_power: float,
    lr: float,
    weight_decay: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    grad: Tensor,
    max_grad_norm: Tensor | None,
    amsgrad: bool | None,
    maximize: bool | None,
    *,
    out: tuple[Tensor, Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of AdamW, in place.

    Args:
        beta1_power: beta1 to the power of the steps before this one.
        beta2_power: beta2 to the power of the steps before this one.
        lr: learning rate.
        weight_decay: shrinks the variable by lr times it first.
        beta1: decay of the average of the gradient.
        beta2: decay of the average of its square.
        epsilon: added to the denominator.
        grad: the gradient.
        max_grad_norm: with `amsgrad`, the largest average of squares so far.
        amsgrad: use it.
        maximize: go up instead of down.
        out: the variable and the two averages.

    Raises:
        RuntimeError: without `out`, in the real words; or amsgrad without what it needs.
    """
    if out is None:
        raise invalid("npu_apply_adam_w is not implemented for Tensor")
    if amsgrad and max_grad_norm is None:
        raise invalid("amsgrad needs max_grad_norm, but got None")
    found: tuple[Tensor, Tensor, Tensor] = _adam_w(
        *out,
        grad,
        max_grad_norm if amsgrad else None,
        (beta1_power, beta2_power),
        (beta1, beta2),
        lr,
        weight_decay,
        epsilon,
        bool(maximize),
    )
    return found
