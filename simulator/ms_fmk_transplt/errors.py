"""What can be wrong with a call of the migration tools: one class a kind, one line each."""

from __future__ import annotations


class MigrationError(Exception):
    """A call that cannot be carried out; nothing was written."""


class InputMissingError(MigrationError):
    """`-i` names no folder and no file."""


class OutputMissingError(MigrationError):
    """`-o` names no folder; as with the real tool, it must exist."""


class OutputRefusedError(MigrationError):
    """The result's folder cannot be made."""


class OutputExistsError(MigrationError):
    """The result's folder is there already; it is never overwritten."""


class OutputInsideInputError(MigrationError):
    """The result would land in the project that is read."""


class VersionError(MigrationError):
    """`-v` names a PyTorch version that the rules do not know."""


class MainFileError(MigrationError):
    """`distributed -m` names no Python file of the project."""


class ApiFileError(MigrationError):
    """`-api` names no result of a third-party analysis."""
