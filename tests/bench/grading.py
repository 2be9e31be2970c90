"""Times the grading of 20 submissions, ours against stock nbgrader's; prints figures as JSON.

Both grade into their gradebook and write the feedback pages: `camp grade` in one go, in the sandbox, by two
workers; stock nbgrader by `autograde` and `generate_feedback`, which have no other way than one by one.

With `--long N` it grades N submissions in one process instead, and says by how much that process and the one
that forks its kernels have grown: 10,000 take about an hour.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from camp.answers import fill_in, model_answers
from camp.course import load_course
from camp.exercise import Exercise, load_exercise
from camp.grade import grade
from camp.gradebook import GradebookDoor
from camp.intake import take_in
from camp.paths import Layout
from camp.release import release
from camp.warm.measure import kernel_ready_ms, private_bytes
from camp.warm.nursery import Brood, nursery
from nbgrader.api import Gradebook

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = "01-hello-npu"
LEARNERS = 20
WORKERS = 2
BIN = Path(sys.executable).parent


def hand_in(folder: Path, exercise: Exercise, below: str) -> None:
    """Write the same right answers for every learner: `<folder>/<learner>/<below>/<notebook>.ipynb`."""
    text = nbformat.writes(fill_in(exercise, model_answers(exercise)))
    for number in range(LEARNERS):
        target = folder / f"learner{number:02}" / below / f"{exercise.assignment.notebook}.ipynb"
        target.parent.mkdir(parents=True)
        target.write_text(text, encoding="utf-8")


def run(command: list[str], folder: Path) -> float:
    """Run a command and return the seconds it took."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def scores(root: Path) -> dict[str, float]:
    """Each learner's score in a gradebook."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        return {s.student_id: float(s.score) for s in book.assignment_submissions(ASSIGNMENT)}


def ours(root: Path) -> tuple[float, dict[str, float]]:
    """Seconds and scores of `camp grade`: the sandbox, the gradebook and feedback pages included."""
    layout = Layout(root)
    shutil.copytree(ROOT / "exercises", layout.exercises, ignore=shutil.ignore_patterns("__pycache__"))
    exercise = load_exercise(load_course(layout.exercises), ASSIGNMENT)
    release(layout, exercise, GradebookDoor(layout))
    hand_in(root / "inbox", exercise, "")
    command = [str(BIN / "camp"), "--root", str(root), "grade", "--workers", str(WORKERS)]
    seconds = run([*command, "--from", str(root / "inbox")], root)
    pages = len(list((layout.course / "feedback").rglob("*.html")))
    if pages != LEARNERS:
        sys.exit(f"{pages} feedback pages were written for {LEARNERS} submissions")
    return seconds, scores(layout.course)


def stock(root: Path) -> tuple[float, dict[str, float]]:
    """Seconds and scores of nbgrader as it comes, which runs the public checks in the learner's kernel."""
    exercise = load_exercise(load_course(ROOT / "exercises"), ASSIGNMENT)
    made = Layout(root.parent / "ours").course / "source"
    shutil.copytree(made, root / "source")
    hand_in(root / "submitted", exercise, ASSIGNMENT)
    option = f"--CourseDirectory.root={root}"
    run([str(BIN / "nbgrader"), "generate_assignment", ASSIGNMENT, option], root)
    seconds = sum(
        run([str(BIN / "nbgrader"), step, ASSIGNMENT, option], root)
        for step in ("autograde", "generate_feedback")
    )
    return seconds, scores(root)


def growth(count: int) -> dict[str, float]:
    """Kilobytes that each of `count` submissions leaves in the grader and in what forks its kernels."""
    course = load_course(ROOT / "tests" / "autograder" / "toy" / "exercises")
    exercise = load_exercise(course, course.assignment[0].id)
    submitted = nbformat.writes(fill_in(exercise, model_answers(exercise))).encode()
    pids = {"grader": os.getpid(), "zygote": nursery(Brood()).pid}
    sizes: list[dict[str, int]] = []
    with tempfile.TemporaryDirectory(prefix="camp-bench-") as folder:
        path = Path(folder) / f"{exercise.assignment.notebook}.ipynb"
        path.write_bytes(submitted)
        for number in range(count + count // 10):
            if number == count // 10:  # by then all is there that stays
                sizes.append({name: private_kilobytes(pid) for name, pid in pids.items()})
            verdict = grade(take_in(path, exercise), exercise, f"learner{number}")
            if verdict.points != verdict.max_points:
                sys.exit(f"submission {number} has {verdict.points} points")
    gc.collect()
    return {name: (private_kilobytes(pid) - sizes[0][name]) / count for name, pid in pids.items()}


def private_kilobytes(pid: int) -> int:
    """Private memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def main() -> None:
    """Print the figures; fail if the two do not give the same points."""
    if sys.argv[1:2] == ["--long"]:
        for name, kilobytes in growth(int(sys.argv[2])).items():
            print(f"{name}: {kilobytes:.2f} kB a submission")
        return
    with tempfile.TemporaryDirectory(prefix="camp-bench-") as folder:
        here, there = Path(folder) / "ours", Path(folder) / "stock"
        here.mkdir()
        there.mkdir()
        (fast, points), (slow, stock_points) = ours(here), stock(there)
    if points != stock_points:
        sys.exit(f"the two graders differ: {points} and {stock_points}")
    rows = [
        (
            "grading_vs_stock",
            round(slow / fast, 1),
            "times",
            "at least 12; 20 submissions, two workers, sandboxed; both with grades and feedback pages",
        ),
        ("kernel_ready_ms", round(statistics.median(kernel_ready_ms()), 1), "ms", "under 100"),
        ("kernel_private_mb", round(private_bytes() / 2**20, 1), "MB", "under 45, a kernel and its keeper"),
    ]
    print(json.dumps([dict(zip(("name", "value", "unit", "against"), row, strict=True)) for row in rows]))


if __name__ == "__main__":
    main()
