"""What the search box searches: `search-index.js`, the text of every section of the book.

The browser cuts it into words (`_static/camp-search.js`) and ranks it with MiniSearch. It is a script and not
JSON, so that the search works in a site opened from a folder as well.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

FILE = "search-index.js"
# Of a long output, so many characters: what it is stands at its beginning, an error's words at its end.
BEGINNING, END = 300, 300
SKIPPED = ("comment", "image", "math", "math_block", "mermaid", "system_message", "toctree")


class ShownText(HTMLParser):
    """Collects what a reader sees of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """A script and a style are not read; between two other elements a word ends."""
        del attrs
        self.hidden += tag in {"script", "style"}
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """The reverse."""
        self.hidden -= tag in {"script", "style"}
        self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if not self.hidden:
            self.pieces.append(data)


def shown(html: str) -> str:
    """Return the text that a reader sees of some HTML."""
    parser = ShownText()
    parser.feed(html)
    parser.close()
    return "".join(parser.pieces)


def shortened(printed: str) -> str:
    """Return the beginning and the end of a long output."""
    return printed if len(printed) <= BEGINNING + END else f"{printed[:BEGINNING]} … {printed[-END:]}"


def pieces(node: nodes.Node) -> Iterator[tuple[str, bool]]:
    """Yield the text below `node` in order, without sections inside; True beside code and what it printed."""
    for child in node.children:
        kind = type(child).__name__
        if isinstance(child, nodes.section) or kind in SKIPPED:
            continue
        if isinstance(child, nodes.Text):
            yield str(child), False
        elif isinstance(child, nodes.raw):
            if child.get("format") == "html":
                yield f" {shown(child.astext())} ", False
        elif isinstance(child, nodes.literal_block):
            printed = "output" in child.get("classes", [])
            yield f" {shortened(child.astext()) if printed else child.astext()} ", True
        elif not isinstance(child, nodes.title):
            yield from pieces(child)
            if not isinstance(child, nodes.Inline):
                yield " ", False


def sections(doctree: nodes.document) -> Iterator[tuple[str, str, str, str]]:
    """Yield for each section of a page its anchor, its heading, its text and its code, in order."""
    for section in doctree.findall(nodes.section):
        found = list(pieces(section))
        text, code = (
            " ".join("".join(piece for piece, is_code in found if is_code == wanted).split())
            for wanted in (False, True)
        )
        title = section.next_node(nodes.title)
        yield section["ids"][0], title.astext() if title else "", text, code


class SearchIndex:
    """Collects the pages while they are written, and writes the file at the end."""

    def __init__(self) -> None:
        self.pages: dict[str, list[list[str]]] = {}

    def add(self, app: Sphinx, doctree: nodes.document, docname: str) -> None:
        """Take a page in (Sphinx's event `doctree-resolved`)."""
        del app
        found = [list(section) for section in sections(doctree)]
        if found:
            found[0][0] = ""  # the page's own heading: no need to jump there
            self.pages[docname] = found

    def write(self, app: Sphinx, exception: Exception | None) -> None:
        """Write the file (Sphinx's event `build-finished`), the pages in the book's order."""
        if exception is not None or app.builder.format != "html":
            return
        order = {page: place for place, page in enumerate(app.env.toctree_includes.get("index", []))}
        pages = sorted(self.pages.items(), key=lambda item: (order.get(item[0], -1), item[0]))
        text = json.dumps(pages, ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, FILE).write_text(f"window.campPages = {text};\n", encoding="utf-8")


def search_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The page on which the search's form ends (Sphinx's event `html-collect-pages`)."""
    del app
    yield "search", {"title": "Search"}, "search.html"


def drop_stock_search(app: Sphinx) -> None:
    """Let Sphinx make no index of its own: it ranks badly, and each page would load it (`builder-inited`)."""
    builder: Any = app.builder
    builder.search = False


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    index = SearchIndex()
    app.connect("builder-inited", drop_stock_search)
    app.connect("doctree-resolved", index.add)
    app.connect("html-collect-pages", search_page)
    app.connect("build-finished", index.write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
