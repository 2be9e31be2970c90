"""Makes the GPU profiles: the operators of a training on the simulated NPU, timed as on an A100.

    python -m gpu_reference.make [FOLDER]

One step of each training runs on the simulated NPU under its profiler. Its operators, in their order and with
their shapes, are given to the cost model again with the A100's figures, and host and device are played anew.
The result has the form of torch.profiler's trace (`export_chrome_trace`).
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import npusim
from npusim import Op

from gpu_reference import a100
from gpu_reference.trainings import TRAININGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim import Record

US = 1000
PICOSECONDS = 1e6  # in a microsecond
STREAM = 7  # where PyTorch's default stream stands in traces
HOST, DEVICE = 4711, 0
NOTE = (
    "Simulated, not measured: npusim's cost model with NVIDIA A100 figures, operators of a training on the "
    "simulated NPU. Made by gpu_reference.make."
)
Event = dict[str, Any]


class Timed(NamedTuple):
    """A call of the host and its task: nanoseconds."""

    record: Record
    called: int
    returned: int
    start: int
    duration: int


def main() -> None:
    """Makes all profiles, in the given folder or where they are kept."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data"
    folder.mkdir(parents=True, exist_ok=True)
    for name, training in TRAININGS.items():
        text = json.dumps(reference(training), separators=(",", ":"))
        (folder / f"{name}_a100.json").write_text(text, encoding="utf-8")


def reference(training: Callable[[str], Callable[[], object]]) -> Event:
    """The GPU profile of one step of a training, as torch.profiler's trace."""
    host_ops, records = _recorded(training)
    begin = min(record.launched for record in records)
    with a100.known():
        tasks, moments = _play(records)
    events = [_bar(op, moments) for op in host_ops if _span(op)[0] >= begin]
    _tell_apart(events)
    for number, task in enumerate(tasks, 1):
        events += _task_events(number, task)
    return {
        "schemaVersion": 1,
        "deviceProperties": [{"id": 0, "name": a100.NAME, "totalGlobalMem": a100.figure("memory_bytes")}],
        "note": NOTE,
        "figures": {row.name: [row.value, row.unit, row.kind, row.source] for row in a100.FIGURES.values()},
        "displayTimeUnit": "ms",
        "traceEvents": events,
    }


def _recorded(training: Callable[[str], Callable[[], object]]) -> tuple[list[Event], list[Record]]:
    """The host's operators and the device's records of the second step."""
    from torch_npu import profiler

    step = training("npu:0")
    step()
    with tempfile.TemporaryDirectory() as folder:
        with profiler.profile(record_shapes=True) as prof:
            first = len(npusim.node().records)
            step()
        prof.export_chrome_trace(f"{folder}/trace.json")
        events = json.loads(Path(folder, "trace.json").read_text(encoding="utf-8"))
    # without ranges such as Optimizer.step: the analyser compares them only on the GPU's side
    ops = [e for e in events if e.get("ph") == "X" and e.get("cat") == "cpu_op"]
    records = [r for r in list(npusim.node().records)[first:] if r.category in {"kernel", "copy"}]
    return ops, records


def _play(records: list[Record]) -> tuple[list[Timed], Callable[[int], int]]:
    """The tasks on the GPU, and what turns a moment of the NPU's host into one of the GPU's."""
    launch, before = a100.figure("host_launch_ns"), int(npusim.CONSTANTS["host_launch_ns"].value)
    host = tail = 0
    tasks: list[Timed] = []
    old: list[int] = []
    new: list[int] = []
    for place, record in enumerate(records):
        old += [record.launched, record.launched + before]
        new += [host, host + launch]
        start = max(host + launch, tail)
        duration = _duration(record)
        tasks.append(Timed(record, host, host + launch, start, duration))
        tail = start + duration
        host += launch
        following = records[place + 1].launched if place + 1 < len(records) else 0
        if record.category == "copy" and following >= record.end:
            host = max(host, tail)  # from pageable memory, as on the NPU
            old.append(record.end)
            new.append(host)

    def moment(time: int) -> int:
        place = bisect_right(old, time) - 1
        return new[max(place, 0)]

    return tasks, moment


def _duration(record: Record) -> int:
    if record.category == "copy":
        return record.duration  # the same PCIe
    op = Op(record.name, record.task.kind, record.inputs, record.outputs)
    return a100.kernel_cost(op).duration


def _span(op: Event) -> tuple[int, int]:
    begin = round(float(op["ts"]) * US)
    return begin, begin + round(op["dur"] * US)


def _bar(op: Event, moment: Callable[[int], int]) -> Event:
    """An operator of PyTorch at the GPU's times."""
    begin, end = (moment(time) for time in _span(op))
    shapes = str(op["args"].get("Input Dims", ""))
    dims = [[int(d) for d in part.split(",") if d.strip().isdigit()] for part in shapes.split(";")]
    return {
        "ph": "X",
        "cat": op["cat"],
        "name": op["name"],
        "pid": HOST,
        "tid": op["tid"],
        "ts": begin / US,
        "dur": (end - begin) / US,
        "args": {"Input Dims": dims} if shapes else {},
    }


def _tell_apart(bars: list[Event]) -> None:
    """Lets each bar begin a picosecond after the one before, and end one before its end.

    Analysers rebuild the nesting from the times, and a view takes no time.
    """
    seen: dict[float, int] = {}
    for bar in bars:
        begin = bar["ts"]
        place = seen[begin] = seen.get(begin, -1) + 1
        bar["ts"] = round(begin + place / PICOSECONDS, 6)
        if bar["dur"]:
            bar["dur"] = round(bar["dur"] - (place + 1) / PICOSECONDS, 6)


def _task_events(number: int, task: Timed) -> list[Event]:
    """The call, the task, and the arrow between them."""
    copy = task.record.category == "copy"
    call = {
        "ph": "X",
        "cat": "cuda_runtime",
        "name": "cudaMemcpyAsync" if copy else "cudaLaunchKernel",
        "pid": HOST,
        "tid": 1,
        "ts": (task.called + task.returned) / 2 / US,  # dispatch first, then the call
        "dur": (task.returned - task.called) / 2 / US - 0.001,
        "args": {"correlation": number},
    }
    work = {
        "ph": "X",
        "cat": "gpu_memcpy" if copy else "kernel",
        "name": _kernel_name(task.record),
        "pid": DEVICE,
        "tid": STREAM,
        "ts": task.start / US,
        "dur": task.duration / US,
        "args": {"device": DEVICE, "stream": STREAM, "correlation": number},
    }
    flow = {"cat": "ac2g", "name": "ac2g", "id": number}
    return [
        call,
        work,
        {"ph": "s", **flow, "pid": HOST, "tid": 1, "ts": call["ts"]},
        {"ph": "f", "bp": "e", **flow, "pid": DEVICE, "tid": STREAM, "ts": work["ts"]},
    ]


def _kernel_name(record: Record) -> str:
    """A name that says what it is and that it is simulated; gemm and conv are what analysers look for."""
    if record.category == "copy":
        return {"H2D": "Memcpy HtoD (Pageable -> Device)", "D2H": "Memcpy DtoH (Device -> Pageable)"}.get(
            record.name, "Memcpy DtoD (Device -> Device)"
        )
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", record.name).lower()
    if record.task.kind in {"matmul", "conv2d"}:
        words = ("gemm_" if record.task.kind == "matmul" else "conv_") + words
    dtype = record.inputs[0].dtype if record.inputs else "float32"
    return f"simulated_{words}_{dtype}"


if __name__ == "__main__":
    main()
