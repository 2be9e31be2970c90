"""What the site needs beyond Jupyter Book: Chinese search, the course's map, no script that is not used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import course_map
from docutils import nodes  # type: ignore[import-untyped]
from docutils.statemachine import StringList  # type: ignore[import-untyped]
from sphinx.search.en import SearchEnglish
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

BOOK = Path(__file__).parent
EXERCISES = BOOK.parent / "exercises" / "camp.toml"

FORMULAS = (nodes.math, nodes.math_block)
CJK = r"\u3400-\u9fff\uf900-\ufaff"
CJK_RUN = re.compile(f"[{CJK}]+")
WORD_OR_CJK_RUN = re.compile(rf"[{CJK}]+|[^\W{CJK}]+")


def bigrams(run: str) -> list[str]:
    """Cut a run of Chinese characters into overlapping pairs, which need no dictionary."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


class SearchEnglishAndChinese(SearchEnglish):
    """English words are stemmed, Chinese is indexed by pairs of characters."""

    lang = "camp"
    language_name = "English and Chinese"
    # The browser must cut a query exactly as `split` cuts a page.
    js_splitter_code = r"""
function splitQuery(query) {
  const cut = /[\u3400-\u9fff\uf900-\ufaff]+|(?:(?![\u3400-\u9fff\uf900-\ufaff])[\p{L}\p{N}_])+/gu;
  return (query.match(cut) || []).flatMap((run) =>
    /^[\u3400-\u9fff\uf900-\ufaff]{2}/u.test(run)
      ? Array.from({ length: run.length - 1 }, (_, i) => run.slice(i, i + 2))
      : [run]
  );
}
"""

    def split(self, input: str) -> list[str]:  # noqa: A002  the name of Sphinx's own method
        """Cut text into English words and pairs of Chinese characters."""
        words: list[str] = []
        for run in WORD_OR_CJK_RUN.findall(input):
            words.extend(bigrams(run) if CJK_RUN.match(run) else [run])
        return words

    def word_filter(self, word: str) -> bool:
        """Keep words that are worth finding; a pair of Chinese characters always is."""
        return bool(CJK_RUN.match(word)) or super().word_filter(word)


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

    Sphinx loads MathJax on a page whose chapters hold formulas, and mermaid on pages without a document.
    """
    del app, pagename, templatename
    unused = ["THEBE_JS_URL", "sphinx-thebe"]
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


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_search_language(SearchEnglishAndChinese)
    app.add_directive("camp-map", CampMap)
    app.add_directive("camp-calendar", CampCalendar)
    app.connect("html-page-context", drop_unused_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
