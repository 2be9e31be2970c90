"""The published site in a browser: what a reader sees, with mouse, keyboard, in the dark and on a phone."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import npusim
import pytest

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Response

    from .conftest import Visit

pytestmark = [pytest.mark.slow, pytest.mark.browser]

CHAPTERS = ["index.html"] + [
    path.relative_to(ROOT / "book").with_suffix(".html").as_posix()
    for path in sorted((ROOT / "book").glob("part*/*.md"))
]
PAGES = [*CHAPTERS, "search.html"]
STACK = "part1/stack.html"
HELLO = "part1/hello-npu.html"
DAVINCI = "part1/davinci.html"
MEGABYTE = 1_000_000
LATER = r"""\s(?:defer|async)\b|type="(?:module|application/)"""
WIDTHS = (375, 768, 1440, 3840)


def shown_component(page: Page) -> str:
    """The component that the explorable describes at the moment."""
    return page.locator(".camp-explorer .camp-card:visible .head strong").inner_text()


# --- every page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_opens_without_a_complaint_and_asks_no_other_host(visit: Callable[..., Visit], name: str) -> None:
    """No error on the console, no missing file, no request that leaves this machine."""
    seen = visit()
    seen.open(name)
    assert seen.complaints == []
    assert seen.foreign == []


@pytest.mark.parametrize("name", PAGES)
def test_is_light(visit: Callable[..., Visit], name: str) -> None:
    """A page weighs under 1 MB beyond the scripts and styles that all pages share."""
    seen = visit()
    answers: list[Response] = []
    seen.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  a bound method has no stubs
    seen.open(name)
    own = [answer for answer in answers if not re.match(r"/(vendor|_static)/", urlsplit(answer.url).path)]
    assert own
    assert sum(len(answer.body()) for answer in own) < MEGABYTE


@pytest.mark.parametrize("name", CHAPTERS)
def test_loads_only_what_it_uses(visit: Callable[..., Visit], name: str) -> None:
    """MathJax, mermaid and the widget manager are loaded where there is a formula, a diagram, a widget."""
    seen = visit()
    asked: list[str] = []
    seen.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page = seen.open(name)
    for folder, used in (
        ("mermaid", "pre.mermaid"),
        ("mathjax", ".bd-article .math"),
        ("widgets", ".jupyter-widgets"),
    ):
        loaded = any(path.startswith(f"/vendor/{folder}/") for path in asked)
        assert loaded == (page.locator(used).count() > 0), f"{folder} on {name}"


@pytest.mark.parametrize("name", PAGES)
def test_shows_its_text_before_it_runs_scripts(site: Path, name: str) -> None:
    """What holds up the first paint: the page's text, styles of 600 kB, and one script of a few lines."""
    html = (site / name).read_text(encoding="utf-8")
    head = html.partition("<body")[0]
    at_once = [tag for tag in re.findall(r"<script\b[^>]*\ssrc=[^>]*>", html) if not re.search(LATER, tag)]
    assert [re.findall(r"/(\w+)\.js", tag) for tag in at_once] == [["documentation_options"]]
    styles = re.findall(r'<link\b[^>]*rel="stylesheet"[^>]*>', head)
    sheets = [re.findall(r'href="([^"?]+)', tag)[0] for tag in styles]
    weight = sum(((site / name).parent / sheet).stat().st_size for sheet in sheets)
    assert weight < 600_000, f"{weight} bytes of styles"
    assert len(html.encode()) < MEGABYTE


@pytest.mark.parametrize("name", PAGES)
def test_fits_every_screen(visit: Callable[..., Visit], name: str) -> None:
    """From a phone to 4K nothing sticks out sideways; what is wider scrolls inside its own frame."""
    page = visit(width=WIDTHS[0]).open(name)
    wide = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide[width] = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    assert wide == dict.fromkeys(WIDTHS, 0)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_is_accessible(visit: Callable[..., Visit], name: str, mode: str) -> None:
    """axe-core finds nothing at all: contrast, names, roles, focus, landmarks."""
    from axe_playwright_python.sync_playwright import Axe

    page = visit(mode=mode).open(name)
    assert [describe(item) for item in Axe().run(page).response["violations"]] == []


def describe(violation: dict[str, Any]) -> str:
    """Say in a line what axe found, and where first."""
    node = violation["nodes"][0]
    more = len(violation["nodes"]) - 1
    return f"{violation['id']}: {node['html'][:160]} ({node['failureSummary'][:200]!r}, and {more} more)"


@pytest.mark.parametrize("name", CHAPTERS)
def test_has_one_title_and_ordered_headings(visit: Callable[..., Visit], name: str) -> None:
    """One h1, and no level is skipped on the way down."""
    page = visit().open(name)
    levels = page.locator(".bd-article :is(h1, h2, h3, h4)").evaluate_all(
        "all => all.map(h => +h.tagName[1])"
    )
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


# --- what is drawn --------------------------------------------------------------------------------


def test_formulas_are_set(visit: Callable[..., Visit]) -> None:
    """The peak of the chip is shown as a formula, with a text for screen readers, in fonts of our own."""
    page = visit().open(STACK)
    formula = page.locator(".bd-article .math mjx-container").first
    box = formula.bounding_box()
    assert box is not None
    assert box["width"] > 100
    assert formula.locator("mjx-assistive-mml").count() == 1


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_diagrams_are_drawn(visit: Callable[..., Visit], mode: str) -> None:
    """The sequence diagram is a drawing with its labels, not its source text."""
    page = visit(mode=mode).open(HELLO)
    page.wait_for_function(
        """() => {
            const drawing = document.querySelector("pre.mermaid svg");
            return drawing?.textContent.includes("launch matmul")
                && drawing.getBoundingClientRect().height > 150;
        }"""
    )


def test_errors_are_shown_with_their_real_words(visit: Callable[..., Visit]) -> None:
    """The page's cells really met the errors that it explains."""
    page = visit().open(HELLO)
    text = page.locator(".bd-article").inner_text()
    assert "Expected all tensors to be on the same device" in text
    assert "device type tensor to numpy" in text
    assert "NotImplementedError" not in text


def test_answers_are_behind_a_click(visit: Callable[..., Visit]) -> None:
    """The self-check's answers are closed at first, and open with the keyboard."""
    page = visit().open(STACK)
    answers = page.locator(".bd-article details")
    assert answers.count() >= 4
    assert page.locator(".bd-article details[open]").count() == 0
    answers.first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".bd-article details[open]").count() == 1


# --- explorables ----------------------------------------------------------------------------------


def test_the_stack_moves_with_the_keyboard(visit: Callable[..., Visit]) -> None:
    """Arrow keys in the list change the description and the highlight; there is no kernel behind."""
    seen = visit()
    page = seen.open(STACK)
    page.get_by_label("Component", exact=True).focus()
    assert shown_component(page) == "AscendCL"
    page.keyboard.press("ArrowDown")
    page.wait_for_function("document.querySelector('.camp-explorer .camp-card strong').innerText === 'AOL'")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.wait_for_function("document.querySelector('.camp-explorer .camp-card strong').innerText === 'OPAT'")
    highlighted = page.locator(".camp-explorer .box.on:visible > .name")
    assert highlighted.all_inner_texts() == ["OPAT"]
    assert page.locator(".camp-explorer .layer.on:visible .label").inner_text().startswith("Service layer")
    assert seen.complaints == []


def test_the_stack_moves_with_the_mouse(visit: Callable[..., Visit]) -> None:
    """An entry of the list, or a box of the drawing, is picked by clicking it."""
    page = visit().open(STACK)
    page.get_by_label("Component", exact=True).select_option(label="HCCL")
    page.wait_for_function("document.querySelector('.camp-explorer .camp-card strong').innerText === 'HCCL'")
    page.locator(".camp-explorer .box:visible", has_text="TBE").click()
    page.wait_for_function("document.querySelector('.camp-explorer .camp-card strong').innerText === 'TBE'")
    assert (
        page.get_by_label("Component", exact=True).evaluate("list => list.selectedOptions[0].text.trim()")
        == "TBE"
    )


def test_a_box_inside_a_box_is_picked(visit: Callable[..., Visit]) -> None:
    """A click on SGAT means SGAT and not AOE around it."""
    page = visit().open(STACK)
    page.locator(".camp-explorer .box .box:visible", has_text="SGAT").click()
    page.wait_for_function("document.querySelector('.camp-explorer .camp-card strong').innerText === 'SGAT'")
    assert page.locator(".camp-explorer .box.on:visible > .name").all_inner_texts() == ["SGAT"]


def test_the_stack_links_to_chapters_that_exist(visit: Callable[..., Visit], site: Path) -> None:
    """Every link in a description leads to a page of the site."""
    page = visit().open(STACK)
    listed = page.get_by_label("Component", exact=True)
    targets = set()
    for number in range(listed.locator("option").count()):
        listed.select_option(index=number)
        for link in page.locator(".camp-explorer .camp-card:visible a").all():
            targets.add(link.get_attribute("href"))
    assert targets
    for target in targets:
        assert (site / "part1" / str(target)).is_file()


def test_the_slider_moves(visit: Callable[..., Visit]) -> None:
    """A larger matrix is one key away, and brings other numbers."""
    seen = visit()
    page = seen.open(HELLO)
    bars = page.locator(".camp-bars:visible p")
    before = bars.inner_text()
    handle = page.get_by_role("slider", name="Size of the matrices")
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("old => document.querySelector('.camp-bars p').innerText !== old", arg=before)
    after = bars.inner_text()
    size = re.match(r"\d+ . \d+", after)
    assert size
    assert handle.get_attribute("aria-valuetext") == size[0]
    track = page.locator(".camp-explorer.slider .noUi-target").bounding_box()
    assert track is not None
    page.mouse.click(track["x"] + 2, track["y"] + track["height"] / 2)
    page.wait_for_function("old => document.querySelector('.camp-bars p').innerText !== old", arg=after)
    assert bars.inner_text().startswith("16")
    assert seen.complaints == []


def test_the_core_shows_what_the_simulator_charges(visit: Callable[..., Visit]) -> None:
    """One key on m brings another cut and other units; the cycles are the cost model's for these sizes."""
    seen = visit()
    page = seen.open(DAVINCI)
    page.get_by_label("type").select_option("int8")
    slider = page.get_by_label("m, rows of A")
    before = page.locator(".camp-core .units").inner_text()
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator(".camp-core .units").inner_text() != before
    assert slider.get_attribute("aria-valuetext") == "1"
    told = page.locator(".camp-core .told").inner_text()
    sizes = re.match(r"\((\d+) . (\d+)\) times \(\d+ . (\d+)\): ([\d,]+) cycles", told)
    assert sizes
    m, k, n, cycles = (int(part.replace(",", "")) for part in sizes.groups())
    left, right, result = (npusim.TensorSpec(shape, "int8") for shape in ((m, k), (k, n), (m, n)))
    chip = npusim.find_chip("Ascend910B3")
    cost = npusim.cost(chip, npusim.Op("MatMulV2", "matmul", [left, right], [result]))
    assert cycles == round(cost.duration * chip.clock_mhz / 1000)
    assert seen.complaints == []


def test_the_timeline_moves(visit: Callable[..., Visit]) -> None:
    """Another choice draws other bars; the slider tells what happens at a moment, with the keyboard too."""
    seen = visit()
    page = seen.open(HELLO)
    told = page.locator(".camp-timeline .told")
    before = told.inner_text()
    page.locator(".camp-timeline [data-choice=streams]").select_option(index=1)
    assert told.inner_text() != before
    note = page.locator(".camp-timeline .note")
    moment = note.inner_text()
    page.get_by_label("moment").focus()
    page.keyboard.press("End")
    assert note.inner_text() != moment
    assert "stream 0: idle" in note.inner_text()
    assert seen.complaints == []


# --- finding one's way ----------------------------------------------------------------------------


def brightness(page: Page) -> float:
    """How bright the page's ground is, from 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_follows_the_system_into_the_dark(visit: Callable[..., Visit]) -> None:
    """A reader whose system is dark gets a dark page, one whose system is light a light one."""
    assert brightness(visit(mode="dark").open("index.html")) < 60
    assert brightness(visit(mode="light").open("index.html")) > 200


def test_the_switch_turns_it_dark_and_is_remembered(visit: Callable[..., Visit]) -> None:
    """The switch works, diagrams follow, and the next page stays dark."""
    page = visit().open(HELLO)
    # A diagram is drawn again when the theme changes: there are moments without one.
    ink = "(() => { const t = document.querySelector('pre.mermaid svg text');"
    ink += " return t && getComputedStyle(t).fill; })()"
    before = page.wait_for_function(ink).json_value()
    switch = page.locator("button.theme-switch-button:visible").first
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
        switch.click()
    assert brightness(page) < 60
    page.wait_for_function(f"(old) => {{ const now = {ink}; return now && now !== old; }}", arg=before)
    page.goto(page.url.replace(HELLO, STACK))
    assert brightness(page) < 60


def test_the_way_through_the_book(visit: Callable[..., Visit]) -> None:
    """From the first page one gets to the last by the link to the next."""
    page = visit().open("index.html")
    visited = [page.locator(".bd-article h1").inner_text()]
    while page.locator("a.right-next").count():
        page.locator("a.right-next").click()
        visited.append(page.locator(".bd-article h1").inner_text())
    assert len(visited) == len(set(visited)) == len(CHAPTERS)


def test_a_pages_source_can_be_downloaded(visit: Callable[..., Visit], site: Path) -> None:
    """Each chapter hands out the text from which its notebook is made."""
    page = visit().open(HELLO)
    sources = page.locator("a.btn-download-source-button").evaluate_all("all => all.map(a => a.href)")
    assert [Path(urlsplit(source).path).name for source in sources] == ["hello-npu.md"]
    assert (site / urlsplit(sources[0]).path.lstrip("/")).is_file()
