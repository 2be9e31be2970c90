"""What must hold for the bundled class: one learner for each way a submission can turn out."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from camp.answers import read_answers
from camp.course import load_course
from camp.exercise import load_exercise

FOLDER = Path(__file__).parents[2] / "exercises"
COURSE = load_course(FOLDER)
LEARNERS = sorted(p.name for p in (FOLDER / "example_class").iterdir() if p.is_dir())

# The class hands in the first assignment only, so that `make camp` stays quick.
HANDED_IN = [a.id for a in COURSE.assignment if any((FOLDER / "example_class").glob(f"*/{a.id}.*"))]

each_assignment = pytest.mark.parametrize("assignment", HANDED_IN)


def answers_of(assignment):
    """The answers of every learner who handed in a notebook."""
    exercise = load_exercise(COURSE, assignment)
    paths = [FOLDER / "example_class" / learner / f"{assignment}.py" for learner in LEARNERS]
    return {p.parent.name: read_answers(p, exercise) for p in paths if p.is_file()}


def code_of(assignment, answers):
    """The answers of one learner that are code."""
    in_words = {task.id for task in COURSE.find(assignment).task if task.by_hand}
    return [source for task, source in answers.cells.items() if task not in in_words]


def test_the_class_has_five_learners():
    """The first class has five, and their names are fit for folders and for nbgrader."""
    assert len(LEARNERS) >= 5
    assert all(name.isidentifier() for name in LEARNERS)


def test_the_class_hands_in_the_first_assignment():
    """`make camp` shows a graded class from the start."""
    assert COURSE.assignment[0].id in HANDED_IN


@each_assignment
def test_every_learner_hands_in_one_file(assignment):
    """Answers as Python text, or a file to be taken as it is; never both."""
    for learner in LEARNERS:
        found = [p.name for p in (FOLDER / "example_class" / learner).glob(f"{assignment}.*")]
        assert len(found) == 1, learner


@each_assignment
def test_answers_are_python(assignment):
    """A learner of the class may be wrong, but the file of answers can be read."""
    for answers in answers_of(assignment).values():
        for source in code_of(assignment, answers):
            ast.parse(source)


@each_assignment
def test_every_kind_of_submission_is_there(assignment):
    """One learner answers all tasks, one some, one none."""
    tasks = len(COURSE.find(assignment).task)
    answered = [len(answers.cells) for answers in answers_of(assignment).values()]
    assert tasks in answered
    assert 0 in answered
    assert any(0 < n < tasks for n in answered)


@each_assignment
def test_one_loops_for_ever(assignment):
    """One answer has a while loop, whose end the class must not wait for."""
    loops = [
        learner
        for learner, answers in answers_of(assignment).items()
        for source in code_of(assignment, answers)
        if any(isinstance(node, ast.While) for node in ast.walk(ast.parse(source)))
    ]
    assert len(loops) == 1


@each_assignment
def test_one_is_no_notebook(assignment):
    """A file with a notebook's name that is not even JSON."""
    files = list((FOLDER / "example_class").glob(f"*/{assignment}.ipynb"))
    assert files
    with pytest.raises(json.JSONDecodeError):
        json.loads(files[0].read_text(encoding="utf-8"))
