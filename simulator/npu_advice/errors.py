"""What can be wrong with a profile: one class a kind, one line each."""

from __future__ import annotations


class AdviceError(Exception):
    """Nothing can be advised."""


class NoProfileError(AdviceError):
    """The folder is not, and does not hold, one result of torch_npu's profiler."""


class NoTimelineError(AdviceError):
    """The profile's time line is missing or unreadable, or lacks the host's or the device's side."""
