"""Modules move in place, as on the device."""

import torch
import torch_npu  # noqa: F401 - makes the device
from torch import nn


def test_module_to_keeps_its_parameter_objects():
    """`Module.to` puts device memory under the same Parameter objects, there and back."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    values = {name: p.detach().clone() for name, p in net.named_parameters()}
    before = list(net.parameters())
    for device in ("npu:0", "npu:1", "cpu"):
        net.to(device)
        assert all(one is other for one, other in zip(net.parameters(), before, strict=True))
        assert {str(p.device) for p in net.parameters()} == {device}
        assert all(torch.equal(p.cpu(), values[name]) for name, p in net.named_parameters())


def test_optimizer_made_before_the_move_trains_what_was_moved():
    """An optimizer that was given the parameters before `Module.to` updates them on the device."""
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    net.to("npu:0")
    before = net.weight.detach().clone()
    net(torch.ones(1, 2, device="npu:0")).sum().backward()
    optimizer.step()
    assert torch.allclose(net.weight.detach().cpu(), before.cpu() - 0.5)


def test_moving_a_module_away_gives_its_device_memory_back():
    """After `Module.cpu()` the device holds nothing of the module."""
    torch.npu.synchronize()
    before = torch.npu.memory_allocated(0)
    net = nn.Linear(64, 64).to("npu:0")
    assert torch.npu.memory_allocated(0) > before
    net.cpu()
    assert torch.npu.memory_allocated(0) == before
