"""The assignment on the migration tool: the reports that it ships are those that the tool writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ms_fmk_transplt.gpu2npu import Call, convert_project
from ms_fmk_transplt.left import find

FOLDER = Path(__file__).parents[2] / "exercises" / "05-migration-by-tool"
REPORTS = sorted((FOLDER / "reports").iterdir())


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The project of the assignment, converted as its notebook converts it."""
    out = tmp_path_factory.mktemp("out")
    return convert_project(Call(FOLDER / "signs", out, "2.1.0", specify_device=False))


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.name)
def test_shipped_reports_are_what_the_tool_writes(result, report):
    """Who has no tool reads the same reports as who has it."""
    assert (result.folder / report.name).read_bytes() == report.read_bytes()


def test_the_tool_leaves_settings_and_shell_to_the_learner(result):
    """The third task is needed: no change and no finding is in a file that is no Python."""
    assert result.faults == {}
    assert {Path(name).suffix for name in result.files} == {".py"}
    for name in ("settings.yaml", "train.sh"):
        assert (result.folder / name).read_bytes() == (FOLDER / "signs" / name).read_bytes()


def test_the_search_for_what_is_left_finds_them(result):
    """What the model answer of the last task says of cuda-left holds."""
    assert {left.file for left in find(result.folder)} >= {"settings.yaml", "train.sh", "model.py"}
