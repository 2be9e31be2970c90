"""Times every public check of the course in a live kernel; prints figures as JSON.

The notebooks hold the model answers, and run from top to bottom with their progress panel, as a learner's do.
A check's time is what its learner waits: from sending the cell to the kernel's word that it is done.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from camp.answers import fill_in, model_answers
from camp.course import Course, load_course
from camp.editions import learner_edition
from camp.exercise import Exercise, load_exercise
from camp.seat.fresh import FreshKernel
from camp.seat.notebook import CHECK, read_notebook
from camp.seat.stamp import stamped
from camp.seat.state import PASSED, load_state

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 180


def answered(folder: Path, exercise: Exercise) -> Path:
    """Write the released notebook with the model answers, and its files."""
    edition = stamped(learner_edition(exercise), exercise)
    path = folder / f"{exercise.assignment.notebook}.ipynb"
    path.write_text(
        nbformat.writes(fill_in(exercise, model_answers(exercise), base=edition)), encoding="utf-8"
    )
    for name, source in exercise.data.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    return path


def seconds_of(course: Course, name: str) -> dict[str, float]:
    """What each public check of an assignment takes, by task."""
    took = {}
    with tempfile.TemporaryDirectory(prefix="camp-bench-") as folder:
        path = answered(Path(folder), load_exercise(course, name))
        notebook = read_notebook(path)
        with FreshKernel(Path(folder)) as kernel:
            for cell in notebook.cells:
                if not cell.code:
                    continue
                start = time.perf_counter()
                ended = kernel.run(cell.source, SECONDS)
                if cell.part == CHECK:
                    took[f"{name}/{cell.task}"] = time.perf_counter() - start
                    if ended.how:
                        sys.exit(f"{name}: the check of {cell.task} {ended.how}: {ended.text}")
        kept = load_state(path, notebook.release).tasks.values()
        if sum(entry.status == PASSED for entry in kept) != len(took):
            sys.exit(f"{name}: the panel missed a check")
    return took


def main() -> None:
    """Print the figures; with --all, every check's own time."""
    course = load_course(ROOT / "exercises")
    took: dict[str, float] = {}
    for assignment in course.assignment:
        took |= seconds_of(course, assignment.id)
    if sys.argv[1:] == ["--all"]:
        for name, seconds in sorted(took.items(), key=lambda entry: entry[1]):
            print(f"{1e3 * seconds:8.1f} ms  {name}")
        return
    worst = max(took, key=lambda name: took[name])
    rows = [
        (
            "check_latency_ms",
            round(1e3 * statistics.median(took.values()), 1),
            "ms",
            f"under 1000, the median of {len(took)} public checks",
        ),
        ("check_latency_worst_ms", round(1e3 * took[worst], 1), "ms", f"the slowest of them, {worst}"),
    ]
    print(json.dumps([dict(zip(("name", "value", "unit", "against"), row, strict=True)) for row in rows]))


if __name__ == "__main__":
    main()
