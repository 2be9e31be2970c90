"""Packing for handing in: the right place and name, what is missing is said, nothing is refused."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from camp.cli import main
from camp.course import load_course
from camp.errors import KernelStartError, NotWritableError
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor
from camp.inbox import look_through
from camp.intake import MAX_BYTES, take_in
from camp.release import release
from camp.seat.marks import HANDED_IN
from camp.seat.state import Result, load_state
from camp.seat.submit import MAX_PACKED, LearnerNameError, about_release, learner_name, pack
from click.testing import CliRunner

WHEN = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def _packed(notebook, folder, learner="ada"):
    return pack(notebook, learner, folder, lambda: WHEN)


def test_packed_where_the_grader_looks(seat, right, tmp_path, sums):
    """The packed notebook is found by name, is the saved one but for who hands it in, and has its time."""
    notebook = seat(right, name="sums-Copy1.ipynb")
    packed = _packed(notebook, tmp_path / "out")
    assert packed.path == tmp_path / "out" / "ada" / "a1-sums" / "sums.ipynb"
    assert packed.notices == []
    raw = json.loads(packed.path.read_text(encoding="utf-8"))
    assert raw["metadata"].pop(HANDED_IN) == {
        "schema_version": 1,
        "course": "toy",
        "assignment": "a1-sums",
        "release": notebook.release.release,
        "learner": "ada",
    }
    assert raw == notebook.raw
    assert (packed.path.parent / "timestamp.txt").read_text(
        encoding="utf-8"
    ) == "2026-03-04 05:06:07.000089 UTC"
    inbox = look_through(sums.course, tmp_path / "out", ["a1-sums"])
    assert (inbox.files, inbox.amiss) == ({("ada", "a1-sums"): packed.path}, [])
    assert take_in(packed.path, sums).findings == []


def test_same_notebook_packs_the_same(seat, right, tmp_path):
    """Packed twice, the file is the same, byte for byte, and takes the place of the first."""
    notebook = seat(right)
    first = _packed(notebook, tmp_path / "out")
    data = first.path.read_bytes()
    assert _packed(notebook, tmp_path / "out") == first
    assert first.path.read_bytes() == data


def test_huge_outputs_are_left_out(seat, right, tmp_path, sums, at):
    """Outputs that make a notebook too large for the grader are left out, and that is said."""

    def change(cells):
        stream = {"output_type": "stream", "name": "stdout", "text": "x" * (MAX_PACKED + 1)}
        cells[at(cells, "given-002")]["outputs"] = [stream]

    packed = _packed(seat(right, change), tmp_path / "out")
    assert "its outputs are left out" in packed.notices[0]
    assert packed.path.stat().st_size < 100_000
    assert take_in(packed.path, sums).refused == ""
    assert MAX_PACKED == MAX_BYTES


def test_half_a_letter_is_packed(seat, right, tmp_path):
    """Half a surrogate pair in an answer, which is no text, is no reason not to pack."""
    notebook = seat({**right, "double": right["double"] + "# \ud800"})
    assert "\\ud800" in _packed(notebook, tmp_path / "out").path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../ada", "a\\b", "a+b", "-a", "ada.", "a\nb", "x" * 65]
)
def test_names_that_no_folder_has(seat, tmp_path, name):
    """A name that would leave the folder, or that nbgrader could not tell, is refused with a way out."""
    with pytest.raises(LearnerNameError, match="--as NAME"):
        _packed(seat(), tmp_path / "out", name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["ada", "王小明", "j.lindqvist", "a_b-c", "ada@example.org", "Ada Lovelace"])
def test_names_of_people(seat, tmp_path, name):
    """Names as learners have them are taken."""
    assert _packed(seat(), tmp_path / "out", name).path.is_file()


def test_name_of_this_machine(monkeypatch):
    """Without --as, JupyterHub's name is taken, else this machine's; where there is none, --as is asked."""
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    assert (learner_name(None), learner_name("bo")) == ("ada", "bo")
    monkeypatch.delenv("JUPYTERHUB_USER")
    monkeypatch.setattr("getpass.getuser", lambda: "cleo")
    assert learner_name(None) == "cleo"

    def unknown():
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", unknown)
    with pytest.raises(LearnerNameError, match="give it with --as NAME"):
        learner_name(None)


def test_folder_that_cannot_be_written(seat, tmp_path):
    """A place that is a file is one line, and the notebook stays as it was."""
    (tmp_path / "out").write_text("", encoding="utf-8")
    notebook = seat()
    before = notebook.path.read_bytes()
    result = CliRunner().invoke(
        main, ["submit", str(notebook.path), "--as", "ada", "--to", str(tmp_path / "out"), "--no-check"]
    )
    assert result.exit_code == 1
    assert "cannot be made" in result.stderr
    assert result.stderr.count("\n") == 1
    assert notebook.path.read_bytes() == before


def test_never_over_the_notebook_itself(seat, tmp_path):
    """A folder in which the packed file would take the notebook's own place is refused."""
    notebook = seat()
    place = tmp_path / "ada" / "a1-sums"
    place.mkdir(parents=True)
    notebook.path.rename(place / "sums.ipynb")
    from camp.seat.notebook import read_notebook

    with pytest.raises(NotWritableError, match="is the notebook itself"):
        _packed(read_notebook(place / "sums.ipynb"), tmp_path)


def test_without_running_anything(seat, right, tmp_path):
    """With --no-check, what is known is said: an answer that is not there, and one that is not saved."""
    notebook = seat({"double": right["double"]})
    state = load_state(notebook.path, notebook.release)
    state.tasks["double"] = Result("passed", "", "new", "new", notebook.modified + 5)
    state.save()
    line = ["submit", str(notebook.path), "--as", "ada", "--to", str(tmp_path / "out"), "--no-check"]
    said = " ".join(CliRunner().invoke(main, line).output.split())
    assert "Total 0 of 3 · not answered yet" in said
    assert "the answer of 'Double' that you ran last is not saved: save it (Ctrl-S)" in said


def test_checks_that_cannot_run(seat, tmp_path, monkeypatch):
    """Where no kernel starts, the notebook is packed, and why nothing was checked is said."""

    def refuse(*_):
        raise KernelStartError("no kernel could be started (none here); install the course with JupyterLab")

    monkeypatch.setattr("camp.seat.check.check", refuse)
    line = ["submit", str(seat().path), "--as", "ada", "--to", str(tmp_path / "out")]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0
    assert "the checks were not run: no kernel could be started (none here)" in result.output
    assert (tmp_path / "out" / "ada" / "a1-sums" / "sums.ipynb").is_file()


@pytest.mark.slow
def test_releases_are_compared_in_a_checkout(toy, seat, right):
    """In a checkout, a notebook of an older release is told, and one of no released assignment."""
    exercise = load_exercise(load_course(toy.exercises), "a1-sums")
    release(toy, exercise, GradebookDoor(toy))
    mine = seat(right)
    assert about_release(mine) == []
    assert about_release(mine, toy.root) == []
    other = toy.course / "release" / "a1-sums" / "sums.ipynb"
    raw = json.loads(other.read_text(encoding="utf-8"))
    raw["metadata"]["camp_release"]["release"] = "newer"
    other.write_text(json.dumps(raw), encoding="utf-8")
    assert "there is a newer release of a1-sums (newer, yours is" in about_release(mine, toy.root)[0]
    other.unlink()
    assert about_release(mine, toy.root) == ["this course has released no a1-sums; ask your instructor"]
    assert "packed under its right name, sums.ipynb" in about_release(seat(name="b.ipynb"))[0]


@pytest.mark.slow
def test_packed_is_graded(toy, seat, right, tmp_path):
    """What `camp submit` packs, `camp grade --from` grades, with the points that the checks promised."""
    notebook = seat({**right, "total": "def total(numbers):\n    return 0"})
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["submit", str(notebook.path), "--as", "ada", "--to", str(out)])
    assert result.exit_code == 0, "an incomplete notebook is packed all the same"
    assert "packed" in result.output
    assert "1 of 2 tasks · 2 of 5 points so far" in result.output
    assert "total([1, 2, 3]): expected 6, got 0" in " ".join(result.output.split())
    graded = CliRunner().invoke(main, ["--root", str(toy.root), "grade", "a1-sums", "--from", str(out)])
    assert graded.exit_code == 0, graded.output
    verdict = json.loads((toy.results / "a1-sums" / "ada.json").read_text(encoding="utf-8"))
    assert {t["task"]: t["status"] for t in verdict["tasks"]} == {"double": "passed", "total": "failed"}
    assert verdict["findings"] == []


@pytest.mark.slow
def test_packed_goes_through_the_exchange(toy, seat, right, tmp_path):
    """In an exchange's inbound folder, nbgrader collects what was packed as a submission like any other."""
    exercise = load_exercise(load_course(toy.exercises), "a1-sums")
    release(toy, exercise, GradebookDoor(toy))
    inbound = tmp_path / "exchange" / "toy" / "inbound"
    inbound.mkdir(parents=True)
    packed = _packed(seat(right), inbound)
    assert packed.path.parent.name == "ada+a1-sums+2026-03-04 05:06:07.000089 UTC"
    options = [
        f"--Exchange.root={tmp_path / 'exchange'}",
        "--course=toy",
        f"--CourseDirectory.root={toy.course}",
    ]
    program = str(Path(sys.executable).parent / "nbgrader")
    done = subprocess.run(
        [program, "collect", "a1-sums", *options], cwd=toy.course, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    collected = toy.course / "submitted" / "ada" / "a1-sums"
    assert sorted(p.name for p in collected.iterdir()) == ["sums.ipynb", "timestamp.txt"]
    assert (collected / "sums.ipynb").read_bytes() == packed.path.read_bytes()
