"""Answers graded by hand: from the author's text and rubric to a grade that nothing takes away."""

import io
import json
import shutil
import sqlite3
from contextlib import closing

import nbformat
import pytest
from camp.answers import fill_in, model_answers, read_answers
from camp.course import load_course
from camp.editions import TEXT_STUB, instructor_edition, learner_edition
from camp.errors import CourseError, ExerciseError
from camp.exercise import load_exercise
from camp.gradebook import GradebookDoor, verdict_path
from camp.intake import take_in
from camp.leaks import leaked
from camp.lint import lint
from camp.release import release
from camp.report import class_table, verdicts
from camp.verdict import Outcome, Status, TaskResult, in_words, outcome, read_verdict
from rich.console import Console

WORDS = "Since $0 + x = x$, and a < b.\n\n<script>alert(1)</script>"


@pytest.fixture
def sums_with_words(reasoned):
    """That first assignment."""
    return load_exercise(load_course(reasoned.exercises), "a1-sums")


def _taken(folder, exercise, notebook):
    path = folder / "sums.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return take_in(path, exercise)


def _reason(notebook):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "reason")


def test_editions(sums_with_words):
    """The learner sees question and rubric, the instructor the model; to nbgrader it is a manual cell."""
    exercise = sums_with_words
    assert exercise.max_points == 8
    learner, instructor = learner_edition(exercise), instructor_edition(exercise)
    assert _reason(learner).source == TEXT_STUB
    assert "as everybody knows" in _reason(instructor).source
    grading = _reason(learner).metadata.nbgrader
    assert (grading.grade, grading.solution, grading.locked, grading.points) == (True, True, False, 3)
    (about,) = (c.source for c in learner.cells if c.id == "reason-about")
    assert "names the reason (2 points)" in about
    assert leaked(nbformat.writes(learner), exercise) == []
    assert leaked(nbformat.writes(instructor), exercise)
    assert set(model_answers(exercise)) == {"double", "total", "reason"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("points = 3", "points = 4", r"points is 4, the rubric adds up to 3; give both, the same"),
        ("points = 3\n", "", r"points is None, the rubric adds up to 3"),
        ("points = 2,", "points = 0,", r"task 'reason', rubric\.0\.points: .*greater than 0"),
        ('text = "names the reason"', 'txt = "x"', r"rubric\.0\.txt: Extra inputs"),
    ],
)
def test_wrong_rubric_is_one_line(reasoned, old, new, says):
    """A rubric that does not add up, or is misspelt, is one line with the task and the remedy."""
    path = reasoned.exercises / "camp.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CourseError, match=says) as caught:
        load_course(reasoned.exercises)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        (
            "sums.md",
            "\nSay why.\n",
            "\n```{code-cell}\n:task: reason\n:role: check\nprint(1)\n```\n",
            "'reason' is graded by hand; it needs one answer cell",
        ),
        ("sums.md", "### BEGIN SOLUTION\nBecause", "Because", "answer of 'reason' needs one '### BEGIN"),
        (
            "checks.py",
            '@check("total"',
            '@check("reason"',
            "checks 'reason', which a rubric has graded by hand",
        ),
    ],
)
def test_cells_that_do_not_fit_are_one_line(reasoned, name, old, new, says):
    """A manual task with a check cell, without marks, or with hidden checks is refused in one line."""
    path = reasoned.exercises / "a1-sums" / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ExerciseError, match=says):
        load_exercise(load_course(reasoned.exercises), "a1-sums")


def test_text_without_rubric_is_refused(reasoned):
    """An answer in words that no rubric has graded by hand could never earn its points."""
    path = reasoned.exercises / "camp.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join(ln for ln in lines if not ln.startswith(("rubric", "points = 3")))
    path.write_text(text, encoding="utf-8")
    notebook = reasoned.exercises / "a1-sums" / "sums.md"
    check = "\n```{code-cell}\n:task: reason\n:role: check\nprint(1)\n```\n"
    notebook.write_text(notebook.read_text(encoding="utf-8") + "\n+++\n" + check, encoding="utf-8")
    with pytest.raises(ExerciseError, match="answer of 'reason' is text; give it a rubric"):
        load_exercise(load_course(reasoned.exercises), "a1-sums")


def test_files_of_answers(tmp_path, sums_with_words):
    """A file of answers holds an answer in words as a markdown cell of comments."""
    path = tmp_path / "ada.py"
    path.write_text(
        "# ---\n# about: x\n# ---\n# %% reason [markdown]\n# Because.\n#\n# Really.\n", encoding="utf-8"
    )
    answers = read_answers(path, sums_with_words)
    assert answers.cells == {"reason": "Because.\n\nReally."}
    assert _reason(fill_in(sums_with_words, answers.cells)).source == "Because.\n\nReally."


@pytest.mark.parametrize("kind", ["markdown", "code"])
def test_intake_takes_words(tmp_path, sums_with_words, kind):
    """The text is taken by its grade id, whatever type the learner made of its cell; other text is not."""
    notebook = fill_in(sums_with_words, {"reason": WORDS})
    cell = _reason(notebook)
    cell.cell_type, cell.metadata.nbgrader.points = kind, 99
    notebook.cells.append(
        nbformat.v4.new_markdown_cell("my notes", metadata={"nbgrader": {"grade_id": "total"}})
    )
    intake = _taken(tmp_path, sums_with_words, notebook)
    taken = _reason(intake.notebook)
    assert (taken.cell_type, taken.source, taken.metadata.nbgrader.points) == ("markdown", WORDS, 3)
    assert intake.findings == []
    assert "my notes" not in nbformat.writes(intake.notebook)


@pytest.mark.parametrize("how", ["untouched", "emptied", "deleted"])
def test_no_words_wait_for_nobody(tmp_path, sums_with_words, how):
    """An answer that is as handed out, emptied or deleted earns 0 and asks nobody to read it."""
    notebook = fill_in(sums_with_words, {})
    if how == "emptied":
        _reason(notebook).source = " \n"
    elif how == "deleted":
        notebook.cells.remove(_reason(notebook))
    intake = _taken(tmp_path, sums_with_words, notebook)
    assert _reason(intake.notebook).source == TEXT_STUB
    assert ("reason" in intake.missing) == (how == "deleted")


def test_outcome_with_words():
    """Full marks by machine stay full marks while an answer waits, and the words say that it does."""

    def results(*given):
        return [
            TaskResult(task="t", title="T", points=p, max_points=m, status=Status(s)) for p, m, s in given
        ]

    waits = (0, 3, "needs grading")
    assert outcome(results((2, 2, "passed"), waits)) is Outcome.FULL
    assert outcome(results((1, 2, "failed"), waits)) is Outcome.PARTIAL
    assert outcome(results((0, 2, "not attempted"), waits)) is Outcome.NONE
    assert outcome(results((2, 2, "passed"), (0, 3, "not attempted"))) is Outcome.PARTIAL
    assert outcome(results(waits)) is Outcome.NONE


@pytest.mark.slow
def test_lint_counts_the_model_as_full(reasoned):
    """Linting takes an answer in words that is there for full; one that a wrong file names is a fault."""
    course = load_course(reasoned.exercises)
    assert [f"{f.what}: {f.fault}" for f in lint(course, ["a1-sums"], 2) if f.fault] == []
    wrong = reasoned.exercises / "a1-sums" / "wrong" / "words.py"
    wrong.write_text("# ---\n# about: x\n# loses: {reason: 3}\n# ---\n# %% reason [markdown]\n# No.\n")
    faults = [f.fault for f in lint(course, ["a1-sums"], 2) if f.fault]
    assert faults == ["reason is graded by hand; take it out of 'loses'"]


def _by_hand(layout, learner, points, cell="reason"):
    """Give a grade as the formgrader does."""
    with closing(sqlite3.connect(layout.course / "gradebook.db")) as book:
        book.execute(
            "update grade set manual_score = ?, needs_manual_grade = 0 where id in "
            "(select grade.id from grade join base_cell on base_cell.id = grade.cell_id "
            "join submitted_notebook n on n.id = grade.notebook_id "
            "join submitted_assignment a on a.id = n.assignment_id "
            "where base_cell.name = ? and a.student_id = ?)",
            (points, cell, learner),
        )
        book.commit()


def _waits(layout, learner):
    with closing(sqlite3.connect(layout.course / "gradebook.db")) as book:
        return book.execute(
            "select manual_score, needs_manual_grade from grade join base_cell c on c.id = grade.cell_id "
            "join submitted_notebook n on n.id = grade.notebook_id "
            "join submitted_assignment a on a.id = n.assignment_id "
            "where c.name = 'reason' and student_id = ?",
            (learner,),
        ).fetchone()


@pytest.mark.slow
def test_grades_by_hand_survive(reasoned, hand_in, grade_inbox, right, monkeypatch):
    """What a person gave stays through regrading; it is to be looked at again only if the answer changed."""
    hand_in("ada", right | {"reason": WORDS})
    hand_in("bo", right)
    grade_inbox()
    verdict = read_verdict(verdict_path(reasoned, "a1-sums", "ada"))
    assert [str(t.status) for t in verdict.tasks] == ["passed", "passed", "needs grading"]
    assert (verdict.points, verdict.max_points) == (5, 8)
    assert in_words(verdict) == "full marks, 1 to be graded by hand"
    assert _waits(reasoned, "ada") == (None, 1)
    assert _waits(reasoned, "bo") == (None, 0), "nothing was written: nobody need look"
    page = reasoned.course / "feedback" / "ada" / "a1-sums" / "sums.html"
    text = page.read_text(encoding="utf-8")
    assert "3 points · needs grading" in text
    assert "5 of 8 points · full marks, 1 to be graded by hand</p>" in text
    assert "a person reads this answer and has not yet done so".lower() in text.lower()
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "gives an &lt;b&gt;example&lt;/b&gt;" in text

    _by_hand(reasoned, "ada", 2)
    assert grade_inbox() == [("ada", "a1-sums", True), ("bo", "a1-sums", True)]
    assert _waits(reasoned, "ada") == (2, 0)
    text = page.read_text(encoding="utf-8")
    assert "2 of 3 points · graded by hand" in text, "the page is told at once"
    assert "7 of 8 points · partial</p>" in text, "what were full marks by machine are none"
    assert GradebookDoor(reasoned).scores("a1-sums") == {"ada": 7, "bo": 5}

    with monkeypatch.context() as patch:
        patch.setattr("camp.pages.Pages.write_feedback", lambda *_: 1 / 0)
        hand_in("ada", {"reason": WORDS})
        with pytest.raises(ZeroDivisionError):
            grade_inbox()
    hand_in("ada", {"reason": WORDS, "double": "def double(x):\n    return x\n"})
    grade_inbox()
    assert _waits(reasoned, "ada") == (2, 0), "the words are the same, also after a run that broke off"
    hand_in("ada", right | {"reason": "Other words."})
    grade_inbox()
    assert _waits(reasoned, "ada") == (2, 1), "the grade stays, but these words nobody has read"
    assert GradebookDoor(reasoned).scores("a1-sums")["ada"] == 7


@pytest.mark.slow
def test_points_by_machine_overruled(toy, hand_in, grade_inbox, right):
    """Where a person gave other points than the machine, the page and the class table say what counts."""
    hand_in("ada", right)
    grade_inbox()
    _by_hand(toy, "ada", 1, cell="double_check")
    grade_inbox()
    page = (toy.course / "feedback" / "ada" / "a1-sums" / "sums.html").read_text(encoding="utf-8")
    assert "1 of 2 points · graded by hand</small>" in page
    assert "3 of 3 points · passed</small>" in page
    assert page.count("<td>graded by hand</td>") == 1
    assert "2 of 2 points" not in page
    console = Console(file=io.StringIO(), width=120)
    course = load_course(toy.exercises)
    grades = {"a1-sums": GradebookDoor(toy).grades("a1-sums")}
    console.print(class_table(verdicts(toy, course), grades))
    assert "4 (by machine 5 of 5)" in console.file.getvalue()


@pytest.mark.slow
def test_task_added_later(toy, add_words, hand_in, grade_inbox, right):
    """An answer in words that the author adds after submissions came is in the gradebook for all of them."""
    hand_in("ada", right)
    grade_inbox()
    assert GradebookDoor(toy).scores("a1-sums") == {"ada": 5}
    add_words(toy)
    shutil.rmtree(toy.root / "inbox")
    hand_in("bo", right | {"reason": WORDS})
    grade_inbox()
    assert _waits(toy, "ada") == (None, 0)
    assert _waits(toy, "bo") == (None, 1)
    door = GradebookDoor(toy)
    exercise = load_exercise(load_course(toy.exercises), "a1-sums")
    assert door.knows(exercise)
    assert not release(toy, exercise, door), "all is up to date"
