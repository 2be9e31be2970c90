"""Releasing: from an exercise's source to the notebook a learner gets."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import nbformat

from camp.editions import instructor_edition, learner_edition
from camp.errors import ExerciseError
from camp.paths import Layout, make_folder, write_text
from camp.seat.stamp import stamped

if TYPE_CHECKING:
    from pathlib import Path

    from camp.exercise import Exercise
    from camp.gradebook import GradebookDoor


def learner_notebook(layout: Layout, exercise: Exercise) -> Path:
    """Where the learner's edition of an exercise is released."""
    return layout.course / "release" / exercise.id / f"{exercise.assignment.notebook}.ipynb"


def require_pages(exercise: Exercise) -> None:
    """Refuse what would send learners to a page that is not there.

    Raises:
        ExerciseError: a page that camp.toml names is not in the book beside the exercises.
    """
    if missing := exercise.missing_pages:
        raise ExerciseError(
            f"{exercise.id} links to the page {missing[0]!r}, but there is no book/{missing[0]}.md; "
            "write that page, or mend 'page' in camp.toml"
        )


def release(layout: Layout, exercise: Exercise, door: GradebookDoor) -> bool:
    """Make the learner's edition through nbgrader; return False if it was up to date.

    Raises:
        ExerciseError: it links to a page that is not in the book; nothing was made.
        NotWritableError, GradebookError: it could not be made; the earlier release stays.
    """
    require_pages(exercise)
    source = layout.course / "source" / exercise.id
    made = source / f"{exercise.assignment.notebook}.ipynb"
    notebook = nbformat.writes(stamped(instructor_edition(exercise), exercise)) + "\n"
    released = learner_notebook(layout, exercise)
    learners = nbformat.writes(stamped(learner_edition(exercise), exercise)) + "\n"
    if (
        _holds(made, notebook)
        and _holds(released, learners)
        and _same_data(exercise, source)
        and _same_data(exercise, released.parent)
        and door.knows(exercise)
    ):
        return False
    if source.exists():
        shutil.rmtree(source)
    make_folder(source)
    for name, path in exercise.data.items():
        make_folder((source / name).parent)
        shutil.copyfile(path, source / name)
    write_text(made, notebook)
    door.generate_assignment(exercise.id)
    return True


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _same_data(exercise: Exercise, folder: Path) -> bool:
    """Whether a folder holds the exercise's data, all of it and nothing more."""
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    there.pop(f"{exercise.assignment.notebook}.ipynb", None)
    return there.keys() == exercise.data.keys() and all(
        path.read_bytes() == exercise.data[name].read_bytes() for name, path in there.items()
    )
