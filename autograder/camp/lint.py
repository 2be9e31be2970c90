"""`camp lint`: the one gate for authors and CI. It proves that an exercise grades as its author says."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat

from camp.answers import fill_in, model_answers, read_answers
from camp.checks import KernelDiedError
from camp.course import Course, load_course
from camp.editions import learner_edition
from camp.errors import CampError
from camp.exercise import Exercise, load_exercise
from camp.grade import GIVEN_TIMEOUT, grade
from camp.intake import Intake
from camp.kernel import CellTimedOutError, Kernel
from camp.leaks import leaked
from camp.seat.stamp import stamped
from camp.verdict import Status
from camp.workers import in_workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from camp.verdict import Verdict

MIN_WRONG, MIN_RIGHT = 5, 2
MODEL, BLANK, PUBLIC = "model solution", "blank", "public checks"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, and what is wrong with it (empty: nothing)."""

    assignment: str
    what: str
    fault: str = ""


def lint(course: Course, assignments: list[str], workers: int) -> Iterator[Finding]:
    """Prove the exercises, one finding after the other as they come.

    What is proven: the model solution earns full marks and passes the public checks, the blank one earns 0,
    every file in `right/` earns full marks, every file in `wrong/` loses exactly the points it names, no
    hidden check or answer stands in the learner's edition, every task's page exists, times add up.
    """
    jobs: list[tuple[str, str]] = []
    for name in assignments:
        try:
            exercise = load_exercise(course, name)
        except CampError as error:
            yield Finding(name, "files", str(error))
            continue
        yield from _static(exercise)
        jobs += [(name, what) for what in _trials(exercise)]
    for (name, what), result in in_workers(functools.partial(_try, course.folder), jobs, workers):
        yield Finding(name, what, str(result)) if isinstance(result, CampError) else result


def _trials(exercise: Exercise) -> list[str]:
    """What is to be graded: the model, the blank, the public checks, and each file of right/ and wrong/."""
    files = [
        f"{kind}/{p.name}"
        for kind in ("right", "wrong")
        for p in sorted((exercise.folder / kind).glob("*.py"))
    ]
    return [MODEL, BLANK, PUBLIC, *files]


def _static(exercise: Exercise) -> Iterator[Finding]:
    """What can be seen without running anything."""
    for kind, least in (("wrong", MIN_WRONG), ("right", MIN_RIGHT)):
        count = len(list((exercise.folder / kind).glob("*.py")))
        fault = f"has {count} solutions; at least {least} are needed" if count < least else ""
        yield Finding(exercise.id, f"{kind}/", fault)
    found = leaked(nbformat.writes(stamped(learner_edition(exercise), exercise)), exercise)
    yield Finding(exercise.id, "nothing leaks", f"the learner's edition shows: {found[0]}" if found else "")
    total = sum(task.minutes for task in exercise.assignment.task)
    over = total > exercise.assignment.minutes
    yield Finding(
        exercise.id,
        "minutes",
        f"tasks take {total}, the assignment says {exercise.assignment.minutes}" if over else "",
    )
    yield from _pages(exercise)


def _pages(exercise: Exercise) -> Iterator[Finding]:
    """Every page that is linked to exists, where the book lies beside the exercises."""
    missing = exercise.missing_pages
    if (exercise.course.folder.parent / "book").is_dir():
        yield Finding(exercise.id, "pages", f"book/{missing[0]}.md does not exist" if missing else "")


def _try(exercises: Path, trial: tuple[str, str]) -> Finding:
    """Run one trial in this process."""
    name, what = trial
    exercise = load_exercise(load_course(exercises), name)
    return Finding(name, what, _public_fault(exercise) if what == PUBLIC else _fault(exercise, what))


def _fault(exercise: Exercise, what: str) -> str:
    """Grade one set of answers and compare with what it must earn."""
    answers, loses = model_answers(exercise), dict[str, int]()
    if what == BLANK:
        answers = {}
    elif what != MODEL:
        given = read_answers(exercise.folder / what, exercise)
        answers, loses = answers | given.cells, given.loses
        if not given.cells:
            return "answers no task"
        if what.startswith("wrong/") and not loses:
            return "names no points that it loses"
    intake = Intake(fill_in(exercise, answers), digest="lint")
    verdict = grade(intake, exercise, learner="lint")
    if what == BLANK:
        return f"earns {verdict.points} points, must earn 0" if verdict.points else ""
    return _compare(verdict, loses)


def _compare(verdict: Verdict, loses: dict[str, int]) -> str:
    """Say where the lost points differ from those named."""
    faults = []
    for task in verdict.tasks:
        lost, named = task.max_points - task.points, loses.get(task.task, 0)
        if task.status is Status.NEEDS_GRADING:
            # What a person will give cannot be proven: an answer that is there counts as full.
            faults += [f"{task.task} is graded by hand; take it out of 'loses'"] if named else []
            continue
        if lost != named:
            bad = [f"{c.title}: {c.message}" for c in task.checks if c.points < c.max_points] or [
                task.message
            ]
            faults.append(f"{task.task} loses {lost}, must lose {named}" + (f" ({bad[0]})" if lost else ""))
    return "; ".join(faults)


def _public_fault(exercise: Exercise) -> str:
    """Run the whole notebook as a learner with the model's answers would: the public checks must pass."""
    with Kernel(GIVEN_TIMEOUT, exercise.data) as kernel:
        for cell in fill_in(exercise, model_answers(exercise)).cells:
            if cell.cell_type != "code":
                continue
            try:
                outputs = kernel.run(cell.source)
            except (CellTimedOutError, KernelDiedError) as error:
                return f"the model solution does not get through them: {type(error).__name__} in {cell['id']}"
            for output in outputs:
                if output.output_type == "error":
                    return f"the model solution fails {cell['id']}: {output.ename}: {output.evalue}"
    return ""
