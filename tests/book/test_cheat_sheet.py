"""The cheat sheets from CUDA and the table of versions: every name on the right exists."""

from __future__ import annotations

import pytest
import torch
import torch_npu  # noqa: F401  teaches PyTorch the device
from explorables import cheat_sheet, versions
from ms_fmk_transplt import rules

ROWS = [(sheet, row) for sheet in cheat_sheet.sheets().values() for row in sheet.rows]


@pytest.mark.parametrize(("sheet", "row"), [pytest.param(s, r, id=f"{r.cuda}") for s, r in ROWS])
def test_a_name_on_the_right_exists(sheet: cheat_sheet.Sheet, row: cheat_sheet.Row) -> None:
    """It resolves in Python, is a command, or is a variable that something of ours reads."""
    assert cheat_sheet.is_there(sheet.kind, row.npu)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("py", "acl.rt.no_such_call"),
        ("py", "no_such_module.x"),
        ("cmd", "no-such-command"),
        ("env", "ASCEND_NO_SUCH"),
    ],
)
def test_a_name_that_does_not_exist_is_seen(kind: str, name: str) -> None:
    """So the page would tell of it."""
    assert not cheat_sheet.is_there(kind, name)


def test_what_the_tool_renames_is_shown_and_exists() -> None:
    """Each rule of the converter is a row, and what it leads to can be imported."""
    shown = {row.cuda: row.npu for row in cheat_sheet.converted().rows}
    assert rules.load().renamed.items() <= shown.items()
    assert shown["x.cuda()"] == "x.npu()"
    assert shown['"nccl"'] == '"hccl"'
    assert cheat_sheet.unresolved() == []


def test_looking_up_names_does_not_change_pytorch() -> None:
    """No row imports what redirects torch.cuda, which would make every name seem to be there."""
    assert not torch.cuda.is_available()
    same, others = cheat_sheet.torch_cuda()
    assert {"Stream", "synchronize", "memory_allocated"} <= set(same)
    assert {"CUDAGraph", "change_current_allocator"} <= set(others)
    assert not set(same) & set(others)


def test_no_name_of_cuda_stands_twice() -> None:
    """One answer for each question."""
    names = [row.cuda for _, row in ROWS]
    assert len(names) == len(set(names))


def test_versions_fit_their_branches() -> None:
    """The wheel begins with the version of PyTorch in the branch's name; no wheel stands twice."""
    fits = versions.fits()
    assert all(fit.wheel == fit.torch or fit.wheel.startswith(f"{fit.torch}.post") for fit in fits)
    assert len({fit.wheel for fit in fits}) == len(fits)
    assert versions.version_table().text.count("CANN 8.5.0") == sum(fit.cann == "8.5.0" for fit in fits) == 4


def test_a_branch_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """The message shows the form."""
    monkeypatch.setattr(versions, "ROWS", tmp_path / "rows.toml")
    versions.ROWS.write_text('rows = [["2.9.0", "main", "8.5.0"]]\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"'main' is no branch of torch_npu: write vPYTORCH-EXTENSION"):
        versions.fits()
