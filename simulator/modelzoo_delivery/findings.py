"""What the checker says: one line a finding, with its place and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is missing or does not fit.

    Attributes:
        file: its path in the delivery, with `/`.
        line: counted from 1; 1 where a whole file is meant.
        code: names the rule, such as `fps-differs`.
        message: what was found, with its value.
        todo: what to do about it.
        severity: an "error" keeps the delivery from passing, a "warning" does not.
    """

    file: str
    line: int
    code: str
    message: str
    todo: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.message}; {self.todo} [{self.code}]"

    def as_dict(self) -> dict[str, str | int]:
        """The finding as plain data, in the order of the columns of the CSV."""
        return asdict(self)
