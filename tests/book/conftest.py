"""The published site, served on a free local port, and a browser that notes what pages do."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book"))  # build.py and vendor.py are scripts, not a package


@pytest.fixture(scope="session")
def site() -> Path:
    """The published site; built when it is missing or old, by the command that authors use."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "book" / "build.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"book/build.py failed:\n{done.stdout}\n{done.stderr}"
    return ROOT / "build" / "site"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without writing a line for each."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The site's address on a free port of this machine."""
    handler = functools.partial(QuietHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class Visit:
    """A page in the browser, with what went wrong and what it asked for.

    Attributes:
        page: Playwright's page.
        complaints: errors on the console, uncaught exceptions, answers of 400 and above.
        foreign: addresses asked for on other hosts.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.hostname != "127.0.0.1":
            self.foreign.append(url)

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.complaints.append(f"{status}: {url}")

    def open(self, name: str) -> Page:
        """Open the page `name`, and wait until its formulas, diagrams and widgets are drawn."""
        page = self.page
        page.goto(self.address + name, wait_until="load")
        page.wait_for_function(
            """() => {
                const every = (all, test) => [...document.querySelectorAll(all)].every(test);
                return every("pre.mermaid", (it) => it.querySelector("svg"))
                    && every(".bd-article .math", (it) => it.querySelector("mjx-container"))
                    && every("script[type$='widget-view+json']",
                             (it) => it.parentElement.querySelector("[data-ready], .widget-html-content"));
            }"""
        )
        return page


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    """A function that opens an empty page: `visit(width=1280, mode="light")`."""
    contexts = []

    def start(*, width: int = 1280, mode: str = "light") -> Visit:
        scheme = {"light": "light", "dark": "dark"}[mode]
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Visit(context.new_page(), address)

    yield start
    for context in contexts:
        context.close()
