"""The folders that profilers leave, written from records: torch_npu's and msprof's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from npusim.communication_report import communication_matrix, communication_report
from npusim.constants import value
from npusim.exceptions import InvalidArgumentError
from npusim.host_ops import HostOp, MemoryChange, memory_rows, operator_rows, record_rows
from npusim.kernel_tables import kernel_rows, summary_rows
from npusim.msprof_tables import api_rows, communication_rows, task_rows
from npusim.profiler_tables import Step, statistic_rows, step_rows, write_table
from npusim.trace import PID, write_trace
from npusim.units import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from npusim.chips import Chip
    from npusim.records import Record

FOLDER = "ASCEND_PROFILER_OUTPUT"
MSPROF_FOLDER = "mindstudio_profiler_output"
LEVELS = ("Level_none", "Level0", "Level1", "Level2")
DATE = 14  # digits of a date with its time, in seconds
_README = """\
msprof_*.json: the timeline; open it in https://ui.perfetto.dev, chrome://tracing or MindStudio Insight.
op_summary_*.csv: every operator with its task, time, operands and the units' work.
op_statistic_*.csv: operators by type.
task_time_*.csv: every task of the task scheduler.
api_statistic_*.csv: the host's calls.
communication_statistic_*.csv: collectives by type, where there were some.
"""


def write_profiler_output(  # noqa: PLR0913 - what a profiler was asked for
    parent: Path,
    records: Iterable[Record],
    steps: Sequence[Step] = (),
    *,
    host_ops: Sequence[HostOp] = (),
    memory: Sequence[MemoryChange] = (),
    level: str = "Level1",
    metrics: str = "",
    rank: int = -1,
    chip: Chip | None = None,
    pid: int = PID,
    config: dict[str, Any] | None = None,
) -> Path:
    """Writes what the profiler of torch_npu leaves.

    ASCEND_PROFILER_OUTPUT with trace_view.json; from Level0 on kernel_details.csv, step_trace_time.csv and
    task_time.csv; from Level1 on CANN's calls in the trace, op_statistic.csv, api_statistic.csv, and
    communication.json and communication_matrix.json where ranks communicated; operator_details.csv where
    host operators are given, operator_memory.csv and memory_record.csv where the allocator's changes are.
    Beside it, where they are not there yet, profiler_info.json and profiler_metadata.json, and the PROF
    folder of `write_msprof_output`.

    Args:
        parent: the folder `<worker>_<timestamp>_ascend_pt` of one profiling run, made where it is missing.
        records: what happened, for example `npusim.node().records[first:]`.
        steps: the training loop's steps; without them the whole run is one.
        host_ops: the framework's operators, in the order in which they began.
        memory: what the caching allocator gave out and took back, in that order.
        level: "Level_none" (nothing of the device's work), "Level0" (no types, cores and operands of
            kernels), "Level1" or "Level2".
        metrics: "PipeUtilization" for the units' work on each kernel, or nothing.
        rank: of this process; -1 where there is only one.
        chip: of the devices; without it, this machine's.
        pid: the program's number.
        config: what the profiler was asked for, kept in profiler_info.json.

    Returns:
        The folder ASCEND_PROFILER_OUTPUT.

    Raises:
        InvalidArgumentError: unknown level or metrics.
        OSError: a folder cannot be made or written.
    """
    if level not in LEVELS:
        raise InvalidArgumentError(f"profiler level {level!r} is not known; use {', '.join(LEVELS)}.")
    found = list(records)
    chip = chip or _this_chip()
    folder = parent / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    detailed = level in {"Level1", "Level2"}
    measured = chip if _checked(metrics) and detailed else None
    if level != "Level_none":
        kernels = kernel_rows(found, steps, chip=measured, operator_info=detailed)
        write_table(folder / "kernel_details.csv", kernels)
        write_table(folder / "step_trace_time.csv", step_rows(found, steps))
        write_table(folder / "task_time.csv", task_rows(found))
    launch = value("host_launch_ns")
    write_trace(folder / "trace_view.json", found, launch, host_ops, pid, calls=detailed)
    if detailed:
        _write_details(folder, chip, found, steps, rank)
    if host_ops:
        write_table(folder / "operator_details.csv", operator_rows(host_ops, found))
    if memory:
        write_table(folder / "operator_memory.csv", memory_rows(memory))
        write_table(folder / "memory_record.csv", record_rows(memory))
    _write_info(parent, rank, level, config or {})
    stamp = _stamp(parent.name)
    write_msprof_output(
        parent, found, chip=chip, metrics=metrics, stamp=stamp, pid=pid, operator_info=detailed
    )
    return folder


def write_msprof_output(  # noqa: PLR0913 - what msprof was asked for
    parent: Path,
    records: Iterable[Record],
    *,
    chip: Chip | None = None,
    metrics: str = "PipeUtilization",
    stamp: str = "",
    pid: int = PID,
    operator_info: bool = True,
) -> Path:
    """Writes what `msprof` leaves: the folder PROF_000001_<date>_<letters>, or the PROF folder there is.

    In it host/ and device_<number>/ with what the run was (info.json, sample.json), and in
    mindstudio_profiler_output/ the timeline and the tables.

    Args:
        parent: where the PROF folder goes, made where it is missing.
        records: what happened.
        chip: of the devices; without it, this machine's.
        metrics: "PipeUtilization" for the units' work on each operator, or nothing.
        stamp: date and time in digits, for the names of folder and files; without it, now.
        pid: the program's number.
        operator_info: with what `--task-time=l0` does not collect: types, cores and operands of operators,
            statistics, the units' work and the host's calls.

    Returns:
        The PROF folder.

    Raises:
        InvalidArgumentError: unknown metrics.
        OSError: a folder cannot be made or written.
    """
    found = list(records)
    chip = chip or _this_chip()
    stamp = stamp or _now()
    folder = min(parent.glob("PROF_*"), default=parent / f"PROF_000001_{stamp}_{_letters(pid)}")
    output = folder / MSPROF_FOLDER
    output.mkdir(parents=True, exist_ok=True)
    date = stamp[:DATE]
    launch = value("host_launch_ns")
    write_trace(output / f"msprof_{date}.json", found, launch, pid=pid, calls=operator_info)
    measured = chip if _checked(metrics) and operator_info else None
    tables = {
        "op_summary": summary_rows(measured, found, operator_info=operator_info),
        "task_time": task_rows(found),
        "communication_statistic": communication_rows(found),
    }
    if operator_info:
        tables |= {"op_statistic": statistic_rows(found), "api_statistic": api_rows(found)}
    for name, rows in tables.items():
        if len(rows) > 1:
            write_table(output / f"{name}_{date}.csv", rows)
    (output / "README.txt").write_text(_README, encoding="utf-8")
    _write_run(folder, chip, sorted({record.device for record in found}), pid)
    return folder


def _write_details(
    folder: Path, chip: Chip, records: Sequence[Record], steps: Sequence[Step], rank: int
) -> None:
    """What Level1 adds."""
    write_table(folder / "op_statistic.csv", statistic_rows(records))
    write_table(folder / "api_statistic.csv", api_rows(records))
    if any(record.category == "collective" for record in records):
        _write_json(folder / "communication.json", communication_report(chip, records, steps))
        matrix = communication_matrix(chip, records, steps, rank)
        _write_json(folder / "communication_matrix.json", matrix)


def _write_info(parent: Path, rank: int, level: str, config: dict[str, Any]) -> None:
    """profiler_info.json and profiler_metadata.json."""
    settings = {"experimental_config": {"_profiler_level": level}, **config}
    info = {
        "config": settings,
        "start_info": {"syscnt_enable": False, "start_cnt": 0, "freq": 1000.0, "start_monotonic": 0},
        "end_info": {"FWKProfilerState": 1, "CANNProfilerState": 1},
        "rank_id": rank,
    }
    name = "profiler_info.json" if rank < 0 else f"profiler_info_{rank}.json"
    for path, content in ((parent / name, info), (parent / "profiler_metadata.json", {"ENV_VARIABLES": {}})):
        if not path.exists():  # the face may know more of its run
            _write_json(path, content)


def _write_run(folder: Path, chip: Chip, devices: Sequence[int], pid: int) -> None:
    """What the run was: the host's and each device's info.json and sample.json."""
    sample = {"devices": ",".join(str(device) for device in devices), "pid": pid, "ai_core_profiling": "on"}
    for place, names in (("host", devices), *((f"device_{device}", [device]) for device in devices)):
        (folder / place).mkdir(exist_ok=True)
        about = [
            {
                "id": device,
                "ai_core_num": chip.cubes,
                "aiv_num": chip.vectors if chip.split else 0,
                "aic_frequency": str(chip.clock_mhz),
                "aiv_frequency": str(chip.vector_clock_mhz or chip.clock_mhz),
            }
            for device in names
        ]
        end = "" if place == "host" else f".{names[0]}"
        _write_json(folder / place / f"info.json{end}", {"pid": str(pid), "DeviceInfo": about})
        _write_json(folder / place / "sample.json", sample)


def _write_json(path: Path, content: object) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file)


def _checked(metrics: str) -> bool:
    if metrics not in METRICS:
        raise InvalidArgumentError(f"metrics {metrics!r} are not simulated; use {METRICS[1]!r} or none.")
    return bool(metrics)


def _stamp(name: str) -> str:
    """The time in a run's name, `<worker>_<time>_ascend_pt`; without it, now."""
    found = re.search(r"_(\d{14,17})_ascend_pt$", name)
    return found[1] if found else _now()


def _now() -> str:
    from datetime import datetime

    return f"{datetime.now().astimezone():%Y%m%d%H%M%S%f}"[:17]


def _letters(pid: int) -> str:
    """Sixteen capitals that tell one program's folder from another's."""
    state, found = pid, ""
    for _ in range(16):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        found += chr(ord("A") + (state >> 33) % 26)
    return found


def _this_chip() -> Chip:
    from npusim.machine import node

    return node().settings.chip


__all__ = ["FOLDER", "HostOp", "MemoryChange", "Step", "write_msprof_output", "write_profiler_output"]
