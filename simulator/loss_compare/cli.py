"""The command `loss-compare`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click

from loss_compare.errors import LossFileError
from loss_compare.plot import svg
from loss_compare.read import losses
from loss_compare.verdict import LIMIT, SKIPPED, Verdict, compare

COLUMNS = ("Step", "Reference Loss", "Loss", "Absolute Error", "Relative Error")


def write(verdict: Verdict, folder: Path) -> None:
    """Writes loss_compare.csv, which a spreadsheet opens as it is, and loss_compare.svg.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "loss_compare.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(verdict.steps)
    (folder / "loss_compare.svg").write_text(svg(verdict), encoding="utf-8")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("compared", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A folder for the table and the plot.")
@click.option("--limit", type=click.FloatRange(min=0), default=LIMIT, show_default=True, help="Of the mean.")
@click.option(
    "--skip",
    type=click.IntRange(min=0),
    help=f"Steps at the beginning that do not count. [default: {SKIPPED}, or 0 of a short training]",
)
@click.option("--pattern", help="A regular expression whose first group is the loss in a line of the logs.")
def main(  # noqa: PLR0913, PLR0917 - the command's arguments and options
    reference: Path, compared: Path, output: Path | None, limit: float, skip: int | None, pattern: str | None
) -> None:
    """Compare the losses of two trainings, step by step: logs, or .csv files with a column loss.

    REFERENCE is the run on the GPU or CPU, COMPARED that on the NPU. Ends with 0 where the mean relative
    error is below the limit, with 1 where it is not, with 2 where there is nothing to compare.
    """
    try:
        curves = losses(reference, pattern), losses(compared, pattern)
        verdict = compare(*curves, skip=skip, limit=limit)
        if output is not None:
            write(verdict, output)
    except (LossFileError, OSError) as error:
        click.echo(f"loss-compare: {error}", err=True)
        sys.exit(2)
    if len(curves[0]) != len(curves[1]):
        click.echo(
            f"{len(curves[0])} and {len(curves[1])} steps: the first {len(verdict.steps)} are compared"
        )
    worst = verdict.largest
    click.echo(f"steps {verdict.skipped + 1} to {len(verdict.steps)}")
    click.echo(f"mean relative error    {verdict.mean:.3%}")
    click.echo(f"largest relative error {worst.relative:.3%} at step {worst.number}", nl=False)
    click.echo(f": {worst.golden:g} and {worst.loss:g}")
    click.echo(f"{'PASS' if verdict.passed else 'FAIL'}: {verdict.reason}")
    sys.exit(0 if verdict.passed else 1)
