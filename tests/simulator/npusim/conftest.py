"""Every test starts with no machine and no settings of the real environment."""

import os

import npusim
import pytest
from hypothesis import settings

# no wall clock, no chance: a busy machine and another run find the same
settings.register_profile("npusim", deadline=None, derandomize=True)
settings.load_profile("npusim")


@pytest.fixture(autouse=True)
def _fresh_machine(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("NPUSIM_", "ASCEND_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", "4")
    monkeypatch.setenv("NPUSIM_SHARE_STATE", "0")
    npusim.reset()
    yield
    npusim.reset()
