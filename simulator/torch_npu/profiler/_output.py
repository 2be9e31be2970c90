"""ASCEND_PROFILER_OUTPUT, from what was recorded; npusim lays it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import npusim
from npusim import host_ops

if TYPE_CHECKING:
    from pathlib import Path

    from torch_npu.profiler._capture import Capture, HostEvent

_SELF_DEVICE = "self_npu_time_total"


def write_output(
    folder: Path,
    capture: Capture,
    *,
    memory: bool,
    host: bool,
    level: str,
    metrics: str = "",
    rank: int = -1,
) -> None:
    """Writes the result files of a profile.

    Args:
        folder: the profile's, in which ASCEND_PROFILER_OUTPUT is made.
        capture: what was recorded.
        memory: whether memory was recorded.
        host: whether the host's activities were asked for.
        level: a `ProfilerLevel`; Level_none also where the device's activities were not asked for.
        metrics: "PipeUtilization", or nothing: which counters of the cores.
        rank: of this process; -1 where there is only one.
    """
    output = npusim.write_profiler_output(
        folder,
        [] if level == "Level_none" else capture.records,
        [npusim.Step(number, begin, end) for number, begin, end in capture.steps],
        host_ops=operators(capture) if host else (),
        memory=capture.memory_events if memory else (),
        level=level,
        metrics=metrics,
        rank=rank,
    )
    (output / "analyse.done").touch()


def write_trace(path: Path, capture: Capture) -> None:
    """Writes the timeline alone, as one JSON list."""
    from npusim.constants import value
    from npusim.trace import write_trace as write_whole_trace

    write_whole_trace(path, capture.records, value("host_launch_ns"), operators(capture))


def stack_lines(capture: Capture, metric: str) -> list[str]:
    """Call stacks with microseconds: of the host, or of the device for "self_npu_time_total"."""
    return host_ops.stack_lines(operators(capture), capture.records, device=metric == _SELF_DEVICE)


def operators(capture: Capture) -> list[npusim.HostOp]:
    """What the host did, in the order in which it began."""
    return [
        npusim.HostOp(
            event.name,
            event.begin,
            event.end,
            event.thread,
            event.cat,
            event.shapes,
            event.types,
            event.stack,
            span=_span(event),
            call=tuple(event.call) or None,
        )
        for event in capture.events
    ]


def _span(event: HostEvent) -> tuple[int, int, int, int] | None:
    if event.stream is None:
        return None
    device, begin, end = event.device
    return device, event.stream, begin, end
