"""`camp doctor`: what this machine has, what is in use, and what to do about the rest."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from camp.paths import Layout

MIN_PYTHON = (3, 11)
_PACKAGES = {
    "torch": "torch",
    "numpy": "numpy",
    "jupyter-book": "jupyter_book",
    "ipywidgets": "ipywidgets",
    "matplotlib": "matplotlib",
    "nbgrader": "nbgrader",
    "jupyterlab": "jupyterlab",
    "jupytext": "jupytext",
    "nbclient": "nbclient",
    "nbformat": "nbformat",
    "ipykernel": "ipykernel",
    "Jinja2": "jinja2",
    "rich": "rich",
    "PyYAML": "yaml",
    "pydantic": "pydantic",
    "SQLAlchemy": "sqlalchemy",
    "distributed": "distributed",
    "psycopg": "psycopg",
    "copydetect": "copydetect",
    "Pygments": "pygments",
}
"""What is looked for: the name pip knows, and the module that is imported."""
_PROGRAMS = {
    "chromium": ("chromium", "browser tests", "apt install chromium"),
}
_FONT = "Noto Sans CJK SC"


@dataclass(frozen=True)
class Symptom:
    """One thing looked at: what was found, whether it is well, and the remedy if not."""

    what: str
    found: str
    well: bool
    needed: bool = True
    remedy: str = ""


def examine(layout: Layout) -> list[Symptom]:
    """Look at everything that camp needs; never raises."""
    return [_python(), *map(_package, _PACKAGES), *_devices(), *_system(), _writable(layout.build)]


def _python() -> Symptom:
    version = ".".join(map(str, sys.version_info[:3]))
    return Symptom("Python", version, sys.version_info >= MIN_PYTHON, remedy="install Python 3.11 or newer")


def _package(name: str) -> Symptom:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Symptom(name, "not installed", well=False, remedy="run make camp")
    spec = _spec(_PACKAGES[name])
    if spec is None or not spec.origin:  # a folder that was emptied is found as a namespace, of no origin
        remedy = f"{sys.executable} -m pip install --force-reinstall --no-deps {name}=={version}"
        return Symptom(name, f"{version}, but cannot be imported", well=False, remedy=remedy)
    return Symptom(name, version, well=True)


def _spec(module: str) -> ModuleSpec | None:
    """Where a module would be imported from; it is not imported."""
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):  # half imported, or replaced by something that is no module
        return None


def _devices() -> list[Symptom]:
    """Which torch_npu and acl a notebook would import: a real one wins where it is installed."""
    symptoms = []
    for face in ("torch_npu", "acl"):
        spec = _spec(face)
        if spec is None or not spec.origin:
            symptoms.append(
                Symptom(face, "none", well=False, needed=face == "torch_npu", remedy=_no_face(face))
            )
            continue
        folder = Path(spec.origin).parent.parent
        simulated = (folder / "npusim" / "__init__.py").is_file()
        symptoms.append(Symptom(face, f"{'simulated' if simulated else 'real'}, in {folder}", well=True))
    return symptoms


def _no_face(face: str) -> str:
    return "run make camp" if face == "torch_npu" else "not simulated yet; install CANN for the real one"


def _system() -> list[Symptom]:
    found = [
        Symptom(
            name,
            shutil.which(program) or "not found",
            bool(shutil.which(program)),
            needed=False,
            remedy=remedy,
        )
        for program, (name, _purpose, remedy) in _PROGRAMS.items()
    ]
    return [*found, _fonts(), _sandbox()]


def _sandbox() -> Symptom:
    """Whether learners' code is kept away from this machine while it is graded."""
    from camp.warm import isolation

    found = isolation()
    remedy = "grade strangers' notebooks on a Linux that allows user namespaces or Landlock"
    return Symptom("sandbox", str(found), found.safe, needed=False, remedy=remedy)


def _fonts() -> Symptom:
    remedy = "apt install fonts-noto-cjk"
    try:
        done = subprocess.run(
            ["fc-list", _FONT, "family"], capture_output=True, text=True, check=False, timeout=30
        )
        here = bool(done.stdout.strip())
    except (OSError, subprocess.TimeoutExpired):
        here = False
    return Symptom("Chinese fonts", _FONT if here else "not found", here, needed=False, remedy=remedy)


def _writable(folder: Path) -> Symptom:
    place = next(p for p in (folder, *folder.parents) if p.exists())
    well = os.access(place, os.W_OK)
    return Symptom("build/", str(folder), well, remedy=f"make {place} writable for you")
