"""Releasing: from an exercise's source to the notebook a learner gets."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import nbformat

from camp.editions import instructor_edition
from camp.paths import Layout, make_folder, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from camp.exercise import Exercise
    from camp.gradebook import GradebookDoor

# What of an exercise's folder never goes to a learner, besides its source.
_KEPT_BACK = {"checks.py", "wrong", "right", "__pycache__"}


def learner_notebook(layout: Layout, exercise: Exercise) -> Path:
    """Where the learner's edition of an exercise is released."""
    return layout.course / "release" / exercise.id / f"{exercise.assignment.notebook}.ipynb"


def release(layout: Layout, exercise: Exercise, door: GradebookDoor) -> bool:
    """Make the learner's edition through nbgrader; return False if it was up to date.

    Raises:
        NotWritableError, GradebookError: it could not be made; the earlier release stays.
    """
    source = layout.course / "source" / exercise.id
    made = source / f"{exercise.assignment.notebook}.ipynb"
    notebook = nbformat.writes(instructor_edition(exercise)) + "\n"
    same = made.is_file() and made.read_text(encoding="utf-8") == notebook
    same &= _same_data(exercise, source)
    if same and learner_notebook(layout, exercise).is_file():
        return False
    if source.exists():
        shutil.rmtree(source)
    make_folder(source)
    for path in _data(exercise):
        target = source / path.relative_to(exercise.folder)
        make_folder(target.parent)
        shutil.copyfile(path, target)
    write_text(made, notebook)
    door.generate_assignment(exercise.id)
    return True


def _data(exercise: Exercise) -> list[Path]:
    """The files that go to the learner beside the notebook."""
    own_source = exercise.folder / f"{exercise.assignment.notebook}.md"
    return [
        path
        for path in sorted(exercise.folder.rglob("*"))
        if path.is_file()
        and path != own_source
        and path.relative_to(exercise.folder).parts[0] not in _KEPT_BACK
    ]


def _same_data(exercise: Exercise, source: Path) -> bool:
    def same(path: Path) -> bool:
        made = source / path.relative_to(exercise.folder)
        return made.is_file() and made.read_bytes() == path.read_bytes()

    return all(same(path) for path in _data(exercise))
