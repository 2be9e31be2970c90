"""The results of a delivery: what the logs of its runs say, and what the table in its README claims."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelzoo_delivery.folder import Delivery

CASE = re.compile(r"_(\d+)p(?:_[a-z0-9]+)*_(acc|perf)$")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
CARDS = re.compile(r"(\d+)\s*p\b|(?:npu|gpu)\s*[-x]?\s*(\d+)\s*p|\b(\d+)\s*p[-_]", re.IGNORECASE)
FULL, PERFORMANCE = "acc", "perf"


@dataclass(frozen=True)
class Run:
    """The log of results that a training script writes, `test/output/<device>/<CaseName>.log`."""

    file: str
    kind: str  # "acc" or "perf", the end of CaseName
    cards: int
    values: dict[str, str]
    lines: dict[str, int]

    def number(self, key: str) -> float | None:
        """A value as a number; None where it is missing or none."""
        return as_number(self.values.get(key, ""))


@dataclass(frozen=True)
class Row:
    """One line of the table of results in README.md."""

    line: int
    name: str
    cards: int | None
    reference: bool  # a GPU or a paper, and not the NPU
    fps: float | None
    accuracy: dict[str, float]  # by heading


def as_number(text: str) -> float | None:
    """The only number of a text (`631`, `17.66fps`, `76.2%`); None where there is none, such as in `-`."""
    found = NUMBER.findall(text.replace(",", "").replace("@1", ""))
    return float(found[0]) if len(found) == 1 else None


def read_runs(delivery: Delivery) -> list[Run]:
    """Every log of results, by file."""
    runs = []
    for name in delivery.files:
        stem = name.rsplit("/", 1)[-1].removesuffix(".log")
        match = CASE.search(stem)
        if not name.startswith("test/output/") or not name.endswith(".log") or match is None:
            continue
        values: dict[str, str] = {}
        lines: dict[str, int] = {}
        for number, line in enumerate(delivery.stream(name), 1):
            key, equals, value = line.partition("=")
            if equals and len(key.split()) == 1:
                values[key.strip()], lines[key.strip()] = value.strip(), number
        runs.append(Run(name, match[2], int(match[1]), values, lines))
    return runs


def read_table(text: str, rules: dict[str, Any]) -> list[Row]:
    """The rows of the tables of a README that have a column FPS."""
    rows: list[Row] = []
    headings: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if "|" not in line:
            headings = None
            continue
        cells = [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]
        if headings is None:
            headings = cells if any("fps" in cell.lower() for cell in cells) else None
        elif not all(set(cell) <= set(":- ") for cell in cells) and len(cells) == len(headings):
            rows.append(_row(number, dict(zip(headings, cells, strict=True)), rules))
    return rows


def _row(number: int, cells: dict[str, str], rules: dict[str, Any]) -> Row:
    name = next(iter(cells.values()))
    whole = " ".join(cells.values()).lower()
    fps = next(value for heading, value in cells.items() if "fps" in heading.lower())
    accuracy = {
        heading: value
        for heading, text in list(cells.items())[1:]
        if not any(word in heading.lower() for word in rules["not_accuracy"])
        and (value := as_number(text)) is not None
    }
    match = CARDS.search(name)
    cards = int(next(part for part in match.groups() if part)) if match is not None else _count(cells)
    return Row(number, name, cards, any(w in whole for w in rules["reference"]), as_number(fps), accuracy)


def _count(cells: dict[str, str]) -> int | None:
    """The cards by a column such as Npu_nums."""
    for heading, text in cells.items():
        if "nums" in heading.lower() and (value := as_number(text)) is not None:
            return int(value)
    return None
