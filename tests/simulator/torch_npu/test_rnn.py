"""Recurrent networks on the device."""

import copy

import pytest
import torch
from torch import nn


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_the_cpu(kind, bias):
    """Two bidirectional layers give the outputs, states and gradients of the CPU."""
    torch.manual_seed(0)
    net = kind(4, 5, 2, batch_first=True, bidirectional=True, bias=bias)
    twin = copy.deepcopy(net).npu()
    x = torch.randn(2, 3, 4)
    y, state = net(x)
    z, twin_state = twin(x.npu())
    torch.testing.assert_close(z.cpu(), y)
    for a, b in zip(
        torch.utils._pytree.tree_leaves(state), torch.utils._pytree.tree_leaves(twin_state), strict=True
    ):
        torch.testing.assert_close(b.cpu(), a)
    (y**2).sum().backward()
    (z**2).sum().backward()
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(q.grad.cpu(), p.grad)


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_cells(kind):
    """A single cell gives the values and gradients of the CPU, gradients of the state included."""
    torch.manual_seed(0)
    net = kind(3, 4)
    twin = copy.deepcopy(net).npu()
    x, h = torch.randn(2, 3), torch.randn(2, 4, requires_grad=True)
    g = h.detach().npu().requires_grad_()
    y = net(x, (h, h) if kind is nn.LSTMCell else h)
    z = twin(x.npu(), (g, g) if kind is nn.LSTMCell else g)
    y, z = (y[1], z[1]) if kind is nn.LSTMCell else (y, z)
    torch.testing.assert_close(z.cpu(), y)
    (y**2).sum().backward()
    (z**2).sum().backward()
    torch.testing.assert_close(g.grad.cpu(), h.grad)


def test_packed_sequences():
    """Sequences of different lengths are packed, run and padded as on the CPU."""
    torch.manual_seed(0)
    net = nn.LSTM(4, 5)
    x = torch.randn(3, 2, 4)

    def run(module, batch):
        packed = nn.utils.rnn.pack_padded_sequence(batch, [3, 2])
        return nn.utils.rnn.pad_packed_sequence(module(packed)[0])[0]

    expected = run(net, x)
    torch.testing.assert_close(run(net.npu(), x.npu()).cpu(), expected)


def test_a_cell_is_one_launch(kernels):
    """The fused cell is one launch beside its two matrix products."""
    net = nn.LSTMCell(3, 4).npu()
    x = torch.randn(2, 3).npu()
    state = torch.zeros(2, 4).npu()
    kernels()
    net(x, (state, state))
    assert sorted(kernels()) == ["BasicLSTMCell", "MatMulV2", "MatMulV2"]
