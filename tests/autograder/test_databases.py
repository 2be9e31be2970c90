"""The gradebook in PostgreSQL, and a gradebook or disk that refuses: one line, nothing lost."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from camp.cli import main
from camp.course import load_course
from camp.database import DB_URL, configured_url, shown_url
from camp.errors import GradebookError, NotWritableError
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor, verdict_path
from camp.paths import Layout
from camp.verdict import read_verdict
from click.testing import CliRunner

CLASS = {"ada": 5, "bo": 4, "cleo": 0, "dima": 2, "eve": 0}


@pytest.fixture
def own(graded_class, tmp_path):
    """A copy of the graded class, to be changed."""
    shutil.copytree(graded_class.root, tmp_path / "checkout")
    return Layout(tmp_path / "checkout")


def _verdicts(layout):
    return [read_verdict(verdict_path(layout, "a1-sums", learner)) for learner in CLASS]


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server of our own, on a socket in a temporary folder; its address."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql (make test does it)")
    folder = Path(tempfile.mkdtemp(prefix="camp-pg-"))
    as_user = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "nobody")
        as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []}

    def run(program, *arguments):
        done = subprocess.run(
            [programs[-1].with_name(program), *arguments, "-D", folder / "data"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=folder,
            **as_user,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run("initdb", "-A", "trust", "-U", "camp", "-E", "UTF8", "--no-sync")
        options = f"-F -c listen_addresses='' -c unix_socket_directories='{folder}'"
        run("pg_ctl", "start", "-w", "-l", folder / "log", "-o", options)
        try:
            yield f"postgresql://camp@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
def test_postgresql(own, postgres, monkeypatch):
    """A class is entered into PostgreSQL as into a file; nbgrader's own commands work; no file is made."""
    monkeypatch.setenv(DB_URL, postgres)
    (own.course / "gradebook.db").unlink()
    shutil.rmtree(own.course / "feedback")
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    door = GradebookDoor(own)
    assert not door.knows(exercise)
    door.generate_assignment("a1-sums")
    verdicts = _verdicts(own)
    assert door.enter_all(verdicts) == []
    assert door.scores("a1-sums") == CLASS
    assert all(door.holds(exercise, verdict) for verdict in verdicts)
    with psycopg.connect(postgres) as connection:
        names = connection.execute("select student_id from submitted_assignment").fetchall()
        assert sorted(name for (name,) in names) == sorted(CLASS)
        connection.execute("update grade set manual_score = 1 where auto_score = 2")
    assert door.scores("a1-sums") != CLASS, "the test must be able to fail"
    before = door.scores("a1-sums")
    assert door.enter_all(verdicts) == []
    assert door.scores("a1-sums") == before
    for command in (
        ["autograde", "a1-sums", "--force"],
        ["generate_feedback", "a1-sums", "--force"],
        ["export"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command],
            cwd=own.course,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert door.scores("a1-sums") == before
    door.remove(["ada"])
    assert "ada" not in door.scores("a1-sums")
    assert not (own.course / "gradebook.db").exists()


@pytest.mark.slow
def test_server_that_is_away(own, monkeypatch):
    """A server that cannot be reached is one line with the remedy and no password; verdicts stay."""
    monkeypatch.setenv(DB_URL, f"postgresql://camp:secret@/postgres?host={own.root}")
    with pytest.raises(
        GradebookError, match=r"postgres.*cannot be used .*see that the server runs"
    ) as caught:
        GradebookDoor(own).enter_all(_verdicts(own))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    monkeypatch.delenv(DB_URL)
    assert GradebookDoor(own).enter_all(_verdicts(own)) == []


def test_address_of_a_database(monkeypatch):
    """The environment names the database, our driver is put in, a wrong address is one line."""
    monkeypatch.delenv(DB_URL, raising=False)
    assert configured_url() is None
    monkeypatch.setenv(DB_URL, "postgresql://a:b@host/name")
    assert configured_url() == "postgresql+psycopg://a:b@host/name"
    assert shown_url(configured_url()) == "postgresql+psycopg://a:***@host/name"
    monkeypatch.setenv(DB_URL, "not an address")
    with pytest.raises(GradebookError, match=r"CAMP_DB_URL is no address of a database; write postgresql://"):
        configured_url()


@pytest.mark.slow
def test_locked_gradebook(own):
    """While another process holds the gradebook, grading ends in one line and code 1; nothing is lost."""
    shutil.rmtree(own.course / ".entered")
    run = ["--root", str(own.root), "grade", "--example"]
    with closing(sqlite3.connect(own.course / "gradebook.db", isolation_level=None)) as other:
        other.execute("begin exclusive")
        result = CliRunner().invoke(main, run)
        other.execute("rollback")
    told = [line for line in result.output.splitlines() if "gradebook" in line]
    assert result.exit_code == 1
    assert len(told) == 1
    assert "gradebook.db cannot be used" in told[0]
    assert "database is locked" in told[0]
    assert all(_verdicts(own))
    assert CliRunner().invoke(main, run).exit_code == 0
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    assert all(GradebookDoor(own).holds(exercise, verdict) for verdict in _verdicts(own))


def _full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "page.html")


@pytest.mark.slow
@pytest.mark.parametrize(
    "where", ["camp.pages.write_text", "camp.pages._clear", "camp.pages.shutil.copyfile"]
)
def test_full_disk(own, monkeypatch, where):
    """A full disk is one line; what was not entered for want of room is entered by the next try."""
    (own.course / "submitted" / "ada" / "a1-sums" / "notes.txt").write_text("brought along")
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    door = GradebookDoor(own)
    with monkeypatch.context() as patch:
        patch.setattr(where, _full)
        with pytest.raises(
            NotWritableError, match=r"page\.html cannot be written \(No space left.*make room"
        ):
            door.enter_all(_verdicts(own))
    assert not all(door.holds(exercise, verdict) for verdict in _verdicts(own))
    assert door.enter_all(_verdicts(own)) == []
    assert all(door.holds(exercise, verdict) for verdict in _verdicts(own))


@pytest.mark.slow
def test_no_room_for_the_gradebook(own):
    """A gradebook that cannot grow is one line with the remedy, and none of the batch is half entered."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    own.class_data.mkdir()
    names = "".join(f"learner number {n:05}\n" for n in range(3000))
    (own.class_data / "roster.csv").write_text("id\n" + "".join(f"{n}\n" for n in CLASS) + names)
    with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
        (pages,) = book.execute("pragma page_count").fetchone()
    before = GradebookDoor(own).scores("a1-sums")

    def cramp(connection, _):
        connection.execute(f"pragma max_page_count = {pages}")

    event.listen(Engine, "connect", cramp)
    try:
        with pytest.raises(GradebookError, match=r"database or disk is full.*make room") as caught:
            GradebookDoor(own).enter_all(_verdicts(own))
    finally:
        event.remove(Engine, "connect", cramp)
    assert "\n" not in str(caught.value)
    door = GradebookDoor(own)
    assert door.scores("a1-sums") == before
    assert door.enter_all(_verdicts(own)) == []
    assert door.scores("a1-sums") == CLASS
