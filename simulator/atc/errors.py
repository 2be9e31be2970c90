"""What ATC refuses: one class, the code tells the kind, as on the real console."""

from __future__ import annotations

from npusim import NpusimError, errors


class AtcError(NpusimError):
    """A conversion that cannot be done.

    Attributes:
        name: the code as ATC prints it, for example "E10001".
        solution: what to do.
    """

    component = "GE"

    def __init__(self, name: str, message: str, solution: str = "") -> None:
        self.name = name
        self.solution = solution or errors[name].remedy
        super().__init__(f"{name}: {message}")


def invalid(parameter: str, value: object, reason: str, solution: str = "") -> AtcError:
    """E10001, the most frequent one: a value that a parameter does not take."""
    return AtcError(
        "E10001", f"Value [{value}] for parameter [{parameter}] is invalid. Reason: {reason}", solution
    )
