"""The folder of one profile: `<worker>_<pid>_<timestamp>_ascend_pt`, and the raw data in it.

As on a server, collecting leaves raw data (FRAMEWORK for the host's side, PROF_* for the device's) and
analysing them, at once or later, writes ASCEND_PROFILER_OUTPUT. The raw files are ours, in JSON.
"""

from __future__ import annotations

import json
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import npusim

from torch_npu.profiler._capture import Capture, HostEvent, Wanted
from torch_npu.utils._error_code import ErrCode, pta_error

HOST_FILE = Path("FRAMEWORK") / "torch_op.json"
DEVICE_FILE = Path("data") / "records.json"
MAX_WORKER = 226
_FOLDER_MODE = 0o750


class Place:
    """Where profiles go: set by `tensorboard_trace_handler`, read when a recording begins."""

    worker: str | None = None
    parent: str | None = None


def new_folder(*, chosen: bool = True) -> Path:
    """Makes the folder of a profile.

    Args:
        chosen: where and under which name `tensorboard_trace_handler` was told; False for the default.

    Raises:
        RuntimeError: it cannot be made or written.
    """
    parent = Place.parent if chosen else None
    if parent is None:
        work = os.environ.get("ASCEND_WORK_PATH")
        parent = str(Path(work).absolute() / "profiling_data") if work else str(Path.cwd())
    stamp = datetime.now().astimezone().strftime("%Y%m%d%H%M%S%f")[:-3]
    worker = f"{(Place.worker if chosen else None) or socket.gethostname()}_{os.getpid()}"
    folder = Path(parent) / f"{worker}_{stamp}_ascend_pt"
    try:
        folder.mkdir(parents=True, mode=_FOLDER_MODE, exist_ok=True)
    except OSError as failure:
        reason = failure.strerror or str(failure)
        raise RuntimeError(
            f"Failed to make directory: {folder} ({reason}). Nothing will be recorded: choose a folder that "
            "can be written in tensorboard_trace_handler." + pta_error(ErrCode.SYSCALL)
        ) from failure
    return folder


def check_parent(path: str) -> str:
    """The absolute path of a folder for profiles, which need not exist.

    Raises:
        RuntimeError: it is a file.
    """
    found = Path(path).expanduser().absolute()
    if found.is_file():
        raise RuntimeError(f"Invalid input path is a file path: {found}" + pta_error(ErrCode.PARAM))
    return str(found)


def save_raw(folder: Path, capture: Capture) -> None:
    """Writes what was recorded."""
    host = {
        "began": capture.began,
        "ended": capture.ended,
        "steps": capture.steps,
        "events": [event.as_row() for event in capture.events],
        "memory": capture.memory_events,
    }
    _write(folder / HOST_FILE, host)
    stamp = folder.name.split("_")[-3]
    for device in sorted({r.device for r in capture.records}) or [0]:
        records = [r for r in capture.records if r.device == device]
        place = folder / f"PROF_000001_{stamp}_CANNCAMP{device:08d}" / f"device_{device}"
        _write(place / DEVICE_FILE, _records_as_rows(records))


def load_raw(folder: Path) -> Capture:
    """Reads what `save_raw` wrote.

    Raises:
        RuntimeError: the folder holds no raw data that can be read.
    """
    capture = Capture(Wanted())
    try:
        host = json.loads((folder / HOST_FILE).read_text(encoding="utf-8"))
        capture.began, capture.ended = host["began"], host["ended"]
        capture.steps = [(n, b, e) for n, b, e in host["steps"]]
        capture.events = [HostEvent.from_row(row) for row in host["events"]]
        capture.memory_events = [npusim.MemoryChange(*row) for row in host["memory"]]
        for file in sorted(folder.glob(f"PROF_*/device_*/{DEVICE_FILE.as_posix()}")):
            capture.records += _records_from_rows(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise RuntimeError(f"No profiling data that can be read in {folder}: {failure}") from failure
    capture.records.sort(key=lambda record: record.index)
    return capture


def profiles_below(path: Path) -> list[Path]:
    """The folder itself where it is a profile's, else those in it."""
    if path.name.endswith("_ascend_pt"):
        return [path]
    return sorted(child for child in path.iterdir() if child.name.endswith("_ascend_pt") and child.is_dir())


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")


def _records_as_rows(records: list[npusim.Record]) -> dict[str, Any]:
    """Records in columns by name; tasks once each."""
    tasks: dict[int, npusim.Task] = {id(record.task): record.task for record in records}
    number = {key: i for i, key in enumerate(tasks)}
    names = [name for name in npusim.Record.__slots__ if name != "task"]
    return {
        "names": names,
        "tasks": [{name: getattr(task, name) for name in _slots(task)} for task in tasks.values()],
        "rows": [[number[id(r.task)], *(getattr(r, name) for name in names)] for r in records],
    }


def _slots(task: npusim.Task) -> list[str]:
    return [name for name in task.__slots__ if hasattr(task, name)]


def _records_from_rows(data: dict[str, Any]) -> list[npusim.Record]:
    tasks = []
    for facts in data["tasks"]:
        task = npusim.Task.__new__(npusim.Task)
        for name, value in facts.items():
            if name in {"inputs", "outputs"}:
                task_value: Any = _specs(value)
            else:
                task_value = npusim.Cost(*value) if name == "cost" and value is not None else value
            setattr(task, name, task_value)
        tasks.append(task)
    records = []
    for row in data["rows"]:
        record = npusim.Record.__new__(npusim.Record)
        record.task = tasks[row[0]]
        for name, value in zip(data["names"], row[1:], strict=True):
            setattr(record, name, value)
        records.append(record)
    return records


def _specs(value: list[Any]) -> tuple[npusim.TensorSpec, ...]:
    return tuple(npusim.TensorSpec(tuple(shape), dtype, fmt) for shape, dtype, fmt in value)
