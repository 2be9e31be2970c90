"""Grades for a learning management system: Canvas, Moodle, and plain CSV, as nbgrader export plugins.

They work from `camp export` and from nbgrader itself, in the course root:
`nbgrader export --exporter=camp.lms.CanvasExporter --to=canvas.csv`.

A grade is left empty, never 0, where nothing was handed in or a person still has to grade: an import would
make that zero real. The forms are those that the systems read: Canvas, `lib/gradebook_importer.rb` and
`lib/gradebook_exporter.rb` (instructure/canvas-lms); Moodle, `grade/import/csv/classes/load_data.php` and
`grade/export/lib.php` (moodle/moodle).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.plugins import ExportPlugin
from traitlets import Dict, Unicode

from camp.cells import Cell, csv_text
from camp.errors import ExportError
from camp.graded import Graded, grades
from camp.paths import write_text

if TYPE_CHECKING:
    from datetime import datetime

    from nbgrader.api import Gradebook

    from camp.course import Course

_CANVAS_INFO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_WITH_ID = re.compile(r"(?P<title>.+) \((?P<id>\d+)\)\s*")


@dataclass(frozen=True)
class Learner:
    """Somebody of the gradebook, as the roster names them."""

    id: str
    last_name: str
    first_name: str
    email: str
    lms_id: str

    @property
    def sortable(self) -> str:
        """Last name first, as gradebooks sort; the id where no name is known."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part) or self.id


class LmsExportPlugin(ExportPlugin):  # type: ignore[misc]  # nbgrader's classes have no types
    """What the exporters share: whose grades, in which assignments, and where they are written."""

    titles = Dict(help="titles of the assignments, by their names").tag(config=True)
    default_target = "grades.csv"
    waiting = 0
    """After an export: how many submissions still wait for grading by hand."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the grades of the students and assignments asked for (default: all).

        Raises:
            NotWritableError: the file cannot be written.
            ExportError: a file that the exporter was given cannot be used.
        """
        wanted = [str(name) for name in self.assignment]
        assignments = {
            a.name: float(a.max_score) for a in gradebook.assignments if not wanted or a.name in wanted
        }
        students = [str(name) for name in self.student]
        chosen = [_learner(s) for s in gradebook.students if not students or s.id in students]
        learners = sorted(chosen, key=lambda who: (who.last_name, who.first_name, who.id))
        found = {name: grades(gradebook, name) for name in assignments}
        self.waiting = sum(bool(g.to_grade) for given in found.values() for g in given.values())
        if self.waiting:
            self.log.warning("%d submissions wait for grading by hand; their grades are empty", self.waiting)
        write_text(Path(self.to or self.default_target), self.table(assignments, learners, found))

    def table(
        self, assignments: dict[str, float], learners: list[Learner], found: dict[str, dict[str, Graded]]
    ) -> str:
        """The file's text.

        Args:
            assignments: the points to be had, by assignment.
            learners: the rows.
            found: their grades, by assignment and learner; nothing where nothing was handed in.
        """
        raise NotImplementedError

    def title(self, assignment: str) -> str:
        """What the assignment is called in the course."""
        return str(self.titles.get(assignment, assignment))


class CsvExporter(LmsExportPlugin):
    """One row for each learner and assignment, for any other system or a spreadsheet."""

    default_target = "grades-lms.csv"

    def table(
        self, assignments: dict[str, float], learners: list[Learner], found: dict[str, dict[str, Graded]]
    ) -> str:
        """Write who, what, and the grade with its parts; the first line names the columns."""
        header = (
            *("student_id", "last_name", "first_name", "email", "lms_user_id", "assignment", "title"),
            *("score", "max_score", "late_penalty", "submitted", "needs_grading"),
        )
        rows = []
        for name, most in assignments.items():
            for who in learners:
                person = (who.id, who.last_name, who.first_name, who.email, who.lms_id)
                grade = found[name].get(who.id)
                result = (
                    (
                        grade.final,
                        most,
                        grade.penalty,
                        _iso(grade.submitted),
                        "yes" if grade.to_grade else "no",
                    )
                    if grade
                    else (None, most, None, "", "no")
                )
                rows.append((*person, name, self.title(name), *result))
        return csv_text(header, rows, bom=True)


class MoodleExporter(LmsExportPlugin):
    """Moodle's grade import: who, and for each assignment its grade and a line of feedback."""

    default_target = "grades-moodle.csv"

    def table(
        self, assignments: dict[str, float], learners: list[Learner], found: dict[str, dict[str, Graded]]
    ) -> str:
        """Name the columns as Moodle's own export does, so that its import maps them by itself."""
        header = ["First name", "Last name", "ID number", "Email address", "Username"]
        for name in assignments:
            header += [f"Assignment: {self.title(name)} (Real)", f"Assignment: {self.title(name)} (Feedback)"]
        rows = []
        for who in learners:
            row: list[Cell] = [who.first_name, who.last_name, who.lms_id, who.email, who.id]
            for name, most in assignments.items():
                grade = found[name].get(who.id)
                row += [grade.final if grade else None, _feedback(grade, most)]
            rows.append(row)
        return csv_text(header, rows)  # no byte order mark: Moodle would read it into the first column's name


class CanvasExporter(LmsExportPlugin):
    """Canvas's gradebook import: a row a learner, a column an assignment, the points possible above them."""

    like = Unicode(
        help="a gradebook exported from the Canvas course: its people and assignment columns, "
        "with Canvas's ids, are used"
    ).tag(config=True)
    default_target = "grades-canvas.csv"

    def table(
        self, assignments: dict[str, float], learners: list[Learner], found: dict[str, dict[str, Graded]]
    ) -> str:
        """Put the grades into Canvas's form, with its own ids where an export of its was given."""
        header = [
            *_CANVAS_INFO,
            *(self._columns.get(self.title(name), self.title(name)) for name in assignments),
        ]
        possible: list[Cell] = [
            "    Points Possible",
            *[None] * (len(_CANVAS_INFO) - 1),
            *assignments.values(),
        ]
        rows = [possible]
        for who in learners:
            own: list[Cell] = [who.sortable, who.lms_id, "", who.id, ""]
            info = self._people.get(who.id) or self._people.get(who.email) or own
            given = (found[name].get(who.id) for name in assignments)
            rows.append([*info, *(grade.final if grade else None for grade in given)])
        return csv_text(header, rows)

    @cached_property
    def _template(self) -> list[dict[str, str]]:
        if not self.like:
            return []
        try:
            with Path(self.like).open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file, restkey="", restval=""))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ExportError(f"{self.like} cannot be read ({error}); give Canvas's exported CSV") from None
        if not rows or not {"Student", "ID", "Section"} <= set(rows[0]):
            raise ExportError(
                f"{self.like} is no gradebook of Canvas (no columns Student, ID, Section); "
                "export it there: Grades, Export"
            )
        return rows

    @cached_property
    def _columns(self) -> dict[str, str]:
        """Canvas's column of each assignment, by its title."""
        names = [str(name) for name in self._template[0]] if self._template else []
        return {match["title"]: name for name in names if (match := _WITH_ID.fullmatch(name))}

    @cached_property
    def _people(self) -> dict[str, list[Cell]]:
        """Canvas's first columns of each person, by login and by the id of the student information system."""
        people: dict[str, list[Cell]] = {}
        for row in self._template:
            info: list[Cell] = [row.get(column, "") for column in _CANVAS_INFO]
            for key in ("SIS User ID", "SIS Login ID"):
                if row.get(key):
                    people[row[key]] = info
        return people


def exporter(form: str, course: Course, assignments: list[str], like: Path | None) -> LmsExportPlugin:
    """Make the exporter of a form, for these assignments; where it writes is set in its `to`.

    Args:
        form: `canvas`, `moodle`, `csv` or `lti`.
        course: for the assignments' titles.
        assignments: their ids.
        like: a gradebook exported from Canvas, or None.
    """
    from camp.lti import LtiExporter  # which builds on this file

    kinds = {"canvas": CanvasExporter, "moodle": MoodleExporter, "csv": CsvExporter, "lti": LtiExporter}
    options: dict[str, Any] = {"like": str(like)} if like else {}
    titles = {assignment.id: assignment.title for assignment in course.assignment}
    return kinds[form](assignment=assignments, titles=titles, **options)


def _learner(student: Any) -> Learner:
    names = (student.last_name, student.first_name, student.email, student.lms_user_id)
    return Learner(student.id, *(str(name or "") for name in names))


def _iso(when: datetime | None) -> str:
    """A time of the gradebook, which is in UTC without saying so, to the second."""
    return f"{when.isoformat(timespec='seconds')}Z" if when else ""


def _feedback(grade: Graded | None, most: float) -> str:
    """A line that the learner reads beside the grade."""
    if grade is None:
        return ""
    if grade.to_grade:
        return "a part of it is still being graded"
    off = f", {grade.penalty:g} of them taken off for being late" if grade.penalty else ""
    return f"{grade.score:g} of {most:g} points{off}; your feedback page says more"
