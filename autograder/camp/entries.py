"""Entries of the gradebook: the rows of nbgrader's database that a graded submission has.

nbgrader's converter looks up and commits each score by itself. Here the rows of many submissions are read
in a few queries and written in one transaction, through nbgrader's own models, with the same outcome.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    GradeCell,
    MissingEntry,
    SolutionCell,
    SourceCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_locked, is_solution, is_task
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from nbgrader.api import Gradebook

    from camp.exercise import Exercise
    from camp.roster import Learner
    from camp.standing import Standing


@dataclass
class Entry:
    """One learner's graded submission, and what the gradebook says of it once it is entered."""

    learner: str
    notebook: NotebookNode
    """The submission with its verdict shown in it."""
    standing: Standing
    """When it came, when it was due, what being late costs."""
    earlier: dict[str, str] = field(default_factory=dict)
    """What `answer_digests` said of the submission that was entered before."""
    scores: dict[str, float] = field(default_factory=dict)
    """Points by grade id, those given by hand included."""
    comments: dict[str, str | None] = field(default_factory=dict)
    """Comments by grade id; one by hand goes before ours."""
    waits: set[str] = field(default_factory=set)
    """The grade ids that wait for a person."""
    penalty: float = 0
    """Points off for being late, at present."""

    @property
    def score(self) -> float:
        """All points, before a penalty."""
        return sum(self.scores.values())


def enter_all(book: Gradebook, exercise: Exercise, entries: list[Entry]) -> None:
    """Write the rows of all entries in one transaction, and read into the entries what then holds.

    Scores and comments given by hand stay. A score given by hand waits to be looked at again if the answer
    or its score by machine changed since.

    Raises:
        MissingEntry: the exercise is not in the gradebook.
        SQLAlchemyError: the database refused; nothing was written.
    """
    with book.db.no_autoflush:
        notebook = book.find_notebook(exercise.assignment.notebook, exercise.id)
        _add_students(book, [entry.learner for entry in entries])
        known = _submissions(book, notebook.assignment, [entry.learner for entry in entries])
        for entry in entries:
            submission = known.get(entry.learner) or _new_submission(book, notebook.assignment, entry.learner)
            submitted = next(nb for nb in submission.notebooks if nb.notebook is notebook)
            _fill(submitted, entry)
            entry.penalty = apply_standing(submission, submitted, entry.standing, entry.score)
    book.db.commit()


def apply_standing(submission: Any, submitted: Any, standing: Standing, score: float) -> float:
    """Write when a submission came, when it was due, and the points off; return those.

    Where the policy sets no due date, the one in the gradebook stays as it is.
    """
    if standing.due is not None:
        submission.assignment.duedate = (standing.due - standing.extension).replace(tzinfo=None)
        submission.extension = standing.extension or None
    if standing.due is not None or standing.stamped:
        submission.timestamp = standing.submitted.replace(tzinfo=None)
    off = standing.penalty(score)
    submitted.late_submission_penalty = off or None
    return off


def adopt(book: Gradebook, exercise: Exercise, edition: NotebookNode) -> None:
    """Give an exercise that has submissions the cells which its author added since.

    nbgrader refuses to release it otherwise. Cells that are gone are left to that refusal, because grades
    hang on them.

    Raises:
        SQLAlchemyError: the database refused; nothing was written.
    """
    try:
        notebook = book.find_notebook(exercise.assignment.notebook, exercise.id)
    except MissingEntry:
        return
    if not notebook.submissions:
        return
    known = {(type(cell), cell.name) for cell in (*notebook.grade_cells, *notebook.solution_cells)}
    sources = {cell.name for cell in notebook.source_cells}
    for cell in edition.cells:
        name, kind = cell.metadata.get("nbgrader", {}).get("grade_id"), cell.cell_type
        if name and name not in sources:
            locked = {"locked": is_locked(cell), "checksum": cell.metadata.nbgrader.get("checksum")}
            book.db.add(
                SourceCell(name=name, cell_type=kind, source=cell.source, notebook=notebook, **locked)
            )
        if is_grade(cell) and (GradeCell, name) not in known:
            points = float(cell.metadata.nbgrader.points)
            made = GradeCell(name=name, max_score=points, cell_type=kind, notebook=notebook)
            book.db.add_all(Grade(cell=made, notebook=submitted) for submitted in notebook.submissions)
        if is_solution(cell) and (SolutionCell, name) not in known:
            made = SolutionCell(name=name, notebook=notebook)
            book.db.add_all(Comment(cell=made, notebook=submitted) for submitted in notebook.submissions)
    book.db.commit()


def enter_roster(book: Gradebook, roster: dict[str, Learner]) -> None:
    """Write who is in the class, so that the formgrader and the exports know their names.

    Raises:
        SQLAlchemyError: the database refused; nothing was written.
    """
    known = {student.id: student for student in book.db.scalars(select(Student))}
    for learner in roster.values():
        if learner.id not in known:
            book.db.add(known.setdefault(learner.id, Student(id=learner.id)))
        student = known[learner.id]
        student.first_name, student.last_name = learner.first_name or None, learner.last_name or None
        student.email, student.lms_user_id = learner.email or None, learner.lms_id or None
    book.db.commit()


def hands_by_learner(book: Gradebook, assignment: str, learners: list[str] | None = None) -> dict[str, str]:
    """A digest of all that a person gave or wrote, or has still to, in each learner's submission.

    Args:
        book: nbgrader's gradebook.
        assignment: which.
        learners: whose; all if None.
    """
    told: dict[str, list[str]] = {}
    base = (
        (Grade, [Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade]),
        (Comment, [Comment.manual_comment]),
    )
    for kind, columns in base:
        query = (
            select(SubmittedAssignment.student_id, kind.cell_id, *columns)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(kind, kind.notebook_id == SubmittedNotebook.id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .where(Assignment.name == assignment)
        )
        if learners is not None:
            query = query.where(SubmittedAssignment.student_id.in_(learners))
        for learner, *row in book.db.execute(query):
            told.setdefault(learner, []).append(str(row))
    return {
        learner: hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
        for learner, rows in told.items()
    }


def points_by_learner(book: Gradebook, assignment: str) -> dict[str, tuple[float, float, float]]:
    """What each learner has in an assignment: points by machine, points in all, points off for being late."""
    grades = (
        select(SubmittedAssignment.student_id, func.sum(Grade.auto_score), func.sum(Grade.score))
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == assignment)
        .group_by(SubmittedAssignment.student_id)
    )
    penalties = (
        select(SubmittedAssignment.student_id, func.sum(SubmittedNotebook.late_submission_penalty))
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == assignment)
        .group_by(SubmittedAssignment.student_id)
    )
    off = {learner: total or 0.0 for learner, total in book.db.execute(penalties)}
    return {
        learner: (float(auto or 0), float(total or 0), float(off[learner]))
        for learner, auto, total in book.db.execute(grades)
    }


def answer_digests(notebook: NotebookNode) -> dict[str, str]:
    """SHA-256 of each answer's text, by grade id."""
    return {
        cell.metadata.nbgrader.grade_id: hashlib.sha256(cell.source.encode()).hexdigest()
        for cell in notebook.cells
        if is_solution(cell)
    }


def _add_students(book: Gradebook, learners: list[str]) -> None:
    there = set(book.db.scalars(select(Student.id).where(Student.id.in_(learners))))
    book.db.add_all([Student(id=name) for name in dict.fromkeys(learners) if name not in there])


def _submissions(book: Gradebook, assignment: Any, learners: list[str]) -> dict[str, Any]:
    """What these learners have in the gradebook for an assignment, read with all its grades and comments."""
    notebooks = selectinload(SubmittedAssignment.notebooks)
    query = (
        select(SubmittedAssignment)
        .where(
            SubmittedAssignment.assignment_id == assignment.id, SubmittedAssignment.student_id.in_(learners)
        )
        .options(
            notebooks.selectinload(SubmittedNotebook.grades).selectinload(Grade.cell),
            notebooks.selectinload(SubmittedNotebook.comments).selectinload(Comment.cell),
        )
    )
    return {submission.student_id: submission for submission in book.db.scalars(query)}


def _new_submission(book: Gradebook, assignment: Any, learner: str) -> Any:
    """A submission with an empty grade and comment for every cell, as nbgrader's `add_submission` makes."""
    submission = SubmittedAssignment(assignment=assignment, student_id=learner)
    for notebook in assignment.notebooks:
        submitted = SubmittedNotebook(notebook=notebook, assignment=submission)
        for cell in (*notebook.grade_cells, *notebook.task_cells):
            Grade(cell=cell, notebook=submitted)
        for cell in (*notebook.solution_cells, *notebook.task_cells):
            Comment(cell=cell, notebook=submitted)
    book.db.add(submission)
    return submission


def _fill(submitted: Any, entry: Entry) -> None:
    """Write scores and comments of one submission; read what then holds into the entry."""
    grades = {grade.cell.name: grade for grade in submitted.grades}
    comments = {comment.cell.name: comment for comment in submitted.comments}
    digests = answer_digests(entry.notebook)
    for cell in entry.notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if is_grade(cell):
            changed = entry.earlier.get(answer := grade_id.removesuffix("_check")) != digests.get(answer)
            _score(grades[grade_id], determine_grade(cell)[0], changed=changed)
        if is_solution(cell) or is_task(cell):
            blank = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell) and not is_task(cell)
            comments[grade_id].auto_comment = "No response." if blank else None
    entry.scores = {name: _points(grade) for name, grade in grades.items()}
    entry.waits = {name for name, grade in grades.items() if grade.needs_manual_grade}
    entry.comments = {
        name: c.auto_comment if c.manual_comment is None else c.manual_comment for name, c in comments.items()
    }


def _score(grade: Any, points: float | None, *, changed: bool) -> None:
    if grade.manual_score is None:
        grade.needs_manual_grade = points is None
    elif changed or grade.auto_score != points:
        grade.needs_manual_grade = True
    grade.auto_score = points


def _points(grade: Any) -> float:
    given = grade.auto_score if grade.manual_score is None else grade.manual_score
    return float((given or 0) + (grade.extra_credit or 0))
