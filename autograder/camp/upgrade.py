"""Upgrading a learner's folder to a newer release: new notebooks with the learner's work, all or nothing.

The whole new `work/` is made beside the old one, which is then moved to `backup/` in one step, and the new
one put in its place in another. Whatever stops this, the learner's work lies whole in one of the two; the
next run sees from `.upgrade/` where it stopped. It needs no course, no network and nothing of one system.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from camp.archive import (
    CHECKSUMS,
    MANIFEST,
    WORK,
    Edition,
    Manifest,
    Part,
    VersionError,
    checksums,
    digest,
    parse_version,
    read_edition,
)
from camp.errors import CampError, NotWritableError
from camp.merge import NotNotebookError, has_work, merge, read_notebook, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGE, BACKUP = ".upgrade", "backup"
"""Where the new files are made, and where the old ones are kept."""
_SUFFIX = ".ipynb"


class UpgradeError(CampError):
    """A learner's folder cannot be upgraded; nothing of it was changed."""


@dataclass
class Report:
    """What an upgrade did, or would do.

    Attributes:
        before: the version that was there.
        after: the version that is there now.
        backup: where the old files are.
        answers: how many answers were taken over, by the path of the notebook.
        told: what the learner should know, each line with the path that it is about.
    """

    before: str
    after: str
    backup: Path
    answers: dict[str, int] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)


def upgrade(folder: Path, archive: Path, base: Path | None = None, *, dry_run: bool = False) -> Report:
    """Upgrade a learner's folder.

    Args:
        folder: the folder with `work/` and `camp-release.json`.
        archive: the new release, or the folder that holds it.
        base: the release that the work began with, for a folder that does not say so itself.
        dry_run: say what would happen, and change nothing.

    Raises:
        ArchiveError: a release is missing or damaged.
        VersionError: it is not newer.
        UpgradeError: the folder is none of a learner, or something in it cannot be taken over.
        NotWritableError: the folder cannot be written. In all these cases it is as it was.
    """
    edition = read_edition(archive)
    _finish_earlier(folder)
    was = _manifest(folder, base)
    _require_newer(was, edition.manifest)
    stage = folder / STAGE
    try:
        stage.mkdir()
    except OSError as error:
        raise NotWritableError(f"{folder} cannot be written ({error.strerror}); check who owns it") from None
    try:
        report = _prepare(folder, stage, was, edition)
        if not dry_run:
            _swap(folder, stage, report.backup, edition)
    except OSError as error:
        raise UpgradeError(
            f"{error.filename or folder}: {error.strerror or error}; your folder is as it was. "
            "Close JupyterLab and editors, see that the disk has room, and try again"
        ) from None
    finally:
        if (folder / WORK).exists():
            shutil.rmtree(stage, ignore_errors=True)
    return report


# --- what is there ---------------------------------------------------------------------------------


def _manifest(folder: Path, base: Path | None) -> Manifest:
    """What the folder's own release says of itself."""
    if not (folder / WORK).is_dir():
        raise UpgradeError(
            f"{folder} holds no folder {WORK}/ with your notebooks; change into the one that does"
        )
    if base is not None:
        return read_edition(base).manifest
    try:
        return Manifest.read((folder / MANIFEST).read_bytes(), str(folder / MANIFEST))
    except FileNotFoundError:
        raise UpgradeError(
            f"{folder} holds no {MANIFEST}, so it does not say which release your work began with; "
            "give that release's file with --base"
        ) from None
    except OSError as error:
        raise UpgradeError(
            f"{folder / MANIFEST} cannot be read ({error.strerror}); check who owns it"
        ) from None


def _require_newer(was: Manifest, now: Manifest) -> None:
    if was.course != now.course:
        raise UpgradeError(
            f"this is {now.course!r}, and your folder holds {was.course!r}; take your own course's"
        )
    old, new = parse_version(was.version), parse_version(now.version)
    if new == old:
        raise VersionError(f"your folder holds {old} already; there is nothing to do")
    if new < old:
        raise VersionError(f"your folder holds {old}, and {new} is older; take a newer release")


# --- making the new folder -------------------------------------------------------------------------


def _prepare(folder: Path, stage: Path, was: Manifest, edition: Edition) -> Report:
    """Make the new `work/` and the new files beside it, below `stage`."""
    report = Report(was.version, edition.manifest.version, _free(folder / BACKUP / was.version))
    work = stage / WORK
    shutil.copytree(folder / WORK, work, symlinks=True)
    for part in edition.manifest.assignments:
        _assignment(work / part.id, was.by_id.get(part.id), part, edition.of(part), report)
    for part in was.assignments:
        if part.id not in edition.manifest.by_id and (work / part.id).is_dir():
            report.told.append((part.id, "is no longer part of the course; your folder stays as it is"))
    for name, data in _beside_work(edition):
        _write(stage / "top" / name, data)
    return report


def _beside_work(edition: Edition) -> Iterator[tuple[str, bytes]]:
    """The files of a release that lie beside `work/`; what says the version comes last."""
    for name in sorted(edition.files):
        if not name.startswith(f"{WORK}/") and name not in {MANIFEST, CHECKSUMS}:
            yield name, edition.files[name]
    yield CHECKSUMS, checksums(edition.files).encode()
    yield MANIFEST, edition.files[MANIFEST]


def _assignment(folder: Path, was: Part | None, now: Part, files: dict[str, bytes], report: Report) -> None:
    """Bring one assignment's folder to the new release."""
    notebook = files.pop(now.notebook)
    _notebooks(folder, was, now, notebook, report)
    were = {name: value for name, value in was.files.items() if name != was.notebook} if was else {}
    for name, data in files.items():
        _data_file(folder / name, were.get(name), data, f"{now.id}/{name}", report)
    for name in were.keys() - files.keys() - {now.notebook}:
        mine = folder / name
        if mine.is_file() and digest(mine.read_bytes()) == were[name]:
            mine.unlink()
        elif mine.is_file():
            report.told.append(
                (f"{now.id}/{name}", "is no longer part of the task; yours was changed and stays")
            )


def _data_file(mine: Path, was: str | None, data: bytes, name: str, report: Report) -> None:
    """Bring one file that lies beside a notebook to the new release, unless the learner changed it."""
    there = mine.is_file() or mine.is_symlink()
    held = digest(mine.read_bytes()) if mine.is_file() else None
    if not there or (held == was and was is not None):
        _write(mine, data)
    elif held not in {digest(data), was} and was != digest(data):
        beside = _free(mine.with_name(f"{mine.stem}.{report.after}{mine.suffix}"))
        _write(beside, data)
        report.told.append((name, f"was changed by you and stays; the new one is {beside.name}"))


def _notebooks(folder: Path, was: Part | None, now: Part, data: bytes, report: Report) -> None:
    """Take over every notebook of the assignment, under whatever name the learner gave it."""
    own_names = {now.notebook, was.notebook if was else now.notebook}
    parts = [part for part in (was, now) if part]
    fresh, renamed = False, False
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        place, own = f"{now.id}/{path.name}", path.name in own_names
        if was and path.name == was.notebook and digest(path.read_bytes()) == was.files.get(was.notebook):
            path.unlink()  # never touched
            fresh = True
            continue
        mine = _readable(path, place, report, needed=own)
        if mine is None or not (own or has_work(mine, parts)):
            continue  # something of the learner's own
        merged = merge(mine, read_notebook(data), was, now)
        target = path
        if own and path.name != now.notebook:
            path.unlink()
            target = _free(folder / now.notebook)
        _write(target, write_notebook(merged.notebook))
        report.answers[place] = len(merged.answered)
        report.told += [(place, line) for line in merged.told]
        if not own:
            renamed = True
            report.told.append((place, f"keeps the name you gave it; it is handed in as {now.notebook}"))
    if not (folder / now.notebook).exists() and (fresh or not renamed):
        _write(folder / now.notebook, data)


def _readable(path: Path, place: str, report: Report, *, needed: bool) -> dict[str, Any] | None:
    """One of the learner's notebooks; None where it is none and bears a name of the learner's own."""
    try:
        return read_notebook(path.read_bytes())
    except NotNotebookError as error:
        if needed:
            raise UpgradeError(
                f"{WORK}/{place} is no notebook ({error}); move it out of {WORK}/, or put a copy that opens "
                "in its place, and upgrade again"
            ) from None
        report.told.append((place, f"is no notebook ({error}); it stays as it is"))
        return None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        path.unlink()
    path.write_bytes(data)


def _free(path: Path) -> Path:
    """A path like this one that nothing has yet."""
    number, free = 2, path
    while free.exists() or free.is_symlink():
        pure = PurePosixPath(path.name)
        free = path.with_name(
            f"{pure.stem}-{number}{pure.suffix}" if path.suffix == _SUFFIX else f"{path.name}-{number}"
        )
        number += 1
    return free


# --- putting it in place ---------------------------------------------------------------------------


def _swap(folder: Path, stage: Path, backup: Path, edition: Edition) -> None:
    """Put the new files in place of the old ones; where that fails, put the old ones back."""
    work = folder / WORK
    backup.mkdir(parents=True)
    (stage / "backup").write_text(backup.relative_to(folder).as_posix(), encoding="utf-8")
    there = [name for name, _ in _beside_work(edition) if (folder / name).is_file()]
    try:
        for name in there:
            shutil.copy2(folder / name, backup / name)
    except BaseException:
        shutil.rmtree(backup, ignore_errors=True)
        raise
    try:
        work.rename(backup / WORK)
        (stage / WORK).rename(work)
        _place(folder, stage, backup)
    except BaseException:
        _undo(folder, stage, backup)
        for name, _ in _beside_work(edition):  # what was placed, and was not there before
            if not (stage / "top" / name).exists() and name not in there:
                (folder / name).unlink(missing_ok=True)
        raise


def _place(folder: Path, stage: Path, backup: Path) -> None:
    """Put the files that lie beside `work/` in place, the one with the version last."""
    new = {path.name for path in (stage / "top").iterdir()}
    for wheel in folder.glob("cann_camp-*.whl"):
        if wheel.name not in new:
            wheel.replace(backup / wheel.name)
    for name in sorted(new, key=lambda name: (name == MANIFEST, name)):
        (stage / "top" / name).replace(folder / name)


def _undo(folder: Path, stage: Path, backup: Path) -> None:
    """Put back what `_swap` moved."""
    work = folder / WORK
    if (backup / WORK).exists():
        if work.exists():
            work.rename(stage / WORK)
        (backup / WORK).rename(work)
    for path in backup.iterdir():
        path.replace(folder / path.name)
    backup.rmdir()
    with contextlib.suppress(OSError):  # it holds older ones
        backup.parent.rmdir()


def _finish_earlier(folder: Path) -> None:
    """Where an upgrade was cut off, put the folder right: back to all old files, or on to all new ones."""
    stage, work = folder / STAGE, folder / WORK
    if not stage.is_dir():
        return
    note = stage / "backup"
    backup = folder / note.read_text(encoding="utf-8") if note.is_file() else None
    try:
        if backup and not work.exists() and (backup / WORK).exists():
            _undo(folder, stage, backup)
        elif backup and (backup / WORK).exists() and not (stage / WORK).exists() and (stage / "top").is_dir():
            _place(
                folder, stage, backup
            )  # the notebooks are new ones: somebody may have worked in them since
        shutil.rmtree(stage)
    except OSError as error:
        where = backup / WORK if backup and not work.exists() else work
        raise UpgradeError(
            f"an upgrade was cut off, and {error.filename} cannot be moved ({error.strerror}); your "
            f"notebooks are in {where}. Close JupyterLab and try again"
        ) from None
