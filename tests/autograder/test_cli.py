"""The command: bad input is one line with the way out, exit code 1, and earlier results are as they were."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from camp.cli import main
from camp.course import load_course
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor
from camp.paths import Layout
from camp.records import verdict_path
from camp.verdict import read_verdict
from click.testing import CliRunner

BROKEN = "\n```{code-cell}\ndef f(:\n```\n"
CAMP = "from camp.cli import main; main()"


@pytest.fixture
def camp(toy):
    """Run `camp` on the toy checkout, in this process."""

    def run(*arguments, root=toy.root):
        return CliRunner().invoke(main, ["--root", str(root), *arguments])

    return run


def _fails(result, *told):
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("camp: ")
    for word in told:
        assert word in lines[0]


def _bytes_below(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _stored(toy):
    """Results of an earlier run, with something in every place."""
    for path in (
        toy.results / "a1-sums" / "ada.json",
        toy.report / "grades.csv",
        toy.course / "gradebook.db",
        toy.course / "submitted" / "ada" / "a1-sums" / "sums.ipynb",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("earlier", encoding="utf-8")
    return _bytes_below(toy.build)


@pytest.mark.parametrize("command", ["release", "grade", "lint"])
def test_unknown_assignment(toy, camp, command):
    """A name that the course does not have is one line that names the nearest; nothing changes."""
    before = _stored(toy)
    _fails(camp(command, "a1-sum"), "'a1-sum'", "did you mean 'a1-sums'?")
    assert _bytes_below(toy.build) == before


@pytest.mark.parametrize("command", ["release", "grade", "report", "lint", "doctor", "serve"])
def test_broken_course(toy, camp, command):
    """A camp.toml that is none stops every command in one line."""
    before = _stored(toy)
    (toy.exercises / "camp.toml").write_text("[course\n", encoding="utf-8")
    if command != "doctor":
        _fails(camp(command), "camp.toml is not TOML", "mend that line")
    assert _bytes_below(toy.build) == before


def test_no_checkout(tmp_path, camp, monkeypatch):
    """Outside of a checkout, one line says where to go."""
    _fails(camp("report", root=tmp_path), "holds no exercises/camp.toml", "--root")
    monkeypatch.chdir(tmp_path)
    _fails(CliRunner().invoke(main, ["report"]), "change into the checkout")


def test_checkout_is_found_upwards(toy, monkeypatch):
    """Anywhere inside a checkout the command knows which one it is."""
    monkeypatch.chdir(toy.exercises / "a1-sums")
    result = CliRunner().invoke(main, ["grade", "nothing-like-it"])
    _fails(result, "the course has: a1-sums, a2-words")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda e: (e / "sums.md").write_bytes(b"\xff\xfe"), "is not a MyST notebook"),
        (lambda e: (e / "sums.md").write_text("# nothing"), "needs one answer cell"),
        (lambda e: (e / "sums.md").unlink(), "sums.md is missing"),
        (lambda e: (e / "sums.md").write_text((e / "sums.md").read_text() + BROKEN), "is no Python"),
        (lambda e: (e / "checks.py").write_text("import none_such"), "ModuleNotFoundError"),
        (lambda e: (e / "checks.py").unlink(), "checks.py is missing"),
    ],
    ids=["bytes", "no cells", "no notebook", "a cell", "checks that do not load", "no checks"],
)
def test_broken_exercise(toy, camp, damage, told):
    """A broken notebook or broken checks are one line; what was released, graded and reported stays."""
    before = _stored(toy)
    damage(toy.exercises / "a1-sums")
    for command in ("release", "grade"):
        _fails(camp(command), told)
    assert _bytes_below(toy.build) == before


def test_submissions_that_are_not_there(toy, camp, tmp_path):
    """A folder of submissions that is missing, or nothing collected yet, is one line."""
    _fails(camp("grade", "--from", str(tmp_path / "none")), "is no folder")
    _fails(camp("grade"), "nothing is submitted yet", "--from")
    assert not toy.course.exists()


def _grading_nothing(monkeypatch):
    monkeypatch.setattr("camp.classroom.grade_class", lambda *_: None)
    monkeypatch.setattr("camp.cli._say_if_unsafe", lambda: None)


def test_notices_of_submissions(camp, hand_in, right, monkeypatch):
    """What was not found among the submissions is told on stderr, and the rest is graded."""
    _grading_nothing(monkeypatch)
    inbox = hand_in("zoe", right)
    (inbox / "yan").mkdir()
    result = camp("grade", "--from", str(inbox))
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"camp: no submission of a1-sums found in {inbox}/yan; expected sums.ipynb"
    )
    assert result.stderr.count("\n") == 1


def test_one_class_at_a_time(toy, camp):
    """`--from` and `--example` together are refused in one line."""
    _fails(camp("grade", "--example", "--from", "x"), "--from and --example exclude each other")
    assert not toy.build.exists()


def test_example_class_makes_room(toy, camp, hand_in, right, monkeypatch):
    """A real class takes the example class's place, also under the same name, and keeps it."""
    _grading_nothing(monkeypatch)
    submitted = toy.course / "submitted"
    result = camp("grade", "--example")
    assert (result.exit_code, result.stderr) == (0, "")
    inbox = hand_in("ada", right)
    result = camp("grade", "--from", str(inbox))
    assert result.output == (
        "the example class is removed (ada, bo, cleo, dima, eve); this course now holds your class\n"
    )
    assert [p.name for p in submitted.iterdir()] == ["ada"]
    hers = inbox / "ada" / "a1-sums" / "sums.ipynb"
    assert (submitted / "ada" / "a1-sums" / "sums.ipynb").read_bytes() == hers.read_bytes()

    before = _bytes_below(toy.build)
    _fails(camp("grade", "--example"), "a class of its own (1: ada)", "camp --root FOLDER grade --example")
    assert camp("grade", "--example-if-alone").exit_code == 0
    hand_in("zoe", right)
    assert "removed" not in camp("grade", "--from", str(inbox)).output
    assert [p.name for p in sorted(submitted.iterdir())] == ["ada", "zoe"]
    shutil.rmtree(submitted / "zoe")
    assert _bytes_below(toy.build) == before
    shutil.rmtree(submitted)
    assert camp("grade", "--example-if-alone").exit_code == 0
    assert len(list(submitted.iterdir())) == 5


def test_broken_inbox_costs_no_example_class(toy, camp, tmp_path, monkeypatch):
    """A folder without submissions, or a broken exercise, ends the command before anything is removed."""
    _grading_nothing(monkeypatch)
    camp("grade", "--example")
    before = _bytes_below(toy.build)
    (tmp_path / "none").mkdir()
    _fails(camp("grade", "--from", str(tmp_path / "none")), "holds no submission")
    (toy.exercises / "a2-words" / "checks.py").write_text("1 / 0", encoding="utf-8")
    for arguments in (["--from", str(toy.build / "example_class")], ["--example"], []):
        _fails(camp("grade", *arguments), "ZeroDivisionError")
    assert _bytes_below(toy.build) == before


def test_release_needs_its_pages(toy, camp):
    """An assignment that links to a page which is not in the book is not released, in one line."""
    before = _stored(toy)
    (toy.root / "book").mkdir()
    (toy.root / "book" / "sums.md").touch()
    _fails(camp("release"), "a2-words links to the page 'words'", "no book/words.md", "mend 'page'")
    assert _bytes_below(toy.build) == before


@pytest.mark.parametrize("place", ["build", "build/course", "build/report"])
def test_no_place_to_write(toy, camp, hand_in, right, place):
    """Where results cannot be written, here since a file is in the folder's place, one line says which."""
    inbox = hand_in("ada", right)
    path = toy.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file", encoding="utf-8")
    command = ["report"] if place == "build/report" else ["grade", "--from", str(inbox)]
    _fails(camp(*command), place, "check who owns it")
    assert path.read_text(encoding="utf-8") == "a file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_belongs_to_another(toy, camp):
    """A folder without the right to write is one line."""
    toy.build.mkdir()
    toy.build.chmod(0o500)
    _fails(camp("release"), "check who owns it")


def test_disk_that_is_full(camp, monkeypatch):
    """An error of the disk itself is one line, not a traceback."""

    def full(*_):
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr("camp.report.page.write_text", full)
    _fails(camp("report"), "/somewhere: No space left on device")


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("rich", "matplotlib")]


@pytest.mark.parametrize("package", ["pydantic", "nbgrader", "jinja2", *SLOW])
def test_missing_package(toy, package):
    """A package that is not installed is one line that names it and says how to get it."""
    code = f"import sys; sys.modules[{package!r}] = None; {CAMP}"
    commands = {"matplotlib": ["report"], "jinja2": ["report"]}
    if package == "matplotlib":
        _verdict_for_report(toy)
    result = subprocess.run(
        [sys.executable, "-c", code, "--root", str(toy.root), *commands.get(package, ["grade", "--example"])],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 1
    line = result.stderr.strip()
    assert "\n" not in line
    assert line.startswith("camp: the package ")
    assert package in line
    assert "make camp" in line


def _verdict_for_report(toy):
    """A verdict, so that the report has something to draw."""
    exercise = load_exercise(load_course(toy.exercises), "a1-sums")
    from camp.editions import learner_edition
    from camp.grade import without_points
    from camp.intake import Intake
    from camp.verdict import Status

    verdict = without_points(Intake(learner_edition(exercise), "0"), exercise, "ada", Status.REFUSED, "no")
    path = verdict_path(toy, "a1-sums", "ada")
    path.parent.mkdir(parents=True)
    path.write_text(verdict.to_json(), encoding="utf-8")


def test_error_in_a_package_that_is_there_is_not_hidden(camp, monkeypatch):
    """A fault of our own is not dressed up as a missing package: it shows as what it is."""
    monkeypatch.setattr("camp.cli._course", lambda _: 1 / 0)
    assert isinstance(camp("report").exception, ZeroDivisionError)


def test_help_needs_nothing():
    """`camp --help` works where nothing but click is installed."""
    blocked = [
        "nbgrader",
        "nbclient",
        "nbformat",
        "jupytext",
        "rich",
        "pydantic",
        "matplotlib",
        "jinja2",
        "yaml",
        "IPython",
        "torch",
        "numpy",
    ]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); {CAMP}"
    result = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0
    for command in ("release", "grade", "report", "lint", "doctor", "serve"):
        assert command in result.stdout


def test_help_says_where_links_lead(camp):
    """`camp serve --help` says that notebooks' links expect the book at port 8000."""
    told = " ".join(camp("serve", "--help").output.split())
    assert "links in notebooks lead to [course] site of camp.toml, by default http://localhost:8000" in told


@pytest.mark.slow
def test_whole_way(commands):
    """Release, grade and report by command: the table shows every learner, and nothing is said on stderr."""
    layout, results = commands
    assert {name: result.exit_code for name, result in results.items()} == dict.fromkeys(results, 0)
    assert {name: result.stderr for name, result in results.items()} == dict.fromkeys(results, "")
    assert "released  a1-sums" in results["release"].output
    rows = [" ".join(line.replace("│", " ").split()) for line in results["report"].output.splitlines()]
    assert "ada a1-sums 5 of 5 full marks" in rows
    assert "bo a1-sums 4 of 5 partial" in rows
    assert "cleo a1-sums 0 of 5 blank" in rows
    assert "dima a1-sums 2 of 5 timed out: Total" in rows
    assert "eve a1-sums 0 of 5 refused: not a notebook" in rows
    assert (layout.report / "gradebook.csv").is_file()
    again = CliRunner().invoke(main, ["--root", str(layout.root), "release", "a1-sums"])
    assert "unchanged  a1-sums" in again.output


@pytest.mark.slow
def test_damaged_gradebook_by_command(graded_class, tmp_path, monkeypatch):
    """With a damaged gradebook, grade and report are one line each, and verdicts and grades stay."""
    root = tmp_path / "checkout"
    shutil.copytree(graded_class.root, root)
    layout = Layout(root)
    monkeypatch.setattr("camp.classroom.verdicts", lambda *_: [])  # what was graded is not the point
    before = {**_bytes_below(layout.results), "csv": (layout.report / "grades.csv").read_bytes()}
    (layout.course / "gradebook.db").write_bytes(b"no database " * 500)
    for command in ("grade", "report"):
        _fails(CliRunner().invoke(main, ["--root", str(root), command]), "gradebook.db cannot be used")
    assert {**_bytes_below(layout.results), "csv": (layout.report / "grades.csv").read_bytes()} == before


@pytest.mark.slow
def test_interrupt_and_resume(toy, hand_in, right, processes_with, tmp_path):
    """Ctrl-C ends grading at once, in one line, with no process left; what was graded stays."""
    hand_in("ada", right)
    for name in ("hang1", "hang2", "hang3"):
        inbox = hand_in(name, {"double": "while True:\n    pass"})
    path = toy.exercises / "camp.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("cell_timeout = 3", "cell_timeout = 600", 1), "utf-8"
    )
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [
        sys.executable,
        "-c",
        CAMP,
        "--root",
        str(toy.root),
        "grade",
        "--from",
        str(inbox),
        "--workers",
        "2",
    ]
    running = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert "graded  ada" in running.stdout.readline()
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the command and to its workers
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.strip().splitlines() == [
        "camp: ended by Ctrl-C; what was finished stays, the same command goes on"
    ]
    assert processes_with(f"TMPDIR={temporary}") == []
    assert read_verdict(verdict_path(toy, "a1-sums", "ada")).points == 5
    assert list(temporary.glob("camp-*")) == []
    for name in ("hang1", "hang2", "hang3"):
        shutil.rmtree(toy.course / "submitted" / name)
    again = subprocess.run(command[:-4], capture_output=True, text=True, check=False, timeout=120)
    assert "graded  ada  a1-sums  5 of 5  full marks (unchanged)" in again.stdout
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 5}, "what was not yet entered is entered now"


def test_lint_by_command(toy, camp, monkeypatch):
    """`camp lint` exits 1 and counts the faults where there are any, 0 where there are none."""
    monkeypatch.setattr("camp.lint._trials", lambda _: [])
    assert camp("lint").exit_code == 0
    for kind in ("right", "wrong"):
        for path in (toy.exercises / "a2-words" / kind).glob("*.py"):
            path.unlink()
    result = camp("lint", "a2-words")
    _fails(result, "2 faults; mend the exercise")
    assert "✓ a2-words  nothing leaks" in result.output
    assert "✗ a2-words  right/: has 0 solutions" in result.output


def test_progress_shows_names_as_they_are(toy, camp, monkeypatch):
    """A learner's name is no markup of the terminal."""
    from camp import classroom
    from camp.classroom import Submission

    exercise = load_exercise(load_course(toy.exercises), "a1-sums")
    from camp.editions import learner_edition
    from camp.grade import without_points
    from camp.intake import Intake
    from camp.verdict import Status

    verdict = without_points(
        Intake(learner_edition(exercise), "0"), exercise, "[/][red]王", Status.REFUSED, "no"
    )
    monkeypatch.setattr(classroom, "submissions", lambda *_: [Submission("a1-sums", "x", Path("x"))])
    monkeypatch.setattr(classroom, "grade_class", lambda *a: a[-1].verdict(verdict, earlier=False))
    result = camp("grade")
    assert result.stderr == "camp: a1-sums of [/][red]王 is refused: no\n"
    assert result.exit_code == 1, result.output
    assert textwrap.dedent("graded  [/][red]王  a1-sums  0 of 5  refused: no") in result.output
