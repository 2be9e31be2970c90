"""A folder of submissions: who handed in what, what in it is no submission, and copying without trust."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camp.errors import NotWritableError, SubmissionsError
from camp.intake import MAX_BYTES
from camp.paths import Layout, make_folder, write_text
from camp.standing import TIMESTAMP_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from camp.course import Assignment, Course

_NEW = ".new-"
MAX_TIMESTAMP = 100
"""Bytes of a file that tells when a submission came."""


@dataclass
class Inbox:
    """What a folder of submissions holds."""

    files: dict[tuple[str, str], Path] = field(default_factory=dict)
    """What was submitted, by learner and assignment."""
    notices: list[str] = field(default_factory=list)
    """What was expected and is not there, or is there and not expected; a line each."""
    amiss: list[str] = field(default_factory=list)
    """Those of the notices that tell of something handed in which will not be graded."""


def look_through(course: Course, source: Path, assignments: list[str]) -> Inbox:
    """Look for submissions of these assignments; nothing is changed.

    Looked for are `<learner>/<notebook>.ipynb`, `<learner>/<assignment>.ipynb` and
    `<learner>/<assignment>/<notebook>.ipynb`. An assignment that nobody handed in is not yet missed.

    Raises:
        SubmissionsError: the folder is missing, holds no submission, or a name that cannot be shown.
    """
    wanted = [course.find(name) for name in assignments]
    learners = _learners(source)
    inbox = Inbox()
    for learner in learners:
        for assignment in wanted:
            # A link is refused later on, and never followed.
            links = (p for p in (learner, learner / assignment.id) if p.is_symlink())
            places = [learner / place for place in reversed(_places(assignment))]
            submitted = next((p for p in (*links, *places) if p.is_symlink() or p.exists()), None)
            if submitted is not None:
                inbox.files[learner.name, assignment.id] = submitted
    if not inbox.files:
        raise SubmissionsError(
            f"{source} holds no submission of {', '.join(assignments)}; expected {_expected(wanted[0])}"
        )
    # A learner's folder that is itself a link stands for every assignment, and so says nothing of one.
    handed_in = {assignment for (_, assignment), path in inbox.files.items() if path not in learners}
    asked = [assignment for assignment in wanted if assignment.id in handed_in]
    for learner in learners:
        strays = _strays(learner, course)
        inbox.notices += _missed(learner, asked, inbox) or strays
        inbox.amiss += strays
    outside = [
        f"{_shown(path)} lies in no learner's folder and is not graded; expected {_expected(wanted[0])}"
        for path in sorted(source.iterdir())
        if path not in learners and not path.name.startswith(".")
    ]
    inbox.notices += outside
    inbox.amiss += outside
    return inbox


def collect(layout: Layout, course: Course, inbox: Inbox) -> None:
    """Copy submissions into nbgrader's `submitted/`, byte for byte, with the times at which they came.

    One that cannot be read joins what is amiss, keeps no other out, and stays as it was collected before.

    Raises:
        NotWritableError: there is no place for any of them.
    """
    make_folder(layout.course / "submitted")
    for (learner, assignment), submitted in inbox.files.items():
        target = submitted_file(layout, course.find(assignment), learner)
        try:
            make_folder(target.parent)
            times = _times(submitted, target)
            _copy(submitted, target)
            os.utime(target, ns=times, follow_symlinks=False)
            _copy_timestamp(submitted.parent / TIMESTAMP_FILE, target.parent / TIMESTAMP_FILE)
        except (OSError, NotWritableError) as error:
            with contextlib.suppress(OSError):  # an empty folder would be taken for an empty submission
                target.parent.rmdir()
                target.parent.parent.rmdir()
            reason = error if isinstance(error, NotWritableError) else error.strerror
            line = f"{_shown(submitted)} cannot be collected ({reason}); put that right, then grade again"
            inbox.notices.append(line)
            inbox.amiss.append(line)


def submitted_file(layout: Layout, assignment: Assignment, learner: str) -> Path:
    """Where nbgrader looks for a submission."""
    return layout.course / "submitted" / learner / assignment.id / f"{assignment.notebook}.ipynb"


def _places(assignment: Assignment) -> list[str]:
    """The names under which a submission is looked for in a learner's folder."""
    notebook = f"{assignment.notebook}.ipynb"
    return list(dict.fromkeys([notebook, f"{assignment.id}.ipynb", f"{assignment.id}/{notebook}"]))


def _expected(assignment: Assignment, folder: str = "<learner>/") -> str:
    *others, last = [folder + place for place in _places(assignment)]
    return f"{', '.join(others)} or {last}"


def _missed(learner: Path, asked: list[Assignment], inbox: Inbox) -> list[str]:
    return [
        f"no submission of {assignment.id} found in {learner}; expected {_expected(assignment, '')}"
        for assignment in asked
        if (learner.name, assignment.id) not in inbox.files
    ]


def _strays(learner: Path, course: Course) -> list[str]:
    """Notebooks in a learner's folder under a name that no assignment of the course looks for."""
    if learner.is_symlink():
        return []
    known = {learner / place for assignment in course.assignment for place in _places(assignment)}
    return [
        f"{_shown(path)} has the name of no assignment and is not graded"
        for path in sorted({*learner.glob("*.ipynb"), *learner.glob("[!.]*/*.ipynb")})
        if path not in known and not path.name.startswith(".")
    ]


def _shown(path: Path) -> str:
    """A path as text, or quoted where it holds what no terminal should be sent."""
    return str(path) if str(path).isprintable() else repr(str(path))


def _learners(source: Path) -> list[Path]:
    """The folders of learners, by name.

    Raises:
        SubmissionsError: there is no such folder, or a name in it that no file of ours could bear.
    """
    if not source.is_dir():
        raise SubmissionsError(f"{source} is no folder; give one that holds a folder per learner")
    found = sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith("."))
    for learner in found:
        if not learner.name.isprintable():
            raise SubmissionsError(f"the folder {learner.name!r} has a name that cannot be shown; rename it")
    return found


def _copy(source: Path, target: Path) -> None:
    """Copy what was submitted, in one step, without following links or reading more than intake would."""
    new = target.with_name(f"{_NEW}{target.name}")
    _remove(new)
    try:
        if source.is_symlink():
            new.symlink_to(source.readlink())
        elif source.is_file():
            with source.open("rb") as incoming:
                new.write_bytes(incoming.read(MAX_BYTES + 1))
        else:  # a folder, or something that must not be opened, as a pipe: neither is a submission
            new.mkdir()
        if not new.is_dir() or new.is_symlink():
            _remove_folder(target)
            new.replace(target)
            return
        _remove(target)
        new.rename(target)
    finally:
        _remove(new)


def _times(source: Path, target: Path) -> tuple[int, int]:
    """When a file came, as its own time says; the same bytes handed in again came when they first did."""
    times = [source.lstat().st_mtime_ns]
    ordinary = all(path.is_file() and not path.is_symlink() for path in (source, target))
    if (
        ordinary
        and source.stat().st_size == target.stat().st_size
        and filecmp.cmp(source, target, shallow=False)
    ):
        times.append(target.stat().st_mtime_ns)
    return min(times), min(times)


def _copy_timestamp(source: Path, target: Path) -> None:
    """Take along what nbgrader's exchange wrote beside a submission when it came."""
    if source.is_file() and not source.is_symlink() and source.stat().st_size <= MAX_TIMESTAMP:
        write_text(target, source.read_text(encoding="utf-8", errors="replace"))
    else:
        _remove(target)


def _remove(path: Path) -> None:
    _remove_folder(path)
    path.unlink(missing_ok=True)


def _remove_folder(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
