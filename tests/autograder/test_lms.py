"""Grades for Canvas, Moodle and any other system: their forms, and no zero that nobody earned."""

import csv
import io
from unittest import mock

import pytest
from camp.errors import ExportError
from camp.lms import CanvasExporter, CsvExporter, MoodleExporter
from nbgrader.api import Gradebook


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory):
    """Two assignments; ada and a learner of odd names handed in the first, where eve waits for a person."""
    folder = tmp_path_factory.mktemp("gradebook")
    with (
        mock.patch("nbgrader.api.get_alembic_version", return_value="none"),  # a program of its own, and slow
        Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "camp") as book,
    ):
        book.add_student("ada", first_name="Ada", last_name="Lovelace", email="ada@x.org", lms_user_id="71")
        book.add_student("=cmd", first_name="-1+1", last_name='@"a, b"', email="o@x.org")
        book.add_student("eve", first_name="小明", last_name="王")
        book.add_student("bo")
        for name in ("01-hello-npu", "02-tiling"):
            book.add_assignment(name)
            book.add_notebook("hello", name)
            book.add_grade_cell("a", "hello", name, max_score=3, cell_type="code")
            book.add_grade_cell("b", "hello", name, max_score=2, cell_type="code")
        for learner, points, penalty in (("ada", 4, 0.5), ("=cmd", 1, 3), ("eve", 2, 0)):
            submission = book.add_submission("01-hello-npu", learner)
            (notebook,) = submission.notebooks
            notebook.late_submission_penalty = penalty
            first, second = notebook.grades
            first.auto_score, first.needs_manual_grade = points, False
            second.auto_score, second.needs_manual_grade = 0, learner == "eve"
        book.db.commit()
        yield book


@pytest.fixture
def exported(gradebook, tmp_path):
    """Export with these options; return the text and the rows."""

    def run(kind, **options):
        target = tmp_path / "out" / "grades.csv"
        plugin = kind(to=str(target), titles={"01-hello-npu": "Hello, NPU"}, **options)
        plugin.export(gradebook)
        assert plugin.waiting == (0 if options.get("assignment") == ["02-tiling"] else 1)
        text = target.read_bytes().decode("utf-8")
        return text, list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))

    return run


def test_canvas_reads_its_own_form(exported):
    """Student, ID, SIS columns, Section, then assignments; the second row holds the points possible."""
    text, rows = exported(CanvasExporter)
    assert not text.startswith("\ufeff")
    assert rows[0] == [
        *("Student", "ID", "SIS User ID", "SIS Login ID", "Section"),
        *("Hello, NPU", "02-tiling"),
    ]
    assert rows[1] == ["    Points Possible", "", "", "", "", "5.0", "5.0"]
    assert ["Lovelace, Ada", "71", "", "ada", "", "3.5", ""] in rows


def test_an_unfinished_grade_is_no_zero(exported):
    """Nothing handed in, or a part waiting for a person, leaves the cell empty; a penalty stops at 0."""
    found = {row[3]: row[5:] for row in exported(CanvasExporter)[1][2:]}
    assert found == {"ada": ["3.5", ""], "'=cmd": ["0.0", ""], "eve": ["", ""], "bo": ["", ""]}


def test_canvas_ids_come_from_its_export(exported, tmp_path):
    """With a gradebook that Canvas exported, people and columns carry Canvas's ids."""
    template = tmp_path / "canvas.csv"
    template.write_text(
        '\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,"Hello, NPU (9001)",Final Score\n'
        "    Points Possible,,,,,5,(read only)\n"
        "Lovelace (Ada),512,u-1,ada,Monday,,\n"
        "Wang,513,u-2,eve@x.org,Monday,,\n",
        encoding="utf-8",
    )
    _, rows = exported(CanvasExporter, like=str(template))
    assert rows[0][5:] == ["Hello, NPU (9001)", "02-tiling"]
    assert ["Lovelace (Ada)", "512", "u-1", "ada", "Monday", "3.5", ""] in rows


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"Student,ID\n", b"\xff\xfe\x00", None])
def test_what_is_no_export_of_canvas(exported, tmp_path, data):
    """A file of another kind is refused in one line that names it."""
    path = tmp_path / "other.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ExportError, match=r"other\.csv") as caught:
        exported(CanvasExporter, like=str(path))
    assert "\n" not in str(caught.value)


def test_moodle_finds_its_columns(exported):
    """The columns are named as Moodle's own export names them; a grade comes with its feedback."""
    text, rows = exported(MoodleExporter, assignment=["01-hello-npu"])
    assert not text.startswith("\ufeff")
    assert rows[0] == [
        *("First name", "Last name", "ID number", "Email address", "Username"),
        *("Assignment: Hello, NPU (Real)", "Assignment: Hello, NPU (Feedback)"),
    ]
    found = {row[4]: row for row in rows[1:]}
    late = "3.5 of 5 points, 0.5 of them taken off for being late; your feedback page says more"
    assert found["ada"] == ["Ada", "Lovelace", "71", "ada@x.org", "ada", "3.5", late]
    assert found["eve"][5:] == ["", "a part of it is still being graded"]
    assert found["bo"][5:] == ["", ""]


def test_plain_csv_has_a_row_for_each_learner_and_assignment(exported):
    """Names of any script come back, marked as UTF-8; every learner has a row in every assignment."""
    text, rows = exported(CsvExporter)
    assert text.startswith("\ufeff")
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert len(records) == 8
    eve = next(r for r in records if r["student_id"] == "eve" and r["assignment"] == "01-hello-npu")
    assert (eve["last_name"], eve["first_name"], eve["score"], eve["needs_grading"]) == (
        "王",
        "小明",
        "",
        "yes",
    )


@pytest.mark.parametrize("kind", [CanvasExporter, MoodleExporter, CsvExporter])
def test_no_cell_is_a_formula(exported, kind):
    """A learner who is called like a formula computes nothing in the instructor's spreadsheet."""
    _, rows = exported(kind)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert any("'=cmd" in row for row in rows)


def test_students_and_assignments_can_be_chosen(exported):
    """Nbgrader's own options choose whose grades and which assignments are written."""
    _, rows = exported(CsvExporter, assignment=["02-tiling"], student=["ada", "bo"])
    assert [(row[0], row[5]) for row in rows[1:]] == [("bo", "02-tiling"), ("ada", "02-tiling")]  # by name
