"""Modules, autograd and optimizers give the numbers of the CPU."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional

NETS = {
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 10),
        ),
        lambda: torch.randn(4, 3, 8, 8),
    ),
    "perceptron": (
        lambda: nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 10)),
        lambda: torch.randn(4, 12),
    ),
    "attention": (
        lambda: nn.Sequential(
            nn.Embedding(20, 16),
            nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True),
            nn.Flatten(),
            nn.Linear(80, 10),
        ),
        lambda: torch.randint(0, 20, (4, 5)),
    ),
    "pooling": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, groups=1, bias=False),
            nn.GroupNorm(2, 4),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 10),
        ),
        lambda: torch.randn(4, 3, 9, 9),
    ),
}
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}


def train(net, x, target, optimizer, steps=3):
    """The losses of a few steps."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("device", ["npu:0", "npu:1", "npu:7"])
@pytest.mark.parametrize("name", NETS)
def test_training_gives_the_losses_of_the_cpu(name, device):
    """The same script on the CPU and on any of the devices gives the same losses."""
    torch.manual_seed(0)
    make, batch = NETS[name]
    net, x, target = make(), batch(), torch.randint(0, 10, (4,))
    twin = copy.deepcopy(net).to(device)
    expected = train(net, x, target, OPTIMIZERS["SGD"](net.parameters()))
    found = train(twin, x.to(device), target.to(device), OPTIMIZERS["SGD"](twin.parameters()))
    assert found == pytest.approx(expected, rel=1e-5)
    assert all(p.grad.device == torch.device(device) for p in twin.parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_as_on_the_cpu(name):
    """An optimizer on the device updates parameters as on the CPU."""
    torch.manual_seed(0)
    make, batch = NETS["perceptron"]
    net, x, target = make(), batch(), torch.randint(0, 10, (4,))
    twin = copy.deepcopy(net).npu()
    train(net, x, target, OPTIMIZERS[name](net.parameters()))
    train(twin, x.npu(), target.npu(), OPTIMIZERS[name](twin.parameters()))
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(q.cpu(), p)


def test_a_model_over_two_devices():
    """Activations may move between devices inside a model; gradients find their way back."""
    torch.manual_seed(0)
    a, b = nn.Linear(3, 4), nn.Linear(4, 2)
    x = torch.randn(5, 3)
    b(a(x).relu()).sum().backward()
    a2, b2 = copy.deepcopy(a).to("npu:0"), copy.deepcopy(b).to("npu:1")
    for m in (a2, b2):
        m.zero_grad()
    b2(a2(x.to("npu:0")).relu().to("npu:1")).sum().backward()
    for m, n in ((a, a2), (b, b2)):
        for p, q in zip(m.parameters(), n.parameters(), strict=True):
            torch.testing.assert_close(q.grad.cpu(), p.grad)


def test_checkpointing_recomputes():
    """Activation checkpointing gives the same gradients, reentrant or not."""
    net = nn.Linear(3, 3).npu()
    x = torch.ones(2, 3, device="npu", requires_grad=True)
    net(x).sum().backward()
    expected = x.grad.clone()
    for reentrant in (True, False):
        x.grad = None
        torch.utils.checkpoint.checkpoint(net, x, use_reentrant=reentrant).sum().backward()
        assert torch.equal(x.grad, expected)


def test_clipping_gradients():
    """The norm that clip_grad_norm_ returns and the clipped gradients are right."""
    net = nn.Linear(3, 3).npu()
    net(torch.ones(1, 3).npu()).sum().backward()
    norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    assert norm.is_npu
    assert norm.item() == pytest.approx(12**0.5)
    assert sum(p.grad.pow(2).sum().item() for p in net.parameters()) == pytest.approx(1, rel=1e-4)


def test_a_module_moves_as_a_whole():
    """Parameters and buffers of a module move, and state_dict keeps their device."""
    net = nn.BatchNorm1d(3).npu()
    assert {v.device.type for v in net.state_dict().values()} == {"npu"}
    assert {v.device.type for v in net.cpu().state_dict().values()} == {"cpu"}


def test_dropout_leaves_the_cpu_generator_alone():
    """Dropout on the device keeps the right share, scales it, and draws from the device's own generator."""
    torch.manual_seed(0)
    before = torch.get_rng_state()
    x = torch.ones(10_000, device="npu", requires_grad=True)
    y = functional.dropout(x, 0.25)
    assert torch.equal(torch.get_rng_state(), before)
    kept = (y != 0).float().mean().item()
    assert kept == pytest.approx(0.75, abs=0.02)
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert torch.equal(functional.dropout(x, 0.25, training=False), x)


_CHECKPOINT_FIRST = """
import torch, torch_npu
from torch.utils.checkpoint import checkpoint
layer = torch.nn.Linear(4, 4)
x = torch.ones(2, 4, requires_grad=True)
with torch.autocast("cpu", torch.bfloat16), torch.inference_mode(False):
    y = checkpoint(layer, x, use_reentrant=False)
y.float().sum().backward()
print(x.grad.shape, torch.npu.is_initialized())
"""


def test_a_checkpoint_may_be_what_first_uses_the_device():
    """A checkpoint on the CPU, which first asks the device for its random state, recomputes what it saved."""
    done = subprocess.run(
        [sys.executable, "-c", _CHECKPOINT_FIRST], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "torch.Size([2, 4]) True", done.stderr
