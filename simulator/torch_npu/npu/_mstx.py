"""The calls under `torch_npu.npu.mstx`, which the real one has in its compiled part as `torch_npu._C._mstx`.

Profilers take their place to see a program's marks; each tells the profile that runs, if any.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from torch_npu._sim import runtime, watchers

if TYPE_CHECKING:
    import npusim

__all__: list[str] = []

_numbers = itertools.count(1)
_pushed = threading.local()  # by domain, the numbers of the ranges that were pushed in this thread


def _stack(domain: str) -> list[int]:
    by_domain: dict[str, list[int]] = _pushed.__dict__.setdefault("by_domain", {})
    return by_domain.setdefault(domain, [])


def _queue(stream_id: int, device_index: int) -> npusim.Stream | None:
    return runtime.sim_device(device_index).streams.get(stream_id)


def _begin(message: str, domain: str, stream: npusim.Stream | None) -> int:
    number = next(_numbers)
    for watcher in watchers.ranges:
        watcher.begin(number, message, domain, stream)
    return number


def _mark(
    message: str, stream_id: int, device_index: int, _device_type: int, domain: str = "default"
) -> None:
    """Marks a moment, on a stream's line as well."""
    for watcher in watchers.ranges:
        watcher.mark(message, domain, _queue(stream_id, device_index))


def _mark_on_host(message: str, domain: str = "default") -> None:
    """Marks a moment."""
    for watcher in watchers.ranges:
        watcher.mark(message, domain, None)


def _range_start(
    message: str, stream_id: int, device_index: int, _device_type: int, domain: str = "default"
) -> int:
    """Begins a range, on a stream's line as well; returns its number."""
    return _begin(message, domain, _queue(stream_id, device_index))


def _range_start_on_host(message: str, domain: str = "default") -> int:
    """Begins a range; returns its number."""
    return _begin(message, domain, None)


def _range_end(range_id: int, _domain: str = "default") -> None:
    """Ends the range of that number."""
    for watcher in watchers.ranges:
        watcher.end(range_id)


def _push(number: int, domain: str) -> int:
    stack = _stack(domain)
    stack.append(number)
    return len(stack) - 1


def _range_push(
    message: str, stream_id: int, device_index: int, _device_type: int, domain: str = "default"
) -> int:
    """Begins a range within those that this thread pushed before; returns its depth."""
    return _push(_begin(message, domain, _queue(stream_id, device_index)), domain)


def _range_push_on_host(message: str, domain: str = "default") -> int:
    """As `_range_push`, without a stream."""
    return _push(_begin(message, domain, None), domain)


def _range_pop(domain: str = "default") -> int:
    """Ends the innermost pushed range and returns its depth, -1 where there is none."""
    stack = _stack(domain)
    if not stack:
        return -1
    _range_end(stack.pop(), domain)
    return len(stack)
