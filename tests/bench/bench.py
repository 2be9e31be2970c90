"""Measures the camp and writes `build/bench.json`; run by `make bench`, never by the tests.

Ratios are measured side by side in one run. Each figure stands for the median of its repetitions.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "build" / "bench.json"
REPEATS = 7

_IMPORT = "import time; t = time.perf_counter(); import {what}; print(time.perf_counter() - t)"
_IMPORT_AFTER_TORCH = (
    "import os; os.environ['TORCH_DEVICE_BACKEND_AUTOLOAD'] = '0'\n"
    "import time, torch\nt = time.perf_counter()\nimport torch_npu\nprint(time.perf_counter() - t)"
)


@dataclass(frozen=True)
class Figure:
    """One measured figure, and what it is held against."""

    name: str
    value: float
    unit: str
    against: str


def camp() -> Iterator[Figure]:
    """`make camp` in a copy of this tree: cold with nothing built, then warm with nothing changed."""
    with tempfile.TemporaryDirectory(prefix="camp-bench-") as folder:
        copy = Path(folder) / "camp"
        for name in _output(["git", "ls-files", "-co", "--exclude-standard"]).splitlines():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # With its time: a newer requirements.txt would have make set up this environment from the copy.
            shutil.copy2(ROOT / name, target)
        if (vendor := ROOT / "build" / "vendor").is_dir():  # downloads are not what is measured
            shutil.copytree(vendor, copy / "build" / "vendor", symlinks=True)
        venv = Path(sys.prefix)
        for name, goal in (("camp_cold_s", "under 180"), ("camp_warm_s", "under 20")):
            seconds = _wall(["make", "-C", str(copy), "camp", f"VENV={venv}"])
            yield Figure(name, round(seconds, 1), "s", goal)


def imports() -> Iterator[Figure]:
    """What importing our packages adds."""
    npusim = _median_of_runs(_IMPORT.format(what="npusim"))
    yield Figure("import_npusim_ms", round(npusim * 1e3, 1), "ms", "under 50")
    acl = _median_of_runs(_IMPORT.format(what="acl"))
    yield Figure("import_acl_ms", round(acl * 1e3, 1), "ms", "under 200")
    torch_npu = _median_of_runs(_IMPORT_AFTER_TORCH)
    yield Figure("import_torch_npu_ms", round(torch_npu * 1e3, 1), "ms", "under 300, on top of import torch")


def hardware() -> Iterator[Figure]:
    """The simulated hardware alone: an operator accounted, memory taken and given back, a million records."""
    yield from _of_script("hardware.py")


def device() -> Iterator[Figure]:
    """Steps on the simulated NPU against the same PyTorch on the CPU, in one process."""
    yield from _of_script("device_steps.py")


def leaks() -> Iterator[Figure]:
    """What memory a training of 10,000 steps leaves behind."""
    yield from _of_script("long_training.py")


def grading() -> Iterator[Figure]:
    """Grading in the sandbox against stock nbgrader, on the same submissions."""
    yield from _of_script("grading.py")


def checks() -> Iterator[Figure]:
    """How long a learner waits for a public check, over all of the course."""
    yield from _of_script("check_latency.py")


def applications() -> Iterator[Figure]:
    """An AscendCL application against ONNX Runtime alone, and what a model loaded 10,000 times leaves."""
    yield from _of_script("acl_execute.py")
    yield from _of_script("acl_rounds.py")


def book() -> Iterator[Figure]:
    """How soon a reader of the built book sees a page."""
    yield from _of_script("first_paint.py")


def _of_script(name: str) -> Iterator[Figure]:
    for figure in json.loads(_output([sys.executable, str(Path(__file__).with_name(name))])):
        yield Figure(**figure)


def _median_of_runs(code: str) -> float:
    return statistics.median(float(_output([sys.executable, "-c", code])) for _ in range(REPEATS))


def _output(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _wall(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Measure all, print as it comes, write what was measured; 1 if something could not be."""
    figures: list[Figure] = []
    groups: list[Callable[[], Iterator[Figure]]] = [
        imports,
        hardware,
        device,
        leaks,
        applications,
        checks,
        grading,
        book,
        camp,
    ]
    failed = 0
    for group in groups:
        try:
            for figure in group():
                figures.append(figure)
                print(f"{figure.name:<25} {figure.value:>10} {figure.unit:<6} ({figure.against})", flush=True)
        except (subprocess.CalledProcessError, OSError) as error:
            failed += 1
            print(f"bench: {group.__name__} could not be measured: {error}", file=sys.stderr)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps([asdict(f) for f in figures], indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
