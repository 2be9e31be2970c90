"""Difficulty and discrimination: what is counted, what is computed, and when it is not."""

import pytest
from camp.course import Task
from camp.report.items import MIN_LEARNERS, MIN_TIMED, correlation, item
from camp.verdict import CheckResult, Hashes, Outcome, Status, TaskResult, Verdict, outcome
from hypothesis import assume, given
from hypothesis import strategies as st

TASK = Task(id="a", title="A", objective="o", minutes=10, page="p", hints=["1", "2", "3"])
NUMBERS = st.floats(-1e3, 1e3)


def _verdict(own, rest, status=None):
    """A submission of two tasks of 4 points each."""
    tasks = [
        TaskResult(
            task=name,
            title=name.upper(),
            points=points,
            max_points=4,
            status=status or (Status.PASSED if points == 4 else Status.FAILED),
        )
        for name, points in (("a", own), ("b", rest))
    ]
    return Verdict(
        assignment="x",
        learner="ada",
        points=own + rest,
        max_points=8,
        outcome=outcome(tasks),
        tasks=tasks,
        seed=0,
        hashes=Hashes(submission="", exercise="", grader="", environment=""),
    )


def test_facility_is_the_share_of_points_earned():
    """Points earned over points to be had, over all who attempted something."""
    found = item(TASK, 4, [_verdict(4, 0), _verdict(1, 4), _verdict(1, 1)], [])
    assert (found.n, found.tried, found.solved, found.facility) == (3, 3, 1, 0.5)


def test_blank_and_refused_submissions_do_not_count():
    """Who handed in nothing says nothing about a task."""
    blank, refused = _verdict(0, 0, Status.NOT_ATTEMPTED), _verdict(0, 0, Status.REFUSED)
    assert (blank.outcome, refused.outcome) == (Outcome.BLANK, Outcome.REFUSED)
    found = item(TASK, 4, [_verdict(4, 4), blank, refused], [])
    assert (found.n, found.tried, found.facility) == (1, 1, 1.0)
    assert item(TASK, 4, [blank], []).facility is None


def test_discrimination_leaves_the_task_itself_out():
    """A task that everybody's other points follow has 1, one that they contradict has -1."""
    half = MIN_LEARNERS // 2
    along = item(TASK, 4, [_verdict(4, 4), _verdict(0, 1)] * half, [])
    against = item(TASK, 4, [_verdict(4, 1), _verdict(0, 4)] * half, [])
    assert along.discrimination == pytest.approx(1)
    assert against.discrimination == pytest.approx(-1)
    assert (along.weak, against.weak) == (False, True)


def test_too_few_learners_for_a_correlation():
    """Under the least number, and where all earned the same, there is no figure instead of a chance one."""
    few = [_verdict(4, 4), *[_verdict(0, 1)] * (MIN_LEARNERS - 2)]
    assert item(TASK, 4, few, []).discrimination is None
    assert item(TASK, 4, [*few, _verdict(0, 1)], []).discrimination == pytest.approx(1)
    assert item(TASK, 4, [_verdict(4, 4)] * MIN_LEARNERS, []).discrimination is None


def test_few_times_give_no_median():
    """A median of working times needs its least number of them."""
    assert item(TASK, 4, [], [1.0] * (MIN_TIMED - 1)).minutes is None
    assert item(TASK, 4, [], [1.0, 2.0, 3.0, 9.0, 99.0]).minutes == 3.0


def test_device_time_is_the_median_of_what_checks_noted():
    """Where a check judges by device time, the task has the median of it; elsewhere none."""
    timed = [_verdict(4, 4), _verdict(4, 4), _verdict(4, 4)]
    for verdict, ms in zip(timed, (1.0, 5.0, 2.0), strict=True):
        check = {"name": "c", "title": "c", "points": 4, "max_points": 4, "status": "passed"}
        verdict.tasks[0].checks = [CheckResult(**check, device_ms=ms), CheckResult(**check)]
    assert item(TASK, 4, timed, []).device_ms == 2.0
    assert item(TASK, 4, [_verdict(4, 4)], []).device_ms is None


def test_a_task_newer_than_the_verdicts():
    """Verdicts from before the task existed leave it without figures."""
    other = TASK.model_copy(update={"id": "new"})
    assert item(other, 4, [_verdict(4, 4)], []).n == 0


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=30), st.floats(0.5, 2), NUMBERS)
def test_correlation_is_bounded_symmetric_and_free_of_scale(pairs, factor, shift):
    """R lies in [-1, 1], is the same both ways, and does not change with the scale of points."""
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    assume(max(xs) - min(xs) > 1e-3 and max(ys) - min(ys) > 1e-3)
    r = correlation(xs, ys)
    assert -1 <= r <= 1
    assert correlation(ys, xs) == pytest.approx(r)
    assert correlation([factor * x + shift for x in xs], ys) == pytest.approx(r, abs=1e-6)
