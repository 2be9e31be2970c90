"""Operators that the real device does not have."""

import os
import subprocess
import sys
import warnings

import pytest
import torch
from torch_npu._sim import fallback


@pytest.fixture
def fresh():
    """No operator has warned yet."""
    before = fallback.calls.copy()
    fallback.calls.clear()
    yield
    fallback.calls.update(before)


@pytest.mark.usefixtures("fresh")
def test_a_fallback_warns_once_and_is_counted(machine):
    """An operator without a kernel on the device runs on the CPU, says so once, and moves data."""
    x = torch.rand(4).npu()
    done = len(machine.records)
    words = (
        "CAUTION: The operator 'aten::lgamma.out' is not currently supported on the NPU backend and will "
        "fall back to run on the CPU. This may have performance implications. (function npu_cpu_fallback)"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = torch.lgamma(x)
        torch.lgamma(x)
    assert [str(w.message) for w in caught] == [words]
    assert caught[0].filename == __file__
    assert y.is_npu
    torch.testing.assert_close(y.cpu(), torch.lgamma(x.cpu()))
    assert fallback.calls == {"aten::lgamma": 2}
    assert [r.name for r in list(machine.records)[done:]][:2] == ["D2H", "H2D"]


@pytest.mark.filterwarnings("ignore:CAUTION")
def test_fallbacks_write_in_place_and_differentiate():
    """In-place fallbacks write to the device's memory, and gradients flow through fallbacks."""
    x = torch.tensor([6.0, 4.0]).npu()
    assert x.igamma_(torch.tensor([1.0, 2.0]).npu()).data_ptr() == x.data_ptr()
    torch.testing.assert_close(x.cpu(), torch.igamma(torch.tensor([6.0, 4.0]), torch.tensor([1.0, 2.0])))
    y = torch.eye(3).mul(2).npu().requires_grad_()
    torch.linalg.det(y).backward()
    torch.testing.assert_close(y.grad.cpu(), torch.eye(3) * 4)


@pytest.mark.slow
def test_a_fallback_can_be_forbidden():
    """With TORCH_NPU_FALLBACK_CPU_DISABLE=1 an operator without a kernel is an error, before any warning."""
    program = (
        "import torch; x = torch.ones(2, device='npu'); assert (x + 1).sum().item() == 4;"
        "torch.lgamma(torch.ones(2, device='npu'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TORCH_NPU_FALLBACK_CPU_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert "is disabled by TORCH_NPU_FALLBACK_CPU_DISABLE=1" in done.stderr
    assert "CAUTION" not in done.stderr
