"""Each assignment of the course, at its seat: answered as its author would, a fresh kernel finds all well."""

from pathlib import Path

import pytest
from camp.answers import model_answers
from camp.course import load_course
from camp.exercise import load_exercise
from camp.seat.check import check
from camp.seat.differences import differences

EXERCISES = Path(__file__).parents[3] / "exercises"
COURSE = load_course(EXERCISES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [assignment.id for assignment in COURSE.assignment])
def test_model_answers_pass_from_a_fresh_kernel(seat, name):
    """With the model answers all public checks pass, and nothing is to be told."""
    exercise = load_exercise(COURSE, name)
    now = check(seat(model_answers(exercise), exercise=exercise))
    assert {row.task.id: row.message for row in now.rows if row.status not in {"passed", "answered"}} == {}
    assert now.notes == ()


@pytest.mark.parametrize("name", [assignment.id for assignment in COURSE.assignment])
def test_nothing_is_told_of_a_released_notebook(seat, name):
    """A notebook as released has nothing to be told of, answered or not."""
    exercise = load_exercise(COURSE, name)
    assert differences(seat(exercise=exercise)) == []
    assert differences(seat(model_answers(exercise), exercise=exercise)) == []
