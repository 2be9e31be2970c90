"""The page on JupyterHub says what is: options and error lines of `camp hub`, values of the chart."""

import re

import pytest
import yaml
from camp.cli import main

from .conftest import ROOT

PAGE = (ROOT / "book" / "part5" / "hub.md").read_text(encoding="utf-8")
ERRORS = re.findall(r"(?m)^`([^`\n]+)`\n: ", PAGE)


def test_options_are_those_of_the_command():
    """The table names every option of `camp hub` but one that make gives, and no other."""
    table = PAGE.partition("| Option of `camp hub` | does |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(--[a-z-]+)|, `(--[a-z]+)`", table))
    named = {option for pair in named for option in pair if option}
    options = {name for parameter in main.commands["hub"].params for name in parameter.opts}
    assert named == options - {"--example-if-alone", "--help"}


@pytest.mark.parametrize("line", ERRORS)
def test_error_lines_are_ours(line):
    """A line that the page explains stands in the sources, up to the values in it."""
    folder = ROOT / "autograder" / "camp"
    sources = "".join(
        (folder / name).read_text(encoding="utf-8") for name in ("hub.py", "hub_proxy.py", "serve.py")
    )
    said = " ".join(re.sub(r'"\s*\n\s*f?"|\{[^{}]*\}', "", sources).split())
    parts = [
        part.strip(" ;():,")
        for part in re.split(r"…|\([^)]*\)|'[^']*'|port 8100| with --port|:|class/roster.csv|build/\S+", line)
    ]
    parts = [part for part in parts if len(part) > 7]
    assert parts
    assert [part for part in parts if part not in said] == []


def test_private_values_add_to_ours():
    """The example of one's own values sets nothing at a place where ours have something of another kind."""
    private = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    values = yaml.safe_load((ROOT / "hub" / "values.yaml").read_text(encoding="utf-8"))

    def clashes(own, ours, path=""):
        for key in own.keys() & ours.keys():
            if type(own[key]) is not type(ours[key]):
                yield f"{path}{key}"
            elif isinstance(own[key], dict):
                yield from clashes(own[key], ours[key], f"{path}{key}.")

    assert list(clashes(private, values)) == []
    assert private.keys() <= values.keys()
    assert set(values["hub"]["config"]) <= set(private["hub"]["config"])


def test_chart_has_one_version():
    """The page and the values name the same version of the chart."""
    text = PAGE + (ROOT / "hub" / "values.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"--version (\d[\d.]*)", text)) == set(re.findall(r"version (\d+\.\d+\.\d+)", text))
