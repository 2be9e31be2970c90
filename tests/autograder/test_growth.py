"""A grader that has graded many is as large as one that has graded few."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from camp.course import load_course
from camp.exercise import load_exercise
from camp.grade import grade
from camp.intake import take_in
from camp.verdict import Outcome
from camp.warm import usable
from camp.warm.nursery import Brood, nursery

BEFORE, MEASURED = 40, 160
KILOBYTES_EACH = 12
"""What a submission may leave: room for noise, and for no notebook, verdict or message."""


def _size(pid):
    """Kilobytes of private memory, open files and children of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (memory,) = (int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return memory, len(list(Path(f"/proc/{pid}/fd").iterdir())), len(children)


@pytest.mark.slow
def test_many_submissions_leave_nothing(toy, hand_in, right):
    """Neither the grader nor what forks its kernels keeps memory, files or processes of what was graded."""
    if not usable().safe:
        pytest.skip("without a sandbox there is no process that forks kernels")
    course = load_course(toy.exercises)
    exercise = load_exercise(course, course.assignment[0].id)
    path = next(hand_in("zoe", right).rglob("*.ipynb"))
    processes = {"grader": os.getpid(), "zygote": nursery(Brood()).pid}
    sizes = []
    for count in (BEFORE, MEASURED):
        for number in range(count):
            verdict = grade(take_in(path, exercise), exercise, f"learner{count}-{number}")
            assert verdict.outcome is Outcome.FULL
        gc.collect()
        sizes.append({name: _size(pid) for name, pid in processes.items()})
    for name, (before, files, children) in sizes[0].items():
        after, files_after, children_after = sizes[1][name]
        assert (after - before) / MEASURED < KILOBYTES_EACH, name
        assert files_after <= files + 2, name
        assert children_after <= children + 2, name
