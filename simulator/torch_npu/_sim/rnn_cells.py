"""The fused cells that PyTorch's LSTM and GRU call on an accelerator; the CPU has no kernel for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torch_npu._sim.kernels import Target, charge
from torch_npu._sim.storages import adopt, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable


def _sum_gates(input_gates: Tensor, hidden_gates: Tensor, *biases: Tensor | None) -> Tensor:
    gates = input_gates + hidden_gates
    for bias in biases:
        if bias is not None:
            gates += bias
    return gates


def _finish(target: Target, name: str, results: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    """Puts the results on the device and charges the cell as one launch."""
    writes = [spec_of(r) for r in results if r is not None]
    given = tuple(None if r is None else adopt(r, target.index) for r in results)
    charge(target.index, name, "elementwise", target.reads, writes)
    return given


def lstm_cell(
    input_gates: Tensor,
    hidden_gates: Tensor,
    cx: Tensor,
    input_bias: Tensor | None = None,
    hidden_bias: Tensor | None = None,
) -> tuple[Tensor | None, ...]:
    """Kernel of aten::_thnn_fused_lstm_cell.

    Args:
        input_gates: (batch, 4 * hidden), the gates in the order input, forget, cell, output.
        hidden_gates: the same shape.
        cx: (batch, hidden).
        input_bias: (4 * hidden,) or None.
        hidden_bias: (4 * hidden,) or None.

    Returns:
        The new hidden and cell states (batch, hidden) and the activated gates (batch, 4 * hidden).
    """
    target = Target(host_ok=False)
    x, h, c, bx, bh = (target.take(t) for t in (input_gates, hidden_gates, cx, input_bias, hidden_bias))
    i, f, g, o = _sum_gates(x, h, bx, bh).chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    cy = f * c + i * g
    hy = o * cy.tanh()
    return _finish(target, "BasicLSTMCell", (hy, cy, torch.cat([i, f, g, o], 1)))


def lstm_cell_backward(
    grad_hy: Tensor | None, grad_cy: Tensor | None, cx: Tensor, cy: Tensor, workspace: Tensor, has_bias: bool
) -> tuple[Tensor | None, ...]:
    """Kernel of aten::_thnn_fused_lstm_cell_backward_impl.

    Returns:
        Gradients of the gates (batch, 4 * hidden), of cx, and of the bias (4 * hidden,) or None.
    """
    target = Target(host_ok=False)
    dh, dcy, c, c_new, gates = (target.take(t) for t in (grad_hy, grad_cy, cx, cy, workspace))
    i, f, g, o = gates.chunk(4, 1)
    tanh_c = c_new.tanh()
    dc = torch.zeros_like(c_new) if dcy is None else dcy.clone()
    do = torch.zeros_like(c_new)
    if dh is not None:
        dc += dh * o * (1 - tanh_c * tanh_c)
        do = dh * tanh_c * o * (1 - o)
    di = dc * g * i * (1 - i)
    df = dc * c * f * (1 - f)
    dg = dc * i * (1 - g * g)
    grad_gates = torch.cat([di, df, dg, do], 1)
    bias = grad_gates.sum(0) if has_bias else None
    return _finish(target, "BasicLSTMCellCStateGradV2", (grad_gates, dc * f, bias))


def gru_cell(
    input_gates: Tensor,
    hidden_gates: Tensor,
    hx: Tensor,
    input_bias: Tensor | None = None,
    hidden_bias: Tensor | None = None,
) -> tuple[Tensor | None, ...]:
    """Kernel of aten::_thnn_fused_gru_cell.

    Args:
        input_gates: (batch, 3 * hidden), the gates in the order reset, update, new.
        hidden_gates: the same shape.
        hx: (batch, hidden).
        input_bias: (3 * hidden,) or None.
        hidden_bias: (3 * hidden,) or None.

    Returns:
        The new state (batch, hidden) and what the backward pass needs (batch, 5 * hidden).
    """
    target = Target(host_ok=False)
    x, h, state, bx, bh = (target.take(t) for t in (input_gates, hidden_gates, hx, input_bias, hidden_bias))
    xr, xz, xn = (x if bx is None else x + bx).chunk(3, 1)
    hr, hz, hn = (h if bh is None else h + bh).chunk(3, 1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = (xn + r * hn).tanh()
    hy = n + z * (state - n)
    return _finish(target, "DynamicGRUV2", (hy, torch.cat([r, z, n, state, hn], 1)))


def gru_cell_backward(grad_hy: Tensor, workspace: Tensor, has_bias: bool) -> tuple[Tensor | None, ...]:
    """Kernel of aten::_thnn_fused_gru_cell_backward.

    Returns:
        Gradients of the input gates, of the hidden gates (batch, 3 * hidden each), of hx, and of the two
        biases (3 * hidden,) or None.
    """
    target = Target(host_ok=False)
    dh, saved = target.take(grad_hy), target.take(workspace)
    r, z, n, state, hn = saved.chunk(5, 1)
    dn = dh * (1 - z) * (1 - n * n)
    dz = dh * (state - n) * z * (1 - z)
    dr = dn * hn * r * (1 - r)
    input_grad = torch.cat([dr, dz, dn], 1)
    hidden_grad = torch.cat([dr, dz, dn * r], 1)
    biases = (input_grad.sum(0), hidden_grad.sum(0)) if has_bias else (None, None)
    return _finish(target, "DynamicGRUV2Grad", (input_grad, hidden_grad, dh * z, *biases))


KERNELS: dict[str, Callable[..., Any]] = {
    "_thnn_fused_lstm_cell": lstm_cell,
    "_thnn_fused_lstm_cell_backward_impl": lstm_cell_backward,
    "_thnn_fused_gru_cell": gru_cell,
    "_thnn_fused_gru_cell_backward": gru_cell_backward,
}
