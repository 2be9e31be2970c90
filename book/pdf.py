"""The whole book as one PDF: `.venv/bin/python book/pdf.py` prints the site to `build/pdf/cann-camp.pdf`.

No page is executed again. The articles of the finished pages become the chapters of one document, which
Chromium prints; what moves on screen is a picture of itself. Formulas and diagrams are drawn by the same
scripts as on the site, code and tables wrap, links lead to places in the book.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import io
import json
import logging
import mimetypes
import re
import shutil
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import course_map
import yaml
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright
from pypdf import PdfReader
from rich.console import Console
from rich.markup import escape

import build as site_builder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from playwright.sync_api import Locator, Page, Route

BOOK = Path(__file__).parent
NAME = "cann-camp.pdf"
STAMP = ".made-from"
HOME = "http://book.invalid"
"""Where the browser finds the site's files, which are handed to it from the disk."""
WHOLE = "/whole-book.html"
PAPER_PX = 658
"""The width of the text on the sheet, in CSS pixels: A4 less the margins of pdf.css."""
INTERACTIVE = ("widget-view+json", "camp-live")
SELECTOR = ".camp-live, .cell_output:has(> script[type$='widget-view+json'])"
STILL = r"""(element, [picture, address]) => {
    const made = (name, values) => Object.assign(document.createElement(name), values);
    const moving = element.querySelector(".widget-subarea") ?? element;  // what was printed beside it stays
    const words = moving.innerText.replace(/\s+/g, " ").trim();
    const still = made("figure", { className: "camp-still" });
    const image = made("img", { src: `data:image/png;base64,${picture}` });
    image.alt = `What moves on screen, as it stands at first: ${words}`;
    const caption = made("figcaption", { textContent: "On screen you can change this: " });
    caption.append(made("a", { href: address, textContent: address }));
    still.append(image, caption);
    moving.replaceWith(still);
}"""
PLACE = """(element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return [x + scrollX, y + scrollY, width, height];
}"""
LOADED = """async (element) => {
    await document.fonts.ready;
    await Promise.all([...element.querySelectorAll("img")].map((it) => it.decode()));
}"""
SHOTS = 20  # a diagram further up may be drawn meanwhile; there are two at most
DRAWN_MS = 120_000
PRINTS = 4  # the first without numbers, a second with them, and two where these move a sheet
MIN_CHROMIUM = 131  # the first that prints page numbers as the style asks
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
DATE, TIMES = b"D:19800101000000+00'00'", 2  # the same site makes the same file, whenever


class PdfError(Exception):
    """The PDF could not be made; the text says why, a line for each fault."""


class NoBrowserError(PdfError):
    """Chromium is missing, or older than is needed."""


class TooWideError(PdfError):
    """Something would run off the sheet."""


class BrokenLinkError(PdfError):
    """A link leads to a place that the printed book does not have."""


@dataclass(frozen=True)
class Chapter:
    """A page of the site as it stands in the printed book."""

    page: str
    part: str
    title: str
    html: str

    @property
    def slug(self) -> str:
        """The id of its beginning."""
        return slug(self.page)


def slug(page: str) -> str:
    """A page's name as the beginning of an id."""
    return page.replace("/", "-")


def reading_order(book: Path) -> list[tuple[str, str]]:
    """All pages with the name of their part, in the order of the table of contents; the first has none."""
    root = yaml.safe_load((book / "_toc.yml").read_text(encoding="utf-8"))["root"]
    return [(root, ""), *((chapter.page, chapter.part) for chapter in course_map.read_chapters(book))]


# --- gathering -------------------------------------------------------------------------------------


def serve(page: Page, site: Path, whole: Callable[[], str], *, scripts: bool) -> None:
    """Hand the browser the site's files, and nothing of any other host."""

    def answer(route: Route) -> None:
        address = urlsplit(route.request.url)
        path = (site / unquote(address.path).lstrip("/")).resolve()
        if not route.request.url.startswith(f"{HOME}/"):
            route.abort()
        elif address.path == WHOLE:
            route.fulfill(body=whole(), content_type="text/html; charset=utf-8")
        elif not path.is_relative_to(site.resolve()) or not path.is_file():
            route.fulfill(status=404, body="")
        elif path.suffix in {".js", ".mjs"} and not scripts:
            route.abort()
        else:
            kind = "text/javascript" if path.suffix == ".mjs" else mimetypes.guess_type(path.name)[0]
            route.fulfill(body=path.read_bytes(), content_type=kind or "application/octet-stream")

    page.unroute_all()
    page.route("**/*", answer)


def gather(
    page: Page, site: Path, pages: Sequence[tuple[str, str]], address: str
) -> tuple[list[Chapter], Any]:
    """Read the article of every page.

    Args:
        page: a page of the browser.
        site: the finished site.
        pages: names and parts, in order.
        address: where the site is published, for links to what is not printed.

    Returns:
        The chapters, and the scripts and styles that they need, as lines of HTML.
    """
    script = (BOOK / "pdf.js").read_text(encoding="utf-8")
    slugs = {name: slug(name) for name, _ in pages}
    chapters, scripts, styles = [], {}, {}
    for name, part in pages:
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        moves = any(mark in text for mark in INTERACTIVE)
        serve(page, site, str, scripts=moves)
        page.goto(f"{HOME}/{name}.html", wait_until="load")
        if moves:
            stand_still(page, f"{address}/{name}.html")
        found = page.evaluate(script, {"slug": slug(name), "slugs": slugs, "site": address})
        chapters.append(Chapter(name, part, found["title"], found["html"]))
        scripts.update(dict.fromkeys(found["scripts"]))
        styles.update(dict.fromkeys(found["styles"]))
    return chapters, [*styles, *scripts]


def stand_still(page: Page, address: str) -> None:
    """Put a picture in the place of everything that moves, with the address where it does."""
    page.wait_for_function(
        """() => [...document.querySelectorAll("script[type$='widget-view+json']")].every(
            (it) => it.parentElement.querySelector(".jupyter-widgets:not(.camp-explorer), [data-ready]"))"""
    )
    for moving in reversed(page.locator(SELECTOR).all()):  # those before it keep their number
        widget = moving.locator(".widget-subarea > *")
        picture = picture_of(widget.first if widget.count() else moving)
        moving.evaluate(STILL, [base64.b64encode(picture).decode("ascii"), address])


def picture_of(shown: Locator) -> bytes:
    """A picture of one element, as PNG.

    Raises:
        PdfError: the element moves whenever it is taken.
    """
    shown.evaluate(LOADED)
    for _ in range(SHOTS):
        place = shown.evaluate(PLACE)
        picture = shown.screenshot(animations="disabled")
        if shown.evaluate(PLACE) == place:  # else the picture may show what lies beside it
            return picture
    raise PdfError("what moves on a page does not stand still for its picture; run it again")


# --- the one document --------------------------------------------------------------------------------


def document(
    chapters: Sequence[Chapter], head: Sequence[str], version: str, numbers: Mapping[str, int]
) -> str:
    """The whole book as one page of HTML.

    Args:
        chapters: in order.
        head: lines of HTML with the scripts and styles that they need.
        version: of the release, shown on the cover, or empty.
        numbers: the sheet that each id begins on, for the contents; what is missing is left open.
    """
    css = (BOOK / "pdf.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html><html lang="en" data-theme="light" data-mode="light"><head>',
            '<meta charset="utf-8"><title>CANN Camp</title>',
            *head,
            f"<style>{css}</style><style>{running_titles(chapters)}</style></head>",
            '<body><main class="camp-print bd-main bd-article">',
            cover(version),
            contents(chapters, numbers),
            *body(chapters),
            "</main></body></html>",
        ]
    )


def running_titles(chapters: Sequence[Chapter]) -> str:
    """The rules that put a chapter's title at the top of its sheets."""
    rules = []
    for chapter in chapters:
        title = json.dumps(chapter.title, ensure_ascii=False)
        rules.append(f"#{chapter.slug} {{ page: {chapter.slug}; }}")
        rules.append(
            f"@page {chapter.slug} {{ @top-left {{ content: {title}; color: #566166; "
            'font: 8.5pt "Inter", "Noto Sans CJK SC", sans-serif; } }'
        )
    return "\n".join(rules)


def cover(version: str) -> str:
    """The first sheet."""
    said = f'<p class="version">{html.escape(version)}</p>' if version else ""
    return (
        '<section class="cover"><img src="/_static/logo.svg" alt="">'
        '<p class="name">CANN Camp</p><p class="about">Learn to program Ascend NPUs (昇腾 NPU) '
        f"on a laptop that has none</p>{said}</section>"
    )


def contents(chapters: Sequence[Chapter], numbers: Mapping[str, int]) -> str:
    """The table of contents, with the numbers of the sheets."""

    def entry(anchor: str, title: str) -> str:
        number = numbers.get(anchor, "")
        return f'<a href="#{anchor}">{html.escape(title)}<span class="page">{number}</span></a>'

    lines = ['<section class="contents" id="contents"><h1>Contents</h1><ol>']
    for part, inside in by_part(chapters):
        entries = "".join(f"<li>{entry(chapter.slug, chapter.title)}</li>" for chapter in inside)
        lines.append(f"<li>{entry(part_id(part), part)}<ol>{entries}</ol></li>" if part else entries)
    return "\n".join([*lines, "</ol></section>"])


def body(chapters: Sequence[Chapter]) -> Iterator[str]:
    """The parts with their chapters."""
    for part, inside in by_part(chapters):
        if part:
            yield f'<section class="part" id="{part_id(part)}"><h1>{html.escape(part)}</h1></section>'
        for chapter in inside:
            yield f'<section class="chapter" id="{chapter.slug}">{chapter.html}</section>'


def by_part(chapters: Sequence[Chapter]) -> list[tuple[str, list[Chapter]]]:
    """The chapters of each part, in order."""
    parts: dict[str, list[Chapter]] = {}
    for chapter in chapters:
        parts.setdefault(chapter.part, []).append(chapter)
    return list(parts.items())


def part_id(part: str) -> str:
    """The id of a part's first sheet."""
    return "part-" + re.sub(r"\W+", "-", part.lower()).strip("-")


# --- printing ----------------------------------------------------------------------------------------


def print_whole(page: Page, site: Path, whole: str) -> bytes:
    """Print the document.

    Raises:
        TooWideError: something in it is wider than the sheet.
        BrokenLinkError: a link leads nowhere.
    """
    serve(page, site, lambda: whole, scripts=True)
    page.set_viewport_size({"width": PAPER_PX, "height": 960})
    page.emulate_media(media="print", color_scheme="light", reduced_motion="reduce")
    page.goto(HOME + WHOLE, wait_until="load", timeout=DRAWN_MS)
    page.wait_for_function(
        """() => [...document.querySelectorAll("pre.mermaid")].every((it) => it.querySelector("svg"))
            && [...document.querySelectorAll(".math")].every((it) => it.querySelector("mjx-container"))
            && [...document.images].every((it) => it.complete) && document.fonts.status === "loaded" """,
        timeout=DRAWN_MS,
    )
    if wide := page.evaluate((BOOK / "pdf_fits.js").read_text(encoding="utf-8"), PAPER_PX):
        raise TooWideError("\n".join(wide))
    if broken := page.evaluate(
        """() => [...document.querySelectorAll("a[href^='#']")].map((it) => it.getAttribute("href").slice(1))
            .filter((id) => !document.getElementById(id))"""
    ):
        raise BrokenLinkError("\n".join(f"a link leads to {name!r}, which is not printed" for name in broken))
    return page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)


def print_with_numbers(
    page: Page, site: Path, chapters: Sequence[Chapter], head: Sequence[str], version: str
) -> bytes:
    """Print until the contents name the sheets that the chapters begin on.

    Raises:
        PdfError: they never do, or see `print_whole`.
    """
    numbers: dict[str, int] = {}
    for _ in range(PRINTS):
        data = print_whole(page, site, document(chapters, head, version, numbers))
        if (now := sheets(data)) == numbers:
            return data
        numbers = now
    raise PdfError(f"after {PRINTS} prints the contents still name other sheets; run it again")


def sheets(data: bytes) -> dict[str, int]:
    """The sheet that each place which is linked to stands on, counted from 1."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # Chromium counts its objects otherwise than the file
    reader = PdfReader(io.BytesIO(data))
    found = {}
    for name, place in reader.named_destinations.items():
        number = reader.get_destination_page_number(place)
        if number is not None:
            found[name.lstrip("/")] = number + 1
    return found


def finished(data: bytes) -> bytes:
    """The printed file without what differs from run to run: its time, and the browser's ids; no byte moves.

    Raises:
        PdfError: Chromium writes its time otherwise than it did.
    """
    data, times = re.subn(rb"\(D:\d{14}\+00'00'\)", b"(" + DATE + b")", data)
    if times != TIMES:
        raise PdfError(
            f"Chromium wrote {times} times into the PDF, {TIMES} are known; look at them in book/pdf.py"
        )
    ids: dict[bytes, int] = {}
    return re.sub(rb"\(node(\d{8})\)", lambda it: b"(node%08d)" % ids.setdefault(it[1], len(ids)), data)


# --- the command -------------------------------------------------------------------------------------


def browser() -> str:
    """The path of the system's Chromium.

    Raises:
        NoBrowserError: there is none.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise NoBrowserError("Chromium is missing, which prints the book: install the package chromium")
    return found


def make(site: Path, book: Path, address: str, version: str = "") -> bytes:
    """Print the book.

    Args:
        site: the finished site.
        book: the sources, of which only the table of contents and the titles are read.
        address: where the site is published.
        version: shown on the cover.

    Raises:
        PdfError: it cannot be printed, or would not be good.
    """
    try:
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=browser(), args=FLAGS)
            if int(started.version.split(".")[0]) < MIN_CHROMIUM:
                raise NoBrowserError(f"Chromium is {started.version}, {MIN_CHROMIUM} is needed; upgrade it")
            page = started.new_page(
                viewport={"width": 860, "height": 960}, device_scale_factor=2, color_scheme="light",
                reduced_motion="reduce",
            )  # fmt: skip
            page.set_default_timeout(DRAWN_MS)
            chapters, head = gather(page, site, reading_order(book), address)
            data = print_with_numbers(page, site, chapters, head, version)
            started.close()
    except BrowserError as error:
        raise PdfError(f"Chromium could not print the book: {str(error).splitlines()[0]}") from error
    return finished(data)


def fingerprint(layout: site_builder.Layout, version: str) -> str:
    """A hash of all that the PDF is made from."""
    total = hashlib.sha256(f"{version} {shutil.which('chromium')}".encode())
    for path in (layout.site / site_builder.STAMP, *sorted(BOOK.glob("pdf*"))):
        total.update(path.read_bytes() if path.is_file() else b"")
    return total.hexdigest()


def require_site(layout: site_builder.Layout) -> None:
    """Check that there is a site to print.

    Raises:
        PdfError: there is none, or its sources have changed since.
    """
    if not site_builder.is_current(layout, site_builder.site_fingerprint(layout)):
        raise PdfError("build/site is missing or older than its sources: run book/build.py first")


def write(layout: site_builder.Layout, version: str) -> bool:
    """Make the PDF of a checkout, unless it is there and current; return whether it was made.

    Raises:
        PdfError: it could not be made. An earlier one stays as it is.
        site_builder.BookError: nothing can be written there.
    """
    folder = layout.build / "pdf"
    stamp, wanted = folder / STAMP, fingerprint(layout, version)
    if (folder / NAME).is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    course = tomllib.loads((layout.root / "exercises" / "camp.toml").read_text(encoding="utf-8"))["course"]
    address = course.get("site", "http://localhost:8000").rstrip("/")
    data = make(layout.site, layout.book, address, version)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as half:
            half.write(data)
        Path(half.name).replace(folder / NAME)
        (folder / NAME).chmod(0o644)
        stamp.write_text(wanted, encoding="utf-8")
    except OSError as error:
        raise site_builder.NotWritableError(
            f"{folder} cannot be written ({error.strerror}): give yourself the right to write there."
        ) from error
    return True


def main(root: Path = site_builder.ROOT) -> int:
    """Make the PDF of the checkout at `root` from its site; return 0 if it is there and current, 1 if not."""
    parser = argparse.ArgumentParser(description="Print the finished site as one PDF.")
    parser.add_argument("--version", default="", help="what the cover says, such as 'Release 1.2.0'")
    version = parser.parse_args().version
    layout, console = site_builder.Layout(root), Console()
    try:
        require_site(layout)
        with site_builder.step(console, "Printing the book"):
            made = write(layout, version)
    except (PdfError, site_builder.BookError) as error:
        for line in str(error).splitlines():
            Console(stderr=True).print(f"[red]✗[/red] {escape(line)}", soft_wrap=True, highlight=False)
        return 1
    place = (layout.build / "pdf" / NAME).relative_to(root)
    console.print(f"The PDF is {'ready' if made else 'up to date'}: {place}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
