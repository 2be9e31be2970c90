"""The author's guide: its small exercise is one, as `camp lint` says, and what it quotes is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from camp.course import load_course
from camp.lint import lint

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "part5" / "authors.md").read_text(encoding="utf-8")


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """The exercise of the page, written as its cells write it."""
    for path, text in re.findall(r"%%writefile (\S+)\n(.*?)\n```", PAGE, re.DOTALL):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text + "\n", encoding="utf-8")
    notebook = re.search(r"`````md\n(.*?)\n`````", PAGE, re.DOTALL)
    (tmp_path / "exercises" / "01-double" / "double.md").write_text(notebook[1] + "\n", encoding="utf-8")
    return tmp_path / "exercises"


@pytest.mark.slow
def test_the_small_exercise_is_proven_up_to_its_number_of_solutions(trial: Path) -> None:
    """Model, blank and the wrong solution grade as the page says; lint only asks for more solutions."""
    found = list(lint(load_course(trial), ["01-double"], workers=1))
    faults = [f"{finding.what}: {finding.fault}" for finding in found if finding.fault]
    assert sorted(faults) == [
        "right/: has 0 solutions; at least 2 are needed",
        "wrong/: has 1 solutions; at least 5 are needed",
    ]
    assert len(found) > 6


def test_quoted_lines_are_linted_so() -> None:
    """The two messages under Mistakes stand in the linter, up to their numbers."""
    source = (ROOT / "autograder" / "camp" / "lint.py").read_text(encoding="utf-8")
    assert "`takes 95, the assignment says 90`" in PAGE
    assert "tasks take {total}, the assignment says {" in source
    assert "`loses 1, must lose 2`" in PAGE
    assert "loses {lost}, must lose {named}" in source
