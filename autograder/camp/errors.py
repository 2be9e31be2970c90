"""What can go wrong for the person at the keyboard: one class per kind of failure, one line per message."""

from __future__ import annotations


class CampError(Exception):
    """A failure that the user can mend; its text says what was wrong and what to do."""


class CourseError(CampError):
    """`camp.toml` is missing, is not TOML, or does not describe a course."""


class ExerciseError(CampError):
    """An exercise's source, hidden checks or solutions do not fit together."""


class AnswersError(CampError):
    """A file of answers (right, wrong, or of the example class) cannot be read."""


class UnknownAssignmentError(CampError):
    """No assignment of that name is in the course."""


class SubmissionsError(CampError):
    """The folder of submissions is missing or holds none."""


class NotWritableError(CampError):
    """A folder that results go into cannot be written."""


class MissingDependencyError(CampError):
    """A program or package that a command needs is not installed."""


class PortError(CampError):
    """A port that `camp serve` needs is taken."""


class KernelStartError(CampError):
    """This machine cannot start a kernel; no learner is to blame, so there is no verdict."""


class GradebookError(CampError):
    """nbgrader refused a step; earlier grades are as they were."""


class ExportError(CampError):
    """Grades cannot be written in the form that was asked for."""


class PassbackError(CampError):
    """A score cannot be made or sent to a learning management system."""


class LintError(CampError):
    """An exercise does not keep what `camp lint` proves."""
