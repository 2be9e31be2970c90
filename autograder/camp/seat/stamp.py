"""What `camp release` writes into a learner's notebook: what it is, and the cells that show progress.

Its hashes let the seat see what was changed since; they are of texts that the learner was handed anyway.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from camp.editions import PANEL_SOURCE, STUB, TEXT_STUB, page_address
from camp.exercise import ANSWER, BEGIN, END
from camp.seat.marks import KEY, PANEL, SCHEMA_VERSION, box_id, digest, digest_of

if TYPE_CHECKING:
    from camp.exercise import Exercise

STAND_IN = "Your progress is kept. Run this cell, and it is shown here."


def stamped(edition: NotebookNode, exercise: Exercise) -> NotebookNode:
    """A copy of an edition that knows what it is and shows progress at its top and at its end.

    Args:
        edition: the instructor's or the learner's; both get the same stamp.
        exercise: what it is an edition of.
    """
    made = copy.deepcopy(edition)
    made.metadata[KEY] = NotebookNode(_stamp(exercise))
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": _stand_in(exercise.id)}
    after_title = 1 if made.cells and made.cells[0].cell_type == "markdown" else 0
    made.cells.insert(after_title, new_code_cell(PANEL_SOURCE, id=f"{PANEL}top"))
    made.cells.append(new_code_cell(PANEL_SOURCE, id=f"{PANEL}end"))
    return made


def _stamp(exercise: Exercise) -> dict[str, Any]:
    """What the notebook says of itself; `release` is a hash over all that the learner is handed."""
    assignment = exercise.assignment
    site = exercise.course.course.site.rstrip("/")
    stamp: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "course": exercise.course.course.id,
        "assignment": assignment.id,
        "title": assignment.title,
        "notebook": assignment.notebook,
        "page": f"{site}/{assignment.page}.html",
        "cell_timeout": assignment.cell_timeout,
        "stubs": [STUB, TEXT_STUB],
        "tasks": [
            {
                "id": task.id,
                "title": task.title,
                "points": exercise.points(task),
                "minutes": task.minutes,
                "page": page_address(exercise, task),
                "by_hand": task.by_hand,
            }
            for task in assignment.task
        ],
        "cells": [list(entry) for entry in _given(exercise).items()],  # Jupyter sorts a table's keys
        "data": {name: digest_of(path.read_bytes()) for name, path in exercise.data.items()},
    }
    return {**stamp, "release": digest(json.dumps([stamp, _texts(exercise)], sort_keys=True))}


def _stand_in(assignment: str) -> dict[str, Any]:
    """What stands in the panel's place when the notebook is opened and no kernel has run it yet.

    Without it, JupyterLab says "Error displaying widget: model not found". The form is that of ipywidgets'
    "Jupyter widget models in notebook metadata", version 2.
    """
    box = box_id(assignment)
    base, controls = "@jupyter-widgets/base", "@jupyter-widgets/controls"
    layout = {"model_name": "LayoutModel", "model_module": base, "model_module_version": "2.0.0", "state": {}}
    style = {"model_name": "HTMLStyleModel", "model_module": controls, "model_module_version": "2.0.0"}
    state = {"value": STAND_IN, "layout": f"IPY_MODEL_{box}l", "style": f"IPY_MODEL_{box}s"}
    shown = {"model_name": "HTMLModel", "model_module": controls, "model_module_version": "2.0.0"}
    states = {box: {**shown, "state": state}, f"{box}l": layout, f"{box}s": {**style, "state": {}}}
    return {"version_major": 2, "version_minor": 0, "state": states}


def _given(exercise: Exercise) -> dict[str, str]:
    """Hashes of the code cells that the grader takes as handed out, by cell id, in the notebook's order.

    An answer cell stands among them with an empty hash: its place counts, not its text.
    """
    found = {}
    for cell in exercise.source.cells:
        if cell.metadata.get("role") == ANSWER:
            found[cell["id"]] = ""
        elif cell.cell_type == "code":
            found[cell["id"]] = digest(cell.source)
    return found


def _texts(exercise: Exercise) -> list[str]:
    """All texts that the learner is handed: of an answer, what stands around the solution."""
    texts = []
    for cell in exercise.source.cells:
        before, _, rest = cell.source.partition(BEGIN)
        texts += [before, rest.partition(END)[2]]
    for task in exercise.assignment.task:
        texts += [task.objective, *task.hints, *(criterion.text for criterion in task.rubric)]
    return texts
