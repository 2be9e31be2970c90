"""`camp check`: a learner's notebook run from a fresh kernel with its public checks, as the grader would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camp.seat.differences import differences
from camp.seat.fresh import DIED, ERROR, TIMED_OUT, Ended, FreshKernel
from camp.seat.marks import SCHEMA_VERSION, digest
from camp.seat.notebook import ANSWER, CHECK, GIVEN, SHOWS
from camp.seat.state import FAILED, MAX_MESSAGE, PASSED, load_state
from camp.seat.table import ALTERED, ANSWERED, DONE, OPEN, Row, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from camp.seat.notebook import Cell, Notebook, Task
    from camp.seat.state import State

GIVEN_SECONDS = 180
"""What a cell of the course may take: it imports PyTorch, also on a busy machine."""
CHECKS_ASK = 3
"""A check asks several times where the grader's limit is for one: it may take so many times that."""


def check(notebook: Notebook, tell: Callable[[str], None] = lambda _: None) -> Standing:
    """Run a notebook from a fresh kernel and say how its tasks stand; keep that as its progress.

    Its files are copies of those beside it that were handed out, and nothing else is there, as in grading.

    Args:
        notebook: the notebook, as saved.
        tell: is told the title of each task as its check runs.

    Raises:
        KernelStartError, MissingDependencyError: there is no kernel to run it in.
    """
    state = load_state(notebook.path, notebook.release)
    with tempfile.TemporaryDirectory(prefix="camp-check-", ignore_cleanup_errors=True) as folder:
        _copy_files(notebook, Path(folder))
        rows = _run(notebook, Path(folder), tell)
    found = [f"{state.told}; it is made anew"] if state.told else []
    found += unsaved(notebook, state)
    found += [note for row in rows for note in _not_as_seen(notebook, state, row)]
    found += differences(notebook)
    _keep(notebook, state, rows)
    found += [trouble] if (trouble := state.save()) else []
    return Standing(notebook.release.title, notebook.release.page, tuple(rows)).with_notes(found)


def as_json(notebook: Notebook, now: Standing) -> dict[str, Any]:
    """The same for programs; `schema_version` first."""
    return {
        "schema_version": SCHEMA_VERSION,
        "course": notebook.release.course,
        "assignment": notebook.release.assignment,
        "release": notebook.release.release,
        "notebook": notebook.path.name,
        "passed": now.done == len(now.rows),
        "points": now.points,
        "max_points": now.of_points,
        "points_by_hand": now.by_hand,
        "summary": now.summary(),
        "next": now.next.task.id if now.next else None,
        "tasks": [
            {
                "id": row.task.id,
                "title": row.task.title,
                "points": row.points,
                "max_points": row.task.points,
                "status": row.status,
                "message": row.message,
                "page": row.task.page,
            }
            for row in now.rows
        ],
        "notes": list(now.notes),
    }


def unsaved(notebook: Notebook, state: State) -> list[str]:
    """The answers of which the kernel ran a newer text than the file holds."""
    found = []
    for task in notebook.release.tasks:
        entry, answer = state.of(task.id), notebook.answer(task)
        saved = digest(answer.source) if answer else ""
        if entry.ran and entry.ran != saved and entry.at > notebook.modified:
            found.append(f"the answer of '{task.title}' that you ran last is not saved: save it (Ctrl-S)")
    return found


def _copy_files(notebook: Notebook, folder: Path) -> None:
    """Put the assignment's files where the kernel runs; one that is missing is told elsewhere."""
    for name in notebook.release.data:
        source, target = notebook.path.parent / name, folder / name
        if source.is_file() and target.resolve().is_relative_to(folder.resolve()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _run(notebook: Notebook, folder: Path, tell: Callable[[str], None]) -> list[Row]:
    """Run what the grader would run, and the public checks."""
    tasks = {task.id: task for task in notebook.release.tasks}
    rows = {task.id: _without_running(notebook, task) for task in tasks.values()}
    open_checks = {name for name, row in rows.items() if row is None}
    answers: dict[str, Ended] = {}
    if open_checks:
        with FreshKernel(folder) as kernel:
            for cell in notebook.cells:
                if not open_checks:
                    break  # the grader runs nothing after the last check
                if not _runs(cell, notebook, tasks):
                    continue
                if cell.part != CHECK:
                    answers[cell.task] = kernel.run(cell.source, _seconds(notebook, cell))
                elif cell.task in open_checks:
                    tell(tasks[cell.task].title)
                    seconds = CHECKS_ASK * notebook.release.cell_timeout
                    ended = kernel.run(cell.source, seconds, check=True)
                    rows[cell.task] = _judged(
                        tasks[cell.task], answers.get(cell.task, Ended()), ended, notebook
                    )
                    open_checks.discard(cell.task)
    return [rows[name] or Row(task, FAILED, "its check was not reached") for name, task in tasks.items()]


def _seconds(notebook: Notebook, cell: Cell) -> float:
    """How long a cell may take: the course's own longer, for they import PyTorch."""
    return GIVEN_SECONDS if cell.part == GIVEN else notebook.release.cell_timeout


def _runs(cell: Cell, notebook: Notebook, tasks: dict[str, Task]) -> bool:
    """Whether the grader runs a cell, or asks in its place."""
    if not cell.code or not cell.source.strip() or cell.part == SHOWS:
        return False
    if cell.part != ANSWER:
        return True
    first = notebook.answer(tasks[cell.task])
    return not tasks[cell.task].by_hand and cell is first and notebook.answered(cell)


def _without_running(notebook: Notebook, task: Task) -> Row | None:
    """How a task stands that no check need be run for; None where one must."""
    answered = notebook.answered(notebook.answer(task))
    if task.by_hand:
        return Row(task, ANSWERED if answered else OPEN)
    judged = notebook.check(task)
    if judged is None or not notebook.as_handed_out(judged):
        return Row(task, ALTERED)
    return None if answered else Row(task, OPEN)


def _judged(task: Task, answer: Ended, ended: Ended, notebook: Notebook) -> Row:
    """How a task stands after its check."""
    if not ended.how:
        return Row(task, PASSED)
    if answer.how:
        return Row(task, FAILED, f"the answer cell {_words(answer, notebook.release.cell_timeout)}")
    if ended.how == ERROR and ended.name == "AssertionError" and ended.text.strip():
        return Row(task, FAILED, _cut(ended.text))
    return Row(task, FAILED, f"the check {_words(ended, CHECKS_ASK * notebook.release.cell_timeout)}")


def _words(ended: Ended, seconds: int) -> str:
    if ended.how == TIMED_OUT:
        return f"was still running after {seconds} s"
    if ended.how == DIED:
        return "ended its kernel"
    return _cut(f"raised {ended.name}: {ended.text}".rstrip(": "))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 3] + "..."


def _not_as_seen(notebook: Notebook, state: State, row: Row) -> list[str]:
    """Where the learner's own kernel said something else."""
    entry, answer, judged = state.of(row.task.id), notebook.answer(row.task), notebook.check(row.task)
    saved = digest(answer.source) if answer else ""
    shown = judged is not None and judged.count is not None and not judged.failed
    noted = entry.status == PASSED and entry.answer == saved
    if row.status == FAILED and (noted or (shown and not entry.status)):
        what = "it needs something that the notebook does not hold, or holds further down"
        return [f"'{row.task.title}' passed in your kernel and fails from a fresh one: {what}"]
    return []


def _keep(notebook: Notebook, state: State, rows: list[Row]) -> None:
    """Note the results as progress."""
    for row in rows:
        entry, answer = state.of(row.task.id), notebook.answer(row.task)
        entry.status = row.status if row.status in {PASSED, FAILED} else ""
        entry.message, entry.answer = row.message, digest(answer.source) if answer else ""


def all_pass(now: Standing) -> bool:
    """Whether every task passes, or is answered where a person reads it."""
    return all(row.status in DONE for row in now.rows)
