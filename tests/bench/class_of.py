"""Grades a large class of tiny submissions and prints how fast that went and how the grader's memory grew.

Not part of `make bench`: ten thousand take most of an hour; left blank, which starts no kernels and is all
the same to the memory of the grader, some minutes.

    .venv/bin/python tests/bench/class_of.py 10000
    .venv/bin/python tests/bench/class_of.py 10000 blank
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from camp.answers import fill_in
from camp.course import load_course
from camp.exercise import Exercise, load_exercise
from camp.paths import Layout

TOY = Path(__file__).resolve().parents[1] / "autograder" / "toy" / "exercises"
NAME = "a1-sums"
ANSWERS: tuple[dict[str, str], ...] = (
    {"double": "def double(x):\n    return 2 * x", "total": "total = sum"},
    {"double": "def double(x):\n    return 2 * int(x)", "total": "def total(n):\n    raise KeyError"},
    {"total": "total = sum"},
)


def hand_in(folder: Path, exercise: Exercise, count: int, *, blank: bool) -> None:
    """Write a notebook for every learner."""
    texts = [nbformat.writes(fill_in(exercise, answers)) for answers in (({},) if blank else ANSWERS)]
    for number in range(count):
        path = folder / f"learner{number:05}" / NAME / f"{exercise.assignment.notebook}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(texts[number % len(texts)], encoding="utf-8")


def files(folder: Path) -> int:
    """How many files are in a folder, which may not be there yet."""
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def resident(pid: int) -> int:
    """Bytes of memory of a process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS")), 0)


def watch(grader: subprocess.Popen[bytes], results: Path) -> list[tuple[int, int]]:
    """How many verdicts there were, and what memory the grader had, every few seconds until it ends."""
    seen = []
    while grader.poll() is None:
        count = files(results)
        if size := resident(grader.pid):
            seen.append((count, size))
        time.sleep(2)
    return seen


def slope(seen: list[tuple[int, int]]) -> float:
    """Bytes by which the memory grows for each verdict, by least squares over the last three quarters."""
    last = max(count for count, _ in seen)
    points = [(count, size) for count, size in seen if count >= last / 4]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def main() -> None:
    """Print the figures as JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(prefix="camp-bench-") as folder:
        layout = Layout(Path(folder))
        shutil.copytree(TOY, layout.exercises, ignore=shutil.ignore_patterns("__pycache__"))
        exercise = load_exercise(load_course(layout.exercises), NAME)
        hand_in(layout.root / "inbox", exercise, count, blank="blank" in sys.argv)
        camp = [str(Path(sys.executable).parent / "camp"), "--root", folder]
        command = [*camp, "grade", NAME, "--from", str(layout.root / "inbox")]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as grader:
            seen = watch(grader, layout.results / NAME)
        seconds = time.perf_counter() - start
        figures = {
            "verdicts": files(layout.results / NAME),
            "exit_code": grader.returncode,
            "seconds": round(seconds),
            "per_second": round(count / seconds, 1),
            "first_mb": seen[len(seen) // 4][1] >> 20,
            "most_mb": max(size for _, size in seen) >> 20,
            "bytes_per_submission": round(slope(seen)),
        }
        print(json.dumps(figures), flush=True)  # removing what was made takes minutes


if __name__ == "__main__":
    main()
