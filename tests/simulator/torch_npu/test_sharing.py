"""NPU tensors in several processes."""

import pickle
import subprocess
import sys
from multiprocessing.reduction import ForkingPickler

import pytest
import torch


@pytest.mark.slow
def test_a_spawned_process_shares_the_memory(tmp_path):
    """What a spawned child writes to a tensor it was given, the parent sees."""
    script = tmp_path / "share.py"
    script.write_text(
        "import torch, torch.multiprocessing as mp\n"
        "def child(x, p):\n"
        "    x.mul_(2)\n"
        "    print(x.device, x.tolist(), type(p).__name__, p.requires_grad, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    whole = torch.arange(4.0, device='npu:1')\n"
        "    parameter = torch.nn.Parameter(torch.ones(1, device='npu'))\n"
        "    process = mp.get_context('spawn').Process(target=child, args=(whole[1:], parameter))\n"
        "    process.start()\n"
        "    process.join()\n"
        "    print(whole.tolist())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split("\n")[:2] == [
        "npu:1 [2.0, 4.0, 6.0] Parameter True",
        "[0.0, 2.0, 4.0, 6.0]",
    ], done.stderr


def test_sending_keeps_the_tensor_and_its_views():
    """Sending moves the memory under a tensor, which its other views follow; twice sends the same memory."""
    x = torch.arange(6.0).npu()
    view = x[2:]
    held = torch.npu.memory_allocated()
    ForkingPickler.dumps(x)
    assert torch.npu.memory_allocated() == held
    first = x.data_ptr()
    ForkingPickler.dumps(view)
    assert x.data_ptr() == first
    x.fill_(3)
    assert view.tolist() == [3, 3, 3, 3]


def test_what_belongs_to_a_graph_is_not_sent():
    """A result of a differentiable computation is refused with PyTorch's words."""
    x = torch.ones(2, device="npu", requires_grad=True)
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor"):
        ForkingPickler.dumps(x * 2)


def test_plain_pickling_is_a_copy():
    """pickle, unlike sending, copies."""
    x = torch.ones(2, device="npu")
    y = pickle.loads(pickle.dumps(x))  # noqa: S301 - our own bytes
    y.zero_()
    assert x.tolist() == [1, 1]
