"""Several devices in one process: nn.DataParallel and what it stands on."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.parallel import comm, parallel_apply, replicate


def _trained(net, x):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(x).pow(2).mean().backward()
        optimizer.step()
    return [p.detach().cpu() for p in net.parameters()]


@pytest.mark.parametrize("on_host", [False, True], ids=["npu", "host"])
def test_data_parallel_trains_as_one_device_does(on_host):
    """A network in DataParallel over three devices learns what it does alone, uneven batch and all."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.randn(7, 6)
    expected = _trained(copy.deepcopy(net).npu(), x.npu())
    several = nn.DataParallel(net.npu(), device_ids=[0, 1, 2])
    found = _trained(several, x if on_host else x.npu())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert several(x.npu()).device == torch.device("npu:0")
    assert next(iter(several.state_dict())) == "module.0.weight"


def test_data_parallel_takes_all_devices():
    """Without device_ids DataParallel takes every device, and gathers on output_device."""
    net = nn.DataParallel(nn.Linear(4, 2).npu(), output_device=1)
    assert net.device_ids == list(range(torch.npu.device_count()))
    y = net(torch.ones(16, 4).npu())
    assert y.device == torch.device("npu:1")
    y.sum().backward()
    assert net.module.weight.grad.device == torch.device("npu:0")


def test_parts_go_to_devices_and_come_back():
    """scatter, gather, broadcast and the reduction move values between devices, also to tensors given."""
    x = torch.arange(10.0).view(5, 2).npu()
    parts = comm.scatter(x, [0, 1], chunk_sizes=[2, 3])
    assert [(p.device.index, p.shape[0]) for p in parts] == [(0, 2), (1, 3)]
    assert torch.equal(comm.gather(parts, destination=1), x.to("npu:1"))
    assert comm.gather(parts, destination="cpu").device.type == "cpu"
    out = [torch.zeros(4, 2, device="npu:0"), torch.zeros(1, 2, device="npu:1")]
    comm.scatter(x, out=out)
    assert torch.equal(comm.gather(out, out=torch.zeros(5, 2, device="npu:1")).cpu(), x.cpu())
    assert [t.device.index for t in comm.broadcast(x, [0, 2])] == [0, 2]
    copied = torch.zeros_like(x, device="npu:3")
    comm.broadcast(x, out=[copied])
    assert torch.equal(copied.cpu(), x.cpu())
    added = comm.reduce_add_coalesced([[x], [x.to("npu:1")]], 0)
    assert torch.equal(added[0], x * 2)
    twins = replicate(nn.Linear(2, 2).npu(), [0, 1])
    assert [y.device.index for y in parallel_apply(twins, [(p,) for p in parts])] == [0, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: torch._C._scatter(x, [], None, 0, None), "at least one device to scatter to"),
        (lambda x: torch._C._scatter(x, [0, -1], None, 0, None), "non-negative device index, but got -1"),
        (
            lambda x: comm.scatter(x, [0, 1], chunk_sizes=[4]),
            r"len\(chunk_sizes\) = 1",
        ),
        (lambda x: comm.scatter(x, out=[x[:1].clone()]), "Expected 4, but got total size 1"),
        (lambda x: comm.scatter(x, out=[x.cpu()]), "output tensor at index 0 has device 'cpu'"),
        (lambda x: torch._C._scatter_out(x, [], 0, None), "at least one output tensor to scatter to"),
        (lambda _: comm.gather([]), "at least one tensor to gather from"),
        (lambda x: comm.gather([x, x.cpu()]), "tensor at index 1 has device 'cpu'"),
        (lambda x: comm.gather([x, x[0]]), r"at index 1has 1 dimensions, \(expected 2\)"),
        (lambda x: comm.gather([x, x[:, :1]]), r"invalid shape \[4, 1\], but expected \[4, 2\]"),
        (lambda x: comm.gather([x, x], out=x.clone()), r"to have shape \[8, 2\], but got \[4, 2\]"),
        (lambda x: torch._C._broadcast(x, [-1]), "non-negative device index"),
        (lambda x: comm.broadcast(x, out=[x[0].to("npu:1")]), r"at index 0 has shape \[2\]"),
        (lambda x: comm.broadcast_coalesced([x], [1, 0]), r"must be on devices\[0\]: 1"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    """Devices, shapes and lengths that do not fit are refused with what was given and torch_npu's code."""
    with pytest.raises(RuntimeError, match=f"(?s){words}.*ERR0000[23]"):
        call(torch.ones(4, 2).npu())
