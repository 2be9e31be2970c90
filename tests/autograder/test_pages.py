"""The class report, a learner's feedback and the search for copies, as a browser shows them."""

import tempfile
from pathlib import Path

import nbformat
import pytest
from camp.answers import fill_in
from camp.classroom import submissions
from camp.course import load_course
from camp.exercise import load_exercise
from camp.similar import look_for_copies, write_similar

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PAGES = ("report/index.html", "course/feedback/bo/a1-sums/sums.html", "report/similar/a1-sums.html")


@pytest.fixture(scope="session")
def graded_class(graded_class):
    """The graded class, searched for copies with two more who handed in the same."""
    course = load_course(graded_class.exercises)
    exercise = load_exercise(course, "a1-sums")
    found = submissions(graded_class, course, ["a1-sums"])
    long = "def total(numbers):\n" + "".join(f"    a{n} = numbers[{n}:] or [{n}]\n" for n in range(12))
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "sums.ipynb"
        copied.write_text(nbformat.writes(fill_in(exercise, {"total": long})), encoding="utf-8")
        handed_in = [(s.learner, s.path) for s in found] + [("fay", copied), ("gus", copied)]
        search = look_for_copies(exercise, handed_in)
    assert [like.learners for like in search.likenesses] == [("fay", "gus")]
    write_similar(graded_class, search)
    return graded_class


@pytest.fixture
def opened(browser, graded_class):
    """Opens a page of the graded class; notes what it asks for and complains of."""
    pages = []

    def open_page(name, mode="light", width=1280):
        page = browser.new_page(color_scheme=mode, viewport={"width": width, "height": 800})
        pages.append(page)
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.goto((graded_class.build / name).as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_everyone_can_read_it(opened, name, mode):
    """axe-core finds nothing serious or critical, in light and in dark."""
    from axe_playwright_python.sync_playwright import Axe

    page = opened(name, mode)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page).response["violations"]
    assert [item["id"] for item in found if item["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize("name", PAGES)
def test_asks_nothing_of_another_host(opened, name):
    """A page that goes to a learner or lies on an instructor's disk fetches nothing from elsewhere."""
    page = opened(name)
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_holds_on_a_phone(opened, name):
    """At 375 px nothing sticks out of the page."""
    page = opened(name, width=375)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_code_can_be_told_from_its_ground(opened, mode):
    """The learner's own code has another colour than the box it stands in."""
    page = opened(PAGES[1], mode)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    box = page.locator(".highlight").first
    colours = box.evaluate("e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]")
    assert colours == ["rgb(31, 35, 40)", "rgb(248, 248, 248)"]
