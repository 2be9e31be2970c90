"""Memory pools of a program's own (`torch.npu.MemPool`): segments that no other allocation uses."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from torch_npu._sim import pools, runtime
from torch_npu.npu.device import Device, get_index

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemPool:
    """Segments of the caching allocator for allocations under `use_mem_pool` alone.

    They go back to the device when the pool is gone and nothing in it is used any more.

    Args:
        allocator: None; memory of another allocator is not simulated.
        use_on_oom: whether its free blocks serve others when the device has no more memory.
        no_split: whether each block has a segment of its own.

    Raises:
        NotImplementedError: an allocator is given.
    """

    def __init__(self, allocator: object = None, use_on_oom: bool = False, no_split: bool = False) -> None:
        if allocator is not None:
            raise NotImplementedError(
                "allocators written in C++ are not simulated: create the MemPool without allocator."
            )
        self._number = pools.new_number()
        pools.hold(self._number, spare=use_on_oom, whole=no_split)

    @property
    def id(self) -> tuple[int, int]:
        """The pool's number, as the second of two; the first is 0 for pools made by programs."""
        return (0, self._number)

    def use_count(self) -> int:
        """How often it is in use: 1 for the object itself, and 1 for each `use_mem_pool` it is in."""
        return pools.use_count(self._number)

    def snapshot(self) -> list[dict[str, object]]:
        """Its segments on all devices, as `torch.npu.memory_snapshot` describes them."""
        from torch_npu.npu.memory import memory_snapshot

        return memory_snapshot(self.id)

    def __del__(self) -> None:
        number = getattr(self, "_number", 0)
        if number:
            pools.let_go(number)


@contextlib.contextmanager
def use_mem_pool(pool: Any, device: Device = None) -> Iterator[None]:
    """Allocations of this thread on a device come from a pool, as long as the context lasts.

    Args:
        pool: a `MemPool`.
        device: which device; None is the current one.
    """
    index = get_index(device, optional=True)
    runtime.check_index(index)
    with pools.routed(pool.id, index):
        yield
