"""`camp serve`: the book and JupyterLab together on localhost, until Ctrl-C."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camp.errors import CampError, MissingDependencyError, PortError
from camp.paths import Layout, make_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from camp.course import Course

HOST = "127.0.0.1"
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
SETTINGS, LOG = "lab", "log.txt"
"""Below `build/`: JupyterLab's settings, and what it says while it runs."""
_GRACE_SECONDS = 10
_INSTRUCTORS_TOOLS = (
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
)


@dataclass(frozen=True)
class Addresses:
    """Where the two are served."""

    book: str
    lab: str


class _Pages(http.server.SimpleHTTPRequestHandler):
    """Serves the book; keeps the terminal for what matters."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


def open_exercises(layout: Layout, course: Course) -> list[Path]:
    """Copy released exercises into `work/`; what is there already is the learner's and stays."""
    copied = []
    for assignment in course.assignment:
        released = layout.course / "release" / assignment.id
        for source in sorted(p for p in released.rglob("*") if p.is_file()):
            target = layout.work / assignment.id / source.relative_to(released)
            if not target.exists():
                make_folder(target.parent)
                shutil.copyfile(source, target)
                copied.append(target)
    return copied


@contextlib.contextmanager
def served(
    layout: Layout, book_port: int, lab_port: int
) -> Iterator[tuple[Addresses, subprocess.Popen[bytes]]]:
    """Serve the book and start JupyterLab; end both on leaving.

    Raises:
        PortError: a port is taken.
        CampError: the book has not been built.
        MissingDependencyError: JupyterLab is not installed.
    """
    if not (layout.site / "index.html").is_file():
        raise CampError(f"{layout.site} holds no book yet; run make camp first")
    if book_port == lab_port:
        raise PortError(f"port {book_port} cannot serve both; choose another with --lab-port")
    for port, option in ((book_port, "--port"), (lab_port, "--lab-port")):
        require_free(port, option)
    handler = functools.partial(_Pages, directory=str(layout.site))
    book = http.server.ThreadingHTTPServer((HOST, book_port), handler)
    threading.Thread(target=book.serve_forever, daemon=True).start()
    token = secrets.token_hex(16)
    try:
        lab = _start_lab(layout.work, make_folder(layout.build / SETTINGS), lab_port, token)
        try:
            yield (
                Addresses(
                    f"http://localhost:{book_port}/",
                    f"http://localhost:{lab_port}/lab{_first_notebook(layout)}?token={token}",
                ),
                lab,
            )
        finally:
            _end(lab)
    finally:
        book.shutdown()
        book.server_close()


def _first_notebook(layout: Layout) -> str:
    """The part of JupyterLab's address that opens the first exercise."""
    notebooks = sorted(layout.work.glob("*/*.ipynb"))
    return f"/tree/{notebooks[0].relative_to(layout.work).as_posix()}" if notebooks else ""


def require_free(port: int, option: str) -> None:
    """Refuse a port of this machine that something else uses.

    Raises:
        PortError: it is taken; the line names the option that chooses another.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortError(
                f"port {port} cannot be used ({error.strerror}); "
                f"end what uses it or choose another with {option}"
            ) from None


def _start_lab(folder: Path, settings: Path, port: int, token: str) -> subprocess.Popen[bytes]:
    import importlib.util

    if importlib.util.find_spec("jupyterlab") is None:
        raise MissingDependencyError("JupyterLab is not installed; run make camp, which installs it")
    config = _write_settings(settings, make_folder(folder), port, token)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--config={config}"]
    # A session of its own: Ctrl-C reaches us alone, and we end it in order, with no question on the terminal.
    with (settings / LOG).open("wb") as log:
        return subprocess.Popen(
            command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def _write_settings(settings: Path, folder: Path, port: int, token: str) -> Path:
    """Write JupyterLab's configuration: one learner on localhost, no news, no instructor's tools."""
    overrides = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        # When each cell last ran, from which the class report estimates how long a task takes.
        "@jupyterlab/notebook-extension:tracker": {"recordTiming": True},
    }
    write_text(settings / "overrides.json", json.dumps(overrides))
    write_text(settings / "page_config.json", json.dumps({"disabledExtensions": {"@jupyter/nbgrader": True}}))
    server = {
        "root_dir": str(folder),
        "ip": HOST,
        "port": port,
        "port_retries": 0,
        "allow_root": True,  # whoever starts it on localhost is who they are
        "jpserver_extensions": dict.fromkeys(_INSTRUCTORS_TOOLS, False),
    }
    config = {
        "ServerApp": server,
        "IdentityProvider": {"token": token},
        "LabApp": {"app_settings_dir": str(settings), "news_url": None},
    }
    write_text(settings / "config.json", json.dumps(config))
    return settings / "config.json"


def _end(lab: subprocess.Popen[bytes]) -> None:
    """Ask JupyterLab to stop with its kernels; insist if it does not."""
    if lab.poll() is None:
        lab.send_signal(signal.SIGTERM)
    try:
        lab.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        lab.kill()
        lab.wait()
