"""The editions of one exercise, made from its source: the instructor's, and the learner's.

The instructor's edition is an nbgrader source notebook. The learner's is what nbgrader makes of it: here
with nbgrader's own preprocessors, so that it is the same as what `nbgrader generate_assignment` releases.
"""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from camp.exercise import ANSWER, Exercise

if TYPE_CHECKING:
    from camp.course import Task

STUB = 'raise NotImplementedError("not answered yet: write your code here")'
TEXT_STUB = "*Write your answer here, in place of this line.*"
PANEL_SOURCE = """\
# Your progress: run this cell.
try: import camp.seat; camp.seat.progress()
except ImportError: print("no progress panel here: the course is not installed")"""
"""The cell that shows a learner's progress; `camp.seat.stamp` puts it in, and the grader leaves it out."""
KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
_KEPT = "learner_edition"


def check_id(task_id: str) -> str:
    """The nbgrader grade id of a task's check cell, which carries the task's points."""
    return f"{task_id}_check"


def grade_id(task: Task) -> str:
    """The nbgrader grade id of the cell that carries a task's points: its check, or the answer itself."""
    return task.id if task.by_hand else check_id(task.id)


def instructor_edition(exercise: Exercise) -> NotebookNode:
    """The source notebook for nbgrader: solutions in, tasks introduced, grading metadata on its cells."""
    notebook = copy.deepcopy(exercise.source)
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(KERNELSPEC), language_info=NotebookNode(name="python")
    )
    tasks = {task.id: task for task in exercise.assignment.task}
    cells = []
    for cell in notebook.cells:
        task, role = cell.metadata.pop("task", None), cell.metadata.pop("role", None)
        if task is None:
            cells.append(cell)
            continue
        if role == ANSWER:
            cells.append(_introduction(exercise, tasks[task]))
        cell.metadata["nbgrader"] = _grading(tasks[task], cell.cell_type, role, exercise.points(tasks[task]))
        cells.append(cell)
    notebook.cells = cells
    return notebook


def learner_edition(exercise: Exercise) -> NotebookNode:
    """The notebook a learner gets: no solutions, the rest locked, no outputs.

    It is made once for an exercise; each caller has a copy to change.
    """
    notebook: NotebookNode = pickle.loads(packed_edition(exercise))  # noqa: S301 - our own, and the fastest copy
    return notebook


def packed_edition(exercise: Exercise) -> bytes:
    """The learner's edition as bytes, for `keep_edition` in another process."""
    if _KEPT not in vars(exercise):
        keep_edition(exercise, pickle.dumps(_made_for_learners(exercise)))
    packed: bytes = vars(exercise)[_KEPT]
    return packed


def keep_edition(exercise: Exercise, packed: bytes) -> None:
    """Keep what another process made of the very same exercise: to make it takes all of nbgrader."""
    vars(exercise)[_KEPT] = packed


def _made_for_learners(exercise: Exercise) -> NotebookNode:
    from nbgrader.preprocessors import ClearSolutions, ComputeChecksums, LockCells

    notebook = instructor_edition(exercise)
    stubbed = ClearSolutions(code_stub={"python": STUB}, text_stub=TEXT_STUB)
    for preprocessor in (LockCells(), stubbed, ComputeChecksums()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return notebook


def _grading(task: Task, cell_type: str, role: str, points: int) -> dict[str, Any]:
    """Nbgrader's metadata of an answer cell (edited by the learner) or a check cell (locked, graded).

    An answer graded by hand is both: nbgrader's manually graded cell.
    """
    from nbgrader.nbgraderformat.v3 import MetadataValidatorV3

    answer = role == ANSWER
    grading: dict[str, Any] = {
        "grade": not answer or task.by_hand,
        "grade_id": task.id if answer else check_id(task.id),
        "locked": not answer,
        "schema_version": MetadataValidatorV3.schema_version,
        "solution": answer,
        "task": False,
        "cell_type": cell_type,
    }
    return {**grading, "points": points} if grading["grade"] else grading


def _introduction(exercise: Exercise, task: Task) -> NotebookNode:
    """The cell above an answer: objective, minutes, points, page, and the hints behind clicks."""
    page = page_address(exercise, task)
    rubric = [f"> - {c.text} ({c.points} point{'s' if c.points > 1 else ''})" for c in task.rubric]
    lines = [
        f"> **You prove:** {task.objective}  ",
        f"> {task.minutes} minutes · {exercise.points(task)} points · [read about it]({page})",
        *([">", "> A person reads your answer. It earns points for:", ">", *rubric] if rubric else []),
        "",
        _ladder(task.hints),
    ]
    cell: NotebookNode = new_markdown_cell("\n".join(lines), id=f"{task.id}-about")
    return cell


def page_address(exercise: Exercise, task: Task) -> str:
    """Where the published book explains what a task needs."""
    page, _, anchor = task.page.partition("#")
    site = exercise.course.course.site.rstrip("/")
    return f"{site}/{page}.html" + (f"#{anchor}" if anchor else "")


def _ladder(hints: list[str]) -> str:
    """Hints one inside the other: the next is offered when the one before was not enough."""
    ladder = ""
    for number in range(len(hints), 0, -1):
        # Blank lines around the text let Markdown in it be rendered.
        ladder = (
            f"<details><summary>Hint {number} of {len(hints)}</summary>\n\n"
            f"{hints[number - 1].strip()}\n\n{ladder}</details>\n"
        )
    return ladder
