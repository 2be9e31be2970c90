"""Automatic mixed precision and loss scaling."""

import subprocess
import sys

import pytest
import torch
import torch_npu
from torch import nn
from torch.nn import functional

AUTOCASTS = [lambda **k: torch.autocast("npu", **k), torch.npu.amp.autocast, torch_npu.npu.amp.autocast]


@pytest.mark.parametrize("autocast", AUTOCASTS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_matrix_products_run_in_the_lower_type(autocast, dtype):
    """Under autocast products are in the lower type, reductions and losses in float32."""
    x = torch.randn(4, 4, device="npu")
    net = nn.Conv2d(1, 2, 3, padding=1).npu()
    with autocast(dtype=dtype):
        assert (x @ x).dtype is dtype
        assert functional.linear(x, x).dtype is dtype
        assert net(x.view(1, 1, 4, 4)).dtype is dtype
        assert (x @ x).softmax(-1).dtype is torch.float32
        assert (x @ x).sum().dtype is torch.float32
        assert functional.mse_loss(x @ x, x).dtype is torch.float32
        assert (x + 1).dtype is torch.float32
        assert torch.addcmul(x, x @ x, x).dtype is torch.float32
        with torch.npu.amp.autocast(enabled=False):
            assert (x @ x).dtype is torch.float32
    assert (x @ x).dtype is torch.float32


def test_autocast_leaves_double_and_the_cpu_alone():
    """float64 is not cast, nor are CPU tensors; CPU autocast does not reach the device."""
    with torch.autocast("npu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
        x = torch.ones(2, 2, device="npu", dtype=torch.float64)
        assert (x @ x).dtype is torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = torch.ones(2, 2, device="npu")
        assert (y @ y).dtype is torch.float32


def test_a_parameter_is_cast_once_a_region(kernels):
    """A parameter used twice under autocast is cast once; the cast is forgotten afterwards."""
    net = nn.Linear(4, 4, bias=False).npu()
    x = torch.ones(2, 4, device="npu", dtype=torch.float16)
    for _ in range(2):
        kernels()
        with torch.autocast("npu"):
            net(net(x))
        assert kernels().count("Cast") == 1


def test_gradients_under_autocast_reach_float32_parameters():
    """Gradients of float32 parameters are float32 and close to those without autocast."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)).npu()
    x = torch.randn(5, 8, device="npu")
    net(x).square().mean().backward()
    expected = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    with torch.autocast("npu"):
        loss = net(x).square().mean()
    loss.backward()
    for p, e in zip(net.parameters(), expected, strict=True):
        assert p.grad.dtype is torch.float32
        torch.testing.assert_close(p.grad, e, rtol=2e-2, atol=2e-3)


def test_binary_cross_entropy_is_refused_under_autocast():
    """The unsafe loss raises PyTorch's own refusal."""
    with torch.autocast("npu"), pytest.raises(RuntimeError, match="unsafe to autocast"):
        functional.binary_cross_entropy(torch.rand(2, device="npu"), torch.rand(2, device="npu"))


@pytest.mark.parametrize("scaler", [torch.npu.amp.GradScaler, lambda **k: torch.amp.GradScaler("npu", **k)])
def test_a_step_without_overflow_is_the_plain_step(scaler):
    """With finite gradients the scaled step equals the plain one."""
    w = torch.ones(2, device="npu", requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    s = scaler(init_scale=1024.0)
    s.scale((w * 2).sum()).backward()
    s.step(optimizer)
    s.update()
    assert w.tolist() == pytest.approx([0.8, 0.8])
    assert s.get_scale() == 1024


def test_an_overflow_skips_the_step_and_halves_the_scale(capsys):
    """Gradients with inf leave the parameters alone and back the scale off, with the real messages."""
    w = torch.ones(2, device="npu", requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    s = torch.npu.amp.GradScaler(init_scale=4.0)
    s.scale((w * float("inf")).sum()).backward()
    s.step(optimizer)
    s.update()
    assert w.tolist() == [1, 1]
    assert s.get_scale() == 2
    assert capsys.readouterr().out.split("\n") == [
        "Gradient overflow. Skipping step",
        "Loss scaler reducing loss scale to 2.0",
        "",
    ]


def test_the_scale_grows_and_can_be_kept():
    """The scale grows after growth_interval steps, or stays with dynamic=False; a state survives saving."""
    w = torch.ones(1, device="npu", requires_grad=True)
    for dynamic, expected in ((True, 8.0), (False, 4.0)):
        s = torch.npu.amp.GradScaler(init_scale=4.0, growth_interval=2, dynamic=dynamic)
        for _ in range(2):
            optimizer = torch.optim.SGD([w], lr=0.0)
            optimizer.zero_grad()
            s.scale(w.sum()).backward()
            s.step(optimizer)
            s.update()
            assert w.grad.item() == 1
        assert s.get_scale() == expected
        other = torch.npu.amp.GradScaler()
        other.load_state_dict(s.state_dict())
        assert other.get_scale() == expected
    with pytest.raises(ValueError, match="growth factor must be > 1"):
        torch.npu.amp.GradScaler(growth_factor=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["torch.distributed.fsdp", "torch_npu.npu.amp.sharded_grad_scaler"])
def test_the_scaler_of_sharded_models_whoever_is_imported_first(first):
    """PyTorch's name means the NPU's scaler, in whichever order a program imports."""
    program = (
        f"import torch, {first}; from torch.distributed.fsdp.sharded_grad_scaler import ShardedGradScaler;"
        "print(ShardedGradScaler.__module__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "torch_npu.npu.amp.sharded_grad_scaler"


@pytest.mark.slow
def test_the_scaler_of_sharded_models_looks_for_the_npu():
    """ShardedGradScaler of PyTorch scales on the NPU without being told, and skips a step that overflowed."""
    import torch.distributed as dist
    from torch.distributed.fsdp.sharded_grad_scaler import ShardedGradScaler

    dist.init_process_group("hccl", store=dist.HashStore(), rank=0, world_size=1)
    try:
        net = nn.Linear(4, 2).npu()
        scaler = ShardedGradScaler(init_scale=4.0, process_group=dist.group.WORLD)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        before = net.weight.detach().clone()
        for factor, scale in ((torch.inf, 2.0), (1.0, 2.0)):
            optimizer.zero_grad()
            scaler.scale(net(torch.ones(3, 4).npu() * factor).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            assert (scaler.is_enabled(), scaler.get_scale()) == (True, scale)
            assert torch.equal(net.weight, before) is (factor == torch.inf)
    finally:
        dist.destroy_process_group()
