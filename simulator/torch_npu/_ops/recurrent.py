"""Recurrent layers and cells under their NPU names: all time steps in one launch.

Gates lie in PyTorch's order in the columns of the weights: (input, gates * hidden), not transposed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from torch_npu._ops._fused import fused, invalid, not_simulated


def _one_layer(name: str, num_layers: int, dropout: float, *, bidirectional: bool) -> None:
    if num_layers != 1 or bidirectional or dropout:
        raise not_simulated(
            name, "several layers, two directions or dropout", "call it once for each, or use torch.nn"
        )


def _lstm_step(gates: Tensor, c: Tensor) -> tuple[Tensor, ...]:
    """The states and gates of one step: h, c, i, j, f, o, tanh(c)."""
    i, f, j, o = gates.chunk(4, -1)
    i, f, j, o = i.sigmoid(), f.sigmoid(), j.tanh(), o.sigmoid()
    c = f * c + i * j
    tanhc = c.tanh()
    return o * tanhc, c, i, j, f, o, tanhc


def _rounded(like: Tensor, *results: Tensor) -> list[Tensor]:
    return [result.to(like.dtype) for result in results]


@fused("DynamicRNN")
def npu_lstm(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    seqMask: Tensor,  # noqa: N803 - the real name
    h: Tensor,
    c: Tensor,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    flagSeq: bool,  # noqa: N803 - the real name
    direction: bool,
) -> list[Tensor]:
    """An LSTM layer over all time steps.

    Args:
        input: (time, batch, input), or (batch, time, input) with batch_first.
        weight: (input + hidden, 4 * hidden), what is for the input first.
        bias: (4 * hidden,).
        seqMask: accepted; sequences of different lengths are not simulated.
        h: (1, batch, hidden), the first hidden state.
        c: the same for the cell.
        has_biases: whether bias counts.
        num_layers: 1.
        dropout: 0.
        train: accepted.
        bidirectional: False.
        batch_first: see input.
        flagSeq: False.
        direction: whether time runs backwards.

    Returns:
        y, h, c, i, j, f, o and tanh(c) of every step, each (time, batch, hidden).

    Raises:
        NotImplementedError: several layers, two directions, dropout or sequences of different lengths.
        RuntimeError: the sizes do not fit.
    """
    _one_layer("npu_lstm", num_layers, dropout, bidirectional=bidirectional)
    if flagSeq:
        raise not_simulated("npu_lstm", "flagSeq", "pad the sequences and mask the results")
    x = (input.transpose(0, 1) if batch_first else input).float()
    if weight.shape[0] != x.shape[-1] + h.shape[-1]:
        raise invalid(
            f"npu_lstm expects a weight of {x.shape[-1]} + {h.shape[-1]} rows, but got {weight.shape[0]}"
        )
    for_input, for_hidden = torch.split(weight.float(), [x.shape[-1], h.shape[-1]])
    hidden, cell = h[0].float(), c[0].float()
    steps = []
    for step in reversed(range(len(x))) if direction else range(len(x)):
        gates = x[step] @ for_input + hidden @ for_hidden
        found = _lstm_step(gates + bias.float() if has_biases else gates, cell)
        hidden, cell = found[0], found[1]
        steps.append(found)
    if direction:
        steps.reverse()
    every = [torch.stack(parts) for parts in zip(*steps, strict=True)]
    y = every[0].transpose(0, 1) if batch_first else every[0].clone()
    return _rounded(input, y, *every)


@fused("DynamicRNNV2")
def npu_lstm_cell(
    input: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    h: Tensor,
    c: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
) -> list[Tensor]:
    """One step of an LSTM.

    Args:
        input: (batch, input).
        w_ih: (input, 4 * hidden).
        w_hh: (hidden, 4 * hidden).
        h: (batch, hidden), the hidden state before.
        c: the same for the cell.
        bias_ih: (4 * hidden,) or None.
        bias_hh: the same.

    Returns:
        y, h, c, i, j, f, o and tanh(c), each (batch, hidden).
    """
    gates = input.float() @ w_ih.float() + h.float() @ w_hh.float()
    for bias in (bias_ih, bias_hh):
        if bias is not None:
            gates = gates + bias.float()
    found = _lstm_step(gates, c.float())
    return _rounded(input, found[0].clone(), *found)


@fused("DynamicGRUV2")
def npu_gru(
    input: Tensor,
    hx: Tensor,
    weight_input: Tensor,
    weight_hidden: Tensor,
    bias_input: Tensor,
    bias_hidden: Tensor,
    seq_length: Tensor,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> list[Tensor]:
    """A GRU layer over all time steps.

    Args:
        input: (time, batch, input), or (batch, time, input) with batch_first.
        hx: (1, batch, hidden), the first hidden state.
        weight_input: (input, 3 * hidden), gates in the order reset, update, new.
        weight_hidden: (hidden, 3 * hidden).
        bias_input: (3 * hidden,).
        bias_hidden: the same.
        seq_length: accepted; sequences of different lengths are not simulated.
        has_biases: whether the biases count.
        num_layers: 1.
        dropout: 0.
        train: accepted.
        bidirectional: False.
        batch_first: see input.

    Returns:
        y, h, update, reset, new and hidden_new of every step, each (time, batch, hidden).

    Raises:
        NotImplementedError: several layers, two directions or dropout.
    """
    _one_layer("npu_gru", num_layers, dropout, bidirectional=bidirectional)
    x = (input.transpose(0, 1) if batch_first else input).float()
    hidden = hx[0].float()
    w_x, w_h = weight_input.float(), weight_hidden.float()
    b_x, b_h = (bias_input.float(), bias_hidden.float()) if has_biases else (0, 0)
    steps = []
    for now in x:
        reset_x, update_x, new_x = (now @ w_x + b_x).chunk(3, -1)
        reset_h, update_h, hidden_new = (hidden @ w_h + b_h).chunk(3, -1)
        reset, update = (reset_x + reset_h).sigmoid(), (update_x + update_h).sigmoid()
        new = (new_x + reset * hidden_new).tanh()
        hidden = (1 - update) * new + update * hidden
        steps.append((hidden, update, reset, new, hidden_new))
    every = [torch.stack(parts) for parts in zip(*steps, strict=True)]
    y = every[0].transpose(0, 1) if batch_first else every[0].clone()
    return _rounded(input, y, *every)
