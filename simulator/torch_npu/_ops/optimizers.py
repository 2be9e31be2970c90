"""Steps of optimizers on single tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch_npu._ops._fused import fused

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
