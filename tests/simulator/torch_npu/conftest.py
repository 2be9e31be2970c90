"""Fixtures for the tests of the simulated torch_npu."""

import npusim
import pytest
import torch
from torch_npu._sim import products, runtime
from torch_npu.npu import npu_config


@pytest.fixture(autouse=True)
def machine():
    """A machine of its own for every test: time zero, empty memory, device 0 current."""
    npusim.reset()
    torch.npu.init()
    runtime.rebuild()
    torch.npu.set_device(0)
    yield npusim.node()
    torch.npu.set_device(0)


@pytest.fixture
def kernels(machine):
    """The names of operators launched since the last call."""
    seen = 0

    def since() -> list[str]:
        nonlocal seen
        names = [r.name for r in machine.records if r.category == "kernel" and r.index >= seen]
        seen = len(machine.records)
        return names

    return since


@pytest.fixture
def own_options(monkeypatch):
    """Options as at the start, and what a test sets of them is forgotten after it."""
    monkeypatch.setattr(npu_config, "_options", {})
    monkeypatch.setattr(products.Hf32, "matmul", False)
    monkeypatch.setattr(products.Hf32, "conv", False)
