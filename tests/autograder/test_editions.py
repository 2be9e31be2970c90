"""The editions of an exercise: nothing of the solutions in the learner's, and the same as nbgrader makes."""

import pickle
import subprocess
import sys

import nbformat
import pytest
from camp.course import load_course
from camp.editions import STUB, check_id, instructor_edition, keep_edition, learner_edition
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor
from camp.release import learner_notebook, release
from camp.seat.stamp import stamped
from nbgrader.nbgraderformat import MetadataValidator


def _cell(notebook, grade_id):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def test_learner_gets_no_solution(sums):
    """No line of a solution, and no mark of one, is in the learner's edition."""
    text = nbformat.writes(learner_edition(sums))
    for secret in (
        "twice_the_number",
        "sum_so_far_of_numbers",
        "operator.mul",
        "BEGIN SOLUTION",
        "END SOLUTION",
    ):
        assert secret in nbformat.writes(instructor_edition(sums)), "the test must be able to fail"
        assert secret not in text


def test_learner_gets_no_hidden_check(sums, words):
    """No name of a hidden check is in the learner's edition."""
    for exercise in (sums, words):
        text = nbformat.writes(learner_edition(exercise))
        for checks in exercise.checks.values():
            for check in checks:
                assert check.name not in text


def test_stub_says_what_to_do(sums):
    """Where the solution stood, a line says that it is to be written, and running it says so, too."""
    answer = _cell(learner_edition(sums), "double")
    assert answer.source.splitlines()[0] == "def double(x):"
    assert answer.source.splitlines()[-1] == f"    {STUB}"
    compile(answer.source, "answer", "exec")


def test_hints_climb(sums):
    """Each hint lies inside the one before, closed, in order."""
    about = next(c for c in learner_edition(sums).cells if c["id"] == "double-about").source
    places = [about.index(hint) for hint in sums.assignment.task[0].hints]
    assert places == sorted(places)
    assert about.count("<details>") == about.count("</details>") == 3
    assert about.index("</details>") > places[-1]
    assert "<details open" not in about


def test_introduction_links_to_the_page(sums):
    """Above an answer stand objective, minutes, points and the link to the page, with its anchor."""
    about = next(c for c in learner_edition(sums).cells if c["id"] == "double-about").source
    assert sums.assignment.task[0].objective in about
    assert "4 minutes" in about
    assert "2 points" in about
    assert "(http://localhost:8000/sums.html#double)" in about


def test_check_cells_are_locked_and_carry_the_points(sums):
    """A check cell is locked and holds its task's points; an answer cell can be edited and not deleted."""
    notebook = learner_edition(sums)
    check, answer = _cell(notebook, check_id("total")), _cell(notebook, "total")
    assert check.metadata.editable is False
    assert check.metadata.deletable is False
    assert check.metadata.nbgrader.points == 3
    assert (check.metadata.nbgrader.grade, check.metadata.nbgrader.solution) == (True, False)
    assert answer.metadata.get("editable", True) is True
    assert answer.metadata.deletable is False
    assert (answer.metadata.nbgrader.grade, answer.metadata.nbgrader.solution) == (False, True)


@pytest.mark.parametrize("make", [instructor_edition, learner_edition])
def test_metadata_is_what_nbgrader_expects(sums, make):
    """Nbgrader's own validation and nbformat's pass without a word, and no output is in it."""
    notebook = make(sums)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert all(not c.outputs for c in notebook.cells if c.cell_type == "code")
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("make", [instructor_edition, learner_edition])
def test_same_bytes_each_time(sums, make):
    """An edition is a function of the source: no clock and no random id in it."""
    again = load_exercise(sums.course, "a1-sums")
    assert nbformat.writes(make(sums)) == nbformat.writes(make(again))


def test_source_stays_as_it_was(sums):
    """Making editions changes nothing of the exercise."""
    before = nbformat.writes(sums.source)
    learner_edition(sums)
    assert nbformat.writes(sums.source) == before


def test_each_caller_has_a_copy(sums):
    """What one submission's grading does to its edition is in no other's."""
    first = learner_edition(sums)
    text = nbformat.writes(first)
    first.cells[0].source, first.metadata["camp"] = "mine", "x"
    assert nbformat.writes(learner_edition(sums)) == text


def test_edition_made_elsewhere_is_taken(sums):
    """A process that is handed the edition takes it as it is, and does not make it."""
    again = load_exercise(sums.course, "a1-sums")
    keep_edition(again, pickle.dumps({"made": "elsewhere"}))
    assert learner_edition(again) == {"made": "elsewhere"}
    assert learner_edition(sums).cells


@pytest.mark.slow
def test_workers_take_no_nbgrader():
    """What a worker is forked from imports neither nbgrader nor Jupyter's server: both take a second."""
    heavy = "{'nbgrader', 'jupyter_server'}"
    code = f"import sys, camp.quick, camp.jobs; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.slow
def test_nbgrader_makes_the_same(toy):
    """`nbgrader generate_assignment` releases, byte for byte, the stamped learner_edition, and the data."""
    course = load_course(toy.exercises)
    door = GradebookDoor(toy)
    for name in ("a1-sums", "a2-words"):
        exercise = load_exercise(course, name)
        assert release(toy, exercise, door)
        made = learner_notebook(toy, exercise)
        ours = stamped(learner_edition(exercise), exercise)
        assert made.read_text(encoding="utf-8") == nbformat.writes(ours) + "\n"
        for where, path in exercise.data.items():
            assert (made.parent / where).read_bytes() == path.read_bytes()
        assert not release(toy, exercise, door), "the second time there is nothing to do"


@pytest.mark.slow
def test_release_that_failed_is_made_again(toy, monkeypatch):
    """When nbgrader fails in the middle, the next release does not believe the half that is there."""
    exercise = load_exercise(load_course(toy.exercises), "a1-sums")
    door = GradebookDoor(toy)
    release(toy, exercise, door)
    source = exercise.folder / "sums.md"
    source.write_text(
        source.read_text(encoding="utf-8").replace("Two small tasks.", "Two tasks."), encoding="utf-8"
    )
    changed = load_exercise(load_course(toy.exercises), "a1-sums")
    with monkeypatch.context() as patch:
        patch.setattr(door, "generate_assignment", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            release(toy, changed, door)
    assert release(toy, changed, door)
    assert "Two tasks." in learner_notebook(toy, changed).read_text(encoding="utf-8")


@pytest.mark.slow
def test_release_notices_what_is_not_as_it_should(toy):
    """A release is up to date only if notebook, data and gradebook all are; otherwise it is made again."""
    exercise = load_exercise(load_course(toy.exercises), "a2-words")
    release(toy, exercise, GradebookDoor(toy))
    made = learner_notebook(toy, exercise)
    greeting = made.parent / "data" / "greeting.txt"
    damages = {
        "data gone": greeting.unlink,
        "gradebook gone": (toy.course / "gradebook.db").unlink,
        "notebook changed": lambda: made.write_text("{}", encoding="utf-8"),
    }
    for name, damage in damages.items():
        damage()
        assert release(toy, exercise, GradebookDoor(toy)), name
    assert not release(toy, exercise, GradebookDoor(toy))
