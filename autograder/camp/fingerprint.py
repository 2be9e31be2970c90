"""The digests that say whether a verdict still stands: of the grader, and of what learners' code runs on.

Only what a verdict depends on goes into them, so that a change of the report, the gradebook or the command
itself grades nobody again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from camp.verdict import Hashes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camp.exercise import Exercise

SHAPES_VERDICTS = (
    "checks",
    "editions",
    "grade",
    "inside",
    "intake",
    "integrity",
    "kernel",
    "running",
    "source",
    "text",
    "verdict",
    "warm",
)
"""Modules and packages of `camp` whose code decides what a verdict says.

A test compares them with what grading really imports, so that a new module cannot be forgotten here.
"""
SHAPES_NOTHING = ("", "course", "errors", "exercise", "fingerprint", "scratch")
"""What grading imports besides: the words of errors, these digests, where temporary files lie, and the
reading of files that are themselves part of an exercise's digest."""
# What a learner's code can see: a verdict made with other versions of these may differ.
_ENVIRONMENT = ("torch", "numpy", "ipykernel", "ipython")
_DEVICE = "npusim"
_FACES = (_DEVICE, "torch_npu", "acl")
# Names of the folder that the simulated device lies in, in a checkout and where it is installed.
_DEVICE_HOMES = ("simulator", "cann_camp_faces")
_TOOLS = frozenset({"calibration", "scoreboard"})
"""Programs beside the simulated device that make it and measure it; no notebook imports them."""


def hashes(submission: str, exercise: Exercise) -> Hashes:
    """The hashes of all that a verdict depends on.

    Args:
        submission: SHA-256 of the submitted bytes.
        exercise: what they answer.
    """
    return Hashes(
        submission=submission,
        exercise=exercise.digest,
        grader=_grader_digest(),
        environment=_environment_digest(),
    )


@cache
def _grader_digest() -> str:
    """SHA-256 over the modules that shape verdicts."""
    own = Path(__file__).parent
    files = [own / f"{name}.py" for name in SHAPES_VERDICTS if (own / f"{name}.py").is_file()]
    for name in SHAPES_VERDICTS:
        files += (own / name).rglob("*.py")
    return _digest(own, files)


@cache
def _environment_digest() -> str:
    """SHA-256 over what the kernel runs with: Python, the libraries, and the simulated device."""
    parts = [f"python {sys.version_info.major}.{sys.version_info.minor}"]
    for name in _ENVIRONMENT:
        try:
            parts.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            parts.append(f"{name} none")
    for folder in _device_folders():
        # Tables beside the modules are as much of it as these.
        files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        parts.append(f"{folder.name} {_digest(folder, files)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _device_folders() -> list[Path]:
    """The packages that a notebook takes the device from; found, never imported."""
    found = {}
    for name in _FACES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin:
            found[name] = Path(spec.origin).parent
    home = found[_DEVICE].parent if _DEVICE in found else Path()
    if home.name in _DEVICE_HOMES:  # every face that lies there, also those that come later
        for init in home.glob("*/__init__.py"):
            if init.parent.name not in _TOOLS:
                found.setdefault(init.parent.name, init.parent)
    return [found[name] for name in sorted(found)]


def _digest(folder: Path, files: Iterable[Path]) -> str:
    """SHA-256 over files below a folder, with their names."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()
