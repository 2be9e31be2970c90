"""Mixed precision in the spelling of apex, where no apex is installed."""

import pytest
import torch
from apex import amp
from torch import nn


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    """The state of amp is a test's own."""
    monkeypatch.setattr(amp._State, "enabled", None)
    monkeypatch.setattr(amp._State, "scalers", ())


def prepared(level, **more):
    """A small network with its optimizer at a level, and the same network trained in float32."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)).npu()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    return amp.initialize(net, optimizer, opt_level=level, **more)


def train(net, optimizer, steps=20):
    """The losses of some steps."""
    torch.manual_seed(1)
    x = torch.randn(16, 4).npu()
    y = x.sum(1, keepdim=True)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        with amp.scale_loss(loss, optimizer) as scaled:
            scaled.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("level", ["O0", "O1", "O2", "O3"])
def test_every_level_trains_as_float32_does(level):
    """Losses at every level follow those of float32."""
    losses = train(*prepared(level, loss_scale=128.0))
    assert losses == pytest.approx(train(*prepared("O0", loss_scale=128.0)), abs=0.05)
    assert losses[-1] < losses[0] / 5


def test_o2_keeps_masters_and_batch_normalization_in_float32():
    """The model is float16, its batch normalization and what the optimizer works on are float32."""
    net, optimizer = prepared("O2")
    assert net[0].weight.dtype == torch.float16
    assert net[1].weight.dtype == torch.float32
    assert {p.dtype for p in amp.master_params(optimizer)} == {torch.float32}


def test_an_overflow_skips_the_step_and_halves_the_scale(capsys):
    """Gradients that are not finite leave the weights as they are, and the scale is halved."""
    net, optimizer = prepared("O2", loss_scale="dynamic")
    before = [p.detach().clone() for p in amp.master_params(optimizer)]
    with amp.scale_loss(net(torch.ones(2, 4).npu()).sum() * float("inf"), optimizer) as scaled:
        scaled.backward()
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, amp.master_params(optimizer), strict=True))
    assert amp.state_dict() == {"loss_scaler0": {"loss_scale": 32768.0, "unskipped": 0}}
    assert (
        "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0"
        in capsys.readouterr().out
    )
    train(net, optimizer, 5)  # the scale falls until it fits
    assert not torch.equal(before[0], next(amp.master_params(optimizer)))


def test_a_checkpoint_keeps_the_scale():
    """load_state_dict takes up the scale of state_dict."""
    net, optimizer = prepared("O1", loss_scale=128.0)
    train(net, optimizer, 1)
    state = amp.state_dict()
    prepared("O1")
    amp.load_state_dict(state)
    assert amp.state_dict() == state


def test_what_is_refused():
    """Unknown levels, arguments that are not simulated, a loss without initialize: one error each."""
    net = nn.Linear(1, 1).npu()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with (
        pytest.raises(RuntimeError, match="has not been initialized"),
        amp.scale_loss(net.weight.sum(), optimizer),
    ):
        pass
    with pytest.raises(RuntimeError, match="Unexpected optimization level O9"):
        amp.initialize(net, opt_level="O9")
    with pytest.raises(NotImplementedError, match="cast_model_outputs is not simulated"):
        amp.initialize(net, cast_model_outputs=torch.float32)
    assert amp.initialize(net, enabled=False) is net
