"""Recurrent networks on the device."""

import copy

import pytest
import torch
import torch_npu
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


_LAYER = {
    "has_biases": True,
    "num_layers": 1,
    "dropout": 0.0,
    "train": True,
    "bidirectional": False,
    "batch_first": False,
}
_LSTM = {**_LAYER, "flagSeq": False, "direction": False}


def _lstm_arguments(*, batch_first=False):
    torch.manual_seed(0)
    shape = (3, 5, 10) if batch_first else (5, 3, 10)
    weight, bias = torch.randn(16, 24), torch.randn(24)
    x, h, c = torch.randn(shape), torch.randn(1, 3, 6), torch.randn(1, 3, 6)
    return x, weight, bias, h, c


@pytest.mark.parametrize("batch_first", [False, True])
def test_npu_lstm_is_pytorchs_layer(batch_first):
    """npu_lstm gives what torch.nn.LSTM gives with the same weights, transposed, and every step's states."""
    x, weight, bias, h, c = _lstm_arguments(batch_first=batch_first)
    plain = torch.nn.LSTM(10, 6, batch_first=batch_first)
    values = {
        "weight_ih_l0": weight[:10].T,
        "weight_hh_l0": weight[10:].T,
        "bias_ih_l0": bias,
        "bias_hh_l0": torch.zeros(24),
    }
    plain.load_state_dict(values)
    y, (h_last, c_last) = plain(x, (h, c))
    npu = [t.npu().requires_grad_() for t in (x, weight, bias, h, c)]
    lengths = torch.tensor([5], dtype=torch.int32).npu()
    options = {**_LSTM, "batch_first": batch_first}
    found = torch_npu.npu_lstm(*npu[:3], lengths, *npu[3:], **options)
    assert len(found) == 8
    torch.testing.assert_close(found[0].cpu(), y)
    torch.testing.assert_close(found[1][-1].cpu(), h_last[0])
    torch.testing.assert_close(found[2][-1].cpu(), c_last[0])
    found[0].sum().backward()
    y.sum().backward()
    torch.testing.assert_close(npu[1].grad[:10].T.cpu(), plain.weight_ih_l0.grad)


def test_npu_lstm_may_run_backwards():
    """With direction, the last step is the first that is computed."""
    x, weight, bias, h, c = (t.npu() for t in _lstm_arguments())
    lengths = torch.tensor([5], dtype=torch.int32).npu()
    there = torch_npu.npu_lstm(x.flip(0), weight, bias, lengths, h, c, **_LSTM)[0]
    back = torch_npu.npu_lstm(x, weight, bias, lengths, h, c, **{**_LSTM, "direction": True})[0]
    torch.testing.assert_close(back.flip(0), there)


def test_npu_lstm_cell_is_pytorchs_cell():
    """npu_lstm_cell gives what torch.nn.LSTMCell gives with the same weights, transposed."""
    torch.manual_seed(0)
    plain = torch.nn.LSTMCell(8, 7)
    x, h, c = torch.randn(3, 8), torch.randn(3, 7), torch.randn(3, 7)
    wanted = plain(x, (h, c))
    weights = [t.detach().npu() for t in (plain.weight_ih.T, plain.weight_hh.T)]
    biases = [t.detach().npu() for t in (plain.bias_ih, plain.bias_hh)]
    found = torch_npu.npu_lstm_cell(x.npu(), *weights, h.npu(), c.npu(), *biases)
    torch.testing.assert_close(found[1].cpu(), wanted[0])
    torch.testing.assert_close(found[2].cpu(), wanted[1])


def test_npu_gru_is_pytorchs_layer(kernels):
    """npu_gru gives what torch.nn.GRU gives with the same weights, transposed, in one launch."""
    torch.manual_seed(0)
    plain = torch.nn.GRU(10, 6)
    x, h = torch.randn(6, 3, 10), torch.randn(1, 3, 6)
    y, h_last = plain(x, h)
    state = [t.detach() for t in plain.state_dict().values()]
    weights = [state[0].T.npu(), state[1].T.npu(), state[2].npu(), state[3].npu()]
    lengths = torch.tensor([6], dtype=torch.int32).npu()
    arguments = (x.npu(), h.npu(), *weights, lengths)
    kernels()
    found = torch_npu.npu_gru(*arguments, **_LAYER)
    assert kernels() == ["DynamicGRUV2"]
    torch.testing.assert_close(found[0].cpu(), y)
    torch.testing.assert_close(found[1][-1].cpu(), h_last[0])
    with pytest.raises(NotImplementedError, match=r"torch\.nn"):
        torch_npu.npu_gru(*arguments, **{**_LAYER, "num_layers": 2})
