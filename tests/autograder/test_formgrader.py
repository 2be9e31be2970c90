"""The formgrader, opened in a browser on the course root: it shows scores and takes grades by hand."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from camp.gradebook import GradebookDoor

pytestmark = [pytest.mark.slow, pytest.mark.browser]
TOKEN = "of-this-test-alone"  # noqa: S105 - it opens nothing else
WORDS = "Since x + 0 = x, and `a < b`.\n\n<img src=x onerror='window.taken=1'><script>window.taken=1</script>"


@pytest.fixture
def address(reasoned, hand_in, grade_inbox, right):
    """The address of a Jupyter server in the course root of a graded class, with nbgrader's extensions."""
    hand_in("ada", right | {"reason": WORDS})
    hand_in("bo", {"double": right["double"]})
    grade_inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = reasoned.root / "jupyter"
    folder.mkdir()
    settings = {
        "ServerApp": {
            "port": port,
            "port_retries": 0,
            "ip": "127.0.0.1",
            "allow_root": True,
            "open_browser": False,
            "root_dir": str(reasoned.course),
            "jpserver_extensions": {"nbgrader.server_extensions.formgrader": True},
        },
        "IdentityProvider": {"token": TOKEN},
    }
    (folder / "config.json").write_text(json.dumps(settings))
    own = {"HOME": str(folder), "JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", f"--config={folder / 'config.json'}"],
            cwd=reasoned.course,
            env={**os.environ, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, folder / "log")
        yield f"http://127.0.0.1:{port}/formgrader"
    finally:
        server.terminate()
        server.wait(30)


def _wait(url, server, log):
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    pytest.fail(log.read_text())


@pytest.fixture
def page(address, browser):
    """A page in the browser that is let in."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(20_000)
    tab = context.new_page()
    tab.goto(f"{address}/gradebook?token={TOKEN}")
    yield tab
    context.close()


def test_formgrader(reasoned, address, page, grade_inbox, tmp_path):
    """The assignment and its scores are shown; a grade typed in is saved, and stays through `camp grade`."""
    page.get_by_role("link", name="a1-sums").click()
    page.get_by_role("link", name="sums", exact=True).click()
    page.wait_for_selector("td:has-text('Submission #')")
    rows = [row.inner_text().split() for row in page.locator("tbody tr").all()]
    assert len(rows) == 2
    assert sorted(row[2] for row in rows) == ["2", "5"], rows
    page.goto(f"{address}/manage_submissions/a1-sums")
    page.wait_for_selector("td:text-is('ada')")
    row = page.locator("tr", has=page.locator("td:text-is('ada')")).inner_text()
    assert "needs manual grading" in row
    assert "5 / 8" in row

    page.goto(f"{address}/gradebook/a1-sums/sums")
    page.wait_for_selector("td:has-text('Submission #')")
    full = next(row for row in page.locator("tbody tr").all() if row.inner_text().split()[2] == "5")
    full.locator("a").first.click()
    box = page.locator("input.score#reason")
    box.wait_for()
    page.wait_for_function("document.querySelector('input.score#double_check').placeholder == '2'")
    words = page.locator(".nbgrader_cell", has=box)
    assert "Since x + 0 = x" in words.inner_text()
    assert "onerror" in words.inner_text(), "what the learner wrote is text"
    assert page.evaluate("window.taken") is None, "and does nothing on the instructor's screen"
    box.fill("2")
    with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT"):
        box.blur()
    page.screenshot(path=tmp_path / "formgrader.png", full_page=True)
    assert GradebookDoor(reasoned).scores("a1-sums") == {"ada": 7, "bo": 2}

    assert sorted(grade_inbox()) == [("ada", "a1-sums", True), ("bo", "a1-sums", True)]
    page.reload()
    page.wait_for_function("document.querySelector('input.score#reason').value == '2'")
    told = (reasoned.course / "feedback" / "ada" / "a1-sums" / "sums.html").read_text(encoding="utf-8")
    assert "2 of 3 points · graded by hand" in told
