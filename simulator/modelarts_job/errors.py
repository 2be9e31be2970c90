"""What can be wrong with a job: one class a kind, one line each."""

from __future__ import annotations


class JobError(Exception):
    """A job that cannot be run."""


class MissingFolderError(JobError):
    """A folder to upload is not there."""


class BootFileError(JobError):
    """The file to start is no file of the code."""


class OutputFolderError(JobError):
    """The folder for the results has something in it already; nothing is overwritten."""


class StoreError(JobError):
    """The object store cannot be started or answers with an error."""
