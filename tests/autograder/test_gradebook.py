"""The nbgrader side: its own commands work on the course root and give the scores of the verdicts."""

import csv
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from camp.course import load_course
from camp.errors import GradebookError
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor, _exactly, verdict_path
from camp.paths import Layout
from camp.verdict import read_verdict

pytestmark = pytest.mark.slow
CLASS = {"ada": 5, "bo": 4, "cleo": 0, "dima": 2, "eve": 0}


@pytest.fixture
def own(graded_class, tmp_path):
    """A copy of the graded class, to be changed."""
    shutil.copytree(graded_class.root, tmp_path / "checkout")
    return Layout(tmp_path / "checkout")


def _nbgrader(layout, *arguments):
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(layout.root / "none"), "HOME": str(layout.root)}
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=layout.course,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_gradebook_holds_the_verdicts(graded_class):
    """The gradebook's scores are the verdicts' points, also of what is no notebook and of the blank."""
    assert GradebookDoor(graded_class).scores("a1-sums") == CLASS
    for learner, points in CLASS.items():
        assert read_verdict(verdict_path(graded_class, "a1-sums", learner)).points == points


def test_nothing_waits_for_a_hand(graded_class):
    """No grade is left for manual grading: every submission has its score by machine."""
    with closing(sqlite3.connect(graded_class.course / "gradebook.db")) as book:
        rows = book.execute("select auto_score, needs_manual_grade from grade").fetchall()
    assert len(rows) == 11
    assert all(score is not None and not waits for score, waits in rows)


def test_stock_autograde_gives_the_same(own, without_versions):
    """`nbgrader autograde --force` without verdicts at hand grades anew and comes to the same verdicts."""
    before = without_versions(own.results / "a1-sums")
    shutil.rmtree(own.results)
    GradebookDoor(own)  # writes the configuration for this folder
    done = _nbgrader(own, "autograde", "a1-sums", "--force")
    assert done.returncode == 0, done.stderr
    assert GradebookDoor(own).scores("a1-sums") == CLASS
    assert without_versions(own.results / "a1-sums") == before


def test_stock_feedback_and_export(own):
    """`nbgrader generate_feedback` and `nbgrader export` work on the course root, with the same scores."""
    shutil.rmtree(own.course / "feedback")
    GradebookDoor(own)
    done = _nbgrader(own, "generate_feedback", "a1-sums")
    assert done.returncode == 0, done.stderr
    for learner in CLASS:
        assert (own.course / "feedback" / learner / "a1-sums" / "sums.html").stat().st_size > 1000
    done = _nbgrader(own, "export", "--to", str(own.root / "all.csv"))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((own.root / "all.csv").open(encoding="utf-8")))
    assert {r["student_id"]: float(r["score"]) for r in rows if r["assignment"] == "a1-sums"} == CLASS


def test_manual_grades_survive(own):
    """A grade given by hand stays when the same submission is entered again."""
    with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
        book.execute("update grade set manual_score = 1 where auto_score = 2")
        book.commit()
    door = GradebookDoor(own)
    before = door.scores("a1-sums")
    assert before["ada"] != CLASS["ada"], "the test must be able to fail"
    door.enter(read_verdict(verdict_path(own, "a1-sums", "ada")))
    assert door.scores("a1-sums") == before


def test_door_knows_what_it_holds(own):
    """A verdict is held when exactly this one was entered, with its feedback and its score."""
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    verdict = read_verdict(verdict_path(own, "a1-sums", "bo"))
    assert GradebookDoor(own).holds(exercise, verdict)
    assert not GradebookDoor(own).holds(exercise, verdict.model_copy(update={"findings": ["other"]}))
    assert not GradebookDoor(own).holds(exercise, verdict.model_copy(update={"learner": "nobody"}))
    page = own.course / "feedback" / "bo" / "a1-sums" / "sums.html"
    page.rename(page.with_suffix(".away"))
    assert not GradebookDoor(own).holds(exercise, verdict)
    page.with_suffix(".away").rename(page)
    assert GradebookDoor(own).holds(exercise, verdict)
    with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
        book.execute("update grade set auto_score = 0")
        book.commit()
    assert not GradebookDoor(own).holds(exercise, verdict)


@pytest.mark.parametrize("step", ["scores", "knows", "export"])
def test_damaged_gradebook(own, step):
    """A gradebook that is no database is one line with the way out, and stays as it is."""
    path = own.course / "gradebook.db"
    path.write_bytes(b"this is no database, it only looks like one" * 100)
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    door = GradebookDoor(own)
    argument = {"scores": "a1-sums", "knows": exercise, "export": own.root / "x.csv"}[step]
    with pytest.raises(GradebookError, match=r"gradebook\.db cannot be used .*database") as caught:
        getattr(door, step)(argument)
    assert "\n" not in str(caught.value)
    assert path.read_bytes().startswith(b"this is no database")


def test_failed_step_says_why(own):
    """When nbgrader refuses, its reason is in the line, and what was entered before stays."""
    door = GradebookDoor(own)
    verdict = read_verdict(verdict_path(own, "a1-sums", "ada"))
    with pytest.raises(
        GradebookError, match=r"grading of a1-sums of nobody failed: .*No notebooks were matched"
    ):
        door.enter(verdict.model_copy(update={"learner": "nobody"}))
    assert door.scores("a1-sums") == CLASS


def test_interrupt_is_not_swallowed(own, monkeypatch):
    """Ctrl-C while nbgrader works, which nbgrader catches, is Ctrl-C all the same."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("nbgrader.converters.autograde.Autograde.start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        GradebookDoor(own).enter(read_verdict(verdict_path(own, "a1-sums", "ada")))


def test_quiet_leaves_no_trace(own, capfd):
    """Nbgrader's steps print nothing and change nothing of this process: logging, warnings, folder, PATH."""

    def state():
        root = logging.getLogger()
        return (
            root.manager.disable,
            list(root.handlers),
            root.level,
            list(warnings.filters),
            Path.cwd(),
            os.environ["PATH"],
            sys.stdout,
        )

    before = state()
    door = GradebookDoor(own)
    door.enter(read_verdict(verdict_path(own, "a1-sums", "ada")))
    door.scores("a1-sums")
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_name_that_nbgrader_cannot_hold(own):
    """A name with a bracket, always a pattern to nbgrader, is one line with the way out."""
    verdict = read_verdict(verdict_path(own, "a1-sums", "ada")).model_copy(update={"learner": "a[1]"})
    with pytest.raises(GradebookError, match=r"cannot enter 'a\[1\]'.*rename it"):
        GradebookDoor(own).enter(verdict)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("ada", "ada"), ("a*b?", "a[*]b[?]"), ("li  na ", "li[ ][ ]na[ ]")],
)
def test_names_are_no_patterns(name, pattern):
    """A learner's name that looks like a pattern is that name alone."""
    assert _exactly(name) == pattern
