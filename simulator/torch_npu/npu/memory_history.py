"""Where memory was taken: the history that PyTorch's memory viewer shows (torch_npu/npu/memory.py)."""

from __future__ import annotations

import pickle
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch_npu._sim import pools, runtime, watchers
from torch_npu.utils._error_code import ErrCode, pta_error

if TYPE_CHECKING:
    from types import FrameType

_OURS = str(Path(__file__).parent.parent)
_STATES = (None, "state", "all")
_CONTEXTS = (None, "state", "alloc", "all")


def _frames() -> list[dict[str, Any]]:
    """The callers, innermost first, without this package's own functions."""
    found: list[dict[str, Any]] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_OURS):
            found.append({"filename": code.co_filename, "line": frame.f_lineno, "name": code.co_name})
        frame = frame.f_back
    return found


class _History:
    """Told of every block that is taken and given back while history is recorded.

    Args:
        context: of which events the callers are kept.
        entries: how many events are kept a device; None: none, only where live blocks come from.
    """

    def __init__(self, context: str | None, entries: int | None) -> None:
        self.context = context
        self.keeps = entries is not None
        self.traces = [deque[dict[str, Any]](maxlen=entries) for _ in range(runtime.device_count())]
        self.taken: dict[int, tuple[list[dict[str, Any]], tuple[int, int]]] = {}

    def memory(self, index: int, address: int, nbytes: int, stream: int, *, taken: bool) -> None:
        """One block was taken, or given back."""
        wanted = self.context is not None if taken else self.context == "all"
        frames = _frames() if wanted else []
        actions = ("alloc",) if taken else ("free_requested", "free_completed")
        pool = pools.current(index)
        if taken:
            self.taken[address] = frames, pool
        else:
            pool = self.taken.pop(address, (frames, pool))[1]
        if self.keeps:
            time = runtime.sim_device(index).node.host.now // 1000
            for action in actions:
                self.traces[index].append(
                    {
                        "action": action,
                        "addr": address,
                        "size": nbytes,
                        "stream": stream,
                        "pool_id": pool,
                        "time_us": time,
                        "frames": frames,
                    }
                )


class _Recording:
    history: _History | None = None


def _record_memory_history(
    enabled: str | None = "all",
    context: str | None = "all",
    stacks: str = "all",
    max_entries: int = sys.maxsize,
    device: Any = None,
) -> None:
    """Begins to record who takes memory, or ends it.

    Args:
        enabled: "all" keeps every event, "state" where live blocks come from, None ends the record.
        context: of which events the callers are kept: "all", "alloc", "state" or None.
        stacks: accepted; the callers in Python are kept.
        max_entries: how many events are kept a device; the oldest go first.
        device: accepted; all devices are recorded.

    Raises:
        RuntimeError: enabled or context is none of these.
    """
    if enabled not in _STATES or context not in _CONTEXTS:
        raise RuntimeError(
            f"expected state to be 'state', 'all' or None, and context to be 'state', 'alloc', 'all' or "
            f"None, but got {enabled!r} and {context!r}" + pta_error(ErrCode.PARAM)
        )
    runtime.initialize()
    if _Recording.history is not None:
        watchers.memory.remove(_Recording.history)
        _Recording.history = None
    if enabled is not None:
        _Recording.history = _History(context, max_entries if enabled == "all" else None)
        watchers.memory.append(_Recording.history)


def is_recording() -> bool:
    """Whether history is being recorded."""
    return _Recording.history is not None


def _snapshot(device: Any = None, augment_with_fx_traces: bool = False) -> dict[str, Any]:
    """The allocator's segments, and the events since `_record_memory_history`, for each device.

    Args:
        device: accepted; all devices are told.
        augment_with_fx_traces: accepted; graphs of torch.fx leave no traces here.
    """
    from torch_npu.npu.memory import memory_snapshot

    history = _Recording.history
    segments: Any = memory_snapshot()
    for segment in segments:
        address = segment["address"]
        for block in segment["blocks"]:
            block["frames"] = history.taken.get(address, ([],))[0] if history else []
            address += block["size"]
    traces = [list(t) for t in history.traces] if history else [[] for _ in range(runtime.device_count())]
    return {"segments": segments, "device_traces": traces}


def _dump_snapshot(filename: str = "dump_snapshot.pickle", augment_with_fx_traces: bool = False) -> None:
    """Writes `_snapshot` to a file, which the viewer on pytorch.org/memory_viz opens."""
    with Path(filename).open("wb") as file:
        pickle.dump(_snapshot(augment_with_fx_traces=augment_with_fx_traces), file)
