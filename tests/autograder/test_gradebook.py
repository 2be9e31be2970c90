"""The nbgrader side: its own commands work on the course root and give the scores of the verdicts."""

import csv
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from camp.course import load_course
from camp.errors import GradebookError
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor, verdict_path
from camp.paths import Layout
from camp.verdict import read_verdict
from markupsafe import escape

pytestmark = pytest.mark.slow
CLASS = {"ada": 5, "bo": 4, "cleo": 0, "dima": 2, "eve": 0}


@pytest.fixture
def own(graded_class, tmp_path):
    """A copy of the graded class, to be changed."""
    shutil.copytree(graded_class.root, tmp_path / "checkout")
    return Layout(tmp_path / "checkout")


def _nbgrader(layout, *arguments):
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(layout.root / "none"), "HOME": str(layout.root)}
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=layout.course,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_gradebook_holds_the_verdicts(graded_class):
    """The gradebook's scores are the verdicts' points, also of what is no notebook and of the blank."""
    assert GradebookDoor(graded_class).scores("a1-sums") == CLASS
    for learner, points in CLASS.items():
        assert read_verdict(verdict_path(graded_class, "a1-sums", learner)).points == points


def test_nothing_waits_for_a_hand(graded_class):
    """No grade is left for manual grading: every submission has its score by machine."""
    with closing(sqlite3.connect(graded_class.course / "gradebook.db")) as book:
        rows = book.execute("select auto_score, needs_manual_grade from grade").fetchall()
    assert len(rows) == 11
    assert all(score is not None and not waits for score, waits in rows)


def test_stock_autograde_gives_the_same(own, without_versions):
    """`nbgrader autograde --force` without verdicts at hand grades anew and comes to the same verdicts."""
    before = without_versions(own.results / "a1-sums")
    shutil.rmtree(own.results)
    GradebookDoor(own)  # writes the configuration for this folder
    done = _nbgrader(own, "autograde", "a1-sums", "--force")
    assert done.returncode == 0, done.stderr
    assert GradebookDoor(own).scores("a1-sums") == CLASS
    assert without_versions(own.results / "a1-sums") == before


def test_stock_feedback_and_export(own):
    """`nbgrader generate_feedback` and `nbgrader export` work on the course root, with the same scores."""
    shutil.rmtree(own.course / "feedback")
    GradebookDoor(own)
    done = _nbgrader(own, "generate_feedback", "a1-sums")
    assert done.returncode == 0, done.stderr
    for learner in CLASS:
        assert (own.course / "feedback" / learner / "a1-sums" / "sums.html").stat().st_size > 1000
    done = _nbgrader(own, "export", "--to", str(own.root / "all.csv"))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((own.root / "all.csv").open(encoding="utf-8")))
    assert {r["student_id"]: float(r["score"]) for r in rows if r["assignment"] == "a1-sums"} == CLASS


def test_manual_grades_survive(own):
    """A grade given by hand stays when the same submission is entered again."""
    with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
        book.execute("update grade set manual_score = 1 where auto_score = 2")
        book.commit()
    door = GradebookDoor(own)
    before = door.scores("a1-sums")
    assert before["ada"] != CLASS["ada"], "the test must be able to fail"
    door.enter(read_verdict(verdict_path(own, "a1-sums", "ada")))
    assert door.scores("a1-sums") == before


def test_door_knows_what_it_holds(own):
    """A verdict is held when exactly this one was entered, with its feedback and its score."""
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    verdict = read_verdict(verdict_path(own, "a1-sums", "bo"))
    assert GradebookDoor(own).holds(exercise, verdict)
    assert not GradebookDoor(own).holds(exercise, verdict.model_copy(update={"findings": ["other"]}))
    assert not GradebookDoor(own).holds(exercise, verdict.model_copy(update={"learner": "nobody"}))
    page = own.course / "feedback" / "bo" / "a1-sums" / "sums.html"
    page.rename(page.with_suffix(".away"))
    assert not GradebookDoor(own).holds(exercise, verdict)
    page.with_suffix(".away").rename(page)
    assert GradebookDoor(own).holds(exercise, verdict)
    with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
        book.execute("update grade set auto_score = 0")
        book.commit()
    assert not GradebookDoor(own).holds(exercise, verdict)


@pytest.mark.parametrize("step", ["scores", "knows", "export"])
def test_damaged_gradebook(own, step):
    """A gradebook that is no database is one line with the way out, and stays as it is."""
    path = own.course / "gradebook.db"
    path.write_bytes(b"this is no database, it only looks like one" * 100)
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    door = GradebookDoor(own)
    argument = {"scores": "a1-sums", "knows": exercise, "export": own.root / "x.csv"}[step]
    with pytest.raises(GradebookError, match=r"gradebook\.db cannot be used .*database") as caught:
        getattr(door, step)(argument)
    assert "\n" not in str(caught.value)
    assert path.read_bytes().startswith(b"this is no database")


def test_changed_submission_is_not_entered(own):
    """A verdict on what is no longer submitted is one line, and the others of its batch are entered."""
    door = GradebookDoor(own)
    ada, bo = (read_verdict(verdict_path(own, "a1-sums", name)) for name in ("ada", "bo"))
    before = _rows(own)
    shutil.rmtree(own.course / "autograded")
    (own.course / "submitted" / "ada" / "a1-sums" / "sums.ipynb").write_text("other")
    (trouble,) = door.enter_all([ada, bo])
    assert str(trouble) == "a1-sums of ada is no longer what was graded; run camp grade again"
    assert _rows(own) == before
    assert [p.name for p in (own.course / "autograded").iterdir()] == ["bo"]


def test_failed_step_says_why(own, monkeypatch):
    """When nbgrader refuses to make a release, its reason is in the line, and what was entered stays."""

    def refused(*_):
        raise ValueError("no such luck")

    monkeypatch.setattr("nbgrader.converters.generate_assignment.GenerateAssignment.start", refused)
    door = GradebookDoor(own)
    with pytest.raises(GradebookError, match=r"release of a1-sums failed: ValueError: no such luck"):
        door.generate_assignment("a1-sums")
    assert door.scores("a1-sums") == CLASS


def test_interrupt_is_not_swallowed(own, monkeypatch):
    """Ctrl-C while nbgrader works, which nbgrader catches, is Ctrl-C all the same."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("nbgrader.converters.generate_assignment.GenerateAssignment.start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        GradebookDoor(own).generate_assignment("a1-sums")


def _rows(layout, without=()):
    """What the gradebook says of every submission, free of ids: each grade, comment, penalty and time."""
    with closing(sqlite3.connect(layout.course / "gradebook.db")) as book:
        book.row_factory = sqlite3.Row
        tables = ("student", "submitted_assignment", "submitted_notebook", "grade", "comment", "base_cell")
        read = {name: [dict(row) for row in book.execute(f"select * from {name}")] for name in tables}  # noqa: S608
    cells = {cell["id"]: f"{cell['type']} {cell['name']}" for cell in read["base_cell"]}
    names = {row["id"]: row["student_id"] for row in read["submitted_assignment"]}
    notebooks = {row["id"]: names[row["assignment_id"]] for row in read["submitted_notebook"]}
    told = [sorted(row.items(), key=str) for row in read["student"]]
    told += [[row["student_id"], row["timestamp"], row["extension"]] for row in read["submitted_assignment"]]
    told += [
        [names[row["assignment_id"]], row["flagged"], row["late_submission_penalty"]]
        for row in read["submitted_notebook"]
    ]
    for row in read["grade"] + read["comment"]:
        where = (notebooks[row.pop("notebook_id")], cells[row.pop("cell_id")])
        told.append([where, sorted(item for item in row.items() if item[0] not in {"id", *without})])
    return sorted(map(str, told))


def _files(layout):
    """All files of the steps after submission, by path."""
    return {
        path.relative_to(layout.course).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for step in ("autograded", "feedback")
        for path in sorted((layout.course / step).rglob("*"))
        if path.is_file()
    }


def test_same_as_the_converters(own):
    """Entering a class gives the rows and the files, byte for byte, that nbgrader's two converters give."""
    for learner, time in (
        ("ada", "2026-03-01 12:00:00.000000 UTC"),
        ("bo", "2026-03-01 12:00:00 Asia/Shanghai"),
    ):
        folder = own.course / "submitted" / learner / "a1-sums"
        (folder / "timestamp.txt").write_text(time)
        (folder / "notes").mkdir()
        (folder / "notes" / "plan.txt").write_text("brought along")
    verdicts = [read_verdict(verdict_path(own, "a1-sums", learner)) for learner in CLASS]
    ways = []
    for way in ("converters", "door"):
        for step in ("autograded", "feedback"):
            shutil.rmtree(own.course / step)
        door = GradebookDoor(own)
        with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
            book.executescript(
                "delete from student; delete from submitted_assignment;"
                "delete from submitted_notebook; delete from grade; delete from comment;"
            )
        if way == "door":
            assert door.enter_all(verdicts) == []
        else:
            for command in (["autograde", "a1-sums"], ["generate_feedback", "a1-sums"]):
                done = _nbgrader(own, *command)
                assert done.returncode == 0, done.stderr
        ways.append((_rows(own), _files(own)))
    (rows, files), (our_rows, our_files) = ways
    assert our_rows == rows
    assert our_files == files
    assert any("2026-03-01 04:00:00" in row for row in rows), "bo's time is in UTC"
    assert "autograded/ada/a1-sums/notes/plan.txt" in files
    assert any("No response." in row for row in rows)


def _policy(layout, text, roster=None):
    layout.class_data.mkdir(exist_ok=True)
    (layout.class_data / "policy.toml").write_text(text)
    if roster is not None:
        (layout.class_data / "roster.csv").write_text(roster, encoding="utf-8")


DUE = '[[due]]\nassignment = "a1-sums"\nat = 2026-03-01T12:00:00\n'


def test_policy_reaches_the_gradebook(own):
    """Due date, extension and points off are in the gradebook and on the feedback page; verdicts stay.

    A changed policy is entered though no submission changed; nbgrader's own autograding does the same.
    """
    for learner, time in (("ada", "03-01 12:00:00"), ("bo", "03-02 13:00:00"), ("dima", "03-02 13:00:00")):
        (own.course / "submitted" / learner / "a1-sums" / "timestamp.txt").write_text(f"2026-{time} UTC")
    verdicts = [read_verdict(verdict_path(own, "a1-sums", name)) for name in ("ada", "bo", "dima")]
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    _policy(own, DUE + "[late]\npercent = 10\n" + '[[extension]]\nlearner = "dima"\nby = "2 days"\n')
    door = GradebookDoor(own)
    assert not any(door.holds(exercise, verdict) for verdict in verdicts)
    assert door.enter_all(verdicts) == []
    assert all(GradebookDoor(own).holds(exercise, verdict) for verdict in verdicts)
    assert {name: door.scores("a1-sums")[name] for name in ("ada", "bo", "dima")} == {
        "ada": 5,
        "bo": 4 - 0.8,
        "dima": 2,
    }
    page = (own.course / "feedback" / "bo" / "a1-sums" / "sums.html").read_text()
    assert "3.2 of 5 points · 0.8 points off for being late" in page
    assert [read_verdict(verdict_path(own, "a1-sums", v.learner)) for v in verdicts] == verdicts
    with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
        assert book.execute("select duedate from assignment where name = 'a1-sums'").fetchone()[0] == (
            "2026-03-01 12:00:00.000000"
        )
    rows = _rows(own)
    done = _nbgrader(own, "autograde", "a1-sums", "--force")
    assert done.returncode == 0, done.stderr
    assert [row for row in _rows(own) if "'bo'" in row] == [row for row in rows if "'bo'" in row]
    _policy(own, DUE + "[late]\npercent = 20\n")
    door = GradebookDoor(own)
    assert [door.holds(exercise, verdict) for verdict in verdicts] == [False, False, False]
    door.enter_all(verdicts)
    assert door.scores("a1-sums")["bo"] == 4 - 1.6
    assert door.scores("a1-sums")["dima"] == 2 - 0.8


def test_group_shares_the_latest(own):
    """The latest submission of a group counts for all its members, those too who handed in nothing."""
    for learner, hour in (("ada", 10), ("bo", 11)):
        time = f"2026-03-01 {hour}:00:00 UTC"
        (own.course / "submitted" / learner / "a1-sums" / "timestamp.txt").write_text(time)
    _policy(own, 'groups = "all"', "id,group,first_name\nada,red,Ada\nbo,red,\n李娜,red,娜\ncleo,,\n")
    verdicts = [read_verdict(verdict_path(own, "a1-sums", name)) for name in ("ada", "bo", "cleo")]
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    door = GradebookDoor(own)
    assert door.enter_all(verdicts) == []
    assert door.scores("a1-sums") == {**CLASS, "ada": 4, "bo": 4, "李娜": 4}
    assert all(door.holds(exercise, verdict) for verdict in verdicts)
    page = (own.course / "feedback" / "李娜" / "a1-sums" / "sums.html").read_text(encoding="utf-8")
    assert '<p class="sub">李娜 · 4 of 5 points' in page
    with closing(sqlite3.connect(own.course / "gradebook.db")) as book:
        assert book.execute("select first_name from student where id = 'ada'").fetchone() == ("Ada",)


def test_batch_is_one_transaction(own, monkeypatch):
    """When the database refuses one row, none of the batch is written; the next try enters all."""
    verdicts = [read_verdict(verdict_path(own, "a1-sums", learner)) for learner in CLASS]
    door = GradebookDoor(own)
    before = _rows(own)
    with monkeypatch.context() as patch:
        patch.setattr("camp.entries._points", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            door.enter_all(verdicts)
    assert _rows(own) == before
    exercise = load_exercise(load_course(own.exercises), "a1-sums")
    assert not any(door.holds(exercise, verdict) for verdict in verdicts), "what may be half is done again"
    assert door.enter_all(verdicts) == []
    assert all(door.holds(exercise, verdict) for verdict in verdicts)


def test_quiet_leaves_no_trace(own, capfd):
    """Nbgrader's steps print nothing and change nothing of this process: logging, warnings, folder, PATH."""

    def state():
        root = logging.getLogger()
        return (
            root.manager.disable,
            list(root.handlers),
            root.level,
            list(warnings.filters),
            Path.cwd(),
            os.environ["PATH"],
            sys.stdout,
        )

    before = state()
    door = GradebookDoor(own)
    door.enter(read_verdict(verdict_path(own, "a1-sums", "ada")))
    door.scores("a1-sums")
    assert state() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a[1]", "a*b?", "li  na ", "李娜", "o'neil; --"])
def test_any_name_is_entered(own, name):
    """A name that looks like a pattern, has spaces or is Chinese is entered like any other."""
    ada = own.course / "submitted" / "ada"
    shutil.copytree(ada, ada.with_name(name))
    verdict = read_verdict(verdict_path(own, "a1-sums", "ada")).model_copy(update={"learner": name})
    door = GradebookDoor(own)
    door.enter(verdict)
    assert door.scores("a1-sums") == {**CLASS, name: 5}
    assert door.holds(load_exercise(load_course(own.exercises), "a1-sums"), verdict)
    assert f'<p class="sub">{name.replace(chr(39), "&#39;")} ' in (
        own.course / "feedback" / name / "a1-sums" / "sums.html"
    ).read_text(encoding="utf-8")


def test_name_too_long_for_nbgrader(own):
    """A name longer than nbgrader's column is one line with the way out."""
    verdict = read_verdict(verdict_path(own, "a1-sums", "ada")).model_copy(update={"learner": "x" * 129})
    with pytest.raises(GradebookError, match=r"cannot hold 'xxxxxxxxxxxxxxxxxxxx'… of 129 .*rename"):
        GradebookDoor(own).enter(verdict)


def test_missing_answer_is_told_once(own):
    """The feedback page says that an answer cell is missing once, under its task."""
    page = (own.course / "feedback" / "dima" / "a1-sums" / "sums.html").read_text(encoding="utf-8")
    for learner in CLASS:
        for finding in read_verdict(verdict_path(own, "a1-sums", learner)).findings:
            page = (own.course / "feedback" / learner / "a1-sums" / "sums.html").read_text(encoding="utf-8")
            assert page.count(str(escape(finding))) == 1


def test_one_engine_for_all_openings(own):
    """The database is opened many times by one engine: SQLAlchemy keeps what it compiles for each."""
    door = GradebookDoor(own)
    door.scores("a1-sums")
    engine = door._gradebook.engine
    assert door.scores("a1-sums")
    assert door._gradebook.engine is engine


def test_gradebook_that_was_replaced_is_opened_anew(own, tmp_path):
    """Another file in the gradebook's place is read as it is, and one that is gone is made again."""
    door = GradebookDoor(own)
    assert door.scores("a1-sums")
    path = own.course / "gradebook.db"
    shutil.copy(path, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as book, book:
        book.execute("UPDATE grade SET auto_score = 0, manual_score = 0")
    (tmp_path / "copy.db").replace(path)
    assert set(door.scores("a1-sums").values()) == {0.0}
    path.unlink()
    assert door.scores("a1-sums") == {}
