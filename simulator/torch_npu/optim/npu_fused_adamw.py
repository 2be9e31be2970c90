"""AdamW with one launch a group (torch_npu/optim/npu_fused_adamw.py of Ascend/pytorch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch_npu.optim.npu_fused_adam import NpuFusedAdam

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NpuFusedAdamW"]


class NpuFusedAdamW(NpuFusedAdam):
    """AdamW, with the numbers of `torch.optim.AdamW`.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the averages of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: what of itself a parameter loses each step, times the learning rate.
        amsgrad: keep the largest average of the square.

    Raises:
        ValueError: a setting is out of bounds.
    """

    _OP = "ApplyAdamWV2"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)

    def _decay(self, group: dict[str, Any], param: Tensor, grad: Tensor) -> None:
        param.mul_(1 - group["lr"] * group["weight_decay"])
