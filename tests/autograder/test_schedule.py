"""A class of a thousand: whatever happens to workers and grader, each submission has its one verdict."""

import contextlib
import io
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from camp.answers import fill_in
from camp.classroom import Means, submissions, verdicts
from camp.course import load_course
from camp.exercise import load_exercise
from camp.paths import Layout
from camp.verdict import Status, read_verdict

pytestmark = pytest.mark.slow

CLASS, SOME = 1000, 200
NAME = "a1-sums"
CAMP = "import camp.quick\nfrom camp.cli import main; main()"
WAYS = [
    {"double": "def double(x):\n    return 2 * x", "total": "total = sum"},
    {"double": "def double(x):\n    return 2 * int(x)"},
    {"double": "print(object())\ndef double(x):\n    raise KeyError(x)", "total": "total = sum"},
    {"double": "import os\nos._exit(3)", "total": "def total(numbers):\n    return max(numbers, default=0)"},
]
KILL_SECONDS = (1.0, 4.0)
"""A worker is killed at random after so many seconds."""
MAX_GROWTH = 24 << 20
"""Bytes by which the grader may grow over the second half of the class: what Python keeps in reserve."""


def _bytes_of(number, exercise):
    """What a learner handed in: a quarter of the class answered, the others left it blank or unreadable."""
    if number % 4 == 0:
        return nbformat.writes(fill_in(exercise, WAYS[number // 4 % len(WAYS)])).encode()
    if number % 4 == 1:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("sums.ipynb"), "{}")  # without the time
        return (b"", b"<html>", packed.getvalue(), b'{"cells": 1}')[number // 4 % 4]
    return nbformat.writes(fill_in(exercise, {})).encode()


def _hand_in(root, toy):
    """A checkout with a class in it; returns it with the folder of what was handed in."""
    shutil.copytree(toy / "exercises", root / "exercises", ignore=shutil.ignore_patterns("__pycache__"))
    exercise = load_exercise(load_course(root / "exercises"), NAME)
    for number in range(CLASS):
        path = root / "inbox" / f"学生 {number:04}" / NAME / "sums.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(_bytes_of(number, exercise))
    return Layout(root)


def _start(layout, temporary):
    """Start `camp grade`, as a user would."""
    arguments = ["--root", str(layout.root), "grade", NAME, "--from", str(layout.root / "inbox")]
    return subprocess.Popen(
        [sys.executable, "-c", CAMP, *arguments, "--workers", "2"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _resident(pid):
    """Bytes of memory that a process has."""
    with contextlib.suppress(OSError, StopIteration, IndexError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))
    return 0


def _children(pid):
    with contextlib.suppress(OSError):
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


def _workers(pid):
    """The grader's workers: the children of the process that it has them forked from."""
    found = []
    for child in _children(pid):
        with contextlib.suppress(OSError):
            if b"multiprocessing.forkserver" in Path(f"/proc/{child}/cmdline").read_bytes():
                found += _children(child)
    return found


def _count(layout):
    folder = layout.results / NAME
    return sum(1 for _ in folder.glob("*.json")) if folder.is_dir() else 0


def _results(layout):
    return {p.name: p.read_bytes() for p in (layout.results / NAME).iterdir()}


def _entered(layout):
    """All scores that the gradebook holds, a row for each learner and task."""
    query = (
        "select s.student_id, c.name, g.auto_score from grade g join submitted_notebook n on n.id ="
        " g.notebook_id join submitted_assignment s on s.id = n.assignment_id join base_cell c on c.id ="
        " g.cell_id order by 1, 2"
    )
    with closing(sqlite3.connect(layout.course / "gradebook.db")) as book:
        return book.execute(query).fetchall()


@pytest.fixture(scope="module")
def calm(tmp_path_factory, request):
    """The class graded by two workers whom nothing happens; with the grader's memory on the way."""
    layout = _hand_in(tmp_path_factory.mktemp("calm") / "checkout", request.path.parent / "toy")
    temporary = tmp_path_factory.mktemp("tmp")
    memory = {}
    with _start(layout, temporary) as grader:
        while grader.poll() is None:
            memory[_count(layout)] = _resident(grader.pid)
            time.sleep(0.2)
        said = grader.stderr.read()
    assert grader.returncode == 1, "a quarter could not be read, and the exit code says so"
    assert said.count("is refused: ") == CLASS // 4
    assert len(said.splitlines()) == CLASS // 4, said[-2000:]
    return layout, memory


def test_everyone_has_a_verdict(calm):
    """Each of the thousand has a verdict, and the gradebook has a row for each task of each."""
    layout, _ = calm
    assert len(_results(layout)) == CLASS
    assert len(_entered(layout)) == 2 * CLASS
    found = [read_verdict(p) for p in sorted((layout.results / NAME).iterdir())]
    assert [v.points for v in found[:16:4]] == [5, 1, 3, 1]
    assert found[12].tasks[0].status is Status.KILLED
    assert sum(v.outcome == "refused" for v in found) == CLASS // 4
    assert sum(v.outcome == "blank" for v in found) == CLASS // 2


def test_memory_of_the_grader_is_flat(calm):
    """Over the second half of the class the grader does not grow."""
    _, memory = calm
    early = max(size for count, size in memory.items() if count <= CLASS // 2)
    late = max(size for count, size in memory.items() if count > CLASS // 2)
    assert late - early < MAX_GROWTH, f"{early >> 20} MB, then {late >> 20} MB"


@pytest.mark.parametrize("workers", [1, 8])
def test_any_number_of_workers_in_any_order(calm, workers):
    """One worker and eight, in other orders, give byte for byte what two workers gave."""
    layout, _ = calm
    course = load_course(layout.exercises)
    todo = submissions(layout, course, [NAME])[:SOME]
    random.Random(workers).shuffle(todo)  # noqa: S311 - an order, no secret
    troubles = []
    exercises = {NAME: load_exercise(course, NAME)}
    found = list(verdicts(course, exercises, todo, Means(workers), troubles))
    assert troubles == []
    came = {f"{submission.learner}.json": verdict.to_json().encode() for submission, verdict in found}
    there = _results(layout)
    assert len(found) == len(came) == SOME
    assert came == {name: there[name] for name in came}


@pytest.fixture
def short_folder():
    """A folder for temporary files with a short name: sockets in it must fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


def test_killed_workers_and_a_killed_grader_lose_nothing(
    calm, tmp_path, request, processes_with, short_folder
):
    """Workers killed every few seconds, the grader killed and started again three times: all as if calm."""
    calmly, _ = calm
    layout = _hand_in(tmp_path / "checkout", request.path.parent / "toy")
    temporary = short_folder
    dice = random.Random(3)  # noqa: S311 - the same in every run
    killed = 0
    for stop in (CLASS // 4, CLASS // 2, CLASS * 3 // 4, None):
        grader = _start(layout, temporary)
        strike = time.monotonic() + dice.uniform(*KILL_SECONDS)
        while grader.poll() is None and (stop is None or _count(layout) < stop):
            time.sleep(0.05)
            workers = _workers(grader.pid)
            if time.monotonic() > strike and workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(dice.choice(workers), signal.SIGKILL)
                    killed += 1
                strike = time.monotonic() + dice.uniform(*KILL_SECONDS)
        if stop is not None:
            assert grader.poll() is None, grader.stderr.read()
            grader.kill()
        said = grader.communicate()[1]
    assert grader.returncode == 1, said
    assert len(said.splitlines()) == CLASS // 4, said[-2000:]
    assert killed >= 4
    assert _results(layout) == _results(calmly)
    assert _entered(layout) == _entered(calmly)
    for folder in (".entered", "autograded", "feedback"):
        made, expected = (
            sorted(p.relative_to(one.course) for p in (one.course / folder).rglob("*") if p.is_file())
            for one in (layout, calmly)
        )
        assert made == expected
    assert not list(layout.build.rglob(".half-*"))
    _until_gone(lambda: processes_with(f"TMPDIR={temporary}"))
    assert [p.name for p in temporary.iterdir() if p.name.startswith("camp-")] == []


def _until_gone(find, seconds=10):
    """Processes that a killed one leaves notice it by themselves, if not in the same moment."""
    deadline = time.monotonic() + seconds
    while (left := find()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
