"""The real course, proven whole: every exercise by lint, the example class by its verdicts, the site."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from camp.cli import main
from camp.course import load_course
from camp.exercise import load_exercise
from camp.leaks import leaked, leaks_in
from camp.lint import lint
from camp.paths import Layout
from camp.report import verdicts
from camp.verdict import in_words
from click.testing import CliRunner

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COURSE = load_course(ROOT / "exercises")
EXERCISES = [load_exercise(COURSE, assignment.id) for assignment in COURSE.assignment]


@pytest.mark.parametrize("name", [exercise.id for exercise in EXERCISES])
def test_exercise_grades_as_its_author_says(name):
    """The model earns all, the blank nothing, right ones all; wrong ones lose exactly what they name."""
    found = list(lint(COURSE, [name], workers=2))
    assert [f"{finding.what}: {finding.fault}" for finding in found if finding.fault] == []
    assert len(found) > 10


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The example class of the real course, graded by the commands of `make camp`, in a folder of its own."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "exercises", root / "exercises", ignore=shutil.ignore_patterns("__pycache__"))
    for line in (["release"], ["grade", "--example"], ["report"]):
        result = CliRunner().invoke(main, ["--root", str(root), *line])
        assert result.exit_code == 0, result.output
    return Layout(root)


def test_example_class_shows_five_fates(graded):
    """Full marks, a typical partial, a blank, one that loops for ever, one that is no notebook; none lost."""
    found = [v for v in verdicts(graded, COURSE) if v.assignment == "01-hello-npu"]
    words = {re.split("[:,]", in_words(verdict))[0] for verdict in found}
    assert len(found) == 5
    assert words == {"full marks", "partial", "blank", "timed out", "refused"}


def test_endless_loop_costs_its_own_task(graded):
    """The learner whose loop never ends keeps the points of the tasks before and after it."""
    with (graded.report / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    loops = {row["learner"] for row in rows if row["status"] == "timed out"}
    assert len(loops) == 1
    own = [row for row in rows if row["learner"] in loops]
    places = [row["status"] for row in own]
    at = places.index("timed out")
    assert places.count("timed out") == 1
    assert int(own[at]["points"]) < int(own[at]["max_points"])
    assert "passed" in places[:at]
    assert "passed" in places[at + 1 :]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_nothing_leaks_to_learners(graded, exercise):
    """What is released, and the report, hold no hidden check or answer; feedback only the learner's own."""
    for folder in (graded.course / "release", graded.report):
        assert leaks_in(folder, exercise) == [], folder.name
    for feedback in sorted((graded.course / "feedback").iterdir()):
        submitted = (graded.course / "submitted" / feedback.name).rglob("*.ipynb")
        own = {line for path in submitted for line in leaked(path.read_text(encoding="utf-8"), exercise)}
        found = {leak.partition(": ")[2] for leak in leaks_in(feedback, exercise)}
        assert found <= own, feedback.name


def test_nothing_leaks_into_the_site():
    """No hidden check and no answer of any exercise stands in the published book."""
    build = [sys.executable, str(ROOT / "book" / "build.py")]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    site = ROOT / "build" / "site"
    for exercise in EXERCISES:
        assert leaks_in(site, exercise, "*.html") + leaks_in(site / "_sources", exercise) == []
