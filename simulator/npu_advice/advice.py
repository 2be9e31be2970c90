"""A piece of advice."""

from __future__ import annotations

from typing import NamedTuple


class Advice(NamedTuple):
    """One change, and what it brings.

    Attributes:
        rule: its name, for programs.
        fault: what is wrong, with figures of the profile.
        fix: what to write instead.
        promise: nanoseconds by which a step gets shorter at least. For `larger_batch`: the time of a step
            divided by the number of times that the batch has grown.
        where: lines of the training, where the profile has stacks.
    """

    rule: str
    fault: str
    fix: str
    promise: int
    where: tuple[str, ...] = ()
