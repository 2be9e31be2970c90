"""The migration of CUDA scripts by one import. It changes the process for good, so each test has its own."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import warnings
warnings.simplefilter("ignore")
import torch
from torch import nn
from torch_npu.contrib import transfer_to_npu
"""


def run(code: str) -> list[str]:
    """What a CUDA script prints after the import."""
    command = [sys.executable, "-c", SCRIPT + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("\n")


@pytest.mark.slow
def test_a_cuda_training_script_runs_on_the_npu():
    """An ordinary CUDA script, mixed precision included, runs unchanged and on the NPU."""
    code = """
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
torch.cuda.manual_seed_all(0)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).cuda()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
scaler = torch.cuda.amp.GradScaler()
for _ in range(2):
    x = torch.randn(3, 4).to(device, non_blocking=True)
    with torch.cuda.amp.autocast():
        loss = net(x).square().mean()
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
torch.cuda.synchronize()
print(loss.is_cuda, loss.device, net[0].weight.device, torch.cuda.memory_allocated() > 0)
"""
    assert run(code) == ["True npu:0 npu:0 True"]


@pytest.mark.slow
def test_every_documented_spelling_is_replaced():
    """Factories, methods, module moves, numbers, contexts, generators and map_location mean the NPU."""
    code = """
import io
buffer = io.BytesIO()
torch.save(torch.ones(1), buffer)
buffer.seek(0)
x = torch.ones(1)
found = [
    torch.zeros(1, device="cuda:1"), torch.rand(1, device=torch.device("cuda")), x.to("cuda:2"), x.cuda(3),
    x.new_zeros(1, device="cuda"), torch.load(buffer, map_location="cuda:4"), nn.Linear(1, 1).to(5).weight,
    nn.Linear(1, 1).cuda(6).weight, torch.cuda.FloatTensor([1.0]),
]
print(*(t.device for t in found))
with torch.cuda.device(7):
    print(torch.cuda.current_device(), torch.Generator("cuda").device, torch.Generator().device)
with torch.autocast("cuda"):
    print((torch.ones(2, 2).cuda() @ torch.ones(2, 2).cuda()).dtype)
import torch.cuda
from torch.cuda import amp
print(torch.cuda is torch.npu, amp is torch.npu.amp, torch.cuda.get_device_name(0))
import torch.utils.cpp_extension
print(any("include" in path for path in torch.utils.cpp_extension.include_paths(device_type="cuda")))
"""
    assert run(code) == [
        "npu:1 npu:0 npu:2 npu:3 npu:0 npu:4 npu:5 npu:6 npu:0",
        "7 npu:7 cpu",
        "torch.float16",
        "True True Ascend910B3",
        "True",  # and no question for CUDA_HOME
    ]


@pytest.mark.slow
def test_contexts_events_and_the_profiler_follow():
    """Device contexts, defaults and events mean the NPU, others stay; the profiler records the NPU."""
    code = """
with torch.device("meta"):
    print(nn.Linear(2, 2).weight.device)
with torch.device("cuda"):
    print(torch.tensor(1).device, torch.zeros(1).device)
torch.set_default_device("cuda:1")
print(torch.tensor(1).device, torch.ones(1).device)
torch.set_default_device(None)
for event in (torch.Event(device="cuda:0", enable_timing=True), torch.Event("cuda")):
    event.record()
    print(event.query() in {True, False}, isinstance(event, torch.Event))
print(torch.cuda.amp.common.amp_definitely_not_available())
import tempfile, pathlib, logging
folder = tempfile.mkdtemp()
with torch.profiler.profile(
    activities=[torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA],
    on_trace_ready=torch.profiler.tensorboard_trace_handler(folder),
    experimental_config=object(),
):
    torch.ones(4, device="cuda").add_(1)
print([p.name for p in pathlib.Path(folder).glob("*/*/kernel_details.csv")])
"""
    printed = run(code)
    assert printed[:6] == ["meta", "npu:0 npu:0", "npu:1 npu:1", "True True", "True True", "False"]
    assert printed[-1] == "['kernel_details.csv']"


@pytest.mark.slow
def test_nccl_means_hccl():
    """A group of nccl is one of hccl, options and device_id included; CUDA has no backend of its own left."""
    code = """
import torch.distributed as dist
options = dist.ProcessGroupNCCL.Options()
options.hccl_config = {"hccl_buffer_size": 300}
device = torch.device("cuda:0")
dist.init_process_group(
    "cuda:nccl", store=dist.HashStore(), rank=0, world_size=1, device_id=device, pg_options=options
)
x = torch.ones(2).cuda()
dist.all_reduce(x)
dist.barrier()
print(dist.get_backend(), x.device, dist.is_nccl_available())
print("cuda" in dist.Backend.default_device_backend_map, dist.new_group([0]).options.hccl_config)
dist.destroy_process_group()
"""
    assert run(code) == ["npu:hccl npu:0 True", "False {}"]


@pytest.mark.slow
def test_what_it_announces():
    """It announces what it replaces, and that torch.jit.script is disabled."""
    code = """
import importlib
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    transfer_to_npu._announce()
    transfer_to_npu._disable_jit()
print(*(w.category.__name__ for w in caught))
print("torch.Tensor.cuda and torch.nn.Module.cuda are replaced" in str(caught[0].message))
print(str(caught[1].message).startswith("torch.jit.script and torch.jit.script_method will be disabled"))
def f(x):
    return x
print(torch.jit.script(f) is f)
"""
    assert run(code) == ["ImportWarning RuntimeWarning", "True", "True", "True"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "expected"), [("1", "npu:0"), ("0", "not compiled"), ("yes", "Invalid value")]
)
def test_without_touching_the_script(value, expected):
    """TORCH_TRANSFER_TO_NPU=1 does the same for a script that has not even the import."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import torch; print(torch.ones(1, device='cuda').device)"],
        env=os.environ | {"TORCH_TRANSFER_TO_NPU": value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert expected in done.stdout + done.stderr
