"""What counts in the end: deadlines with extensions, spans of time in words."""

from datetime import datetime, timedelta

import pytest
from camp.graded import Graded, in_words

DUE = datetime(2026, 3, 1, 23, 59)  # noqa: DTZ001 - in UTC without a zone, as nbgrader stores it


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(), ""),
        (timedelta(seconds=5), "under a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(days=2, hours=1, minutes=9), "2 days 1 hour"),
        (timedelta(days=1, minutes=9), "1 day 9 minutes"),
    ],
)
def test_spans_in_words(span, words):
    """A span is told in its two largest units; none is told as nothing."""
    assert in_words(span) == words


@pytest.mark.parametrize("minutes", [-5, 0, 7])
def test_late_counts_from_the_learners_own_deadline(minutes):
    """Late is what lies after the deadline, and never below zero."""
    came = Graded(score=1, submitted=DUE + timedelta(minutes=minutes), due=DUE)
    assert came.late == timedelta(minutes=max(0, minutes))


def test_nothing_known_is_not_late():
    """Without a deadline, or a time of submission, nobody is late."""
    assert Graded(score=1, submitted=DUE).late == Graded(score=1, due=DUE).late == timedelta()


def test_an_unfinished_grade_has_no_final_score():
    """Half a grade is not handed over as a whole one."""
    assert Graded(score=1.234).final == 1.23
    assert Graded(score=1.234, to_grade=("explain",)).final is None
