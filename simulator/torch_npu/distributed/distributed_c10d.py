"""Additions of the NPU to `torch.distributed`: distributed_c10d.py of Ascend/pytorch."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from torch_npu.distributed._process_group import ProcessGroupHCCL

__all__ = ["is_hccl_available", "reinit_process_group"]


def is_hccl_available() -> bool:
    """Whether the backend "hccl" can be used: wherever gloo can."""
    return dist.is_gloo_available()


def reinit_process_group(group: Any = None, rebuild_link: bool = True) -> Any:
    """Ends the connection of a group's ranks; the next collective connects anew.

    Args:
        group: the default group by default.
        rebuild_link: False keeps the connection; nothing is to do then.

    Returns:
        The group; None where the connection was kept.
    """
    if not rebuild_link:
        return None
    group = dist.distributed_c10d._get_default_group() if group is None else group
    if isinstance(group, ProcessGroupHCCL):
        group.abort()
    return group


def _on_npu(name: str, *tensors: Tensor) -> bool:
    if all(t.device.type == "npu" for t in tensors):
        return True
    warnings.warn("Support for Tensors is limited to those of type npu", stacklevel=3)
    return False


def _finish(work: Any, *, async_op: bool) -> Any:
    if async_op:
        return work
    work.wait()
    return None


def all_gather_into_tensor_uneven(
    output: Tensor,
    input: Tensor,
    output_split_sizes: list[int] | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Any:
    """Gathers tensors of different lengths into one.

    Args:
        output: on the NPU; its first dimension holds all.
        input: this rank's part.
        output_split_sizes: rows of each rank; equal parts by default.
        group: the default group by default.
        async_op: returns the work instead of waiting.
    """
    if not _on_npu("all_gather_into_tensor_uneven", output, input):
        return None
    pg = dist.distributed_c10d._get_default_group() if group is None else group
    sizes = output_split_sizes or [output.shape[0] // pg.size()] * pg.size()
    parts = list(torch.split(output, sizes))
    works = []
    for rank, part in enumerate(parts):
        options = dist.BroadcastOptions()
        options.rootRank = rank
        if rank == pg.rank():
            with torch.no_grad():
                part.copy_(input)
        works.append(pg.broadcast([part], options))
    return _finish(_together(works), async_op=async_op)


def reduce_scatter_tensor_uneven(
    output: Tensor,
    input: Tensor,
    input_split_sizes: list[int] | None = None,
    op: Any = dist.ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Any:
    """Reduces a tensor over all ranks, and leaves each rank a part of its own length.

    Args:
        output: this rank's part, on the NPU.
        input: the whole.
        input_split_sizes: rows of each rank; equal parts by default.
        op: how.
        group: the default group by default.
        async_op: returns the work instead of waiting.
    """
    if not _on_npu("reduce_scatter_tensor_uneven", output, input):
        return None
    pg = dist.distributed_c10d._get_default_group() if group is None else group
    sizes = input_split_sizes or [input.shape[0] // pg.size()] * pg.size()
    options = dist.ReduceScatterOptions()
    options.reduceOp = op
    work = pg.reduce_scatter([output], [list(torch.split(input, sizes))], options)
    return _finish(work, async_op=async_op)


def _together(works: list[Any]) -> Any:
    from torch_npu.distributed._work import Works

    return Works(works)
