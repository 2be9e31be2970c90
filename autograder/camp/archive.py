"""The learner's edition as one file: what it says of itself, its checksums, and how it is written and read.

`camp publish` writes it, `camp upgrade` reads it on a learner's machine: nothing here needs more than the
standard library and `packaging`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from packaging.version import InvalidVersion, Version

from camp.errors import CampError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
MANIFEST, CHECKSUMS, WORK = "camp-release.json", "SHA256SUMS", "work"
"""What an edition says of itself, the checksums of all else in it, and the folder with the notebooks."""
TOP = "cann-camp"
"""The one folder that an unpacked archive makes: without a version, as it is upgraded in place."""
MAX_BYTES = 300_000_000
"""Unpacked; more than that is no learner's edition."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SUM = re.compile(r"([0-9a-f]{64})  (\S.*)")
_UNSAFE = re.compile(r'[\\:*?"<>|\x00-\x1f]')


class ArchiveError(CampError):
    """An archive of a release is missing, damaged, or none."""


class VersionError(CampError):
    """A version is none, or not newer than the one before it."""


@dataclass(frozen=True)
class Part:
    """One assignment of a release.

    Attributes:
        id: its folder below `work/`.
        title: as learners read it.
        notebook: the file's name in that folder.
        tasks: the tasks' ids, in order.
        cells: SHA-256 of each cell's text (see `text_digest`), by the cell's id.
        files: SHA-256 of each file's bytes, by its path in the folder, the notebook's with them.
    """

    id: str
    title: str
    notebook: str
    tasks: list[str]
    cells: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """What a learner's edition says of itself.

    Attributes:
        course: the course's id, which an upgrade must not change.
        title: the course's title.
        version: of the release, by PEP 440.
        commit: what it was made from, or empty.
        assignments: in the course's order.
    """

    course: str
    title: str
    version: str
    commit: str = ""
    assignments: list[Part] = field(default_factory=list)

    @property
    def by_id(self) -> dict[str, Part]:
        """The assignments by their id."""
        return {part.id: part for part in self.assignments}

    def text(self) -> str:
        """As JSON, `schema_version` first."""
        data = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, data: bytes, name: str) -> Self:
        """Read what `text` wrote.

        Args:
            data: the file's bytes.
            name: what to call it in an error.

        Raises:
            ArchiveError: it is no manifest, or one of a later kind.
        """
        try:
            raw = json.loads(data.decode("utf-8"))
            kind = raw.pop("schema_version")
            if kind != SCHEMA_VERSION:
                raise ArchiveError(
                    f"{name} is written in form {kind!r}, this camp reads {SCHEMA_VERSION}; install the "
                    "release's own wheel first (pip install -r requirements.txt), then upgrade"
                )
            parts = [Part(**part) for part in raw.pop("assignments")]
            made = cls(**raw, assignments=parts)
            made.require_sound()
        except (UnicodeDecodeError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise ArchiveError(
                f"{name} is no manifest of a release ({why}); unpack the release again"
            ) from None
        return made

    def require_sound(self) -> None:
        """Raise ValueError or TypeError where a value is not what its name promises."""
        parse_version(self.version)
        for text in (self.course, self.title, self.commit, *(part.title for part in self.assignments)):
            _require_text(text)
        for part in self.assignments:
            for name in (part.id, part.notebook, *part.files):
                _require_safe(name)
            for text in (*part.tasks, *part.cells, *part.cells.values(), *part.files.values()):
                _require_text(text)


def parse_version(text: str) -> Version:
    """A version by PEP 440, written in its normal form and without a local part.

    Raises:
        VersionError: it is none, or written otherwise.
    """
    try:
        version = Version(text)
    except (InvalidVersion, TypeError):
        raise VersionError(f"{text!r} is no version by PEP 440; write it like 1.2.0 or 1.2.0rc1") from None
    if str(version) != text or version.local:
        raise VersionError(f"{text!r} is not written in the normal form; write {version.public}")
    return version


def text_digest(text: str) -> str:
    """SHA-256 of a cell's text, the line ends of other systems and blank lines around it left aside."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return digest(plain.encode("utf-8", "replace"))


def digest(data: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _require_text(text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text")


def _require_safe(name: str) -> None:
    """Refuse a path that would leave the folder it is unpacked into, or that Windows cannot have."""
    _require_text(name)
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or _UNSAFE.search(name) or str(path) != name:
        raise ValueError(f"{name!r} is no path inside the release")


def checksums(files: Mapping[str, bytes]) -> str:
    """Lines as `sha256sum --check` reads them, sorted by name."""
    return "".join(f"{digest(files[name])}  {name}\n" for name in sorted(files))


def packed(files: Mapping[str, bytes], top: str = "") -> bytes:
    """A zip file of these files, the same bytes for the same files: sorted, at one time, with plain rights.

    Args:
        files: contents by path.
        top: a folder to put them in.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{top}/{name}" if top else name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    return out.getvalue()


@dataclass(frozen=True)
class Edition:
    """A learner's edition, read and verified.

    Attributes:
        manifest: what it says of itself.
        files: the contents of all its files, by path.
    """

    manifest: Manifest
    files: dict[str, bytes]

    def of(self, part: Part) -> dict[str, bytes]:
        """The files of one assignment, by their path in its folder."""
        return {name: self.files[f"{WORK}/{part.id}/{name}"] for name in part.files}


def make_edition(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """The archive of a learner's edition.

    Args:
        manifest: what it says of itself.
        files: everything else, by path.
    """
    whole = {**files, MANIFEST: manifest.text().encode()}
    return packed({**whole, CHECKSUMS: checksums(whole).encode()}, TOP)


def read_edition(path: Path) -> Edition:
    """Read a learner's edition, and verify every byte of it first.

    Args:
        path: the archive, or the folder of a release that holds it. Where `SHA256SUMS` lies beside the
            archive, the archive must be as it says.

    Raises:
        ArchiveError: it is missing, damaged, changed, or no learner's edition.
    """
    path = _archive_in(path) if path.is_dir() else path
    try:
        data = path.read_bytes()
        beside = path.with_name(CHECKSUMS)
        said = _sums(beside.read_bytes(), str(beside)) if beside.is_file() else {}
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read ({error.strerror}); give the release's file") from None
    if path.name in said and said[path.name] != digest(data):
        raise ArchiveError(
            f"{path.name} is not what {CHECKSUMS} beside it says (it is {digest(data)[:12]}..., it should be "
            f"{said[path.name][:12]}...); download both again"
        )
    files = _unpacked(data, path.name)
    manifest = Manifest.read(files[MANIFEST], f"{MANIFEST} in {path.name}")
    edition = Edition(manifest, files)
    for part in manifest.assignments:
        for name, wanted in part.files.items():
            held = files.get(f"{WORK}/{part.id}/{name}")
            if held is None or digest(held) != wanted:
                raise ArchiveError(
                    f"{path.name}: {part.id}/{name} is not what {MANIFEST} says; download it again"
                )
    return edition


def _archive_in(folder: Path) -> Path:
    """The learner's edition in the folder of a release."""
    found = sorted(folder.glob("*-learner.zip"))
    if len(found) != 1:
        raise ArchiveError(f"{folder} holds {len(found)} files *-learner.zip; give the one to upgrade to")
    return found[0]


def _sums(data: bytes, name: str) -> dict[str, str]:
    """A file of checksums, by the names in it."""
    lines = data.decode("utf-8", "replace").splitlines()
    found = [_SUM.fullmatch(line) for line in lines]
    if not all(found):
        bad = next(line for line, match in zip(lines, found, strict=True) if not match)
        raise ArchiveError(f"{name} is no list of checksums: {bad[:60]!r}; download the release again")
    return {match[2]: match[1] for match in found if match}


def _unpacked(data: bytes, name: str) -> dict[str, bytes]:
    """The files of an archive, each as its checksum says, and none besides."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ArchiveError(f"{name} is larger than {MAX_BYTES:,} bytes unpacked; it is no release")
            files = {entry.filename.removeprefix(f"{TOP}/"): archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError, OSError, zlib.error):
        raise ArchiveError(f"{name} is damaged or no zip file; download it again") from None
    for inside in (MANIFEST, CHECKSUMS):
        if inside not in files:
            raise ArchiveError(f"{name} holds no {inside}; it is no learner's edition of a release")
    said = _sums(files.pop(CHECKSUMS), f"{CHECKSUMS} in {name}")
    wrong = sorted(n for n in said.keys() | files.keys() if n not in files or digest(files[n]) != said.get(n))
    if wrong:
        raise ArchiveError(f"{name}: {wrong[0]} is not what {CHECKSUMS} says; download the release again")
    try:
        for inside in files:
            _require_safe(inside)
    except ValueError as error:
        raise ArchiveError(f"{name}: {error}; do not use it") from None
    return files
