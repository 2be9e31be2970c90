"""The search: how text is cut into words, what is taken from a page, and fifty questions and their pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from docutils.core import publish_doctree
from hypothesis import given, settings
from hypothesis import strategies as st

# isort: split
import search_index

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Visit

SCRIPT = ROOT / "book" / "_static" / "camp-search.js"
QUERIES = tomllib.loads((ROOT / "tests" / "book" / "queries.toml").read_text(encoding="utf-8"))["query"]
HAN = re.compile(r"[\u3400-\u9fff]")
NODE = Path(sys.executable).with_name("node")
FIRST = 3


def in_node(expression: str, value: Any) -> Any:
    """What an expression of `campSearch` and `value` gives, by the script of the site itself."""
    script = SCRIPT.read_text(encoding="utf-8") + ";globalThis.campSearch = campSearch;"
    program = (
        "globalThis.document = {addEventListener() {}};"
        f"(0, eval)({json.dumps(script)});"
        f"const value = {json.dumps(value)};"
        f"process.stdout.write(JSON.stringify({expression}));"
    )
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, check=True, encoding="utf-8")
    return json.loads(done.stdout)


def words(*texts: str, searched: bool) -> list[list[str]]:
    """The words of each text, as the pages' script cuts them."""
    how = json.dumps(searched)
    return in_node(f"value.map((text) => campSearch.cut(text, {how}).map((it) => it.word))", texts)


# --- words ----------------------------------------------------------------------------------------


def test_cuts_a_query() -> None:
    """Words are kept in small letters, a run of Chinese becomes overlapping pairs, one character stays."""
    texts = ["Ascend Computing", "昇腾", "梯度下降", "AI框架 v2", "流 (stream)", "npu_format_cast", ""]
    assert words(*texts, searched=False) == [
        ["ascend", "computing"],
        ["昇腾"],
        ["梯度", "度下", "下降"],
        ["ai", "框架", "v2"],
        ["流", "stream"],
        ["npu_format_cast"],
        [],
    ]


def test_a_text_has_parts_of_names_and_single_characters_too() -> None:
    """Asked for `malloc` or 流, one finds aclrtMalloc and 数据流."""
    malloc, cast, flow = words("aclrtMalloc", "npu_format_cast", "数据流", searched=True)
    assert {"aclrtmalloc", "aclrt", "malloc"} <= set(malloc)
    assert {"npu_format_cast", "npu", "format", "cast"} <= set(cast)
    assert {"数据", "据流", "流"} <= set(flow)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.tuples(st.text("昇腾计算语言流梯度下降 ,NPU", min_size=1), st.data()), max_size=40))
def test_any_part_of_a_chinese_sentence_is_found(drawn: list[tuple[str, st.DataObject]]) -> None:
    """Whatever stretch of a Chinese sentence is asked for, its words are in the index."""
    pairs = []
    for text, data in drawn:
        for run in re.findall(r"[\u3400-\u9fff]+", text):
            start = data.draw(st.integers(0, len(run) - 1))
            pairs.append((text, run[start : data.draw(st.integers(start + 1, len(run)))]))
    have = words(*(text for text, _ in pairs), searched=True)
    want = words(*(part for _, part in pairs), searched=False)
    assert all(set(asked) <= set(there) for asked, there in zip(want, have, strict=True))


def test_an_excerpt_shows_the_hits_in_their_surroundings() -> None:
    """Neighbouring pairs are one hit; the text around it is there; nothing is lost or doubled."""
    text = "One. " * 60 + "Training is 梯度下降 by another name. " + "Two. " * 60
    parts = in_node("campSearch.excerpt(value, ['梯度', '度下', '下降'])", text)
    assert [part for part, hit in parts if hit] == ["梯度下降"]
    shown = "".join(part for part, _ in parts)
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert shown.strip("… ") in text


# --- what is taken from a page --------------------------------------------------------------------

PAGE = """
Title
=====

Lead with ``code`` and *emphasis*.

.. image:: x.png
   :alt: not text

Section
-------

Text of the section.

::

   literal block

.. raw:: html

   <p>shown <b>to</b> readers</p><script>hidden()</script><p>昇腾</p>
"""


def test_each_section_has_its_own_text() -> None:
    """Heading, text and code apart; text of a section inside is not counted twice; scripts are not text."""
    found = list(search_index.sections(publish_doctree(PAGE, settings_overrides={"doctitle_xform": False})))
    assert found == [
        ("title", "Title", "Lead with code and emphasis.", ""),
        ("section", "Section", "Text of the section. shown to readers 昇腾", "literal block"),
    ]


def test_of_a_long_output_beginning_and_end_are_kept() -> None:
    """A profile of thousand lines does not fill the index, and an error's last line is not lost."""
    kept = search_index.shortened("begin " + "x" * 9999 + " RuntimeError: end")
    assert kept.startswith("begin ")
    assert kept.endswith("RuntimeError: end")
    assert len(kept) < 700
    assert search_index.shortened("short") == "short"


def test_the_fifty_questions_are_what_they_claim() -> None:
    """Fifty, no two alike, half of them Chinese, each with pages that exist."""
    assert len({query["ask"] for query in QUERIES}) == len(QUERIES) == 50
    assert sum(bool(HAN.search(query["ask"])) for query in QUERIES) == 25
    for page in {page for query in QUERIES for page in query["pages"]}:
        assert (ROOT / "book" / f"{page}.md").is_file(), page


# --- in the browser -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.browser
def test_fifty_questions_find_their_page(visit: Callable[..., Visit]) -> None:
    """Each question, half of them Chinese, has a right page among the first three results."""
    seen = visit()
    page = seen.open("index.html")
    found = page.evaluate(
        """async (asks) => {
            const all = [];
            for (const ask of asks) all.push((await campSearch.search(ask)).map((it) => it.section.name));
            return all;
        }""",
        [query["ask"] for query in QUERIES],
    )
    lost = {
        query["ask"]: names[:FIRST]
        for query, names in zip(QUERIES, found, strict=True)
        if not set(names[:FIRST]) & set(query["pages"])
    }
    assert lost == {}
    assert seen.complaints == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_one_searches_with_the_keyboard_alone(visit: Callable[..., Visit], mode: str, width: int) -> None:
    """Control and K, a word, arrows, Enter: title, section and excerpt with the hit; then the page itself."""
    from axe_playwright_python.sync_playwright import Axe

    seen = visit(width=width, mode=mode)
    page = seen.open("index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("梯度下降")
    first = page.locator("#pst-search-dialog .camp-results a").first
    first.wait_for()
    assert first.locator(".where").inner_text()
    assert "梯度下降" in first.locator("mark").all_inner_texts()
    assert seen.complaints == []
    assert Axe().run(page).response["violations"] == []
    seen.complaints.clear()  # axe asks again for styles, not from where they were
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.keyboard.press("ArrowDown")
    assert first.evaluate("link => link === document.activeElement")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("ArrowDown")
    target = first.evaluate("link => new URL(link.href).pathname")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}*")
    page.wait_for_function("CSS.highlights.get('camp-found')?.size > 0")
    assert "found=" not in page.url
    assert seen.complaints == []


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_of_results_shows_more(visit: Callable[..., Visit]) -> None:
    """Enter in the field leads to a page that says how many there are, and follows what one types."""
    seen = visit()
    page = seen.open("index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("stream")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=stream")
    results = page.locator(".camp-search-page .camp-results li")
    results.first.wait_for()
    assert results.count() > 8
    assert page.get_by_role("status").inner_text() == f"{results.count()} pages"
    page.keyboard.press("Control+a")
    page.keyboard.type("qqqzzz")
    page.locator(".camp-found p.none").wait_for()
    assert "“qqqzzz”" in page.get_by_role("status").inner_text()
    assert seen.complaints == []


@pytest.mark.slow
@pytest.mark.browser
def test_the_search_works_in_a_folder(browser: Any, site: Path) -> None:
    """A site opened as files, without a server, searches all the same."""
    page = browser.new_page()
    page.goto((site / "part1" / "stack.html").as_uri())
    names = page.evaluate("async () => (await campSearch.search('昇腾')).map((it) => it.section.name)")
    page.close()
    assert "part5/glossary" in names


@pytest.mark.slow
@pytest.mark.browser
def test_every_result_leads_somewhere(visit: Callable[..., Visit], site: Path) -> None:
    """Each section in the index is a page of the site, with an element of that name."""
    page = visit().open("index.html")
    page.evaluate("campSearch.search('x')")
    page.wait_for_function("window.campPages")
    listed = page.evaluate("window.campPages.map(([name, all]) => [name, all.map(([anchor]) => anchor)])")
    assert len(listed) > 40
    for name, anchors in listed:
        html = (site / f"{name}.html").read_text(encoding="utf-8")
        assert [anchor for anchor in anchors if anchor and f'id="{anchor}"' not in html] == [], name
