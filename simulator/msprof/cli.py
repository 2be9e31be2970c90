"""The command `msprof`.

Imitates CANN's `msprof --application="..." --output=...`; the files are npusim's (`write_msprof_output`),
written by the application's own process when it ends.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

VARIABLE = "NPUSIM_MSPROF_OUTPUT"


@click.command(context_settings={"help_option_names": ["-h", "--help"], "ignore_unknown_options": True})
@click.option(
    "--application", default="", help='What to run: "python3 app.py". Or give it last, without this option.'
)
@click.option("--output", default=".", help="Folder for the results.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def main(application: str, output: str, command: tuple[str, ...]) -> None:
    """Run an application and write its profile into a folder PROF_... ."""
    words = shlex.split(application) or list(command)
    if not words:
        raise click.ClickException("no application is given; write msprof --output=FOLDER python3 app.py")
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"--output '{output}' cannot be made: {error.strerror}") from None
    before = set(folder.glob("PROF_*"))
    click.echo("[INFO] Start profiling....")
    try:
        code = subprocess.run(
            words, check=False, env={**os.environ, VARIABLE: str(folder.resolve())}
        ).returncode
    except OSError as error:
        raise click.ClickException(f"'{words[0]}' cannot be started: {error.strerror}") from None
    made = sorted(set(folder.glob("PROF_*")) - before)
    if not made:
        raise click.ClickException("the application used no device; nothing was recorded")
    for path in made:
        click.echo(
            f"[INFO] Profiling finished. Process profiling data complete. Data is saved in {path.resolve()}"
        )
    sys.exit(code)
