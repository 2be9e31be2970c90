"""A class: nobody is lost, what did not change is not graded again, and trouble with one costs no other."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from camp import classroom
from camp.classroom import submissions
from camp.course import load_course
from camp.errors import GradebookError, KernelStartError, SubmissionsError
from camp.example import example_learners, remove_example_class, write_example_class
from camp.gradebook import GradebookDoor
from camp.inbox import collect, look_through
from camp.intake import take_in
from camp.records import verdict_path
from camp.verdict import Status, read_verdict
from camp.warm import usable

NAMES = ["a1-sums", "a2-words"]
WRONG = {"double": "def double(x):\n    return x", "total": "total = sum"}


def _results(layout):
    return {p.relative_to(layout.results).as_posix(): p.read_bytes() for p in layout.results.rglob("*.json")}


# --- collecting: nothing is run ------------------------------------------------------------------------


def _collected(toy, source):
    course = load_course(toy.exercises)
    collect(toy, course, look_through(course, source, NAMES))
    return {(s.learner, s.assignment): s.path for s in submissions(toy, course, NAMES)}


def test_every_usual_place_is_looked_at(toy, hand_in, right):
    """Submissions lie in a folder per assignment, or under the assignment's or the notebook's name."""
    inbox = hand_in("ada", right)
    data = (inbox / "ada" / "a1-sums" / "sums.ipynb").read_bytes()
    for learner, name in (("bo", "a1-sums.ipynb"), ("cleo", "sums.ipynb")):
        (inbox / learner).mkdir()
        (inbox / learner / name).write_bytes(data)
    found = _collected(toy, inbox)
    assert sorted(found) == [("ada", "a1-sums"), ("bo", "a1-sums"), ("cleo", "a1-sums")]
    assert {path.read_bytes() for path in found.values()} == {data}


def test_any_name_is_a_name(toy, hand_in, right):
    """Chinese names, blanks and what a shell or a pattern would take for its own are names like others."""
    names = ["王小明", "Ada Lovelace", "o'neil", "a[1]*?", "$HOME", "-rf", "x.y", "100%", "<b>", "{learner}"]
    for name in names:
        inbox = hand_in(name, right)
    assert sorted(learner for learner, _ in _collected(toy, inbox)) == sorted(names)


def _notices(toy, source, names=NAMES):
    return look_through(load_course(toy.exercises), source, list(names)).notices


def test_nothing_vanishes_silently(toy, hand_in, right):
    """A learner's folder without a submission, a misnamed notebook and a stray file are each a line."""
    inbox = hand_in("ada", right)
    (inbox / "bo" / "other").mkdir(parents=True)
    (inbox / "cleo").mkdir()
    (inbox / "cleo" / "Sums (1).ipynb").touch()
    (inbox / "ada" / "words_final.ipynb").touch()
    (inbox / "ada" / ".ipynb_checkpoints").mkdir()
    (inbox / "ada" / ".ipynb_checkpoints" / "x.ipynb").touch()
    (inbox / "sums.ipynb").touch()
    (inbox / ".hidden").mkdir()
    (inbox / ".DS_Store").touch()
    assert list(_collected(toy, inbox)) == [("ada", "a1-sums")]
    places = "sums.ipynb, {0}a1-sums.ipynb or {0}a1-sums/sums.ipynb"
    stray = f"{inbox}/sums.ipynb lies in no learner's folder and is not graded"
    assert _notices(toy, inbox) == [
        f"{inbox}/ada/words_final.ipynb has the name of no assignment and is not graded",
        f"no submission of a1-sums found in {inbox}/bo; expected {places.format('')}",
        f"no submission of a1-sums found in {inbox}/cleo; expected {places.format('')}",
        f"{stray}; expected <learner>/{places.format('<learner>/')}",
    ]


def test_what_is_in_order_is_no_notice(toy, hand_in, right):
    """A class that handed in one of two assignments, some of it linked, is met with silence."""
    inbox = hand_in("ada", right)
    (inbox / "bo").symlink_to(inbox / "ada")
    assert _notices(toy, inbox) == []
    hand_in("ada", {}, "a2-words")
    assert _notices(toy, inbox, ["a1-sums"]) == []


def test_notice_of_a_name_that_cannot_be_shown(toy, hand_in, right):
    """A stray file whose name is no text is shown quoted, in one line."""
    inbox = hand_in("ada", right)
    (inbox / "a\nb").touch()
    assert [n.startswith("'") and "\n" not in n for n in _notices(toy, inbox)] == [True]


@pytest.mark.parametrize("make", [None, "file", "empty", "strangers"])
def test_nothing_to_collect(toy, tmp_path, make):
    """A folder that is missing, a file, empty or without submissions is one line; nothing is changed."""
    source = tmp_path / "inbox"
    match make:
        case "file":
            source.write_text("x", encoding="utf-8")
        case "empty":
            source.mkdir()
        case "strangers":
            (source / "ada" / "other").mkdir(parents=True)
    with pytest.raises(SubmissionsError) as caught:
        _collected(toy, source)
    assert str(source) in str(caught.value)
    assert "\n" not in str(caught.value)
    if make in {"empty", "strangers"}:
        places = "<learner>/sums.ipynb, <learner>/a1-sums.ipynb or <learner>/a1-sums/sums.ipynb"
        assert places in str(caught.value)
    assert not toy.course.exists()


def test_name_that_cannot_be_shown(toy, hand_in, right):
    """A folder whose name is no text is one line that says to rename it, before anything is copied."""
    inbox = hand_in("ada", right)
    hand_in("bo\nrm", right)
    with pytest.raises(SubmissionsError, match=r"'bo\\nrm' has a name that cannot be shown; rename it"):
        _collected(toy, inbox)
    assert not toy.course.exists()


@pytest.mark.parametrize("what", ["file", "assignment", "learner", "dangling"])
def test_links_are_not_followed(toy, hand_in, right, what):
    """A link in the place of file, assignment or learner brings in nothing of what it leads to."""
    inbox = hand_in("ada", right)
    eve = inbox / "eve"
    match what:
        case "file":
            (eve / "a1-sums").mkdir(parents=True)
            (eve / "a1-sums" / "sums.ipynb").symlink_to(inbox / "ada" / "a1-sums" / "sums.ipynb")
        case "assignment":
            eve.mkdir()
            (eve / "a1-sums").symlink_to(inbox / "ada" / "a1-sums")
        case "learner":
            eve.symlink_to(inbox / "ada")
        case "dangling":
            (eve / "a1-sums").mkdir(parents=True)
            (eve / "a1-sums" / "sums.ipynb").symlink_to("/nowhere")
    path = _collected(toy, inbox)["eve", "a1-sums"]
    assert path.is_symlink()
    assert "not an ordinary file" in classroom.read_submitted(path).refused


def test_collecting_again_replaces(toy, hand_in, right):
    """What was collected before is replaced, whatever it was: a file, a folder, a link."""
    inbox = hand_in("ada", right)
    path = inbox / "ada" / "a1-sums" / "sums.ipynb"
    data = path.read_bytes()
    for _ in range(2):
        path.unlink()
        path.mkdir()
        assert _collected(toy, inbox)["ada", "a1-sums"].is_dir()
        path.rmdir()
        path.symlink_to("/nowhere")
        assert _collected(toy, inbox)["ada", "a1-sums"].is_symlink()
        path.unlink()
        path.write_bytes(data)
        assert _collected(toy, inbox)["ada", "a1-sums"].read_bytes() == data


def test_huge_file_is_not_copied_whole(toy, hand_in, monkeypatch):
    """Of a file past the bound only so much is copied as shows that it is."""
    monkeypatch.setattr("camp.inbox.MAX_BYTES", 1000)
    inbox = hand_in("ada", b"x" * 5000)
    assert _collected(toy, inbox)["ada", "a1-sums"].stat().st_size == 1001


def test_example_class_is_made_of_its_answers(toy):
    """The bundled class comes out as notebooks, the one that is none as it is."""
    folder = write_example_class(toy, load_course(toy.exercises), NAMES)
    made = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.ipynb"))
    assert made == [
        "ada/a1-sums/sums.ipynb",
        "ada/a2-words/words.ipynb",
        "bo/a1-sums/sums.ipynb",
        "cleo/a1-sums/sums.ipynb",
        "dima/a1-sums/sums.ipynb",
        "eve/a1-sums/sums.ipynb",
    ]
    assert (folder / "eve/a1-sums/sums.ipynb").read_bytes().startswith(b"<!DOCTYPE")


# --- the example class and a real one ---------------------------------------------------------------------


def _hand_in_example(toy):
    course = load_course(toy.exercises)
    collect(toy, course, look_through(course, write_example_class(toy, course, NAMES), NAMES))
    return course


def test_example_learners_are_told_by_their_files(toy):
    """Of the example class is who bears such a name and handed in nothing but its files."""
    _hand_in_example(toy)
    assert example_learners(toy) == ["ada", "bo", "cleo", "dima", "eve"]
    submitted = toy.course / "submitted"
    (submitted / "ada" / "a1-sums" / "sums.ipynb").write_text("{}", encoding="utf-8")
    shutil.copytree(submitted / "bo", submitted / "zoe")
    (submitted / "eve" / "a1-sums" / "sums.ipynb").unlink()
    (submitted / "eve" / "a1-sums" / "sums.ipynb").symlink_to("/nowhere")
    assert example_learners(toy) == ["bo", "cleo", "dima"]


@pytest.mark.slow
def test_example_class_leaves_nothing_behind(toy, hand_in, right):
    """When the example class is removed, no folder, verdict or entry of it is left; a real learner stays."""
    course = _hand_in_example(toy)
    door = GradebookDoor(toy)
    collect(toy, course, look_through(course, hand_in("zoe", right), NAMES))
    exercises = {name: classroom.load_exercise(course, name) for name in NAMES}
    for exercise in exercises.values():
        classroom.release(toy, exercise, door)
    for s in submissions(toy, course, NAMES):
        taken = take_in(s.path, exercises[s.assignment])
        verdict = classroom.without_points(taken, exercises[s.assignment], s.learner, Status.KILLED, "x")
        classroom.write_text(verdict_path(toy, s.assignment, s.learner), verdict.to_json())
        door.enter(verdict)
    assert sorted(door.scores("a1-sums")) == ["ada", "bo", "cleo", "dima", "eve", "zoe"]

    assert remove_example_class(toy, course) == ["ada", "bo", "cleo", "dima", "eve"]
    assert remove_example_class(toy, course) == []
    assert list(GradebookDoor(toy).scores("a1-sums")) == ["zoe"]
    assert GradebookDoor(toy).scores("a2-words") == {}
    assert list(_results(toy)) == ["a1-sums/zoe.json"]
    for step in ("submitted", "autograded", "feedback"):
        assert [p.name for p in (toy.course / step).iterdir()] == ["zoe"]
    assert [p.name for p in (toy.course / ".entered").rglob("*.json")] == ["zoe.json"]
    with closing(sqlite3.connect(toy.course / "gradebook.db")) as book:
        assert book.execute("select id from student").fetchall() == [("zoe",)]


# --- grading -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_class_is_graded_and_none_is_lost(graded_class):
    """Every submission of the class has its verdict and its feedback page."""
    points = {p.stem: read_verdict(p).points for p in (graded_class.results / "a1-sums").glob("*.json")}
    assert points == {"ada": 5, "bo": 4, "cleo": 0, "dima": 2, "eve": 0}
    assert [p.stem for p in (graded_class.results / "a2-words").glob("*.json")] == ["ada"]
    pages = sorted(p.parts[-3] for p in (graded_class.course / "feedback").rglob("sums.html"))
    assert pages == ["ada", "bo", "cleo", "dima", "eve"]


@pytest.mark.slow
def test_one_process_or_two_the_same_verdicts(graded_class, toy, grade_inbox, without_versions):
    """The class graded in one process, in another order, gives byte for byte what two workers gave."""
    folder = write_example_class(toy, load_course(toy.exercises), NAMES)
    grade_inbox(source=folder)
    assert without_versions(toy.results) == without_versions(graded_class.results)


@pytest.mark.slow
def test_only_what_changed_is_graded_again(toy, hand_in, grade_inbox, right, monkeypatch):
    """A second run grades nothing, a changed submission is graded alone, what was lost is made good."""
    hand_in("王小明", right)
    hand_in("Ada * Lovelace", WRONG)
    assert {told[2] for told in grade_inbox()} == {False}
    before = _results(toy)
    with monkeypatch.context() as patch:
        patch.setattr(GradebookDoor, "enter_all", lambda *_: pytest.fail("entered again"))
        patch.setattr(classroom, "run_job", lambda *_: pytest.fail("graded again"))
        assert {told[2] for told in grade_inbox()} == {True}
    assert _results(toy) == before

    hand_in("王小明", WRONG)
    assert sorted(grade_inbox()) == [("Ada * Lovelace", "a1-sums", True), ("王小明", "a1-sums", False)]
    assert read_verdict(verdict_path(toy, "a1-sums", "王小明")).points == 3
    assert GradebookDoor(toy).scores("a1-sums") == {"王小明": 3, "Ada * Lovelace": 3}

    verdict_path(toy, "a1-sums", "王小明").write_text("{", encoding="utf-8")
    (toy.course / "gradebook.db").unlink()
    assert sorted(told[2] for told in grade_inbox()) == [False, True]
    assert GradebookDoor(toy).scores("a1-sums") == {"王小明": 3, "Ada * Lovelace": 3}


@pytest.mark.slow
def test_run_broken_off_between_verdict_and_gradebook(toy, hand_in, grade_inbox, right, monkeypatch):
    """A verdict that was written but not entered, when the run was broken off, is entered by the next run."""
    hand_in("ada", right)
    grade_inbox()
    hand_in("ada", WRONG)

    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(GradebookDoor, "enter_all", broken)
        with pytest.raises(KeyboardInterrupt):
            grade_inbox()
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 5}, "the gradebook is behind"
    assert read_verdict(verdict_path(toy, "a1-sums", "ada")).points == 3, "the verdict is not lost"
    assert grade_inbox() == [("ada", "a1-sums", True)]
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 3}
    page = (toy.course / "feedback" / "ada" / "a1-sums" / "sums.html").read_text(encoding="utf-8")
    assert "Twice means times two" in page


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["damaged", "locked"])
def test_gradebook_that_cannot_be_had(toy, hand_in, grade_inbox, right, trouble):
    """With a gradebook locked or damaged, verdicts are made all the same, and one line says what to do."""
    hand_in("ada", right)
    grade_inbox()
    before = _results(toy)
    hand_in("bo", WRONG)
    path = toy.course / "gradebook.db"
    sound = path.read_bytes()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        if trouble == "locked":
            other.execute("begin exclusive")
        else:
            path.write_bytes(b"no database " * 1000)
        with pytest.raises(GradebookError) as caught:
            grade_inbox()
    assert "\n" not in str(caught.value)
    assert "gradebook.db cannot be used" in str(caught.value)
    assert _results(toy).items() >= before.items()
    assert read_verdict(verdict_path(toy, "a1-sums", "bo")).points == 3
    path.write_bytes(sound)
    assert {told[2] for told in grade_inbox()} == {True}
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 5, "bo": 3}


@pytest.mark.slow
def test_trouble_with_one_costs_no_other(toy, hand_in, grade_inbox, right, monkeypatch):
    """When nbgrader refuses one learner, the others are entered, and the line at the end names the one."""
    for name in ("ada", "bo", "cleo"):
        hand_in(name, right)
    enter_all = GradebookDoor.enter_all

    def refuse(self, verdicts):
        troubles = enter_all(self, [v for v in verdicts if v.learner != "bo"])
        return [*troubles, GradebookError("bo is refused")]

    monkeypatch.setattr(GradebookDoor, "enter_all", refuse)
    with pytest.raises(GradebookError, match=r"^bo is refused$"):
        grade_inbox()
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 5, "cleo": 5}
    assert len(_results(toy)) == 3


def _no_kernel(*_, **__):
    raise KernelStartError("no kernel")


@pytest.mark.slow
def test_machine_without_kernels_gives_no_verdict(toy, hand_in, grade_inbox, right, monkeypatch):
    """A kernel that cannot be started is the machine's fault: one line, no 0 points; the next run grades."""
    hand_in("ada", right)
    with monkeypatch.context() as patch:
        patch.setattr(classroom, "run_job", _no_kernel)
        with pytest.raises(KernelStartError, match="no kernel"):
            grade_inbox()
    assert _results(toy) == {}
    assert grade_inbox() == [("ada", "a1-sums", False)]


@pytest.mark.slow
def test_submission_that_kills_the_grader(toy, hand_in, grade_inbox, right):
    """An answer that would kill the process which grades it costs no other learner's points.

    In the sandbox it reaches nobody but its own kernel, and its other task is graded as well.
    """
    kill = {**right, "double": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"}
    for name, answers in (("ada", kill), ("bo", right)):
        hand_in(name, answers)
    assert len(grade_inbox(processes=1)) == 2
    safe = usable().safe
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 3 if safe else 0, "bo": 5}
    verdict = read_verdict(verdict_path(toy, "a1-sums", "ada"))
    assert verdict.tasks[0].points == 0
    assert safe or {task.status for task in verdict.tasks} == {Status.KILLED}


@pytest.mark.slow
def test_exercise_that_changed_voids_its_verdicts(toy, hand_in, grade_inbox, right):
    """When a check changes, the class is graded again, and the gradebook has the new points to earn."""
    hand_in("ada", right)
    grade_inbox()
    path = toy.exercises / "a1-sums" / "checks.py"
    text = path.read_text(encoding="utf-8").replace("points=2", "points=7")
    path.write_text(text, encoding="utf-8")
    assert grade_inbox() == [("ada", "a1-sums", False)]
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 10}


@pytest.mark.slow
def test_what_is_no_file_is_refused_and_in_the_gradebook(toy, hand_in, grade_inbox, right):
    """A folder, a link and an empty file are refused with 0 points, in the gradebook too, and stop nobody."""
    inbox = hand_in("ada", right)
    (inbox / "bo" / "a1-sums" / "sums.ipynb").mkdir(parents=True)
    (inbox / "cleo" / "a1-sums").mkdir(parents=True)
    (inbox / "cleo" / "a1-sums" / "sums.ipynb").symlink_to(inbox / "ada" / "a1-sums" / "sums.ipynb")
    hand_in("dima", b"")
    assert len(grade_inbox()) == 4
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 5, "bo": 0, "cleo": 0, "dima": 0}
    shutil.rmtree(toy.course / "submitted" / "bo")
    assert len(grade_inbox()) == 4
