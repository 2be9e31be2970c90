"""The command `modelarts-job`: run a training as a job on ModelArts would, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelarts_job.errors import JobError
from modelarts_job.job import Job, run

FOLDER = click.Path(path_type=Path)


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    wrong = next((text for text in given if "=" not in text or text.startswith(("=", "MA_"))), None)
    if wrong is not None:
        message = f"--env-variables '{wrong}' is not of the form NAME=VALUE with a name other than MA_*"
        raise click.ClickException(message)
    return dict(text.split("=", 1) for text in given)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--code-dir", "code", type=FOLDER, required=True, help="Folder of the scripts, uploaded.")
@click.option("--boot-file", required=True, help="Script to start, in the folder of the scripts.")
@click.option("--data-url", "data", type=FOLDER, required=True, help="Folder of the data set, uploaded.")
@click.option("--train-url", "output", type=FOLDER, required=True, help="Empty folder for results and log.")
@click.option("--bucket", default="my-bucket", show_default=True, help="Bucket that holds it all.")
@click.option("--name", default="0", show_default=True, help="Name of the job.")
@click.option(
    "--given",
    type=click.Choice(["local", "obs"]),
    default="local",
    show_default=True,
    help="What --data_url and --train_url of the script are: paths of copies, or the store's addresses.",
)
@click.option("--env-variables", "variables", multiple=True, help="NAME=VALUE; may be given again.")
@click.argument("arguments", nargs=-1)
def main(variables: tuple[str, ...], **given: Any) -> None:
    """Upload code and data to an object store, train as a job on ModelArts would, and bring back the results.

    Further ARGUMENTS, after --, go to the script. Ends with the script's exit code.
    """
    try:
        job = Job(variables=_variables(variables), **given)
        outcome = run(job, click.echo)
    except JobError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{len(outcome.files)} files in {job.output}, the log in {outcome.log.name}")
    if outcome.code:
        raise SystemExit(outcome.code if outcome.code > 0 else 1)
