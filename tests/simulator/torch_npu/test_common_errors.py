"""The errors that learners meet most often on NPUs, as they look on a server.

What has tests elsewhere is not repeated: memory (test_mixing), operators without a kernel (test_fallback),
forks (test_processes), ranks, ports and collectives (test_hccl), scripts left on CUDA
(test_transfer_to_npu), loss scaling (test_amp).
"""

import os
import re
import subprocess
import sys

import pytest
import torch
import torch_npu
from torch import nn
from torch.nn import functional
from torch_npu._sim import fallback

# The line at the end of an error of torch_npu.
STAMP = r"\[ERROR\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d \(PID:\d+, Device:-?\d+, RankID:-?\d+\) "


@pytest.mark.parametrize(
    "left", [lambda t: t.cuda(), lambda t: t.to("cuda"), lambda _: nn.Linear(2, 2).cuda()]
)
def test_cuda_left_in_a_script(left):
    """Without transfer_to_npu, .cuda() says that there is no CUDA."""
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        left(torch.ones(2))


def test_a_cpu_tensor_among_npu_tensors():
    """The message names the device that is expected, and ends with the code of an operator's type error."""
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(2, 2).npu()(torch.ones(1, 2))
    text = str(caught.value)
    assert text.startswith("Expected all tensors to be on the same device. Expected NPU tensor, ")
    assert re.search(STAMP + "ERR01002 OPS invalid type$", text)


def test_no_such_device():
    """A device number beyond the last fails with 107001 and the valid range."""
    with pytest.raises(RuntimeError, match="error code is 107001") as caught:
        torch.ones(2, device="npu:99")
    assert re.search(STAMP + "ERR00100 PTA call acl api failed", str(caught.value))
    assert "Invalid device ID." in str(caught.value)
    assert "Check whether the device ID is valid." in str(caught.value)
    assert "valid device range is [0, " in str(caught.value)


def test_an_inplace_operation_breaks_backward():
    """What backward needs and was overwritten is named, with its version."""
    x = torch.ones(3, device="npu", requires_grad=True)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation: \[npuFloatType \[3\]\]"):
        y.sum().backward()


def test_numpy_of_an_npu_tensor():
    """It must be copied to the host first, and the message says how."""
    with pytest.raises(
        TypeError, match=r"can't convert npu:0 device type tensor to numpy. Use Tensor.cpu\(\)"
    ):
        torch.ones(2).npu().numpy()


def test_shapes_and_types_of_a_product_do_not_fit():
    """Shapes and types are named."""
    wide = torch.ones(2, 3).npu()
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"):
        wide @ wide
    with pytest.raises(RuntimeError, match="same dtype"):
        wide @ wide.half().T


def test_a_label_beyond_the_classes():
    """The loss fails on the device, where its value is read; the session goes on."""
    scores = torch.randn(2, 3).npu()
    loss = functional.cross_entropy(scores, torch.tensor([0, 5]).npu())
    with pytest.raises(RuntimeError, match="error code is 507035"):
        loss.item()
    assert functional.cross_entropy(scores, torch.tensor([0, 2]).npu()).isfinite()


def test_float16_overflows_to_inf_and_is_found():
    """Beyond 65504 there is inf on a 910B, and npu_check_overflow finds it."""
    loss = torch.tensor(60000.0, dtype=torch.float16).npu() * 2
    assert loss.isinf()
    assert torch_npu.npu.utils.npu_check_overflow(loss)


def test_an_internal_format_needs_its_switch():
    """Without torch.npu.config.allow_internal_format a cast to NZ warns and keeps the plain format."""
    x = torch.arange(32.0).reshape(2, 16).npu()
    with pytest.warns(UserWarning, match="Cannot create tensor with internal format"):
        cast = torch_npu.npu_format_cast(x, torch_npu.Format.FRACTAL_NZ)
    assert torch_npu.get_npu_format(cast) == torch_npu.Format.ND
    assert torch.equal(cast.cpu(), x.cpu())


def test_an_error_without_its_last_line(monkeypatch):
    """TORCH_NPU_COMPACT_ERROR_OUTPUT=1 leaves out time, process and code."""
    monkeypatch.setenv("TORCH_NPU_COMPACT_ERROR_OUTPUT", "1")
    with pytest.raises(RuntimeError) as caught:
        torch.ones(2).npu() + torch.ones(2)
    assert "[ERROR]" not in str(caught.value)


def test_an_operator_without_a_kernel_that_makes_room_for_its_result():
    """Such an operator falls back with its warning; a result of another shape comes back too."""
    a, b = torch.randn(1, 3, 3), torch.randn(2, 3, 3)
    fallback.calls.clear()
    with pytest.warns(UserWarning, match=r"CAUTION: The operator 'aten::linalg_lstsq.out' is not currently"):
        found = torch.linalg.lstsq(a.npu(), b.npu()).solution
    torch.testing.assert_close(found.cpu(), torch.linalg.lstsq(a, b).solution, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_the_import_was_forgotten():
    """Where torch_npu is not loaded, PyTorch knows no device of that name, and the import is the cure."""
    program = "import torch; {}torch.ones(1, device='npu')"
    for cure, words in (("", "device type at start of device string: npu"), ("import torch_npu; ", "")):
        done = subprocess.run(
            [sys.executable, "-c", program.format(cure)],
            env=os.environ | {"TORCH_DEVICE_BACKEND_AUTOLOAD": "0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert words in done.stderr
        assert bool(done.returncode) is not bool(cure)
        assert len(done.stderr.splitlines()) < 10


@pytest.mark.parametrize(
    ("wait", "call"),
    [
        (torch.npu.synchronize, "AclrtSynchronizeDeviceWithTimeout"),
        (lambda: torch.npu.current_stream().synchronize(), "AclrtSynchronizeStreamWithTimeout"),
    ],
)
@pytest.mark.parametrize("code", [507015, 507018, 507035])
def test_a_kernel_that_failed_is_told_where_the_host_waits(code, wait, call):
    """A fault comes at the next wait, with its code and the kernel's name; the session goes on."""
    stream = torch.npu.current_stream().sim
    stream.fail("The aicore execution is abnormal.", code=code, task="MyAdd")
    with pytest.raises(RuntimeError) as caught:
        wait()
    text = str(caught.value)
    assert text.startswith(f"NPU function error: {call}, error code is {code}")
    assert re.search(STAMP + "ERR00100 PTA call acl api failed", text)
    assert "fault kernel_name=MyAdd" in text
    assert len(text.splitlines()) < 6
    assert (torch.ones(2).npu() + 1).tolist() == [2, 2]
