"""An LSTM in both directions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_npu.contrib._checks import deprecated


class BiLSTM(nn.Module):
    """Two LSTMs, one of which reads backwards.

    Args:
        input_size: features of the input.
        hidden_size: features of each direction's state.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        deprecated("torch_npu.contrib.BiLSTM", "torch.nn.LSTM with bidirectional=True")
        self.fw_rnn = nn.LSTM(input_size, hidden_size)
        self.bw_rnn = nn.LSTM(input_size, hidden_size)

    def forward(self, inputs: Tensor) -> Tensor:
        """(length, batch, features) to (length, batch, 2 · hidden)."""
        forwards, _ = self.fw_rnn(inputs)
        backwards, _ = self.bw_rnn(inputs.flip(0))
        return torch.cat([forwards, backwards.flip(0)], 2)
