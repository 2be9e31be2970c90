"""Loaded, run and unloaded models leave nothing behind; `tests/bench/acl_rounds.py` does ten thousand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("rounds", Path(__file__).parents[2] / "bench" / "acl_rounds.py")
rounds = importlib.util.module_from_spec(SPEC)


@pytest.mark.slow
def test_rounds_leave_nothing(monkeypatch):
    """Neither device memory nor handles, and at most 4 MiB of the process, stay after 1,500 rounds."""
    for name, value in (
        ("NPUSIM_SOC", "Ascend310P3"),
        ("ASCEND_GLOBAL_LOG_LEVEL", "4"),
        ("NPUSIM_SHARE_STATE", "0"),
    ):
        monkeypatch.setenv(name, value)
    SPEC.loader.exec_module(rounds)
    found = rounds.left(1_500)
    assert found["process_kib"] < 4096
    assert {found[name] for name in ("device_bytes", "handles", "allocations")} == {0}
