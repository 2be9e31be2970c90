"""The learner's commands: `camp check` and `camp submit`."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from camp.errors import CampError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from camp.seat.notebook import Notebook
    from camp.seat.table import Standing

_notebook_argument = click.argument("notebook", type=click.Path(path_type=Path))


@click.command(short_help="Run your NOTEBOOK from a fresh kernel with its checks.")
@_notebook_argument
@click.option("--json", "as_data", is_flag=True, help="Print one JSON object instead of a table.")
def check(notebook: Path, *, as_data: bool) -> None:
    """Run NOTEBOOK, as saved, from a fresh kernel with its public checks, and say how each task stands.

    It runs what the grader runs, with the files that were handed out and nothing else, and says what makes
    your own kernel differ from that. The exit code is 0 only when all tasks pass; an answer in words passes
    when there is one.
    """
    from camp.seat.check import all_pass, as_json
    from camp.seat.notebook import read_notebook

    saved = read_notebook(notebook)
    if as_data:
        from camp.seat.check import check as run

        now = run(saved)
        click.echo(json.dumps(as_json(saved, now)))
    else:
        console = _console()
        now = _checked(saved, console)
        _show(now, console)
    if not all_pass(now):
        sys.exit(1)


@click.command(short_help="Pack your NOTEBOOK for handing in.")
@_notebook_argument
@click.option(
    "--as", "name", metavar="NAME", help="Your name in the course. Default: your name on this machine."
)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    help="The folder that it is packed into. Default: handed-in, beside the notebook.",
)
@click.option("--no-check", is_flag=True, help="Do not run the checks; say what is known.")
def submit(notebook: Path, name: str | None, folder: Path | None, *, no_check: bool) -> None:
    """Pack NOTEBOOK, as saved, for handing in, and say what is missing.

    The notebook goes to FOLDER/NAME/ASSIGNMENT/ under its right name, where camp grade --from FOLDER and
    nbgrader find it; in the folder "inbound" of an nbgrader exchange, as the exchange has it. It is packed
    whatever is missing: hand in again when you have more.
    """
    from camp.seat.notebook import read_notebook
    from camp.seat.submit import USUAL_FOLDER, about_release, learner_name, pack

    saved = read_notebook(notebook)
    learner = learner_name(name)
    packed = pack(saved, learner, folder if folder is not None else notebook.parent / USUAL_FOLDER)
    console = _console()
    release = saved.release
    _say(console, f"packed  {packed.path}")
    _say(
        console, f"        {release.title}, release {release.release}, as {learner}, checksum {packed.sha256}"
    )
    notices = [*packed.notices, *about_release(saved, Path.cwd())]
    try:
        now = _from_before(saved) if no_check else _checked(saved, console)
    except CampError as error:  # it is packed; the checks are a service
        notices.append(f"the checks were not run: {error}")
        now = _from_before(saved)
    _show(now, console)
    for notice in notices:
        _say(console, f"! {notice}")


def _checked(saved: Notebook, console: Console) -> Standing:
    """Run the checks, and say on a terminal which one runs."""
    from camp.seat.check import check as run

    with _spinning(console) as tell:
        return run(saved, tell)


def _from_before(saved: Notebook) -> Standing:
    """How the tasks stand as far as is known without running anything."""
    from camp.seat.check import unsaved
    from camp.seat.differences import differences
    from camp.seat.state import load_state
    from camp.seat.table import standing

    state = load_state(saved.path, saved.release)
    return standing(saved, state).with_notes([*unsaved(saved, state), *differences(saved)])


@contextlib.contextmanager
def _spinning(console: Console) -> Iterator[Callable[[str], None]]:
    with console.status("starting a fresh kernel") as status:
        yield lambda title: status.update(f"checking: {title}")


def _show(now: Standing, console: Console) -> None:
    """The table in a terminal."""
    from rich.table import Table
    from rich.text import Text

    from camp.seat.table import DONE, WORDS

    table = Table(box=None, pad_edge=False, title=Text(now.title), title_justify="left")
    table.add_column("task")
    table.add_column("points", justify="right")
    table.add_column("")
    for row in now.rows:
        style = "green" if row.status in DONE else ("yellow" if not row.message else "red")
        says = Text(WORDS[row.status], style=style)
        if row.message:
            says.append(f"\n{row.message}", style="default")
        points = str(row.task.points) if row.task.by_hand else f"{row.points} of {row.task.points}"
        table.add_row(Text(row.task.title), points, says)
    console.print(table)
    _say(console, now.summary())
    for note in now.notes:
        _say(console, f"! {note}")
    if now.next:
        _say(console, f"next: {now.next.task.title}, read about it: {now.next.task.page}")
    else:
        _say(console, "all tasks done")


def _say(console: Console, line: str) -> None:
    """One line as it is, however long, with nothing in it taken for a colour."""
    console.print(line, markup=False, soft_wrap=True)


def _console() -> Console:
    from rich.console import Console

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of Windows may lack a letter; that is no failure
            stream.reconfigure(errors="replace")
    return Console(highlight=False)
