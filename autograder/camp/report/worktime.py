"""How long learners worked on each task, where their JupyterLab recorded it.

JupyterLab can note in each cell when it was last run (setting "Recording timing" of the notebook; `camp
serve` turns it on). From the last run of each task's cells follows when a task was finished, and from the
time between two finishes roughly what a task took. It is an estimate for the course's author, and nobody's
grade: a learner can edit it, and a cell that is run again forgets when it was run before.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from camp.editions import check_id
from camp.intake import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from camp.course import Task

MAX_GAP_MINUTES = 60
"""A longer pause between two tasks is taken for a break, and that task's time for unknown."""
MIN_SPAN_MINUTES = 2
"""When all cells ran within less, they were run in one go at the end, and say nothing."""
_KEYS = ("shell.execute_reply", "iopub.status.idle", "iopub.execute_input", "iopub.status.busy")


def working_minutes(path: Path, tasks: list[Task]) -> dict[str, float]:
    """Estimate the minutes that a learner worked on each task.

    Args:
        path: the submitted notebook, which may be any bytes at all.
        tasks: the tasks of the assignment.

    Returns:
        Minutes by task id; without the tasks of which nothing is known, so empty for most files.
    """
    task_of = {name: task.id for task in tasks for name in (task.id, check_id(task.id))}
    finished: dict[str, datetime] = {}
    first: datetime | None = None
    for cell in _code_cells(path):
        when = _last_run(cell)
        if when is None:
            continue
        first = min(first or when, when)
        task_id = task_of.get(_grade_id(cell))
        if task_id:
            finished[task_id] = max(finished.get(task_id, when), when)
    return _between(first, finished) if first else {}


def _between(first: datetime, finished: dict[str, datetime]) -> dict[str, float]:
    in_order = sorted(finished.items(), key=lambda entry: entry[1])
    if not in_order or _minutes(first, in_order[-1][1]) < MIN_SPAN_MINUTES:
        return {}
    minutes, before = {}, first
    for task_id, when in in_order:
        took = _minutes(before, when)
        if 0 < took <= MAX_GAP_MINUTES:
            minutes[task_id] = took
        before = when
    return minutes


def _minutes(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds() / 60


def _code_cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of a stranger's file, or none."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
            return []
        data = path.read_bytes()
        # Most notebooks hold no times, and need not be parsed to know it.
        cells = json.loads(data).get("cells") if b'"execution"' in data else None
    except (OSError, ValueError, RecursionError, AttributeError):
        return []
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _last_run(cell: dict[str, Any]) -> datetime | None:
    noted = _within(cell, "metadata", "execution")
    times = [noted.get(key) for key in _KEYS] if isinstance(noted, dict) else []
    for text in times:
        try:
            when = datetime.fromisoformat(text) if isinstance(text, str) else None
            if when is not None:
                return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _grade_id(cell: dict[str, Any]) -> str:
    found = _within(cell, "metadata", "nbgrader", "grade_id")
    return found if isinstance(found, str) else ""


def _within(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
