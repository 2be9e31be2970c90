"""The words of a command line, read as the real `atc` reads them.

One dash does for two, dashes in a name stand for underscores, a beginning of a name is enough where only one
option begins so. What is no option ends the run with a line on the standard error and the console of a failed
run. Source: the command line of GE's atc (api/atc of its public repository), which is `getopt_long`'s.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

START = "ATC start working now, please wait for a moment."
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
EXIT_CODE = 255  # the real tool returns -1


class AtcCommand(click.Command):
    """A command that reads and refuses options as `atc` does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; a wrong one ends the run."""
        click.echo(START)
        names = [name[2:] for p in self.params for name in p.opts if name.startswith("--")]
        try:
            super().parse_args(ctx, [_spelled(arg, names) for arg in args])
        except click.NoSuchOption as error:
            _stop(f"unknown command line flag '{error.option_name.lstrip('-')}'")
        except click.BadOptionUsage as error:
            _stop(f"flag '{error.option_name}' is missing its argument")
        if ctx.args:
            _stop(*(f"Non-option parameter: {word}" for word in ctx.args))
        return ctx.args


def _spelled(arg: str, names: Iterable[str]) -> str:
    """An option's word with two dashes and its full name."""
    found = re.match(r"--?([A-Za-z]{2}[^=]*)(=.*)?$", arg, re.DOTALL)
    if found is None:
        return arg
    name, value = found[1].replace("-", "_"), found[2] or ""
    fitting = [known for known in names if known.startswith(name)]
    if name not in fitting and len(fitting) == 1:
        name = fitting[0]
    return f"--{name}{value}"


def _stop(*lines: str) -> None:
    """The console of a run that ended before it began: the real tool has no code for it."""
    for line in lines:
        click.echo(f"ERROR: {line}", err=True)
    click.echo(FAILED)
    click.echo("E19999: Inner Error!")
    click.echo("        Unknown error occurred. Please check the log.")
    raise SystemExit(EXIT_CODE)
