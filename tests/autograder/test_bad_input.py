"""Bad input to `camp grade`: one line each with the way out, exit code 1, and everybody else is graded."""

import errno
import importlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from camp import classroom, inbox, pages
from camp.cli import main
from camp.course import load_course
from camp.gradebook import GradebookDoor
from camp.records import verdict_path
from camp.scratch import hold, scratch_folder
from camp.verdict import read_verdict
from camp.workers import _call
from click.testing import CliRunner

NAME = "a1-sums"
TOY = Path(__file__).parent / "toy"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course root in which the toy course is released, once for all tests."""
    root = tmp_path_factory.mktemp("released")
    shutil.copytree(TOY / "exercises", root / "exercises", ignore=shutil.ignore_patterns("__pycache__"))
    result = CliRunner().invoke(main, ["--root", str(root), "release", NAME])
    assert result.exit_code == 0, result.output
    return root / "build" / "course"


@pytest.fixture
def grade(toy, monkeypatch, request):
    """`camp grade --from inbox` in this process, without kernels."""

    def here(function, jobs, _workers, _prepare=None):
        return ((job, _call(function, job)) for job in jobs)

    if request.node.get_closest_marker("slow"):
        shutil.copytree(request.getfixturevalue("released"), toy.course)

    def run(*arguments, source=toy.root / "inbox"):
        with monkeypatch.context() as patch:
            patch.setattr("camp.classroom.in_workers", here)
            patch.setattr("camp.cli._say_if_unsafe", lambda: None)
            patch.setattr("camp.classroom.lend", lambda: None)
            return CliRunner().invoke(
                main, ["--root", str(toy.root), "grade", NAME, "--from", str(source), *arguments]
            )

    return run


def _place(hand_in, learner):
    """Where a learner's submission would lie; its folder is there, it is not."""
    path = hand_in(learner, b"") / learner / NAME / "sums.ipynb"
    path.unlink()
    return path


def _sparse(path):
    with path.open("wb") as file:
        file.truncate(500_000_000)


def _bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sums.ipynb", b" " * 50_000_000)


def _link(path):
    path.symlink_to("/etc/passwd")


BAD = {
    "a file of 500 MB": (_sparse, "is larger than"),
    "a zip bomb": (_bomb, "not a notebook"),
    "an empty file": (lambda p: p.touch(), "not a notebook"),
    "no notebook": (lambda p: p.write_text("<html>", encoding="utf-8"), "not a notebook"),
    "a folder": (lambda p: p.mkdir(), "is not an ordinary file"),
    "a link out of the folder": (_link, "is not an ordinary file"),
    "a link that leads nowhere": (lambda p: p.symlink_to("nowhere"), "is not an ordinary file"),
    "a pipe": (os.mkfifo, "is not an ordinary file"),
}


@pytest.mark.slow
def test_what_is_no_submission_is_one_line_each(toy, grade, hand_in):
    """Each kind of file that is no notebook is refused in a line of its own; those beside it are graded."""
    for learner, (make, _) in BAD.items():
        make(_place(hand_in, learner))
    for learner in ("王 小明", "Ada Lovelace"):
        hand_in(learner, {})
    for run in (1, 2):
        result = grade()
        assert result.exit_code == 1, result.output
        lines = result.stderr.splitlines()
        assert len(lines) == len(BAD), result.stderr
        for learner, (_, told) in BAD.items():
            (line,) = [text for text in lines if f" of {learner} is refused: " in text]
            assert line.startswith(f"camp: {NAME} of {learner} is refused: ")
            assert told in line
        assert result.stdout.count("0 of 5  blank") == 2, f"run {run}"
    assert len(list((toy.results / NAME).iterdir())) == len(BAD) + 2
    assert len(GradebookDoor(toy).scores(NAME)) == len(BAD) + 2
    kept = toy.course / "submitted" / "a file of 500 MB" / NAME / "sums.ipynb"
    assert kept.stat().st_size < 30_000_000, "no more is copied than shows that it is too large"


@pytest.mark.slow
def test_stray_files_are_one_line_each(toy, grade, hand_in):
    """A file where a learner's folder should be, and a misnamed notebook, are told; the others are graded."""
    folder = hand_in("ada", {})
    (folder / "bo").write_text("a file", encoding="utf-8")
    (folder / "cleo").mkdir()
    (folder / "cleo" / NAME).write_text("a file where a folder should be", encoding="utf-8")
    (folder / "ada" / "other.ipynb").touch()
    result = grade()
    assert result.exit_code == 1
    told = [
        "other.ipynb has the name of no assignment",
        f"no submission of {NAME}",
        "bo lies in no learner's",
    ]
    lines = result.stderr.splitlines()
    assert len(lines) == 3, result.stderr
    for line, words in zip(lines, told, strict=True):
        assert words in line
    assert [p.stem for p in (toy.results / NAME).iterdir()] == ["ada"]


@pytest.mark.slow
def test_who_did_not_hand_in_is_no_fault(grade, hand_in):
    """A learner's folder without a submission is told, and is no reason for another exit code."""
    (hand_in("ada", {}) / "bo").mkdir()
    result = grade()
    assert result.exit_code == 0
    assert result.stderr.startswith(f"camp: no submission of {NAME} found in ")


@pytest.mark.slow
def test_file_that_may_not_be_read(toy, grade, hand_in, monkeypatch):
    """A submission without the right to read it is one line; what was collected of it before is graded."""
    folder = hand_in("ada", {})
    hand_in("bo", {})
    assert grade().exit_code == 0
    hand_in("cleo", {})
    opened = Path.open

    def forbidden(path, *arguments, **options):
        if path.is_relative_to(folder) and path.parts[-3] in {"ada", "cleo"} and path.suffix == ".ipynb":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    result = grade()
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"camp: {folder}/{name}/{NAME}/sums.ipynb cannot be collected (Permission denied); "
        "put that right, then grade again"
        for name in ("ada", "cleo")
    ]
    assert sorted(p.stem for p in (toy.results / NAME).iterdir()) == ["ada", "bo"]


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_number_of_workers_that_is_none(grade, number):
    """A number of workers that is none, or no number, is refused, with what it was."""
    result = grade("--workers", number)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("camp: --workers: ")
    assert number in result.stderr
    assert result.stderr.endswith("; give 1 or more\n")


def _full_for(monkeypatch, learners):
    """A disk that has no room for the verdicts of these learners."""
    replace = Path.replace

    def full(path, target):
        if target.suffix == ".json" and target.stem in learners and "results" in target.parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr("pathlib.Path.replace", full)


@pytest.mark.slow
def test_disk_that_is_full(toy, grade, hand_in, monkeypatch):
    """Verdicts for which there is no room are one line; the others are kept, the next run adds them."""
    for learner in ("ada", "bo", "cleo", "dima"):
        hand_in(learner, {})
    with monkeypatch.context() as patch:
        _full_for(patch, {"bo", "cleo"})
        result = grade()
    assert result.exit_code == 1
    assert result.stderr == (
        f"camp: {verdict_path(toy, NAME, 'bo')} cannot be written, nor can 1 more; "
        "make room, then give the same command, which grades only what is missing\n"
    )
    assert sorted(p.name for p in (toy.results / NAME).iterdir()) == ["ada.json", "dima.json"]
    assert sorted(GradebookDoor(toy).scores(NAME)) == ["ada", "dima"]
    again = grade()
    assert again.exit_code == 0, again.stderr
    assert again.stdout.count("(unchanged)") == 2
    assert len(GradebookDoor(toy).scores(NAME)) == 4


@pytest.mark.slow
def test_room_that_comes_back(toy, grade, hand_in, monkeypatch):
    """A verdict for which there was no room is written at the end of the run, if there is room by then."""
    hand_in("ada", {})
    write, tries = classroom.write_text, []

    def once(path, text, **options):
        if path.name == "ada.json" and "results" in path.parts:
            tries.append(path)
            if len(tries) == 1:
                raise classroom.NotWritableError("full")
        write(path, text, **options)

    monkeypatch.setattr(classroom, "write_text", once)
    assert grade().exit_code == 0
    assert read_verdict(verdict_path(toy, NAME, "ada")).outcome == "blank"
    assert GradebookDoor(toy).scores(NAME) == {"ada": 0}


def test_results_that_cannot_be_written(toy, grade, hand_in, monkeypatch):
    """Where there is no place for verdicts one line says so before anything is graded."""
    hand_in("ada", {})
    toy.results.mkdir(parents=True)
    (toy.results / NAME).write_text("a file", encoding="utf-8")
    monkeypatch.setattr(classroom, "run_job", lambda *_: pytest.fail("graded for nothing"))
    result = grade()
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert f"{toy.results / NAME} cannot be made" in result.stderr


@pytest.mark.slow
def test_second_grader_waits(toy, grade, hand_in):
    """While a course is graded, a second grader of it says who is at it, and changes nothing."""
    hand_in("ada", {})
    with classroom.alone(toy):
        result = grade()
    assert result.exit_code == 1
    assert f"process {os.getpid()} grades this course already" in result.stderr
    assert not (toy.results / NAME / "ada.json").exists()
    assert grade().exit_code == 0


PHASES = {
    "collecting": "camp.inbox._copy",
    "grading": "camp.classroom.run_job",
    "keeping the verdict": "camp.classroom.write_text",
    "entering": "camp.gradebook.enter_all",
    "feedback": "camp.pages.Pages.write_feedback",
}


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_broken_off_in_any_phase(toy, grade, hand_in, monkeypatch, phase):
    """Ctrl-C in any phase is one line and exit code 130; the same command goes on, and all is as if calm."""
    for learner in ("ada", "bo", "cleo"):
        hand_in(learner, {})
    module, _, name = PHASES[phase].rpartition(".")
    owner = pages.Pages if phase == "feedback" else importlib.import_module(module)
    real, calls = getattr(owner, name), []

    def broken(*arguments, **options):
        calls.append(1)
        if len(calls) == (1 if phase == "entering" else 2):
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(PHASES[phase], broken)
        result = grade()
    assert result.exit_code == 130, result.output
    assert result.stderr.strip() == "camp: ended by Ctrl-C; what was finished stays, the same command goes on"
    again = grade()
    assert (again.exit_code, again.stderr) == (0, "")
    assert sorted(p.name for p in (toy.results / NAME).iterdir()) == ["ada.json", "bo.json", "cleo.json"]
    assert GradebookDoor(toy).scores(NAME) == {"ada": 0, "bo": 0, "cleo": 0}
    made = (toy.course / "feedback").rglob("sums.html")
    assert sorted(p.parts[-3] for p in made) == ["ada", "bo", "cleo"]
    assert grade().stdout.count("(unchanged)") == 3


def test_half_a_submission_is_never_graded(toy, hand_in, monkeypatch):
    """A copy that is broken off leaves what was collected before, whole."""
    course = load_course(toy.exercises)
    source = hand_in("ada", b"first")
    inbox.collect(toy, course, inbox.look_through(course, source, [NAME]))
    hand_in("ada", b"second")
    write = Path.write_bytes

    def half(path, data):
        write(path, data[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_bytes", half)
    with pytest.raises(KeyboardInterrupt):
        inbox.collect(toy, course, inbox.look_through(course, source, [NAME]))
    folder = toy.course / "submitted" / "ada" / NAME
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"sums.ipynb": b"first"}


def test_killed_run_leaves_no_folder_for_long(tmp_path, monkeypatch):
    """What a killed run left in the temporary folder goes with the next run; what a live one has stays."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = "import camp.scratch as s\nwith s.scratch_folder() as f: print(f, flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=-1, stdout=-1, text=True, env=environment
    ) as other:
        left = other.stdout.readline().strip()
        with scratch_folder() as mine:
            assert {p.name for p in tmp_path.iterdir()} == {mine.name, Path(left).name}
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert Path(left).is_dir()
    with scratch_folder() as mine:
        assert [p.name for p in tmp_path.iterdir()] == [mine.name]
    assert list(tmp_path.iterdir()) == []


def test_lock_goes_with_who_has_it(tmp_path):
    """Of two who want a lock one gets it, until it closes the file."""
    with (tmp_path / "lock").open("w") as one:
        assert hold(one.fileno())
        with (tmp_path / "lock").open("w") as other:
            assert not hold(other.fileno())
    with (tmp_path / "lock").open("w") as other:
        assert hold(other.fileno())
