"""Collects the events of a program where it runs, for `npusim.replay`, which judges them somewhere else.

A grader runs the text of this file beside code that it does not trust: so nothing is imported from here
there, and what is returned is plain data.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from types import CodeType
from typing import Any

PRICED = (
    "bandwidth",
    "clock",
    "compilation",
    "constants",
    "cores",
    "cost_model",
    "cube",
    "device",
    "machine",
    "media",
    "op",
    "products",
    "rates",
    "stream",
    "traffic",
    "vector",
)
"""The modules that decide what takes how long."""
_LATER = ("execution", "graph")  # which are only loaded where there are compiled graphs
# Operators by which programs read the device, or train on it; who takes their place could hide work.
_DISPATCHED = ("_local_scalar_dense", "_to_copy", "copy_", "_copy_from", "addmm", "mm", "equal", "item")
_KERNELS, _CELLS = "/torch_npu/_sim/", "/ipykernel_"
_QUEUES = "/torch_npu/_sim/queues.py"


def fingerprint() -> str:
    """SHA-256 over the code and the constants of the simulator as they are in this process."""
    total = hashlib.sha256()
    for name in (*PRICED, *_LATER):
        module = importlib.import_module(f"npusim.{name}")
        for key, value in sorted(vars(module).items()):
            if key.startswith("__") or getattr(value, "__module__", module.__name__) != module.__name__:
                continue  # Python's own, or imported from elsewhere
            held = sorted(vars(value).items()) if isinstance(value, type) else [(key, value)]
            for inner, one in held:
                function = getattr(one, "fget", getattr(one, "__func__", one))
                code = getattr(function, "__code__", None)
                if isinstance(code, CodeType):
                    total.update(f"{name}.{key}.{inner}".encode())
                    _add_code(total, code)
                elif isinstance(one, int | float | str | dict | tuple):
                    total.update(f"{name}.{key}.{inner} {_plain(one)}".encode())
    return total.hexdigest()


def _plain(value: Any) -> str:
    """A text that is the same in every process."""
    if isinstance(value, dict):
        return str([(_plain(k), _plain(v)) for k, v in value.items()])
    if isinstance(value, frozenset | set):
        return str(sorted(map(_plain, value)))
    if isinstance(value, tuple | list):
        return str([_plain(v) for v in value])
    return repr(value) if isinstance(value, int | float | str | bytes | None) else type(value).__name__


def _add_code(total: Any, code: CodeType) -> None:
    total.update(code.co_code + repr((code.co_names, code.co_varnames, code.co_argcount)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _add_code(total, constant)
        else:
            total.update(_plain(constant).encode())


def begin() -> None:
    """Wait for the device, and collect from here on."""
    machine = sys.modules["npusim.machine"]
    node = machine.node()
    for index in range(node.device_count):
        if index in node._devices:  # noqa: SLF001 - one that nobody has used is not made by looking
            node.device(index).synchronize()
    _marked[:] = [len(node.records), node.host.now]
    collected.clear()


def end() -> None:
    """Keep what happened since `begin`."""
    node = sys.modules["npusim.machine"].node()
    first, now = _marked
    tasks: dict[int, int] = {}
    table: list[list[Any]] = []
    graphs: list[Any] = []
    rows = []
    for record in node.records[first : len(node.records)]:
        task = record.task
        number = tasks.get(id(task))
        if number is None:
            number = tasks[id(task)] = len(table)
            _kept.append(task)
            operands = [_plain_specs(side) for side in (task.inputs, task.outputs)]
            table.append([task.name, task.kind, task.nbytes, *operands, _origin(task, graphs)])
        times = [record.launched - now, record.start - now, record.duration]
        rows.append([record.category, number, record.device, record.stream, *times])
    collected.update(
        tasks=table,
        graphs=[[_plain_node(one) for one in graph] for graph in graphs],
        rows=rows,
        now=node.host.now - now,
        soc=node.settings.chip.soc,
        fingerprint=fingerprint(),
        odd=_odd(node),
    )


def _plain_specs(specs: Any) -> list[Any]:
    return [[list(t.shape), t.dtype, t.fmt] for t in specs]


def _origin(task: Any, graphs: list[Any]) -> Any:
    """What decides a task's price beside its operands: see `npusim.records.Detailed`."""
    origin = getattr(task, "origin", None)
    if origin is None:
        return None
    if task.kind != "media" and not isinstance(origin, tuple):
        return ["attrs", {key: list(v) if isinstance(v, tuple) else v for key, v in origin.items()}]
    if task.kind == "media":
        return ["media", list(origin)]
    graph, place = origin
    known = [one is graph for one in graphs]
    if True not in known:
        graphs.append(graph)
        known.append(True)
    return ["graph", known.index(True), place]


def _plain_node(node: Any) -> list[Any]:
    op = node.op
    what = [op.name, op.kind, _plain_specs(op.inputs), _plain_specs(op.outputs), dict(op.attrs or {})]
    return [*what, list(node.reads), list(node.writes), sorted(node.weights)]


def _odd(node: Any) -> list[str]:
    """What of the device is not what was loaded."""
    kinds = {
        "machine": (node, "machine", "Node"),
        "clock": (node.host, "clock", "HostClock"),
        "list of events": (node.records, "records", "RecordLog"),
    }
    found = [
        what
        for what, (one, module, name) in kinds.items()
        if type(one) is not getattr(sys.modules[f"npusim.{module}"], name)
    ]
    runtime = sys.modules.get("torch_npu._sim.runtime")
    if runtime is not None and runtime.is_initialized():
        for index, queue in enumerate(runtime.queues):
            if all(queue is not stream for stream in node.device(index).streams.values()):
                found.append(f"stream of device {index}")
        found += _replaced_queues(runtime.queues)
        found += _replaced_operators()
    return found


def _replaced_queues(queues: Any) -> list[str]:
    """Whether something else than the simulator says which stream gets the work."""
    if type(queues) is list:
        return []
    methods = [m for m in vars(type(queues)).values() if callable(m)]
    ours = all(getattr(m, "__code__", None) and _QUEUES in m.__code__.co_filename for m in methods)
    return [] if methods and ours else ["list of streams"]


def _replaced_operators() -> list[str]:
    dump = sys.modules["torch"]._C._dispatch_dump  # noqa: SLF001 - the only way to see who serves an operator
    found = []
    for name in _DISPATCHED:
        text = dump(f"aten::{name}")
        lines = [ln for ln in text.splitlines() if ln.startswith("PrivateUse1: ")]
        if _CELLS in text or any(_KERNELS not in line for line in lines):
            found.append(f"operator {name}")
    return found


_marked: list[int] = []
collected: dict[str, Any] = {}
_kept: list[Any] = []  # so that no two tasks of one collection have the same id
