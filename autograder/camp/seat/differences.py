"""What makes a run of the notebook differ from the grader's, a line each, for `camp check` and panel."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from camp.seat.marks import answer_id, check_ids, digest_of
from camp.seat.names import made, taken
from camp.seat.notebook import ANSWER, CHECK, GIVEN, SHOWS, Cell, Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camp.seat.notebook import Task

MAX_NAMES = 3
"""Names that are told of one answer."""
_HIDE = ("import *", "exec(", "%run", "globals()", "%pylab")
"""Cells with these may make names that cannot be read from their text."""


def differences(notebook: Notebook, *, answers: bool = True) -> list[str]:
    """All that can be seen in a saved notebook, and in the files beside it.

    Args:
        notebook: the notebook.
        answers: look also at what its answers use, and at the order in which its cells were run.
    """
    found = [*_course_cells(notebook), *_answer_cells(notebook), *_order(notebook), *_files(notebook)]
    return [*found, *borrowed(notebook), *in_order(notebook)] if answers else found


def _course_cells(notebook: Notebook) -> Iterator[str]:
    """Cells of the course that were changed or are gone."""
    titles = {task.id: task.title for task in notebook.release.tasks}
    for cell in notebook.cells:
        if cell.code and cell.part == CHECK and not notebook.as_handed_out(cell):
            yield f"the check of '{titles[cell.task]}' was changed; the grader asks as handed out"
        elif cell.code and cell.part == GIVEN and not notebook.as_handed_out(cell):
            first = cell.source.strip().partition("\n")[0][:40]
            yield f"the course's cell that begins {first!r} was changed; the grader runs it as handed out"
    yield from (
        f"the check of '{task.title}' is gone; the grader asks all the same"
        for task in notebook.release.tasks
        if not task.by_hand and notebook.check(task) is None
    )
    there = {cell.id for cell in notebook.cells}
    if gone := [name for name in notebook.release.cells if name.startswith("given-") and name not in there]:
        yield f"cells of the course are gone ({', '.join(gone[:MAX_NAMES])}); the grader runs them all"


def _answer_cells(notebook: Notebook) -> Iterator[str]:
    for task in notebook.release.tasks:
        found = [c for c in notebook.cells if (c.part, c.task) == (ANSWER, task.id)]
        if not found:
            yield f"the answer cell of '{task.title}' is gone; the grader finds no answer"
        elif len(found) > 1:
            yield f"the answer cell of '{task.title}' is there {len(found)} times; the first one counts"


def _order(notebook: Notebook) -> Iterator[str]:
    """Whether the course's cells stand in their order, which is the grader's."""
    places = {name: at for at, name in enumerate(notebook.release.cells)}
    before = ""
    for cell in notebook.cells:
        name = _name(cell)
        if name not in places:
            continue
        if before and places[name] < places[before]:
            yield f"cells were moved: {name} stands below {before}; the grader puts them back in order"
            return
        before = name


def _name(cell: Cell) -> str:
    if cell.part == ANSWER:
        return answer_id(cell.task)
    return check_ids(cell.task)[0] if cell.part == CHECK else cell.id


def borrowed(notebook: Notebook, only: Task | None = None) -> list[str]:
    """Answers that take a name from where the grader, or a fresh kernel, does not have it yet.

    Args:
        notebook: the notebook.
        only: the task whose answer is looked at, if not all.
    """
    found = []
    for task in [only] if only else notebook.release.tasks:
        answer = notebook.answer(task)
        if answer is None or not answer.code or not notebook.answered(answer):
            continue
        judged = notebook.check(task)
        end = max(notebook.cells.index(cell) for cell in (answer, judged) if cell)
        found += [
            f"the answer of '{task.title}' uses {name!r}, {why}"
            for name, why in _lacks(notebook, answer, end)
        ]
    return found


def _lacks(notebook: Notebook, answer: Cell, end: int) -> list[tuple[str, str]]:
    """The names that an answer needs, itself or through what it calls, and lacks where it is graded."""
    before = [c for n, c in enumerate(notebook.cells) if c.code and n < end and c.part != CHECK]
    if any(hidden in cell.source for cell in before for hidden in _HIDE):
        return []
    makers: dict[str, list[Cell]] = {}
    for cell in [*before, answer]:
        for name in made(cell.source):
            makers.setdefault(name, []).append(cell)
    lacks: dict[str, str] = {}
    todo, seen = [answer], {id(answer)}
    while todo:
        for name in sorted(taken(todo.pop().source)):
            if name not in makers and not name.startswith("__"):
                lacks[name] = _why(notebook, name)
            for cell in makers.get(name, []):
                if id(cell) not in seen and cell.part != GIVEN:
                    seen.add(id(cell))
                    todo.append(cell)
    return sorted(lacks.items())[:MAX_NAMES]


def _why(notebook: Notebook, name: str) -> str:
    parts = [cell.part for cell in notebook.cells if cell.code and name in made(cell.source)]
    if any(part != CHECK for part in parts):
        return "which a cell further down makes: after a restart it is not there yet"
    if parts:
        return "which only a check makes: the grader does not run the checks of the notebook"
    return "which no cell of the notebook makes: it may come from a cell that you deleted or did not save"


def _files(notebook: Notebook) -> Iterator[str]:
    """Files of the assignment that are not as handed out; the grader brings its own."""
    for name, handed_out in notebook.release.data.items():
        path = notebook.path.parent / name
        try:
            if not path.is_file():
                yield f"the file {name} is missing beside the notebook; the grader has it"
            elif digest_of(path.read_bytes()) != handed_out:
                yield f"the file {name} was changed; the grader has it as handed out"
        except OSError as error:
            yield f"the file {name} cannot be read ({error.strerror}); the grader has it"


def in_order(notebook: Notebook) -> Iterator[str]:
    """Whether what the notebook shows was run from top to bottom."""
    counts = [
        cell.count for cell in notebook.cells if cell.code and cell.count is not None and cell.part != SHOWS
    ]
    if any(later < earlier for earlier, later in itertools.pairwise(counts)):
        yield "its cells were not run from top to bottom; restart the kernel and run all cells"
