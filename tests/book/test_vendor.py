"""What the pages load is pinned, checked and fetched once; when it cannot be had, one line says why."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import vendor

from .conftest import ROOT

PIN = ROOT / "book" / "package.json"


def make_tarball(path: Path, files: dict[str, str]) -> str:
    """Write a package as npm packs it, and return its integrity."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha512(path.read_bytes()).digest()
    return f"sha512-{base64.b64encode(digest).decode()}"


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package.json that pins one small package, and an npm that hands it out."""
    store = tmp_path / "store.tgz"
    integrity = make_tarball(store, {"LICENSE": "free", "es5/tex.js": "//", "es5/huge.js": "x" * 999})
    path = tmp_path / "package.json"
    kept = {"folder": "mathjax", "integrity": integrity, "files": ["LICENSE", "es5/t*.js"]}
    path.write_text(json.dumps({"dependencies": {"mathjax": "3.2.2"}, "vendor": {"mathjax": kept}}))

    def download(packages: list[vendor.Package], into: Path) -> None:
        for package in packages:
            (into / package.tarball).write_bytes(store.read_bytes())

    monkeypatch.setattr(vendor, "download", download)
    return path


def test_pins_are_exact() -> None:
    """Every package has one exact version and a checksum, so that a site can be built again next year."""
    packages = vendor.read_packages(PIN)
    assert {"mathjax", "mermaid", "@jupyter-widgets/html-manager"} <= {package.name for package in packages}
    for package in packages:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package.version), package.spec
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package.integrity), package.spec
        assert any("LICENSE" in pattern for pattern in package.files), f"{package.spec}: ship its licence"


def test_tarball_names_are_npms() -> None:
    """A scoped name is flattened as `npm pack` does it."""
    package = vendor.Package("@jupyter-widgets/html-manager", "1.0.15", "widgets", "", ())
    assert package.tarball == "jupyter-widgets-html-manager-1.0.15.tgz"


def test_keeps_only_what_pages_need(pinned: Path, tmp_path: Path) -> None:
    """Of 24 MB of MathJax the site gets the files that are named, in the package's own folders."""
    folder = tmp_path / "vendor"
    assert vendor.vendor(pinned, folder) is True
    kept = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert kept == [".complete", "mathjax/LICENSE", "mathjax/es5/tex.js"]


def test_fetches_once(pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete folder is used as it is, without npm and without a network; a new pin fetches again."""
    folder = tmp_path / "vendor"
    vendor.vendor(pinned, folder)
    asked = []
    monkeypatch.setattr(vendor, "download", lambda packages, _into: asked.append(packages))
    assert vendor.vendor(pinned, folder) is False
    assert asked == []
    pinned.write_text(pinned.read_text() + "\n")
    with pytest.raises(FileNotFoundError):
        vendor.vendor(pinned, folder)
    assert len(asked) == 1


def test_other_bytes_than_pinned_are_refused(
    pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is not the one that was checked never reaches the site; the earlier one stays."""
    folder = tmp_path / "vendor"
    vendor.vendor(pinned, folder)
    pinned.write_text(pinned.read_text() + "\n")

    def download(packages: list[vendor.Package], into: Path) -> None:
        make_tarball(into / packages[0].tarball, {"es5/tex.js": "alert()"})

    monkeypatch.setattr(vendor, "download", download)
    with pytest.raises(vendor.VendorError, match=r"mathjax@3\.2\.2 is not the package that was pinned"):
        vendor.vendor(pinned, folder)
    assert (folder / "mathjax" / "es5" / "tex.js").read_text() == "//"


def test_a_pattern_that_matches_nothing_is_an_error(pinned: Path, tmp_path: Path) -> None:
    """After an upgrade that moved files, the author hears of it here and not from a reader."""
    pinned.write_text(pinned.read_text().replace("es5/t*.js", "es6/t*.js"))
    with pytest.raises(vendor.VendorError, match=r"holds no file es6/t\*\.js"):
        vendor.vendor(pinned, tmp_path / "vendor")


def test_missing_npm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without npm: one line that names the Python package that brings it."""
    monkeypatch.setattr("shutil.which", lambda *_args, **_kwargs: None)
    with pytest.raises(vendor.VendorError, match=r"npm was not found.*requirements\.txt.*Node\.js"):
        vendor.find_npm()


def test_npm_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason that npm gives is in the line, without its noise, and so is what to check."""
    said = "npm error code ENOTFOUND\nnpm error request to the registry failed\nnpm error A complete log\n"
    failed = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr("subprocess.run", lambda *_args, **_kwargs: failed)
    with pytest.raises(vendor.VendorError) as caught:
        vendor.download([vendor.Package("mathjax", "3.2.2", "mathjax", "", ())], tmp_path)
    text = str(caught.value)
    assert "\n" not in text
    assert "could not fetch mathjax@3.2.2 (request to the registry failed)" in text
    assert "proxy" in text


def test_npm_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that never answers ends in an error, not in a build that hangs."""

    def hang(*_args: object, **_kwargs: object) -> None:
        raise subprocess.TimeoutExpired("npm", 300)

    monkeypatch.setattr("subprocess.run", hang)
    with pytest.raises(vendor.VendorError, match="npm could not be run"):
        vendor.download([], tmp_path)
