"""Times the first paint of pages of the built book, served from this machine; prints figures as JSON."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

SITE = Path(__file__).resolve().parents[2] / "build" / "site"
PAGES = ("index", "part1/stack", "part3/edge-board", "part5/error-codes")  # the first, and the heaviest
REPEATS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without writing a line for each."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""


def paints(address: str) -> dict[str, float]:
    """The median of the first paint of each page in milliseconds, each time in a browser without a cache."""
    found = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"], headless=True
        )
        for name in PAGES:
            times = []
            for _ in range(REPEATS):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                page = context.new_page()
                page.goto(f"{address}{name}.html", wait_until="load")
                page.wait_for_function(PAINT)
                times.append(float(page.evaluate(PAINT)))
                context.close()
            found[name] = statistics.median(times)
        browser.close()
    return found


def main() -> int:
    """Print the slowest page's figure; nothing where the book is not built."""
    figures = []
    if (SITE / "index.html").is_file():
        handler = functools.partial(Quiet, directory=str(SITE))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            slowest = max(
                paints(f"http://127.0.0.1:{server.server_address[1]}/").items(), key=lambda it: it[1]
            )
            server.shutdown()
        against = f"under 1000, the slowest of {len(PAGES)}: {slowest[0]}"
        figures.append(
            {"name": "first_paint_ms", "value": round(slowest[1]), "unit": "ms", "against": against}
        )
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
