"""Hostile notebooks: nothing happens outside the kernel, no point is given away, and all ends in a verdict.

Each is a file beside this test, whose header says what it tries and how each task may end. `answers/` are
answer cells of the toy exercise, `files/` are submitted files, `device/` are answers of tasks that are judged
by the device's time. To add one, add a file. Everything that they go for outside is writable for everyone
on purpose, so that the sandbox alone protects it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import yaml
from camp.answers import fill_in, model_answers
from camp.course import load_course
from camp.exercise import load_exercise
from camp.grade import grade
from camp.intake import take_in
from camp.verdict import Status, Verdict
from camp.warm import usable

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TOY = HERE.parent / "toy" / "exercises"
COURSE = HERE.parents[2] / "exercises"
SECRET = "s3cret-of-the-grader"  # noqa: S105 - nobody's
LARGEST_VERDICT = 100_000


def cases(folder):
    """The files of a folder, by name."""
    return pytest.mark.parametrize("path", sorted((HERE / folder).glob("*.py")), ids=lambda p: p.stem)


def header(path):
    """What a case says of itself."""
    lines = path.read_text(encoding="utf-8").split("# ---\n")[1].splitlines()
    return yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines))


def quick(exercise, seconds, tasks=None):
    """The same exercise with less time for each cell, or with some of its tasks only."""
    chosen = [t for t in exercise.assignment.task if tasks is None or t.id in tasks]
    assignment = exercise.assignment.model_copy(update={"cell_timeout": seconds, "task": chosen})
    kept = {t.id for t in chosen}
    source = nbformat.from_dict({**exercise.source, "cells": []})
    source.cells = [c for c in exercise.source.cells if c.metadata.get("task", chosen[0].id) in kept]
    return replace(
        exercise,
        assignment=assignment,
        source=source,
        checks={task: checks for task, checks in exercise.checks.items() if task in kept},
    )


@pytest.fixture(scope="module")
def sums():
    """The toy exercise with three seconds for each cell."""
    return quick(load_exercise(load_course(TOY), "a1-sums"), 3)


class Canary:
    """What must not change, and whom nobody may reach."""

    def __init__(self, folder, stack):
        self.folder = folder
        for name in ("source/answers.ipynb", "submitted/bob/a.ipynb"):
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_text("theirs", encoding="utf-8")
        with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as book:
            book.executescript(
                "create table grades (points); insert into grades values (1); create table other (a)"
            )
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777)
        self.listening = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))),
            stack.enter_context(socket.socket(socket.AF_UNIX)),
            stack.enter_context(socket.socket(socket.AF_UNIX)),
        ]
        self.path, self.abstract = str(folder.parent / "s"), f"camp-hostile-{os.getpid()}"
        self.listening[1].bind(self.path)
        self.listening[2].bind(f"\0{self.abstract}")
        Path(self.path).chmod(0o777)
        for one in self.listening:
            one.listen()
            one.settimeout(0)
        self.before = self.content()

    def fill_in(self, text):
        """A case's text with the places that it goes for."""
        for name, value in {
            "CANARY": self.folder,
            "EXERCISES": TOY / "a1-sums",
            "PORT": self.listening[0].getsockname()[1],
            "SOCKET": self.path,
            "ABSTRACT": self.abstract,
            "PID": os.getpid(),
            "SECRET": SECRET,
        }.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    def content(self):
        """Every file with its bytes, mode and time of change."""
        return {
            str(p): (p.read_bytes(), p.stat().st_mode, p.stat().st_mtime_ns)
            for p in sorted(self.folder.rglob("*"))
            if p.is_file()
        }

    def require_untouched(self):
        """Nothing was written, deleted, connected to, or left running."""
        assert self.content() == self.before
        for one in self.listening:
            with pytest.raises(BlockingIOError):
                one.accept()
        assert not Path("/dev/shm/camp-hostile-file").exists()  # noqa: S108
        assert not Path("/dev/shm/camp-hostile").exists()  # noqa: S108
        assert not Path("/tmp/next-learner").exists()  # noqa: S108
        assert not Path("/tmp/camp-hostile-pickle").exists()  # noqa: S108
        assert survivors() == []


def survivors():
    """The processes below this one that are not the grader's own, once they have had a moment to end."""
    deadline = time.monotonic() + 10
    while (left := _left()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _left():
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (
                    (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                )
                parents.setdefault(int(fields[1]), []).append((int(entry.name), fields[0]))
    zygotes = [pid for pid, _ in parents.get(os.getpid(), [])]
    below = [(pid, state) for zygote in zygotes for pid, state in parents.get(zygote, [])]
    return [(pid, state) for pid, state in below if pid not in OWN]


OWN: set[int] = set()  # what was there before: other tests' zygotes keep processes of their own


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    """What hostile code goes for."""
    if not usable().safe:
        pytest.skip(f"strangers' code runs nowhere without a sandbox: {usable()}")
    OWN.update(pid for pid, _ in _left())
    folder = tmp_path_factory.mktemp("canary") / "course"
    folder.mkdir()
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMP_TOKEN", SECRET)
        yield Canary(folder, stack)


def require(verdict, wanted, exercise):
    """Each task ended as its case says, and earned its points only if it passed."""
    came = {task.task: str(task.status) for task in verdict.tasks}
    for task in exercise.assignment.task:
        allowed = wanted.get(task.id, "passed").split("|")
        allowed += ["timed out"] * ("passed" not in allowed)  # which a busy machine makes of much
        assert came[task.id] in allowed, verdict.to_json()
    for task in verdict.tasks:
        if task.status is not Status.PASSED:
            assert task.points < task.max_points
        else:
            assert task.points == task.max_points
        if task.task in wanted and "passed" not in wanted[task.task].split("|"):
            assert task.points == 0, verdict.to_json()
    text = verdict.to_json()
    assert len(text) < LARGEST_VERDICT
    assert Verdict.model_validate_json(text.encode("utf-8")) == verdict
    said = [t.output + t.message for t in verdict.tasks] + [
        c.message for t in verdict.tasks for c in t.checks
    ]
    assert not any(ord(c) < 32 and c not in "\n\t\r" for c in "".join(said))
    assert SECRET not in text


def cell_of(path):
    """The text of a case's answer cell."""
    return path.read_text(encoding="utf-8").split("# %% double\n", 1)[1]


@cases("answers")
def test_hostile_answer(path, canary, sums, tmp_path):
    """The task that it is in earns nothing, ends in a typed status, and nothing outside changes."""
    code = canary.fill_in(cell_of(path))
    notebook = fill_in(sums, {"double": code, "total": "def total(numbers):\n    return sum(numbers)\n"})
    submitted = tmp_path / "sums.ipynb"
    submitted.write_text(json.dumps(notebook), encoding="utf-8")
    verdict = grade(take_in(submitted, sums), sums, "mallory")
    require(verdict, header(path)["verdict"], sums)
    canary.require_untouched()


@cases("files")
def test_hostile_file(path, canary, sums, tmp_path):
    """Whatever was done to the file, its answers are graded, or it is refused, and the finding says it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers = {"double": "def double(x):\n    return 2 * x\n", "total": "total = sum"}
    submitted = tmp_path / "sums.ipynb"
    submitted.write_bytes(module.build(json.loads(nbformat.writes(fill_in(sums, answers)))))
    verdict = grade(take_in(submitted, sums), sums, "mallory")
    about = header(path)
    require(verdict, about["verdict"], sums)
    assert about.get("finding", "") in " ".join(verdict.findings)
    canary.require_untouched()


@pytest.fixture(scope="module")
def timed():
    """The tasks of the course's first exercise that are judged by the device's time."""
    return quick(
        load_exercise(load_course(COURSE), "01-hello-npu"), 5, {"move_data", "keep_on_device", "measure"}
    )


@cases("device")
def test_hostile_device(path, canary, timed, tmp_path):
    """Who changes the clock, the costs or the list of events does not pass the checks of device time."""
    about = header(path)
    (task,) = about["verdict"]
    cell = path.read_text(encoding="utf-8").split(f"# %% {task}\n", 1)[1]
    submitted = tmp_path / "hello-npu.ipynb"
    submitted.write_text(json.dumps(fill_in(timed, {**model_answers(timed), task: cell})), encoding="utf-8")
    verdict = grade(take_in(submitted, timed), timed, "mallory")
    results = {t.task: t for t in verdict.tasks}
    assert str(results[task].status) in about["verdict"][task].split("|"), verdict.to_json()
    passed = {c.name for c in results[task].checks if c.status is Status.PASSED}
    assert not passed & set(about["never"]), verdict.to_json()
    assert len({c.name for c in results[task].checks} & set(about["never"])) == len(about["never"])
    assert results[task].points == sum(c.points for c in results[task].checks)
    others = [result for name, result in results.items() if name != task]
    assert all(r.points == r.max_points for r in others) or "uses" in str(verdict.findings)
    canary.require_untouched()


def test_the_cases_are_told_apart():
    """Every case says in a sentence what it tries, no two the same, and there are thirty and many more."""
    about = [header(p)["about"] for p in HERE.glob("*/*.py") if p.parent.name != "honest"]
    assert len(set(about)) == len(about) >= 100
    assert all(text.endswith(".") for text in about)
