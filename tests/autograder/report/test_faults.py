"""Common wrong answers: what belongs together, what does not, and how it is counted."""

import pytest
from camp.report.faults import faults, shape
from camp.verdict import CheckResult, Hashes, Outcome, Status, TaskResult, Verdict


def _verdict(learner, *checks, status="failed", message=""):
    task = TaskResult(
        task="t",
        title="Task",
        points=0,
        max_points=3,
        status=Status(status),
        message=message,
        checks=[
            CheckResult(
                name=f"c{n}",
                title=title,
                points=0,
                max_points=1,
                status=Status(how),
                message=told,
                expected="9",
            )
            for n, (title, how, told) in enumerate(checks)
        ],
    )
    return Verdict(
        assignment="x",
        learner=learner,
        points=0,
        max_points=3,
        outcome=Outcome.NONE,
        tasks=[task],
        seed=0,
        hashes=Hashes(submission="", exercise="", grader="", environment=""),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("given 3; got 9. Twice means times two.", "given -4.5e3; got 20.25. Twice means times two."),
        ("given [1, 2]; got [1, 2]", "given [3]; got [[3.0, 4], [5, 6]]"),
        ("given a; got ValueError: at line 3", "given b;\nc; got ValueError:  at line 17"),
    ],
)
def test_numbers_and_inputs_do_not_matter(one, other):
    """Messages that differ only in the values drawn for a learner have one shape."""
    assert shape(one) == shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("given 3; got cpu", "given 3; got npu:0"),
        ("given 3; got 9. Read it once.", "given 3; got 9. Read it at the end."),
        ("got conv2d", "got conv3d"),
    ],
)
def test_words_do_matter(one, other):
    """Messages that say different things, or name different things, stay apart."""
    assert shape(one) != shape(other)


def test_learners_are_counted_once_the_most_frequent_first():
    """A fault counts its learners; the example is the first one's, with what was expected."""
    found = faults(
        [
            _verdict("ada", ("b", "failed", "given 1; got 2"), ("c", "passed", "")),
            _verdict("bo", ("b", "failed", "given 5; got 7"), ("c", "failed", "got cpu")),
        ]
    )
    assert [(f.check, f.shape, f.learners) for f in found] == [
        ("b", "got #", ["ada", "bo"]),
        ("c", "got cpu", ["bo"]),
    ]
    assert (found[0].example, found[0].expected) == ("given 1; got 2", "9")


def test_what_hung_is_told_once():
    """The checks that were not tried after one hung are no faults of their own."""
    hung = ("b", "timed out", "still running after 10 s")
    echo = ("c", "timed out", "not tried: the answer did not come back in 'b'")
    assert [f.check for f in faults([_verdict("ada", hung, echo, status="timed out")])] == ["b"]


def test_a_cell_that_raised_is_a_fault_of_the_task():
    """Where no check was asked, the task's own message stands; who did not try made no mistake."""
    raised = _verdict("ada", status="error", message="the cell raised NameError: name 'x' is not defined")
    blank = _verdict("bo", status="not attempted", message="this answer cell is empty")
    assert [(f.check, f.status) for f in faults([raised, blank])] == [("", Status.ERROR)]


def test_a_message_of_any_length_is_cut():
    """A message of thousands of characters takes no more of the page than others."""
    (fault,) = faults([_verdict("ada", ("b", "failed", "x" * 4000))])
    assert len(fault.shape) == len(fault.example) == 200
