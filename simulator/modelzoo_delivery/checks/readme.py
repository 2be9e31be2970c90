"""README.md against the logs, the levels and the scripts: does it say what was measured?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelzoo_delivery.checks import levels
from modelzoo_delivery.findings import Finding
from modelzoo_delivery.results import FULL, PERFORMANCE, read_runs, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelzoo_delivery.folder import Delivery
    from modelzoo_delivery.results import Row, Run

FILE = "README.md"
STARTED = re.compile(r"\b(?:bash|sh|source)\s+(?:\./)?(test/[\w.-]+\.sh)")


def check(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    """Every finding in README.md."""
    if not delivery.has(FILE):
        return
    text = delivery.text(FILE)
    for number, line in enumerate(text.splitlines(), 1):
        for name in STARTED.findall(line):
            if not delivery.has(name):
                todo = "add the script or correct the name"
                yield Finding(FILE, number, "readme-script", f"names {name}, which is not there", todo)
    if not re.search(r"commit_id\s*=\s*[0-9a-f]{7,40}", text):
        todo = "add the lines url=… and commit_id=… of the project that you migrated"
        yield Finding(
            FILE, 1, "readme-source", "does not say from which commit the model comes", todo, "warning"
        )
    rows = read_table(text, rules["results"])
    if not rows:
        todo = "add | NAME | Acc@1 | FPS | Epochs | AMP_Type | Torch_Version | with a row 1p-NPU"
        yield Finding(FILE, 1, "readme-table", "has no table of results with a column FPS", todo)
        return
    yield from _measured(rows, read_runs(delivery), rules["results"])
    yield from _against_reference(delivery, rows, rules)


def _measured(rows: list[Row], runs: list[Run], rules: dict[str, Any]) -> Iterator[Finding]:
    """FPS and accuracy of each row of the NPU against the logs of as many cards."""
    for run in runs:
        if not any(row.cards == run.cards and not row.reference for row in rows):
            message = f"the table has no row {run.cards}p-NPU, but {run.file} has its results"
            yield Finding(FILE, rows[0].line, "readme-row", message, "add the row")
    for row in rows:
        if row.reference or row.cards is None:
            continue
        mine = {run.kind: run for run in runs if run.cards == row.cards}
        yield from _fps(row, mine, rules["fps_tolerance"])
        if FULL in mine and (logged := mine[FULL].number("TrainAccuracy")) is not None:
            yield from _accuracy(row, mine[FULL], logged, rules["accuracy_tolerance"])


def _fps(row: Row, runs: dict[str, Run], tolerance: float) -> Iterator[Finding]:
    figures = {kind: fps for kind, run in runs.items() if (fps := run.number("ActualFPS")) is not None}
    if row.fps is None:
        yield Finding(
            FILE, row.line, "fps-missing", f"{row.name} has no FPS", "write the ActualFPS of its log"
        )
    elif figures and not any(abs(row.fps - fps) <= tolerance * fps for fps in figures.values()):
        kind = PERFORMANCE if PERFORMANCE in figures else FULL
        message = f"{row.name} claims {row.fps:g} FPS; {runs[kind].file} has {figures[kind]:g}"
        yield Finding(
            FILE, row.line, "fps-differs", message, f"write {figures[kind]:g} or run the script again"
        )


def _accuracy(row: Row, run: Run, logged: float, tolerance: float) -> Iterator[Finding]:
    if not row.accuracy:
        todo = f"write {logged:g}, as {run.file} has it"
        yield Finding(FILE, row.line, "accuracy-missing", f"{row.name} has no accuracy", todo)
    elif not any(_close(value, logged, tolerance) for value in row.accuracy.values()):
        heading, value = next(iter(row.accuracy.items()))
        message = f"{row.name} claims {heading} {value:g}; {run.file} has {logged:g}"
        yield Finding(
            FILE, row.line, "accuracy-differs", message, f"write {logged:g} or run the script again"
        )


def _close(value: float, logged: float, tolerance: float) -> bool:
    """Whether two figures agree; one may be a percentage and the other a share."""
    return any(abs(value - logged * scale) <= tolerance * abs(logged * scale) for scale in (1, 100, 0.01))


def _against_reference(delivery: Delivery, rows: list[Row], rules: dict[str, Any]) -> Iterator[Finding]:
    """The NPU against the reference of as many cards, and both against modelzoo_level.txt."""
    stated = levels.read(delivery)
    for row in rows:
        same = [r for r in rows if r.reference and r.cards in {row.cards, None}]
        if row.reference or not same:
            continue
        yield from _gap(row, same[0], rules["results"], stated.get("PrecisionStatus", ("", 1))[0])
        if row.fps is not None and same[0].fps:
            yield from _speed(row, row.fps / same[0].fps, rules["levels"], stated)
    if not any(row.reference for row in rows):
        todo = "add a row such as 1p-GPU, measured or from the paper"
        yield Finding(FILE, rows[0].line, "readme-reference", "has no row to compare with", todo, "warning")


def _gap(row: Row, reference: Row, rules: dict[str, Any], status: str) -> Iterator[Finding]:
    allowed = rules["accuracy_gap"]
    for heading, value in row.accuracy.items():
        wanted = reference.accuracy.get(heading)
        if not wanted:
            continue
        lower = any(word in heading.lower() for word in rules["lower_is_better"])
        gap = (value - wanted if lower else wanted - value) / abs(wanted)
        if gap > allowed and status in {"OK", ""}:
            message = (
                f"{row.name} has {heading} {value:g}, {reference.name} {wanted:g}: "
                f"{gap:.1%} worse, {allowed:.0%} is allowed"
            )
            todo = "find the cause, or state PrecisionStatus:POK"
            yield Finding(FILE, row.line, "accuracy-gap", message, todo)


def _speed(
    row: Row, ratio: float, rules: dict[str, Any], stated: dict[str, tuple[str, int]]
) -> Iterator[Finding]:
    claimed, line = stated.get("PerfStatus", ("", 1))
    fits = next(level for level, least in rules["perf"] if ratio >= least)
    order = [level for level, _ in rules["perf"]]
    if claimed in order and order.index(claimed) < order.index(fits):
        message = f"PerfStatus is {claimed}, but {row.name} has {ratio:.2f} times the reference's FPS"
        yield Finding(levels.FILE, line, "level-speed", message, f"write PerfStatus:{fits} or tune the model")
