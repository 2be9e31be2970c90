"""A versioned release of the whole course: the site, the PDF and the learner's edition, with their checksums.

The same tree makes the same bytes: no time of day, no name of a machine and no order of a folder goes into
them. What would give an answer or a hidden check away is never written.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nbformat

from camp.archive import (
    CHECKSUMS,
    SCHEMA_VERSION,
    WORK,
    Manifest,
    Part,
    VersionError,
    checksums,
    digest,
    make_edition,
    packed,
    parse_version,
)
from camp.editions import learner_edition
from camp.errors import CampError, NotWritableError
from camp.exercise import load_exercise
from camp.leaks import leaks_of
from camp.merge import digests, read_notebook
from camp.paths import make_folder
from camp.release import require_pages
from camp.seat.stamp import stamped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from packaging.version import Version

    from camp.course import Course
    from camp.exercise import Exercise
    from camp.paths import Layout

NAME = "cann-camp"
RELEASE = "manifest.json"
"""What a release says of itself, beside its files."""
_WHEEL_EPOCH = "315532800"  # 1980-01-01, the first that a zip file can hold
_VERSION_LINE = re.compile(r'^(__version__|version) = "[^"]*"$', re.MULTILINE)
_STAMPED = ("pyproject.toml", "autograder/camp/__init__.py")


class PublishError(CampError):
    """A release cannot be made; nothing was written."""


class DirtyTreeError(PublishError):
    """The checkout holds changes that are in no commit."""


class LeakError(PublishError):
    """What would be published gives an answer or a hidden check away."""


@dataclass(frozen=True)
class Wish:
    """What is to be published.

    Attributes:
        version: by PEP 440.
        dirty: also with changes that are in no commit.
        pdf: with the book as PDF, which needs Chromium.
    """

    version: str
    dirty: bool = False
    pdf: bool = True


@dataclass(frozen=True)
class Release:
    """A release on the disk: its folder, and what its `manifest.json` says."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def version(self) -> Version:
        """Its version."""
        return parse_version(self.manifest["version"])


def dist(layout: Layout) -> Path:
    """Where releases are made."""
    return layout.build / "dist"


def releases(layout: Layout) -> list[Release]:
    """The releases that were made here, the oldest first.

    Raises:
        PublishError: what one says of itself cannot be read.
    """
    found = []
    for path in dist(layout).glob(f"{NAME}-*/{RELEASE}"):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            found.append(Release(path.parent, manifest))
            parse_version(manifest["version"])
        except (OSError, ValueError, TypeError, KeyError):
            raise PublishError(f"{path} is no manifest of a release; remove {path.parent}") from None
    return sorted(found, key=lambda release: release.version)


def publish(layout: Layout, course: Course, wish: Wish, say: Callable[[str], None]) -> Release:
    """Make a release in `build/dist/cann-camp-VERSION/`.

    Args:
        layout: the checkout.
        course: its course.
        wish: what is wanted.
        say: told what is being done.

    Raises:
        VersionError: the version is none, or not newer than the last.
        PublishError: the tree is not clean, a part cannot be made, or something would leak.
        ExerciseError: an exercise is not sound.
        NotWritableError: there is no place for it. In all these cases no release is there.
    """
    before = _require_newer(layout, wish.version)
    commit = _commit(layout, dirty=wish.dirty)
    exercises = [load_exercise(course, assignment.id) for assignment in course.assignment]
    for exercise in exercises:
        require_pages(exercise)
    files: dict[str, bytes] = {}
    say("the learner's edition")
    name = f"{NAME}-{wish.version}"
    manifest, learners = _learners_edition(layout, course, exercises, wish.version, commit)
    files[f"{name}-learner.zip"] = make_edition(manifest, learners)
    book = _book(layout, wish, say)
    say("nothing gives an answer away")
    _require_no_leaks({**_unpacked(learners), **book.pages}, exercises)
    files |= {f"{name}-{suffix}": data for suffix, data in book.files.items()}
    notes = _notes(layout, manifest, before)
    files["NOTES.md"] = notes.encode()
    files[RELEASE] = _described(manifest, files, before).encode()
    return _write(dist(layout) / name, files)


# --- before anything is made -----------------------------------------------------------------------


def _require_newer(layout: Layout, text: str) -> Release | None:
    """The last release, if there was one; refuse a version that does not come after it."""
    version = parse_version(text)
    earlier = releases(layout)
    newest = earlier[-1] if earlier else None
    if newest and version == newest.version:
        raise VersionError(
            f"{text} is there already, in {newest.folder}; remove that folder to make it again"
        )
    if newest and version < newest.version:
        raise VersionError(
            f"{text} is not newer than {newest.version}, the last one; choose a higher version"
        )
    project = layout.root / "pyproject.toml"
    own = (
        tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        if project.is_file()
        else text
    )
    if version < parse_version(own):
        raise VersionError(f"{text} is older than the tree, which is {own}; choose {own} or higher")
    return newest


def _git(layout: Layout, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=layout.root, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise PublishError(
            f"git {arguments[0]} failed: {(done.stderr.strip() or 'no reason given').splitlines()[0]}; "
            "a release is made from a git checkout"
        )
    return done.stdout


def _commit(layout: Layout, *, dirty: bool) -> str:
    """The commit that the tree is of; empty where it holds changes, and that was asked for."""
    changed = [line[3:] for line in _git(layout, "status", "--porcelain").splitlines()]
    if changed and not dirty:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise DirtyTreeError(
            f"{changed[0]}{more} changed and in no commit; commit first, or give --dirty for a trial"
        )
    return "" if changed else _git(layout, "rev-parse", "HEAD").strip()


# --- the learner's edition -------------------------------------------------------------------------


def _learners_edition(
    layout: Layout, course: Course, exercises: list[Exercise], version: str, commit: str
) -> tuple[Manifest, dict[str, bytes]]:
    """What it says of itself, and its files: notebooks with data, the wheel, what to install and to read."""
    files: dict[str, bytes] = {}
    parts = []
    for exercise in exercises:
        notebook = f"{exercise.assignment.notebook}.ipynb"
        text = nbformat.writes(stamped(learner_edition(exercise), exercise)) + "\n"
        own = {notebook: text.encode()}
        own |= {name: path.read_bytes() for name, path in exercise.data.items()}
        files |= {f"{WORK}/{exercise.id}/{name}": data for name, data in own.items()}
        parts.append(
            Part(
                id=exercise.id,
                title=exercise.assignment.title,
                notebook=notebook,
                tasks=[task.id for task in exercise.assignment.task],
                cells=digests(read_notebook(own[notebook])),
                files={name: digest(own[name]) for name in sorted(own)},
            )
        )
    wheel, data = _wheel(layout, version)
    files[wheel] = data
    files["requirements.txt"] = _requirements(layout, wheel).encode()
    files["README.md"] = _readme(course, version).encode()
    return Manifest(course.course.id, course.course.title, version, commit, parts), files


def _wheel(layout: Layout, version: str) -> tuple[str, bytes]:
    """The wheel of that version, from what git knows of the checkout; its name and its bytes."""
    with tempfile.TemporaryDirectory(prefix="camp-publish-") as scratch:
        source = Path(scratch, "source")
        for name in _git(layout, "ls-files", "-z").split("\0"):
            if name and (layout.root / name).is_file():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(layout.root / name, source / name)
        for name in _STAMPED:
            _stamp(source / name, version)
        options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check", "-q"]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", *options, "-w", scratch, str(source)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SOURCE_DATE_EPOCH": _WHEEL_EPOCH},
        )
        made = sorted(Path(scratch).glob("*.whl"))
        if done.returncode or len(made) != 1:
            said = (done.stderr or done.stdout).strip().splitlines() or ["pip said nothing"]
            raise PublishError(f"the wheel was not built: {said[-1]}; see pip wheel . in the checkout")
        return made[0].name, made[0].read_bytes()


def _stamp(path: Path, version: str) -> None:
    """Write the release's version into a copy of a file that names one."""
    if not path.is_file():
        return
    text, count = _VERSION_LINE.subn(
        lambda line: f'{line[1]} = "{version}"', path.read_text(encoding="utf-8")
    )
    if count != 1:
        raise PublishError(f"{path.name} names a version {count} times; it must once, in a line of its own")
    path.write_text(text, encoding="utf-8")


def _requirements(layout: Layout, wheel: str) -> str:
    """The learner's requirements: the wheel, and what it needs in the versions that the course pins."""
    project = tomllib.loads((layout.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {
        _bare(re.split(r"[\s\[=<>!~;]", line, maxsplit=1)[0]) for line in project.get("dependencies", [])
    }
    pins = layout.root / "requirements.txt"
    lines = pins.read_text(encoding="utf-8").splitlines() if pins.is_file() else []
    pinned = [line.partition("#")[0].strip() for line in lines]
    kept = sorted(pin for pin in pinned if pin and _bare(re.split(r"[\[=]", pin, maxsplit=1)[0]) in needed)
    return "\n".join([f"./{wheel}", *kept, ""])


def _bare(name: str) -> str:
    """A distribution's name as all spellings of it compare equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _served_here(course: Course, version: str) -> str:
    """How to have the book at the address to which links lead, where that is the reader's own machine."""
    address = urlsplit(course.course.site)
    if address.hostname not in {"localhost", "127.0.0.1"}:
        return ""
    return f""" For that, unpack
`{NAME}-{version}-site.zip` into a folder `book` here, and leave this running in a second terminal:

    python -m http.server {address.port or 80} --bind 127.0.0.1 --directory book"""


def _readme(course: Course, version: str) -> str:
    return f"""# {course.course.title}, release {version}

You need Python 3.11 or newer. In this folder:

    python -m venv .venv
    . .venv/bin/activate                         (Windows: .venv\\Scripts\\activate)
    python -m pip install -r requirements.txt
    jupyter lab {WORK}

Each folder in `{WORK}/` is one assignment. `camp check NOTEBOOK` says how your answers stand, `camp submit
NOTEBOOK` packs them for handing in. The book is at {course.course.site}.{_served_here(course, version)}

On Linux, pip's usual PyTorch brings gigabytes of CUDA that nothing here uses. The selector on pytorch.org
(Stable, Linux, Pip, Python, CPU) shows a command that installs the small one; run it first.

A newer release keeps your work. Close JupyterLab, and in this folder:

    camp upgrade PATH-TO-THE-NEW-RELEASE-learner.zip
    python -m pip install -r requirements.txt
"""


# --- the book --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Book:
    """The book's files by their suffix, and the texts in which something could leak."""

    files: dict[str, bytes]
    pages: dict[str, bytes]


def _book(layout: Layout, wish: Wish, say: Callable[[str], None]) -> _Book:
    """The site as a zip file, and the PDF; nothing for a course without a book."""
    scripts = layout.root / "book"
    if not (scripts / "build.py").is_file():
        return _Book({}, {})
    say("the book")
    _run(layout, scripts / "build.py")
    site = {
        path.relative_to(layout.site).as_posix(): path.read_bytes()
        for path in sorted(layout.site.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    made = {"site.zip": packed(site)}
    if wish.pdf:
        say("the book as PDF")
        _run(layout, scripts / "pdf.py", "--version", f"Release {wish.version}")
        made["book.pdf"] = (layout.build / "pdf" / "cann-camp.pdf").read_bytes()
    pages = {name: data for name, data in site.items() if not name.startswith(("vendor/", "_static/"))}
    return _Book(made, pages)


def _run(layout: Layout, script: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=layout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise PublishError(
            f"book/{script.name} failed: {said[0].lstrip('✗ ')}; mend that, then publish again"
        )


# --- what it says, and whether it may be said ------------------------------------------------------


def _unpacked(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files by path, a wheel as the files in it."""
    found: dict[str, bytes] = {}
    for name, data in files.items():
        if not name.endswith(".whl"):
            found[name] = data
            continue
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            found |= {f"{name}/{inside}": wheel.read(inside) for inside in wheel.namelist()}
    return found


def _require_no_leaks(files: Mapping[str, bytes], exercises: list[Exercise]) -> None:
    """Refuse to publish a line of a hidden check or of an answer, or a file that holds them."""
    held_back = [
        name for name in files if "/exercises/" in f"/{name}" and name.endswith(("checks.py", "camp.toml"))
    ]
    found = held_back or leaks_of(
        {name: data.decode("utf-8", "ignore") for name, data in files.items()}, exercises
    )
    if found:
        raise LeakError(
            f"{found[0]} stands in what learners get, and {len(found) - 1} more; "
            "word the answer or the page otherwise"
        )


def _described(manifest: Manifest, files: Mapping[str, bytes], before: Release | None) -> str:
    """The release's `manifest.json`."""
    described = {
        "schema_version": SCHEMA_VERSION,
        "course": manifest.course,
        "title": manifest.title,
        "version": manifest.version,
        "previous": before.manifest["version"] if before else None,
        "commit": manifest.commit,
        "assignments": [
            {"id": part.id, "title": part.title, "tasks": part.tasks, "sha256": _of(part)}
            for part in manifest.assignments
        ],
        "files": {name: {"sha256": digest(files[name]), "bytes": len(files[name])} for name in sorted(files)},
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _of(part: Part) -> str:
    """One hash over all that a learner gets of an assignment."""
    return digest("".join(f"{value}  {name}\n" for name, value in sorted(part.files.items())).encode())


def _notes(layout: Layout, manifest: Manifest, before: Release | None) -> str:
    """The release's notes: which assignments are new, changed or gone, and what was committed since."""
    lines = [f"# {manifest.title} {manifest.version}", ""]
    if before is None:
        return "\n".join([*lines, f"The first release here: {len(manifest.assignments)} assignments.", ""])
    was = {part["id"]: part["sha256"] for part in before.manifest["assignments"]}
    now = {part.id: _of(part) for part in manifest.assignments}
    kinds = {
        "New assignments": [name for name in now if name not in was],
        "Changed assignments": [name for name in now if name in was and now[name] != was[name]],
        "Assignments no longer there": [name for name in was if name not in now],
    }
    lines += [f"Since {before.manifest['version']}. `camp upgrade` keeps a learner's work.", ""]
    for title, names in kinds.items():
        lines += [f"- {title}: {', '.join(names)}"] if names else []
    since = before.manifest.get("commit")
    if since and manifest.commit:
        known = _git(layout, "log", "--format=- %s", f"{since}..{manifest.commit}").strip()
        lines += ["", "## What changed", "", known] if known else []
    return "\n".join([*lines, ""])


def _write(folder: Path, files: Mapping[str, bytes]) -> Release:
    """Put a release in its place in one step."""
    make_folder(folder.parent)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".half-") as scratch:
            half = Path(scratch, folder.name)
            half.mkdir()
            for name, data in {**files, CHECKSUMS: checksums(files).encode()}.items():
                (half / name).write_bytes(data)
            half.rename(folder)
    except OSError as error:
        raise NotWritableError(
            f"{folder} cannot be written ({error.strerror}); no release was made"
        ) from None
    return Release(folder, json.loads(files[RELEASE]))
