"""Dropout whose masks are drawn ahead of the next pass."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from torch_npu.utils._error_code import ErrCode, ops_error

__all__ = ["NpuCachedDropout", "NpuFairseqDropout"]


class _Task:
    """Masks of one shape: how many are wanted a pass, and those that are ready."""

    def __init__(self, shape: Any, dtype: torch.dtype, device: Any, p: float) -> None:
        self.shape, self.dtype, self.device, self.p = shape, dtype, device, p
        self.request_count = 0
        self.mask_queue: list[Tensor] = []

    def fill(self) -> None:
        """Draws what is missing."""
        while len(self.mask_queue) < self.request_count:
            mask = torch.empty(tuple(self.shape), dtype=self.dtype, device=self.device)
            self.mask_queue.append(mask.bernoulli_(1 - self.p))


class NpuCachedDropout(nn.Dropout):
    """Dropout with masks that are ready; the first pass only counts what the next ones need.

    Args:
        p: probability of an element to be dropped.
        module_name: whose dropout it is.
    """

    task_dict: ClassVar[dict[Any, _Task]] = {}
    dropout_stream: ClassVar[Any] = None

    def __init__(self, p: float, module_name: str | None = None) -> None:
        super().__init__(p)
        self.module_name = module_name

    def forward(self, x: Any) -> Any:
        """A tensor after dropout; for [shape, dtype, device] the mask itself.

        Raises:
            RuntimeError: neither.
        """
        if isinstance(x, torch.Tensor):
            shape, dtype, device, given = x.shape, x.dtype, x.device, x
        elif isinstance(x, list):
            (shape, dtype, device), given = x, None
        else:
            raise RuntimeError("input type error!" + ops_error(ErrCode.TYPE))  # noqa: TRY004 - the real class
        if self.p == 0 or not self.training:
            return given
        key = (tuple(shape), dtype, device, self.p)
        task = self.task_dict.setdefault(key, _Task(shape, dtype, device, self.p))
        if not task.mask_queue:
            task.request_count += 1
            return given
        mask = task.mask_queue.pop(0)
        return mask if given is None else given * mask / (1 - self.p)

    @classmethod
    def enable_dropout_ensemble(cls, model: nn.Module) -> None:
        """Draws the masks of the next pass of `model` after each."""

        def draw(_module: nn.Module, _inputs: Any, _outputs: Any) -> None:
            with torch.no_grad():
                for task in cls.task_dict.values():
                    task.fill()

        model.register_forward_hook(draw)


NpuFairseqDropout = NpuCachedDropout
