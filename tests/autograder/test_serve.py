"""`camp serve`: book and JupyterLab answer, Ctrl-C ends both, a busy port is one line, work is kept."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from camp.cli import main
from camp.course import load_course
from camp.serve import open_exercises, served
from click.testing import CliRunner

CAMP = "from camp.cli import main; main()"


@pytest.fixture
def built(toy):
    """A checkout with a book and released exercises."""
    toy.site.mkdir(parents=True)
    (toy.site / "index.html").write_text("<title>the book</title>", encoding="utf-8")
    release = toy.course / "release" / "a1-sums"
    (release / "data").mkdir(parents=True)
    (release / "sums.ipynb").write_text('{"cells": []}', encoding="utf-8")
    (release / "data" / "x.csv").write_text("1,2", encoding="utf-8")
    return toy


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ports(*ports):
    return [
        text for name, port in zip(("--port", "--lab-port"), ports, strict=True) for text in (name, str(port))
    ]


def test_exercises_are_opened_once(built):
    """Released exercises come into work/ with their data, and what is there already is never overwritten."""
    course = load_course(built.exercises)
    copied = open_exercises(built, course)
    mine = built.work / "a1-sums" / "sums.ipynb"
    assert sorted(p.name for p in copied) == ["sums.ipynb", "x.csv"]
    mine.write_text("my own work", encoding="utf-8")
    (built.work / "a1-sums" / "data" / "x.csv").unlink()
    assert [p.name for p in open_exercises(built, course)] == ["x.csv"]
    assert mine.read_text(encoding="utf-8") == "my own work"


@pytest.mark.parametrize("which", ["--port", "--lab-port"])
def test_busy_port(built, which):
    """A port that is taken is one line with the option to choose another; nothing is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        ports = (busy, _free_port()) if which == "--port" else (_free_port(), busy)
        result = CliRunner().invoke(main, ["--root", str(built.root), "serve", *_ports(*ports)])
    assert result.exit_code == 1
    line = result.stderr.strip()
    assert "\n" not in line
    assert f"port {busy} cannot be used (Address already in use)" in line
    assert line.endswith(f"choose another with {which}")


def test_one_port_for_both(built):
    """The same port for both is one line."""
    port = _free_port()
    result = CliRunner().invoke(main, ["--root", str(built.root), "serve", *_ports(port, port)])
    assert result.exit_code == 1
    assert f"port {port} cannot serve both" in result.stderr


def test_book_that_is_not_built(toy):
    """Without a book, one line says to build it."""
    result = CliRunner().invoke(main, ["--root", str(toy.root), "serve", *_ports(_free_port(), _free_port())])
    assert result.exit_code == 1
    assert "holds no book yet; run make camp first" in result.stderr


def test_missing_jupyterlab(built, monkeypatch):
    """Without JupyterLab, one line says how to get it, and the book's port is free again."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    port = _free_port()
    result = CliRunner().invoke(main, ["--root", str(built.root), "serve", *_ports(port, _free_port())])
    assert result.exit_code == 1
    assert "JupyterLab is not installed; run make camp" in result.stderr
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.mark.slow
def test_lab_that_ends_by_itself(built, monkeypatch):
    """When JupyterLab ends by itself, the command ends with 1 and says so."""
    monkeypatch.setattr(
        "camp.serve._start_lab", lambda *_: subprocess.Popen([sys.executable, "-c", "exit(3)"])
    )
    result = CliRunner().invoke(
        main, ["--root", str(built.root), "serve", *_ports(_free_port(), _free_port())]
    )
    assert result.exit_code == 1
    assert "JupyterLab ended by itself with code 3" in result.stderr


@pytest.mark.slow
def test_lab_that_does_not_want_to_end(built, monkeypatch):
    """A JupyterLab that ignores the request to end is ended all the same."""
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"

    def start(*_):
        lab = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
        lab.stdout.readline()
        return lab

    monkeypatch.setattr("camp.serve._start_lab", start)
    monkeypatch.setattr("camp.serve._GRACE_SECONDS", 0.2)
    with served(built, _free_port(), _free_port()) as (_, lab):
        pass
    assert lab.returncode == -signal.SIGKILL


def _answer(address, *, tries=600):
    """What an address answers, once it does; waits on the socket, not on a clock."""
    wait = threading.Event()
    for _ in range(tries):
        try:
            with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310 - localhost
                return reply.status, reply.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if isinstance(error, urllib.error.HTTPError):
                return error.code, ""
            wait.wait(0.1)
    raise AssertionError(f"{address} does not answer")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_answer_and_both_end(built, tmp_path, processes_with, number):
    """Book and JupyterLab answer on localhost; the signal ends both, a running kernel too, with code 0."""
    mark = f"CAMP_TEST_MARK={tmp_path}"
    ports = _free_port(), _free_port()
    running = subprocess.Popen(
        [sys.executable, "-c", CAMP, "--root", str(built.root), "serve", *_ports(*ports)],
        env={**os.environ, "CAMP_TEST_MARK": str(tmp_path), "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        lines = [running.stdout.readline() for _ in range(2)]
        lab = next(line.split()[-1] for line in lines if line.startswith("JupyterLab"))
        assert "the book" in _answer(f"http://localhost:{ports[0]}/")[1]
        root, _, token = lab.partition("/lab")
        token = token.rpartition("token=")[2]
        status, text = _answer(f"{root}/api/contents/a1-sums?token={token}")
        assert status == 200
        assert {entry["name"] for entry in json.loads(text)["content"]} == {"sums.ipynb", "data"}
        assert _answer(f"{root}/api/contents")[0] == 403, "strangers on this machine are kept out"
        start = urllib.request.Request(f"{root}/api/kernels?token={token}", data=b"{}", method="POST")  # noqa: S310
        assert _answer(start)[0] == 201
        assert len(processes_with(mark)) >= 3, "the command, the lab and a kernel"
    finally:
        os.kill(running.pid, number)
        _, said = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert processes_with(mark) == []
