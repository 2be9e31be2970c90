"""What needs a fresh interpreter: imports, forks, the environment."""

import subprocess
import sys

import pytest


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("line", ["import torch", "import torch_npu, torch", "import torch, torch_npu"])
def test_either_import_brings_the_device(line):
    """`import torch` alone, torch_npu first or second: the device is there and not initialised yet."""
    assert python(line + "; print(torch.npu.is_initialized(), torch.ones(1).npu().device)") == "False npu:0"


@pytest.mark.slow
def test_autoload_can_be_turned_off():
    """TORCH_DEVICE_BACKEND_AUTOLOAD=0 leaves PyTorch alone, and its setting is not changed for children."""
    code = (
        "import os; os.environ['TORCH_DEVICE_BACKEND_AUTOLOAD'] = '0'; import torch;"
        "print(hasattr(torch, 'npu'));"
        "import torch_npu; print(hasattr(torch, 'npu'), os.environ['TORCH_DEVICE_BACKEND_AUTOLOAD'])"
    )
    assert python(code).split() == ["False", "True", "0"]


@pytest.mark.slow
def test_a_forked_child_is_refused():
    """A child forked after the device was used gets the real refusal; the parent goes on."""
    code = """
import os, torch
x = torch.ones(2).npu()
if os.fork() == 0:
    for use in (lambda: x + 1, lambda: torch.ones(1).npu(), lambda: torch.npu.synchronize()):
        try:
            use()
        except RuntimeError as error:
            print(error)
    print(torch.npu._is_in_bad_fork(), torch.npu.is_initialized(), torch.ones(2).sum().item(), flush=True)
    os._exit(0)
os.wait()
print((x + 1).tolist())
"""
    *refused, state, parent = python(code).split("\n")
    words = (
        "Cannot re-initialize NPU in forked subprocess. To use NPU with multiprocessing, "
        "you must use the 'spawn' start method"
    )
    assert refused == [words] * 3
    assert state == "True False 2.0"
    assert parent == "[2.0, 2.0]"


@pytest.mark.slow
def test_no_thread_is_still_starting_once_a_device_was_used():
    """The threads of the backward pass are up when the first tensor is: a late one would abort it."""
    code = (
        "import torch; from torch_npu._sim import guard; torch.ones(1, device='npu:1');"
        "print(guard._known_threads())"
    )
    assert python(code) == "9"


@pytest.mark.slow
def test_visible_devices_and_chip_come_from_the_environment():
    """ASCEND_RT_VISIBLE_DEVICES and NPUSIM_SOC decide what this process sees."""
    code = (
        "import os; os.environ.update(ASCEND_RT_VISIBLE_DEVICES='2,5', NPUSIM_SOC='Ascend910B1');"
        "import torch;"
        "print(torch.npu.device_count(), torch.npu.get_device_name(1), torch.ones(1, device='npu:1').device)"
    )
    assert python(code) == "2 Ascend910B1 npu:1"
