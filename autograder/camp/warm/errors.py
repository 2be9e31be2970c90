"""What can go wrong between a grader and its warm kernels."""

from __future__ import annotations

from camp.errors import CampError


class WarmKernelError(CampError):
    """The process that warm kernels are forked from did not start, or ended."""


class SandboxError(CampError):
    """No sandbox, or not the one asked for, can be set up on this machine."""
