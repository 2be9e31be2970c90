"""What the site needs beyond Jupyter Book: its search, the course's map, and no script before the text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import course_map
from docutils import nodes  # type: ignore[import-untyped]
from docutils.statemachine import StringList  # type: ignore[import-untyped]
from launch_buttons import add_buttons
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

BOOK = Path(__file__).parent
EXERCISES = BOOK.parent / "exercises" / "camp.toml"


class CampMap(SphinxDirective):
    """`{camp-map}`: every chapter and assignment that there is, as tables with links."""

    def text(self) -> str:
        """What is shown, as Markdown."""
        return course_map.map_text(course_map.course(BOOK, EXERCISES), self.env.docname.rpartition("/")[0])

    def run(self) -> list[nodes.Node]:
        """Have the Markdown parsed as if it stood in the page."""
        shown = nodes.container()
        lines = StringList(self.text().splitlines(), source=self.env.docname)
        self.state.nested_parse(lines, self.content_offset, shown)
        return list(shown.children)


class CampParts(CampMap):
    """`{camp-parts}`: the parts of the course, a line each."""

    def text(self) -> str:
        """What is shown, as Markdown."""
        return course_map.parts_text(course_map.course(BOOK, EXERCISES), self.env.docname.rpartition("/")[0])


class CampCalendar(CampMap):
    """`{camp-calendar} 4`: the course in that many weeks, by its own minutes."""

    required_arguments = 1

    def text(self) -> str:
        """What is shown, as Markdown."""
        return course_map.calendar_text(course_map.course(BOOK, EXERCISES), int(self.arguments[0]))


def drop_unused_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Leave out Thebe, as no page runs cells remotely, and MathJax and mermaid where nothing needs them.

    And Sphinx's painting of search hits, which stumbles over words in drawings: `camp-search.js` has its own.

    Sphinx loads MathJax on a page whose chapters hold formulas, and mermaid on pages without a document.
    """
    del app, pagename, templatename
    unused = ["THEBE_JS_URL", "sphinx-thebe", "sphinx_highlight"]
    if doctree is None:
        unused.append("mermaid.initialize")
    if (
        doctree is None
        or next(doctree.findall(lambda node: isinstance(node, (nodes.math, nodes.math_block))), None) is None
    ):
        unused += ["window.MathJax", "mathjax"]

    def is_unused(script: Any) -> bool:
        text = f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}"
        return any(mark in text for mark in unused)

    context["script_files"] = [script for script in context["script_files"] if not is_unused(script)]


def show_text_first(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let no script hold up the page: all are run once it is there, in their order.

    The one exception is a few lines of options, to which scripts inside the page add theirs.
    """
    del app, pagename, templatename, doctree
    for script in context["script_files"]:
        name = str(getattr(script, "filename", None) or "")
        module = getattr(script, "attributes", {}).get("type") == "module"
        if name and not module and "documentation_options.js" not in name:
            script.attributes.setdefault("defer", "defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    for extension in ("run_cells", "search_index"):
        app.setup_extension(extension)
    app.add_directive("camp-map", CampMap)
    app.add_directive("camp-parts", CampParts)
    app.add_directive("camp-calendar", CampCalendar)
    app.connect("html-page-context", add_buttons(EXERCISES), priority=501)
    app.connect("html-page-context", drop_unused_scripts, priority=900)
    app.connect("html-page-context", show_text_first, priority=901)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
