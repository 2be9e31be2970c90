"""The released notebook knows what it is, and what is no such notebook is told in one line."""

import json
from pathlib import Path

import nbformat
import pytest
from camp.cli import main
from camp.editions import PANEL_SOURCE, instructor_edition, learner_edition
from camp.intake import take_in
from camp.seat.marks import KEY
from camp.seat.notebook import NotebookError, read_notebook
from camp.seat.stamp import stamped
from click.testing import CliRunner


def test_stamp_says_what_the_notebook_is(seat):
    """From the file alone: course, assignment, tasks with points and pages, and which cells are whose."""
    notebook = seat()
    release = notebook.release
    assert (release.course, release.assignment, release.notebook) == ("toy", "a1-sums", "sums")
    assert [(t.id, t.points, t.minutes) for t in release.tasks] == [("double", 2, 4), ("total", 3, 6)]
    assert release.tasks[0].page == "http://localhost:8000/sums.html#double"
    parts = [(cell.part, cell.task) for cell in notebook.cells if cell.code]
    assert parts == [
        ("panel", ""),
        ("given", ""),
        ("answer", "double"),
        ("check", "double"),
        ("answer", "total"),
        ("check", "total"),
        ("panel", ""),
    ]


def test_stamp_is_the_same_in_both_editions(sums):
    """The instructor's source and the learner's notebook carry the same stamp, whatever the solution is."""
    editions = [stamped(make(sums), sums).metadata for make in (instructor_edition, learner_edition)]
    assert editions[0][KEY] == editions[1][KEY]


def test_release_changes_with_what_the_learner_gets(toy):
    """Another text of a task is another release; another solution is the same."""
    from camp.course import load_course
    from camp.exercise import load_exercise

    def release():
        exercise = load_exercise(load_course(toy.exercises), "a1-sums")
        return stamped(learner_edition(exercise), exercise).metadata[KEY]["release"]

    source = toy.exercises / "a1-sums" / "sums.md"
    first, text = release(), source.read_text(encoding="utf-8")
    source.write_text(text.replace("operator.mul(x, STEP)", "operator.mul(STEP, x)"), encoding="utf-8")
    assert release() == first
    source.write_text(text.replace("Two small tasks.", "Two tiny tasks."), encoding="utf-8")
    assert release() != first


def test_stamped_notebook_is_valid(sums):
    """Nbformat finds nothing to say, and its own order of keys loses nothing."""
    made = stamped(learner_edition(sums), sums)
    nbformat.validate(made)
    assert json.loads(nbformat.writes(made))["metadata"][KEY] == made.metadata[KEY]


def test_grader_leaves_the_panel_out(sums, seat, right):
    """Taken in, a notebook with panel cells is what one without them is: nothing extra runs or is told."""
    notebook = seat(right)
    taken = take_in(notebook.path, sums)
    assert [cell.source for cell in notebook.cells].count(PANEL_SOURCE) == 2
    assert [cell["id"] for cell in taken.notebook.cells] == [c["id"] for c in learner_edition(sums).cells]
    assert taken.findings == []


def test_copied_cells_are_known_by_their_grade_ids(seat, at):
    """A front end that gives cells new ids keeps nbgrader's, by which answers and checks are still known."""

    def change(cells):
        cells[at(cells, "double-answer")]["id"] = "abc"
        cells[at(cells, "double-check")]["id"] = "def"

    notebook = seat(change=change)
    task = notebook.release.tasks[0]
    assert notebook.answer(task).id == "abc"
    assert notebook.as_handed_out(notebook.check(task))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no notebook: it is not JSON"),
        ("\x00\xff", "is no notebook: it is not JSON"),
        ("[" * 100_000, "is no notebook: it is not JSON"),
        ("[]", "is no notebook: it holds no cells"),
        ('{"cells": 3}', "is no notebook: it holds no cells"),
        ('{"cells": []}', "does not say which assignment it is"),
        ('{"cells": [], "metadata": {"camp_release": 1}}', "what it says of its assignment is damaged"),
        ('{"cells": [], "metadata": {"camp_release": {"schema_version": 9}}}', "is of form 9"),
        ('{"cells": [], "metadata": {"camp_release": {"schema_version": 1}}}', "is damaged (KeyError"),
    ],
)
@pytest.mark.parametrize("command", ["check", "submit"])
def test_what_is_no_notebook(tmp_path, text, says, command):
    """A file that is no notebook of the course is one line, and nothing is written."""
    path = tmp_path / "x.ipynb"
    path.write_bytes(text.encode("latin-1"))
    result = CliRunner().invoke(main, [command, str(path)])
    assert result.exit_code == 1
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.ipynb"]


@pytest.mark.parametrize("command", ["check", "submit"])
def test_no_file(tmp_path, command):
    """A missing file and a folder are one line each that says what to give."""
    for path, says in ((tmp_path / "none.ipynb", "does not exist"), (tmp_path, "is a folder")):
        result = CliRunner().invoke(main, [command, str(path)])
        assert (result.exit_code, says in result.stderr) == (1, True)
        assert "give the .ipynb that you work in" in result.stderr


def test_unreadable_file(seat, monkeypatch):
    """What the system says against reading is in the line."""
    path = seat().path

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(NotebookError, match=r"cannot be read \(Permission denied\); check who owns it"):
        read_notebook(path)


def test_cells_of_any_form_are_read(seat):
    """Cells that are no cells, and fields of other types, are passed over; nothing is raised."""

    def change(cells):
        cells += [
            3,
            {},
            {"cell_type": "code"},
            {"cell_type": "code", "source": 5, "metadata": [], "outputs": 7},
        ]
        cells.append({"cell_type": "code", "id": 4, "source": ["a", 1], "metadata": {"nbgrader": "x"}})

    assert seat(change=change).cells[-1].source == "a1"
