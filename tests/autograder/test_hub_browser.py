"""A class on trial, in a browser: fetch, solve, submit; collect, grade, give feedback; idle servers end."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]
ROOT = Path(__file__).parents[2]
CAMP = "from camp.cli import main; main()"
SOLVED = """def to_device(batch, device):
    return {name: tensor.to(device) for name, tensor in batch.items()}
"""
IDLE_SECONDS = 30
PATIENCE_MS = 120_000
ROSTER = "id,first_name,last_name\nU1001,Amina,Okafor\nu1002,Jonas,Lindqvist\n"


class Hub:
    """A trial that runs: where it is, and what was said."""

    def __init__(self, root):
        self.root = root
        self.folder = root / "build" / "hub"
        self.settings = {}
        self.said = ""

    def url(self, path=""):
        """The address of a page."""
        return f"http://localhost:{self.settings['port']}/{path}"

    def log(self):
        """What JupyterHub said."""
        return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")


def _alive(place):
    """The processes that work in this folder or were told of it, but for this one; their commands."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            ended = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            here = (folder / "cwd").readlink().is_relative_to(place) or str(place).encode() in told
        except OSError:  # it has ended meanwhile, or is another user's
            continue
        if here and not ended:
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def _wait_until_ended(place):
    for _ in range(600):
        if not (left := _alive(place)):
            return
        threading.Event().wait(0.2)
    raise AssertionError(left)


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a roster of two, whose proxy is there already."""
    proxy = ROOT / "build" / "vendor-hub"
    if not (proxy / ".complete").is_file():
        pytest.fail(
            "The hub's proxy is missing: run .venv/bin/camp hub --fetch, as make test does.", pytrace=False
        )
    root = tmp_path / "checkout"
    (root / "build").mkdir(parents=True)
    (root / "class").mkdir()
    (root / "class" / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (root / "build" / "vendor-hub").symlink_to(proxy)
    (root / "exercises").symlink_to(ROOT / "exercises")
    shutil.copytree(ROOT / "hub", root / "hub")
    return root


def _start(root, port):
    """Start `camp hub`; return its process and what it said until it was up."""
    options = ["--port", str(port), "--cull", str(IDLE_SECONDS)]
    running = subprocess.Popen(
        [sys.executable, "-c", CAMP, "--root", str(root), "hub", *options],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said = ""
    for line in running.stdout:
        said += line
        if "Ctrl-C" in line:
            return running, said
    raise AssertionError(said + running.stderr.read())


@pytest.fixture
def hub(checkout, free_port):
    """`camp hub` in that checkout; whatever it started has ended afterwards."""
    made = Hub(checkout)
    running, made.said = _start(checkout, free_port())
    try:
        made.settings = json.loads((made.folder / "settings.json").read_text(encoding="utf-8"))
        yield made
    finally:
        os.kill(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert _alive(checkout) == []


@pytest.fixture
def sign_in(hub, browser):
    """Sign somebody in, in a browser of their own; return the page once it shows what follows."""
    contexts = []

    def enter(name, password):
        context = browser.new_context(viewport={"width": 1500, "height": 1000})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.goto(hub.url())
        page.fill("#username_input", name)
        page.fill("#password_input", password)
        page.click("#login_submit")
        return page

    yield enter
    for context in contexts:
        context.close()


def _menu(page, item):
    """Choose an entry of JupyterLab's menu Nbgrader."""
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name=item).click()


def _confirm(frame):
    """Wait for the formgrader's answer to a click, close it and return what it says."""
    told = frame.locator(".modal.in")
    told.wait_for()
    text = told.inner_text()
    told.locator(".modal-footer button").click()
    told.wait_for(state="hidden")
    return text


def _limits(home):
    """The memory bound and the number of processors of the server that has this home."""
    for folder in Path("/proc").iterdir():
        try:
            if f"HOME={home}".encode() not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            if b"jupyterhub.singleuser" not in (folder / "cmdline").read_bytes():
                continue
            bound = re.search(r"Max data size +(\S+)", (folder / "limits").read_text())[1]
            return bound, len(os.sched_getaffinity(int(folder.name)))
        except OSError:
            continue
    raise AssertionError(f"no server with the home {home}")


def _solve_and_submit(page, hub, shots):
    """Fetch the assignment, answer its first task, run the check, and hand in."""
    _menu(page, "Assignment List")
    page.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
    page.locator("#fetched_assignments_list").get_by_text("01-hello-npu").wait_for()
    page.goto(hub.url("user/U1001/lab/tree/01-hello-npu/hello-npu.ipynb"))
    cell = page.locator(".jp-CodeCell", has_text="def to_device(batch, device)").first
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(SOLVED)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.get_by_text("ok: three tensors on npu:0").first.wait_for()
    page.screenshot(path=shots / "solved.png")
    with page.expect_response(lambda r: "/api/contents/01-hello-npu" in r.url and r.request.method == "PUT"):
        page.keyboard.press("Control+s")
    _menu(page, "Assignment List")
    page.locator("#fetched_assignments_list").get_by_role("button", name="Submit").click()
    page.locator("#submitted_assignments_list").get_by_text(" UTC").wait_for()
    page.screenshot(path=shots / "submitted.png")


def _collect_grade_return(page, shots):
    """In the formgrader: collect, autograde, give feedback; return what it shows of the submission."""
    _menu(page, "Formgrader")
    frame = page.frame_locator("iframe")
    frame.locator("td.collect a").click()
    assert "Collecting submission: U1001 01-hello-npu" in _confirm(frame)
    frame.locator("td.num-submissions a").click()
    frame.locator("td.autograde a").click()
    assert "Successfully autograded" in _confirm(frame)
    frame.locator("td.score:has-text('/')").wait_for()
    row = frame.locator("tbody tr").inner_text()
    frame.locator("td.generate-feedback a").click()
    assert "Success" in _confirm(frame)
    frame.locator("td.release-feedback a").click()
    assert "Success" in _confirm(frame)
    page.screenshot(path=shots / "graded.png")
    return row


def test_class_on_trial(hub, sign_in, tmp_path):
    """A learner fetches, solves and submits; the instructor grades by camp; the learner sees the feedback."""
    known = hub.settings
    assert "ON TRIAL, NOT FOR A CLASS" in hub.said
    assert known["learners_password"] in hub.said
    refused = sign_in("u1002", "wrong")
    refused.get_by_text("Invalid username or password").wait_for()
    stranger = sign_in("mallory", known["learners_password"])
    stranger.get_by_text("Invalid username or password").wait_for()
    stranger.screenshot(path=tmp_path / "stranger.png")

    learner = sign_in("U1001", known["learners_password"])
    learner.wait_for_url("**/user/U1001/lab**")
    home = hub.folder / "home" / "U1001"
    processors = min(2, len(os.sched_getaffinity(0)))
    assert _limits(home) == (str(2 << 30), processors)
    learner.goto(hub.url("user/instructor/formgrader"))
    assert "Formgrader" not in learner.content(), "another's server is closed to a learner"
    learner.goto(hub.url("user/U1001/lab"))
    _solve_and_submit(learner, hub, tmp_path)
    learner.context.close()

    instructor = sign_in("instructor", known["instructors_password"])
    instructor.wait_for_url("**/user/instructor/lab**")
    row = _collect_grade_return(instructor, tmp_path)
    assert re.search(r"Okafor, Amina\s+U1001\s.*graded\s+3 / 23", row, re.DOTALL), row
    trial = hub.folder / "trial" / "build"
    verdict = json.loads((trial / "report" / "results" / "01-hello-npu" / "U1001.json").read_text())
    assert {task["task"]: task["status"] for task in verdict["tasks"]}["move_data"] == "passed"
    assert not (hub.root / "build" / "course").exists(), "the class's own course is not touched"

    _wait_until_ended(home)  # the learner's server, which nobody uses
    assert "Culling server U1001" in hub.log()

    learner = sign_in("u1001", known["learners_password"])  # JupyterHub writes it small, the roster does not
    learner.wait_for_url("**/user/U1001/lab**")
    _menu(learner, "Assignment List")
    learner.get_by_role("button", name="Fetch Feedback").click()
    learner.get_by_text("view feedback").click()
    learner.locator(".jp-DirListing-item", has_text="hello-npu.html").dblclick()
    shown = learner.frame_locator(".jp-HTMLViewer iframe")
    shown.get_by_text("U1001 · 3 of 23 points · partial").wait_for()
    learner.screenshot(path=tmp_path / "feedback.png")


def test_nothing_outlives_a_killed_command(checkout, free_port):
    """When `camp hub` itself is killed, the hub, its proxy and its culler end."""
    running, _ = _start(checkout, free_port())
    try:
        assert len(_alive(checkout)) >= 4, "the command, the hub, the proxy and the culler"
    finally:
        running.kill()
        running.communicate(timeout=120)
    _wait_until_ended(checkout)
