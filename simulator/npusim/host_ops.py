"""What the framework did on the host: its operators, their kernels, and the memory that they took.

A face hands these over; `npusim` lays them out as the profiler of torch_npu does (operator_details.csv,
operator_memory.csv and memory_record.csv in Ascend/pytorch, torch_npu/profiler/analysis).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim.profiler_tables import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from npusim.records import Record

OPERATOR_COLUMNS = (
    "Name",
    "Input Shapes",
    "Call Stack",
    "Host Self Duration(us)",
    "Host Total Duration(us)",
    "Device Self Duration(us)",
    "Device Total Duration(us)",
    "Device Self Duration With AICore(us)",
    "Device Total Duration With AICore(us)",
)
MEMORY_COLUMNS = (
    "Name",
    "Size(KB)",
    "Allocation Time(us)",
    "Release Time(us)",
    "Active Release Time(us)",
    "Duration(us)",
    "Active Duration(us)",
    "Allocation Total Allocated(MB)",
    "Allocation Total Reserved(MB)",
    "Allocation Total Active(MB)",
    "Release Total Allocated(MB)",
    "Release Total Reserved(MB)",
    "Release Total Active(MB)",
    "Stream Ptr",
    "Device Type",
)
RECORD_COLUMNS = (
    "Component",
    "Timestamp(us)",
    "Total Allocated(MB)",
    "Total Reserved(MB)",
    "Total Active(MB)",
    "Stream Ptr",
    "Device Type",
)
AI_CORE = frozenset({"AI_CORE", "MIX_AIC"})
OPERATORS = frozenset({"cpu_op", "user_annotation"})
STEP = "ProfilerStep#"


class HostOp(NamedTuple):
    """An operator, function or mark of the framework on the host.

    Attributes:
        name: "aten::addmm", "ProfilerStep#3", "Optimizer.step#SGD.step".
        begin: when it began, in nanoseconds of the host's virtual clock. What the host launches from then
            until `end` is its own, or that of an operator within it.
        end: when it ended.
        thread: its thread's number; autograd has one of its own.
        category: "cpu_op" and "user_annotation" launch work; "python_function", "mstx" and others only have
            a bar in the trace.
        shapes: of its inputs: "64,784;784,512".
        dtypes: of its inputs.
        stack: the calls that led to it, innermost first, separated by ";" and a line break.
        sequence: autograd's number, the same for an operator and its backward pass; -1 for none.
        span: device, stream, begin and end of its bar on a stream as well; None for none.
        call: of a Python function: its number, that of the function around it, and its module's or -1.
    """

    name: str
    begin: int
    end: int
    thread: int = 1
    category: str = "cpu_op"
    shapes: str = ""
    dtypes: str = ""
    stack: str = ""
    sequence: int = -1
    span: tuple[int, int, int, int] | None = None
    call: tuple[int, ...] | None = None


class MemoryChange(NamedTuple):
    """A block that a device's caching allocator gave out or took back. Sizes in bytes, time in nanoseconds.

    Attributes:
        name: the operator that asked for it.
        device: the device's index.
        address: of the block, which pairs taking and giving back.
        nbytes: the block's size.
        stream: the stream that it was allocated for.
        taken: False where it was given back.
        time: when.
        allocated: the device's live blocks together, right after it.
        reserved: the allocator's segments together.
        active: live blocks and those that wait for another stream.
    """

    name: str
    device: int
    address: int
    nbytes: int
    stream: int
    taken: bool
    time: int
    allocated: int
    reserved: int
    active: int


class _Call:
    """A host operator with what its kernels and inner operators took."""

    __slots__ = ("core", "inner", "kernels", "op", "parent")

    def __init__(self, op: HostOp, parent: _Call | None) -> None:
        self.op = op
        self.parent = parent
        self.inner = 0
        self.kernels = [0, 0]  # nanoseconds of its own kernels, and of all
        self.core = [0, 0]


def owners(ops: Sequence[HostOp], records: Iterable[Record]) -> dict[int, HostOp]:
    """By the number of each kernel, copy and collective: the innermost operator that launched it.

    Args:
        ops: in the order in which they began, an outer one before those within it.
        records: what happened.
    """
    _, found = _walk(ops, records)
    return {index: call.op for index, call in found.items()}


def operator_rows(ops: Sequence[HostOp], records: Iterable[Record]) -> list[list[str]]:
    """operator_details.csv: one row a host operator in the order in which they began, with its header."""
    calls, _ = _walk(ops, records)
    rows = [list(OPERATOR_COLUMNS)]
    for call in calls:
        op = call.op
        if op.name.startswith(STEP):
            continue
        total = op.end - op.begin
        times = (total - call.inner, total, *call.kernels, *call.core)
        rows.append([op.name, op.shapes, op.stack, *(microseconds(time) for time in times)])
    return rows


def _walk(ops: Sequence[HostOp], records: Iterable[Record]) -> tuple[list[_Call], dict[int, _Call]]:
    """Every operator with its times, and whose each record is.

    One clock serves all threads, so that operators nest by time, whichever thread they run on.
    """
    listed = [i for i, op in enumerate(ops) if op.category in OPERATORS]
    order = sorted(listed, key=lambda i: (ops[i].begin, -ops[i].end, i))
    calls: list[_Call] = []
    found: dict[int, _Call] = {}
    top: _Call | None = None
    waiting = iter(order)
    following = next(waiting, None)
    launched = [r for r in records if r.category in {"kernel", "copy", "collective"}]
    for record in sorted(launched, key=lambda r: (r.launched, r.index)):
        while following is not None and ops[following].begin <= record.launched:
            top = _enter(ops[following], top, calls)
            following = next(waiting, None)
        top = _leave(top, record.launched)
        if top is not None:
            found[record.index] = top
            _charge(top, record)
    while following is not None:
        top = _enter(ops[following], top, calls)
        following = next(waiting, None)
    return calls, found


def _enter(op: HostOp, top: _Call | None, calls: list[_Call]) -> _Call:
    while top is not None and top.op.end < max(op.end, op.begin + 1):
        top = top.parent
    call = _Call(op, top)
    if top is not None:
        top.inner += op.end - op.begin
    calls.append(call)
    return call


def _leave(top: _Call | None, now: int) -> _Call | None:
    while top is not None and top.op.end <= now:
        top = top.parent
    return top


def _charge(call: _Call, record: Record) -> None:
    core = record.duration if record.unit in AI_CORE else 0
    call.kernels[0] += record.duration
    call.core[0] += core
    around: _Call | None = call
    while around is not None:
        around.kernels[1] += record.duration
        around.core[1] += core
        around = around.parent


def memory_rows(changes: Iterable[MemoryChange]) -> list[list[str]]:
    """operator_memory.csv: one row a block in the order in which they were taken, with its header.

    What was taken before the recording has no row; what still lives has no release.
    """
    rows = [list(MEMORY_COLUMNS)]
    live: dict[tuple[int, int], tuple[int, MemoryChange]] = {}
    for change in changes:
        place = (change.device, change.address)
        if change.taken:
            live[place] = (len(rows), change)
            rows.append(_memory_row(change, None))
        elif place in live:
            number, taken = live.pop(place)
            rows[number] = _memory_row(taken, change)
    return rows


def _memory_row(taken: MemoryChange, given: MemoryChange | None) -> list[str]:
    release, lived, freed = "", "", ["", "", ""]
    if given is not None:
        release, lived = microseconds(given.time), microseconds(given.time - taken.time)
        freed = _totals(given)
    size = f"{taken.nbytes / 1024:.3f}".rstrip("0").rstrip(".")
    times = [microseconds(taken.time), release, release, lived, lived]
    return [taken.name, size, *times, *_totals(taken), *freed, *_place(taken)]


def record_rows(changes: Iterable[MemoryChange]) -> list[list[str]]:
    """memory_record.csv: the totals after each change, with its header."""
    rows = [list(RECORD_COLUMNS)]
    for change in changes:
        # memory of the framework, and of the framework and the graph engine together
        figures = [microseconds(change.time), *_totals(change), *_place(change)]
        rows += [["PTA", *figures], ["PTA+GE", *figures]]
    return rows


def stack_lines(ops: Sequence[HostOp], records: Iterable[Record], *, device: bool) -> list[str]:
    """Call stacks, outermost first, with microseconds: what a flame graph is drawn from.

    Args:
        ops: with their stacks.
        records: what happened.
        device: the time of what each operator launched itself, instead of its own on the host.
    """
    lines = []
    for call in _walk(ops, records)[0]:
        time = call.kernels[0] if device else call.op.end - call.op.begin - call.inner
        if call.op.stack and time // 1000:
            frames = [frame.strip() for frame in call.op.stack.split(";")]
            lines.append(f"{';'.join(reversed(frames))} {time // 1000}")
    return lines


def _totals(change: MemoryChange) -> list[str]:
    return [_mb(nbytes) for nbytes in (change.allocated, change.reserved, change.active)]


def _place(change: MemoryChange) -> list[str]:
    return [str(change.stream), f"NPU:{change.device}"]


def _mb(nbytes: int) -> str:
    return f"{nbytes / (1 << 20):.3f}".rstrip("0").rstrip(".") if nbytes else "0"
