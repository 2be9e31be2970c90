"""What the gradebook says of one submission beyond its verdict: lateness, manual grades, the final score."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """One learner's standing in one assignment."""

    score: float
    """The final score: by machine and by hand, less the penalty."""
    late: str = ""
    """How late it came, in words; empty when in time."""
    penalty: float = 0.0
    extension: str = ""
    """How much longer this learner had, in words; empty for none."""
    dated: bool = False
    """Whether a deadline and a time of submission are known, so that `late` says something."""
    to_grade: str = ""
    """What a person still has to grade, in words; empty for nothing."""
