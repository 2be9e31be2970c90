"""The command `delivery`: start a delivery, see its results as a table, check it."""

from __future__ import annotations

from pathlib import Path

import click

from modelzoo_delivery import checks, reports, template
from modelzoo_delivery.errors import DeliveryError, NoResultsError
from modelzoo_delivery.folder import Delivery
from modelzoo_delivery.results import FULL, PERFORMANCE, Run, read_runs
from modelzoo_delivery.rules import load

FOLDER = click.Path(path_type=Path)
HEADINGS = ("NAME", "Acc@1", "FPS", "Epochs", "AMP_Type", "Torch_Version")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Deliver a model that was migrated to the NPU, as Ascend/ModelZoo-PyTorch asks for it."""


@main.command()
@click.argument("folder", type=FOLDER)
def new(folder: Path) -> None:
    """Write a new delivery into FOLDER, called <network>_for_PyTorch, and two texts beside it."""
    try:
        written = template.create(folder)
    except DeliveryError as error:
        raise click.ClickException(str(error)) from None
    for path in written:
        click.echo(path)
    click.echo("Replace main.py by your model, run the scripts in test, then: delivery check " + str(folder))


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--json", "json_file", type=FOLDER, help="Write the findings as JSON too.")
@click.option("--csv", "csv_file", type=FOLDER, help="Write them as CSV that a spreadsheet opens too.")
def check(folder: Path, json_file: Path | None, csv_file: Path | None) -> None:
    """Say what is missing in FOLDER or does not fit, one line a finding; ends with 1 on errors."""
    try:
        findings = checks.check(Delivery(folder), load())
        if json_file is not None:
            reports.write_json(json_file, findings)
        if csv_file is not None:
            reports.write_csv(csv_file, findings)
    except DeliveryError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"'{error.filename}' cannot be used: {error.strerror}") from None
    for finding in findings:
        click.echo(finding)
    errors = sum(finding.severity == "error" for finding in findings)
    click.echo(f"{errors} errors, {len(findings) - errors} warnings")
    if errors:
        raise SystemExit(1)


@main.command()
@click.argument("folder", type=FOLDER)
def results(folder: Path) -> None:
    """Print the rows for README.md's table of results, as the logs in FOLDER/test/output have them."""
    try:
        runs = read_runs(Delivery(folder))
        if not runs:
            message = (
                f"'{folder}/test/output' has no log of results; run the scripts in '{folder}/test' first"
            )
            raise NoResultsError(message)
    except DeliveryError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"| {' | '.join(HEADINGS)} |")
    click.echo("| " + " | ".join(":-:" for _ in HEADINGS) + " |")
    for cards in sorted({run.cards for run in runs}):
        click.echo(_line(cards, {run.kind: run for run in runs if run.cards == cards}))


def _line(cards: int, runs: dict[str, Run]) -> str:
    accuracy = runs[FULL].values.get("TrainAccuracy", "-") if FULL in runs else "-"
    speed = runs.get(PERFORMANCE, runs.get(FULL))
    fps = speed.values.get("ActualFPS", "-") if speed is not None else "-"
    epochs = next(
        (r.values["Epochs"] for k in (FULL, PERFORMANCE) if (r := runs.get(k)) and "Epochs" in r.values), "-"
    )
    return f"| {cards}p-NPU | {accuracy} | {fps} | {epochs} | - | - |"
