"""Times the grading of 20 submissions, ours against stock `nbgrader autograde`; prints figures as JSON."""

from __future__ import annotations

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
from camp.gradebook import GradebookDoor
from camp.paths import Layout
from camp.release import release
from camp.warm.measure import kernel_ready_ms
from nbgrader.api import Gradebook

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = "01-hello-npu"
LEARNERS = 20
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
    """Seconds and scores of `camp grade`, sandbox, gradebook and feedback included."""
    layout = Layout(root)
    shutil.copytree(ROOT / "exercises", layout.exercises, ignore=shutil.ignore_patterns("__pycache__"))
    exercise = load_exercise(load_course(layout.exercises), ASSIGNMENT)
    release(layout, exercise, GradebookDoor(layout))
    hand_in(root / "inbox", exercise, "")
    seconds = run([str(BIN / "camp"), "--root", str(root), "grade", "--from", str(root / "inbox")], root)
    return seconds, scores(layout.course)


def stock(root: Path) -> tuple[float, dict[str, float]]:
    """Seconds and scores of nbgrader as it comes, which runs the public checks in the learner's kernel."""
    exercise = load_exercise(load_course(ROOT / "exercises"), ASSIGNMENT)
    made = Layout(root.parent / "ours").course / "source"
    shutil.copytree(made, root / "source")
    hand_in(root / "submitted", exercise, ASSIGNMENT)
    option = f"--CourseDirectory.root={root}"
    run([str(BIN / "nbgrader"), "generate_assignment", ASSIGNMENT, option], root)
    return run([str(BIN / "nbgrader"), "autograde", ASSIGNMENT, option], root), scores(root)


def main() -> None:
    """Print the figures; fail if the two do not give the same points."""
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
            "at least 12, the same 20 submissions and grades",
        ),
        ("kernel_ready_ms", round(statistics.median(kernel_ready_ms()), 1), "ms", "under 100"),
    ]
    print(json.dumps([dict(zip(("name", "value", "unit", "against"), row, strict=True)) for row in rows]))


if __name__ == "__main__":
    main()
