"""What is told while a class is graded: every verdict, how far it is, and what could not be read."""

import io

import pytest
from camp.editions import learner_edition
from camp.grade import without_points
from camp.intake import Intake
from camp.progress import Progress, in_time
from camp.verdict import Status
from rich.console import Console


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def __call__(self):
        """What it shows."""
        return self.now


@pytest.fixture
def verdicts(sums):
    """Some verdicts, the first one on a submission that was refused."""
    intake = Intake(learner_edition(sums), "0")
    refused = without_points(
        intake, sums, "eve", Status.REFUSED, "not a notebook: it is a zip; submit the .ipynb"
    )
    return [refused, *(without_points(intake, sums, f"l{n}", Status.KILLED, "x") for n in range(30))]


def _told(verdicts, *, terminal=False, standing=0, seconds=0, before=None):
    clock, out = Clock(), io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200, highlight=False)
    with Progress(console, before=before, clock=clock) as progress:
        progress.begins(len(verdicts) - standing, standing)
        for number, verdict in enumerate(verdicts):
            clock.now += seconds
            progress.verdict(verdict, earlier=number < standing)
        progress.entering(1)
    return out.getvalue(), progress


def test_every_verdict_is_a_line(verdicts):
    """Elsewhere than on a terminal each verdict is one plain line, without a bar or colours."""
    said, progress = _told(verdicts[:3])
    assert said == (
        "graded  eve  a1-sums  0 of 5  refused: not a notebook\n"
        "graded  l0  a1-sums  0 of 5  no points\ngraded  l1  a1-sums  0 of 5  no points\n"
    )
    assert progress.refused == [
        ("eve", "a1-sums of eve is refused: not a notebook: it is a zip; submit the .ipynb"),
    ]


def test_estimate_where_there_is_no_bar(verdicts):
    """At most every quarter of a minute a line says how far it is, and how long the rest may take."""
    said, _ = _told(verdicts, seconds=5)
    lines = [line for line in said.splitlines() if line.startswith("so far")]
    assert lines[0] == "so far  3 of 31, about 3 min left"
    assert lines[-1] == "so far  30 of 31, about 5 s left"
    assert len(lines) == 10
    assert "so far" not in _told(verdicts, seconds=0.1)[0]


def test_terminal_has_a_bar(verdicts):
    """A terminal shows the bar with what is done of what, and no lines of estimates."""
    said, _ = _told(verdicts, terminal=True, seconds=60)
    assert "31/31" in said
    assert "so far" not in said


def test_many_that_stand_are_one_line(verdicts):
    """Of a class that was graded before only the number is told; a few are told one by one."""
    said, _ = _told(verdicts[1:], standing=29)
    assert said.splitlines() == [
        "unchanged  29 submissions, their verdicts stand",
        "graded  l29  a1-sums  0 of 5  no points",
    ]
    said, _ = _told(verdicts[1:3], standing=2)
    assert said.count("(unchanged)") == 2


def test_refusals_of_earlier_runs_are_told_again(verdicts):
    """What could not be read is told each time, also where its verdict stands."""
    assert len(_told(verdicts, standing=31)[1].refused) == 1


@pytest.mark.parametrize(("standing", "called"), [(0, 1), (31, 0)])
def test_warning_comes_only_before_grading(verdicts, standing, called):
    """What is to be said before strangers' code runs is said once, and not where none will run."""
    calls = []
    _told(verdicts, standing=standing, before=lambda: calls.append(1))
    assert len(calls) == called


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (59.4, "59 s"), (61, "2 min"), (3600, "1 h 0 min"), (7261, "2 h 2 min")],
)
def test_spans_of_time(seconds, words):
    """A span is told in the unit a person would use, never as nothing."""
    assert in_time(seconds) == words
