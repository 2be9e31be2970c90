"""Stochastic depth whose random numbers are drawn ahead, on a stream of their own."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from torch_npu import npu
from torch_npu.utils._error_code import ErrCode, ops_error

__all__ = ["NpuDropPath"]


class _Task:
    """Random numbers of one shape: how many are wanted a pass, and those that are ready."""

    def __init__(self, x: Tensor) -> None:
        self.shape = (x.shape[0], *[1] * (x.dim() - 1))
        self.dtype, self.device = x.dtype, x.device
        self.request_count = 0
        self.rand_queue: list[Tensor] = []

    def fill(self) -> None:
        """Draws what is missing."""
        while len(self.rand_queue) < self.request_count:
            self.rand_queue.append(torch.rand(self.shape, dtype=self.dtype, device=self.device))


class NpuDropPath(nn.Module):
    """Drops a residual branch sample by sample; the first pass only counts what the next ones need.

    Args:
        drop_prob: probability of a sample to be dropped.
    """

    task_dict: ClassVar[dict[Any, _Task]] = {}
    droppath_stream: ClassVar[Any] = None

    def __init__(self, drop_prob: float | None = None) -> None:
        super().__init__()
        self.drop_prob = drop_prob or 0.0
        self.keep_prob = 1 - self.drop_prob

    def forward(self, x: Tensor) -> Tensor:
        """(batch, …) with samples dropped and the others scaled up.

        Raises:
            RuntimeError: no tensor.
        """
        if self.drop_prob == 0.0 or not self.training:
            return x
        if not isinstance(x, torch.Tensor):
            raise RuntimeError("input type error!" + ops_error(ErrCode.TYPE))  # noqa: TRY004 - the real class
        key = (x.shape, x.device, x.dtype)
        task = self.task_dict.setdefault(key, _Task(x))
        if not task.rand_queue:
            task.request_count += 1
            return x
        kept = torch.floor(task.rand_queue.pop(0) + self.keep_prob)
        return x / self.keep_prob * kept

    @classmethod
    def enable_droppath_ensemble(cls, model: nn.Module) -> None:
        """Draws the random numbers of a pass of `model` before it, on a stream of their own."""
        if cls.droppath_stream is None:
            cls.droppath_stream = npu.Stream()

        def draw(_module: nn.Module, _inputs: Any) -> None:
            with npu.stream(cls.droppath_stream), torch.no_grad():
                for task in cls.task_dict.values():
                    task.fill()
            npu.current_stream().wait_stream(cls.droppath_stream)

        model.register_forward_pre_hook(draw)
