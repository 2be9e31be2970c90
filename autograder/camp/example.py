"""The bundled example class: made of its files of answers, and kept apart from a real class."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import nbformat

from camp.answers import fill_in, read_answers
from camp.errors import SubmissionsError
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor, verdict_path
from camp.paths import Layout, make_folder, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from camp.course import Course

MAX_NAMED = 3


def write_example_class(layout: Layout, course: Course, assignments: list[str]) -> Path:
    """Make notebooks of the bundled class as its learners would have saved them; return their folder.

    A file of answers becomes the learner's edition with those answers; any other file is taken as it is.
    """
    target = _made(layout)
    for name in assignments:
        exercise = load_exercise(course, name)
        for learner in sorted(p for p in layout.example_class.iterdir() if p.is_dir()):
            made = target / learner.name / name / f"{exercise.assignment.notebook}.ipynb"
            answers, as_is = learner / f"{name}.py", learner / f"{name}.ipynb"
            if answers.is_file():
                notebook = fill_in(exercise, read_answers(answers, exercise).cells)
                write_text(made, nbformat.writes(notebook) + "\n")
            elif as_is.is_file():
                make_folder(made.parent)
                shutil.copyfile(as_is, made)
    return target


def example_learners(layout: Layout) -> list[str]:
    """Those learners in `submitted/` who are of the example class, by name.

    A real learner may bear the same name: of the example class is only whose every file is one of its files.
    """
    return [name for name in _submitted(layout) if _is_example(layout, name)]


def others(layout: Layout) -> list[str]:
    """The learners in `submitted/` who are not of the example class, by name."""
    return [name for name in _submitted(layout) if not _is_example(layout, name)]


def require_no_others(layout: Layout) -> None:
    """Refuse to put invented learners among real ones.

    Raises:
        SubmissionsError: submissions of a real class are there.
    """
    if found := others(layout):
        named = ", ".join(found[:MAX_NAMED]) + (", …" if len(found) > MAX_NAMED else "")
        raise SubmissionsError(
            f"{layout.course} holds a class of its own ({len(found)}: {named}); "
            "grade the example class in another checkout: camp --root FOLDER grade --example"
        )


def remove_example_class(layout: Layout, course: Course) -> list[str]:
    """Take the example class out of the course: gradebook, verdicts, feedback, submissions; return who left.

    The submissions go last, so that a run that is broken off is made good by the next.

    Raises:
        GradebookError: the gradebook cannot be had; nothing was removed.
    """
    learners = example_learners(layout)
    if not learners:
        return []
    GradebookDoor(layout).remove(learners)
    for learner in learners:
        for assignment in course.assignment:
            verdict_path(layout, assignment.id, learner).unlink(missing_ok=True)
        for step in ("autograded", "feedback", "submitted"):
            shutil.rmtree(layout.course / step / learner, ignore_errors=True)
    return learners


def _made(layout: Layout) -> Path:
    return layout.build / "example_class"


def _submitted(layout: Layout) -> list[str]:
    folder = layout.course / "submitted"
    return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def _is_example(layout: Layout, learner: str) -> bool:
    if not (layout.example_class / learner).is_dir():
        return False
    there = layout.course / "submitted" / learner
    files = [p for p in there.rglob("*") if p.is_symlink() or not p.is_dir()]
    return all(_same(path, _made(layout) / learner / path.relative_to(there)) for path in files)


def _same(path: Path, made: Path) -> bool:
    return (
        path.is_file()
        and not path.is_symlink()
        and made.is_file()
        and path.stat().st_size == made.stat().st_size
        and path.read_bytes() == made.read_bytes()
    )
