"""A learner at work in a real JupyterLab: solves a task, sees the panel move, restarts, and still sees it."""

import socket
import threading
import urllib.request

import pytest
from camp.course import load_course
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor
from camp.release import release
from camp.serve import open_exercises, served

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PATIENCE = 90_000
TOP, DOUBLE, ITS_CHECK = 0, 2, 3
"""The places of code cells in the toy notebook."""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address):
    wait = threading.Event()
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=10):  # noqa: S310 - localhost
                return
        except OSError:
            wait.wait(0.1)
    raise AssertionError(f"{address} does not answer")


@pytest.fixture
def lab(toy, tmp_path, monkeypatch):
    """A JupyterLab on the released toy notebook, with nothing of this user's settings."""
    for name in (
        "HOME",
        "JUPYTER_CONFIG_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
        "IPYTHONDIR",
        "JUPYTER_RUNTIME_DIR",
    ):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
        (tmp_path / name.lower()).mkdir()
    course = load_course(toy.exercises)
    release(toy, load_exercise(course, "a1-sums"), GradebookDoor(toy))
    open_exercises(toy, course)
    toy.site.mkdir(parents=True)
    (toy.site / "index.html").write_text("<title>the book</title>", encoding="utf-8")
    with served(toy, _free_port(), _free_port()) as (addresses, _):
        _wait_for(addresses.lab)
        yield addresses.lab, toy.work / "a1-sums"


@pytest.fixture
def page(lab, browser):
    """That notebook, open, its kernel idle; high enough that JupyterLab draws all its cells."""
    context = browser.new_context(viewport={"width": 1200, "height": 1900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(lab[0])
    _opened(page)
    yield page
    context.close()


def _opened(page):
    page.wait_for_selector(".jp-CodeCell .cm-content")
    page.wait_for_selector("text=| Idle")


def _editor(page, number):
    return page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".cm-content")


def _run(page, number):
    _editor(page, number).click()
    page.keyboard.press("Control+Enter")


def _panel(page):
    return page.locator(".jp-Notebook .jp-CodeCell").nth(TOP).locator(".jp-OutputArea")


def _restart(page):
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    page.keyboard.press("0")
    page.locator(".jp-Dialog button:has-text('Restart')").click()
    page.wait_for_selector(".jp-Dialog", state="detached")
    page.wait_for_selector("text=| Idle")


def test_a_learner_at_work(page, lab):
    """The panel counts, follows the check, stands after a restart, and a fresh kernel says the same."""
    _run(page, TOP)
    _panel(page).get_by_text("0 of 2 tasks · 0 of 5 points so far").wait_for()
    link = _panel(page).get_by_role("link", name="read about it")
    assert link.get_attribute("href") == "http://localhost:8000/sums.html#double"
    _editor(page, DOUBLE).click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("def double(x):\n    return 2 * x\n")
    page.keyboard.press("Control+Enter")
    _run(page, ITS_CHECK)
    _panel(page).get_by_text("1 of 2 tasks · 2 of 5 points so far").wait_for()
    assert _panel(page).get_by_role("progressbar").get_attribute("value") == "1"
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")
    _restart(page)
    _run(page, TOP)
    _panel(page).get_by_text("1 of 2 tasks · 2 of 5 points so far").wait_for()
    page.get_by_role("button", name="Check all from a fresh kernel").first.click()
    _panel(page).get_by_text("From a fresh kernel: 1 of 2 tasks").wait_for()
    assert (lab[1] / ".sums.progress.json").is_file()


def test_opened_again_without_a_kernel(page):
    """A notebook that is opened again shows where its progress is, and no error of a widget."""
    _run(page, TOP)
    _panel(page).get_by_text("0 of 2 tasks").wait_for()
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")
    _restart(page)
    page.reload()
    _opened(page)
    _panel(page).get_by_text("Your progress is kept. Run this cell, and it is shown here.").wait_for()
    assert page.get_by_text("Error displaying widget").count() == 0
    _run(page, TOP)
    _panel(page).get_by_text("0 of 2 tasks").wait_for()
