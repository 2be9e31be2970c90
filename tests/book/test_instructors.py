"""The instructor's guide says what the commands do: its commands, options, statuses and error lines exist."""

import re
import shlex
from pathlib import Path

import click
import pytest
from camp.cli import main
from camp.course import load_course
from camp.policy import Policy
from camp.report import COLUMNS
from camp.verdict import Status

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "part5" / "instructors.md").read_text(encoding="utf-8")
TYPED = sorted(set(re.findall(r"(?m)^\$ camp (.+)$", PAGE)))
NAMED = sorted({match.split()[0] for match in re.findall(r"`camp ([a-z][^`]*)`", PAGE)})
ERRORS = re.findall(r"(?m)^((?:`[^`\n]+`(?:, )?)+)\n: ", PAGE)
ASSIGNMENTS = [assignment.id for assignment in load_course(ROOT / "exercises").assignment]


def test_the_page_shows_the_commands_of_an_instructor():
    """Every command but the author's is in the page."""
    shown = {line.split()[0] for line in TYPED} | set(NAMED)
    assert shown >= {"doctor", "release", "grade", "report", "regrade", "similar", "export", "serve"}
    assert shown <= set(main.commands)


@pytest.mark.parametrize("line", TYPED)
def test_every_command_can_be_typed(line):
    """A command in the page parses: it exists, with these options and an assignment of the course."""
    name, *arguments = shlex.split(line)
    command = main.commands[name]
    parsed = command.make_context(name, arguments, resilient_parsing=False)
    assert isinstance(parsed, click.Context)
    named = parsed.params.get("assignments") or [parsed.params.get("assignment")]
    assert set(named) - {None} <= set(ASSIGNMENTS)


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", PAGE))))
def test_every_option_exists(option):
    """An option that a sentence names belongs to some command."""
    options = {name for command in (main, *main.commands.values()) for p in command.params for name in p.opts}
    assert option in options


def test_every_status_is_explained():
    """The table of how a task can end holds each status once, and no other."""
    rows = re.findall(r"(?m)^\| ([a-z ]+) \| ", PAGE.partition("How a task can end:")[2].partition("###")[0])
    assert sorted(rows) == sorted(status.value for status in Status)


def test_columns_are_those_of_the_file():
    """The columns of grades.csv, which programs rely on."""
    assert f"`{','.join(COLUMNS)}`" in PAGE


def test_the_policy_is_one():
    """The example of a policy is read by the grader."""
    import tomllib

    text = re.search(r'POLICY = """(.*?)"""', PAGE, re.DOTALL)[1]
    assert Policy(**tomllib.loads(text)).late.percent == 10


@pytest.mark.parametrize("line", [one for lines in ERRORS for one in re.findall(r"`([^`]+)`", lines)])
def test_every_error_line_is_one_of_ours(line):
    """A message that the page explains stands in the grader's sources, up to the values in it."""
    sources = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "autograder" / "camp").rglob("*.py"))
    )
    said = " ".join(re.sub(r'"\s*\n\s*f?"|\{[^{}]*\}', "", sources).split())
    foreign = ("Cannot add or remove cells", "database is locked", "No space left", "Permission denied")
    parts = [part.strip(" ;():,") for part in re.split(r"…|\([^)]*\)|FOLDER|class/policy.toml|:", line)]
    parts = [part for part in parts if len(part) > 7 and not part.startswith(foreign)]
    assert parts or line.startswith(("Cannot", "NO SANDBOX"))
    assert [part for part in parts if part not in said and not part.startswith("because there are")] == []
