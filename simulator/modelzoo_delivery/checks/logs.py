"""The logs of the runs: there for each script, whole, and of runs that succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelzoo_delivery import shell
from modelzoo_delivery.findings import Finding
from modelzoo_delivery.results import FULL, PERFORMANCE, read_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelzoo_delivery.findings import Severity
    from modelzoo_delivery.folder import Delivery
    from modelzoo_delivery.results import Run

NUMBERS = ("ActualFPS", "TrainingTime", "ActualLoss", "TrainAccuracy")


def check(delivery: Delivery, rules: dict[str, Any]) -> Iterator[Finding]:
    """Logs that are missing, incomplete, or of failed runs."""
    runs = read_runs(delivery)
    for name in delivery.trainings:
        if (case := shell.case(name)) is not None:
            yield from _of_script(name, case, runs)
    for run in runs:
        yield from _whole(run, rules["logs"])
    for name in delivery.files:
        if name.startswith("test/output/") and name.endswith(".log"):
            yield from _failed(delivery, name, rules["logs"]["failures"])


def _of_script(name: str, case: shell.Case, runs: list[Run]) -> Iterator[Finding]:
    kind = FULL if case.kind == "full" else PERFORMANCE
    if not any(run.kind == kind and run.cards == case.cards for run in runs):
        message = f"no log of it in test/output (<Network>_bs<N>_{case.cards}p_{kind}.log)"
        severity: Severity = "error" if case.cards == 1 else "warning"  # not everybody has eight cards
        todo = f"run bash {name} --data_path=… and add its log"
        yield Finding(name, 1, "log-missing", message, todo, severity)


def _whole(run: Run, rules: dict[str, Any]) -> Iterator[Finding]:
    for key in rules["keys"] + (rules["keys_full"] if run.kind == FULL else []):
        if key not in run.values:
            yield Finding(
                run.file, 1, "log-key", f"{key} is missing", "let the script write it, and run it again"
            )
        elif key in NUMBERS and run.number(key) is None:
            message = f"{key} is '{run.values[key]}' and no number"
            todo = "see what the script's grep finds in train_<device>.log"
            yield Finding(run.file, run.lines[key], "log-value", message, todo)
    size = run.number("RankSize")
    if size is not None and size != run.cards:
        message = f"RankSize is {size:g} in the log of {run.cards} cards"
        yield Finding(run.file, run.lines["RankSize"], "log-cards", message, "run the script again")


def _failed(delivery: Delivery, name: str, failures: list[str]) -> Iterator[Finding]:
    for number, line in enumerate(delivery.stream(name), 1):
        if any(word in line for word in failures):
            yield Finding(
                name,
                number,
                "log-failure",
                f"the run failed: '{line.strip()[:80]}'",
                "cure it and run it again",
            )
            return
