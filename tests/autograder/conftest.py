"""A toy course, small enough to be graded in seconds, and ways to hand in answers to it."""

import json
import os
import shutil
import socket
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest
from camp.answers import fill_in
from camp.classroom import Means, grade_class, submissions
from camp.cli import main
from camp.course import load_course
from camp.exercise import load_exercise
from camp.grade import grade
from camp.inbox import collect, look_through
from camp.intake import take_in
from camp.paths import Layout
from camp.workers import _call
from click.testing import CliRunner

TOY = Path(__file__).parent / "toy"
RIGHT = {
    "double": "def double(x):\n    return 2 * x\n",
    "total": "def total(numbers):\n    return sum(numbers)\n",
}
# A task graded by hand, the last of the toy course's first assignment: its entry and its cell.
_ENTRY = """
[[assignment.task]]
id = "reason"
title = "Reason"
objective = "You can say why."
minutes = 2
page = "sums"
points = 3
rubric = [{ points = 2, text = "names the reason" }, { points = 1, text = "gives an <b>example</b>" }]
hints = ["Why?", "Ask again.", "And once more."]

[[assignment]]
id = "a2-words"
"""
_CELL = """
Say why.

+++ {"task": "reason", "role": "answer"}

### BEGIN SOLUTION
Because a sum of nothing at all is zero, as everybody knows.

For example the empty list of numbers has it.
### END SOLUTION
"""


@pytest.fixture(scope="session", autouse=True)
def _own_programs_on_path():
    """The gradebook puts Python's own folder on the PATH; let that happen once, before any test compares."""
    own = str(Path(sys.executable).parent)
    if own not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", "")])


@pytest.fixture(scope="session")
def sums():
    """The exercise of two tasks, as it stands in the repository; only to be read."""
    return load_exercise(load_course(TOY / "exercises"), "a1-sums")


@pytest.fixture(scope="session")
def words():
    """The exercise with a file of data beside it; only to be read."""
    return load_exercise(load_course(TOY / "exercises"), "a2-words")


@pytest.fixture
def toy(tmp_path):
    """A checkout of the toy course, to be changed at will."""
    root = tmp_path / "checkout"
    shutil.copytree(TOY / "exercises", root / "exercises", ignore=shutil.ignore_patterns("__pycache__"))
    return Layout(root)


@pytest.fixture
def add_words():
    """Give the first assignment of a toy course a task that is answered in words."""

    def add(layout):
        path = layout.exercises / "camp.toml"
        text = path.read_text(encoding="utf-8").replace('\n[[assignment]]\nid = "a2-words"\n', _ENTRY)
        path.write_text(text.replace("minutes = 10\ncell", "minutes = 12\ncell"), encoding="utf-8")
        notebook = layout.exercises / "a1-sums" / "sums.md"
        notebook.write_text(notebook.read_text(encoding="utf-8") + _CELL, encoding="utf-8")

    return add


@pytest.fixture
def reasoned(toy, add_words):
    """The toy course with that task, to be changed at will."""
    add_words(toy)
    return toy


@pytest.fixture
def right():
    """Answers that earn full marks in `sums`."""
    return dict(RIGHT)


@pytest.fixture
def learner_file(tmp_path, sums):
    """Write a learner's notebook with these answers (and changes made to it) and return its path."""

    def write(answers, change=None, exercise=sums):
        code = {task: textwrap.dedent(text) for task, text in answers.items()}
        notebook = json.loads(nbformat.writes(fill_in(exercise, code)))
        if change is not None:
            change(notebook["cells"])
        path = tmp_path / "submitted.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return path

    return write


@pytest.fixture
def graded(learner_file, sums):
    """Grade these answers of one learner."""

    def run(answers, change=None, learner="ada", exercise=sums):
        return grade(take_in(learner_file(answers, change, exercise), exercise), exercise, learner)

    return run


@pytest.fixture
def hand_in(toy):
    """Write a submission into a folder of submissions and return that folder."""

    def write(learner, answers, assignment="a1-sums"):
        course = load_course(toy.exercises)
        exercise = load_exercise(course, assignment)
        path = toy.root / "inbox" / learner / assignment / f"{exercise.assignment.notebook}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(answers, bytes):
            path.write_bytes(answers)
        else:
            path.write_text(nbformat.writes(fill_in(exercise, answers)), encoding="utf-8")
        return toy.root / "inbox"

    return write


@pytest.fixture
def grade_inbox(toy, monkeypatch):
    """Grade what was handed in, as `camp grade --from` does; return (learner, assignment, earlier) tuples.

    Without `processes` the grading is done in this process, which spares the time that starting them takes.
    """

    def here(function, jobs, _workers, _prepare=None):
        return ((job, _call(function, job)) for job in jobs)

    def run(processes=None, source=None):
        course = load_course(toy.exercises)
        names = [a.id for a in course.assignment]
        collect(toy, course, look_through(course, source or toy.root / "inbox", names))
        told = []

        class Watch:
            def begins(self, fresh, standing):
                pass

            def entering(self, count):
                pass

            def verdict(self, verdict, *, earlier):
                told.append((verdict.learner, verdict.assignment, earlier))

        with monkeypatch.context() as patch:
            if processes is None:
                patch.setattr("camp.classroom.in_workers", here)
            grade_class(toy, course, submissions(toy, course, names), Means(processes or 1), Watch())
        return told

    return run


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """The whole way on the toy course by command, once: the results of `camp release`, `grade`, `report`."""
    root = tmp_path_factory.mktemp("class") / "checkout"
    shutil.copytree(TOY / "exercises", root / "exercises", ignore=shutil.ignore_patterns("__pycache__"))
    lines = (["release"], ["grade", "--example", "--workers", "2"], ["report"])
    results = {line[0]: CliRunner().invoke(main, ["--root", str(root), *line]) for line in lines}
    return Layout(root), results


@pytest.fixture(scope="session")
def graded_class(commands):
    """The example class of the toy course, graded by two workers; only to be read."""
    layout, results = commands
    assert [result.exit_code for result in results.values()] == [0, 0, 0], results["grade"].output
    return layout


@pytest.fixture
def without_versions():
    """Verdicts below a folder, by path, without the hashes that name versions of grader and simulator."""

    def read(folder):
        found = {}
        for path in sorted(folder.rglob("*.json")):
            verdict = json.loads(path.read_bytes())
            assert set(verdict["hashes"]) == {"submission", "exercise", "grader", "environment"}
            del verdict["hashes"]["grader"], verdict["hashes"]["environment"]
            found[path.relative_to(folder).as_posix()] = json.dumps(verdict, indent=2)
        return found

    return read


@pytest.fixture
def processes_with():
    """Find processes that were started with this text in their environment."""

    def find(text):
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or folder.name == str(os.getpid()):
                continue
            try:
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and text.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    return find


@pytest.fixture
def free_port():
    """Find a port of this machine that nothing uses."""

    def find():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find
