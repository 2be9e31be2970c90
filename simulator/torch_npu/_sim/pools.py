"""Which private pool of the caching allocator serves a thread's allocations, and which pools are in use.

A pool's segments are cached under a number of its own. When nobody holds it any more, they are treated as
those of the common pool: emptying the cache returns what is free of them.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter
from typing import TYPE_CHECKING

from npusim.caching_allocator import GRAPH_POOLS, POOL_SHIFT, pool_id

from torch_npu._sim import runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM = (1 << POOL_SHIFT) - 1
"""The part of a block's stream that is the stream's number."""
_uses: Counter[int] = Counter()


_numbers = itertools.count(1)


class _Thread(threading.local):
    """By device index, the pool that serves this thread."""

    def __init__(self) -> None:
        self.routes: dict[int, int] = {}


_thread = _Thread()
routing = False
"""Whether any thread ever used a pool: until then, allocations need not look."""


def number_of(pool_id: tuple[int, int]) -> int:
    """The number under which the allocator knows the pool of an id."""
    made_by_graph, made_by_program = pool_id
    return made_by_program or made_by_graph + GRAPH_POOLS


def key(index: int, stream: int) -> int:
    """Where the allocator looks for this thread's memory on a device: the pool's number and the stream's."""
    return _thread.routes.get(index, 0) << POOL_SHIFT | stream


def new_number() -> int:
    """A number that no pool of a program has."""
    return next(_numbers)


def hold(number: int, *, spare: bool = False, whole: bool = False) -> None:
    """A pool is in use once more.

    Args:
        number: the pool's.
        spare: whether its free blocks serve others when the device has no more memory.
        whole: whether its segments are not split.
    """
    runtime.initialize()
    _uses[number] += 1
    for memory in runtime.memories:
        memory.held.add(number)
        if spare:
            memory.spare.append(number)
        if whole:
            memory.whole.add(number)


def let_go(number: int) -> None:
    """A pool is in use once less; after the last time its free segments go back to the device."""
    _uses[number] -= 1
    if _uses[number] > 0:
        return
    del _uses[number]
    if runtime.is_initialized():
        for memory in runtime.memories:
            memory.held.discard(number)
            memory.whole.discard(number)
            if number in memory.spare:
                memory.spare.remove(number)
            memory.empty_cache(number)


def current(index: int) -> tuple[int, int]:
    """The id of the pool that serves this thread on a device; 0, 0 for the common one."""
    return pool_id(_thread.routes.get(index, 0))


def use_count(number: int) -> int:
    """How many hold a pool."""
    return _uses[number]


@contextlib.contextmanager
def routed(pool_id: tuple[int, int], index: int) -> Iterator[None]:
    """This thread's allocations on a device come from a pool."""
    global routing  # noqa: PLW0603 - a switch that allocations look at
    routing = True
    number = number_of(pool_id)
    before = _thread.routes.get(index, 0)
    hold(number)
    _thread.routes[index] = number
    try:
        yield
    finally:
        _thread.routes[index] = before
        let_go(number)
