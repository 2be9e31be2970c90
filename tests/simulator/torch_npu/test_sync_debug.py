"""Finding the places where the host waits."""

import pytest
import torch


@pytest.fixture(autouse=True)
def off_afterwards():
    """The mode is off again after a test."""
    yield
    torch.npu.set_sync_debug_mode(0)


@pytest.mark.parametrize(
    "wait", [torch.Tensor.item, torch.Tensor.cpu, torch.nonzero, lambda x: torch.equal(x, x)]
)
def test_what_waits_is_told_or_refused(wait):
    """item, cpu, value-dependent shapes and equal wait: mode "warn" says so, mode "error" refuses them."""
    x = torch.ones(1).npu()
    torch.npu.set_sync_debug_mode("warn")
    with pytest.warns(UserWarning, match="called a synchronizing NPU operation"):
        wait(x)
    torch.npu.set_sync_debug_mode("error")
    with pytest.raises(RuntimeError, match="called a synchronizing NPU operation"):
        wait(x)
    (x + 1).to("cpu", non_blocking=True)


def test_only_known_modes():
    """Modes are 0, 1, 2 or their names."""
    for mode, number in (("default", 0), ("warn", 1), ("error", 2), (1, 1)):
        torch.npu.set_sync_debug_mode(mode)
        assert torch.npu.get_sync_debug_mode() == number
    with pytest.raises(RuntimeError, match="expected one of 0,1,2"):
        torch.npu.set_sync_debug_mode(3)
    with pytest.raises(RuntimeError, match="expected one of `default`, `warn`, `error`"):
        torch.npu.set_sync_debug_mode("loud")
