"""A linear layer of int8 weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from torch_npu._ops.quantization import npu_weight_quant_batchmatmul

__all__ = ["LinearWeightQuant"]


class LinearWeightQuant(nn.Module):
    """x @ ((weight + offset) · scale)ᵀ + bias; see `torch_npu.npu_weight_quant_batchmatmul`.

    Args:
        in_features: width of the input.
        out_features: width of the result.
        bias: whether there is one.
        device: of the parameters.
        dtype: not used by the real one either.
        antiquant_offset: an offset of the weight.
        quant_scale: quantize the result.
        quant_offset: an offset of the quantized result.
        antiquant_group_size: how many inputs share a scale; 0 all.
        inner_precise: without effect.
        weight_dtype: None.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        antiquant_offset: bool = False,
        quant_scale: bool = False,
        quant_offset: bool = False,
        antiquant_group_size: int = 0,
        inner_precise: int = 0,
        weight_dtype: Any = None,
    ) -> None:
        super().__init__()

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device), requires_grad=False)

        self.weight = parameter(out_features, in_features)
        self.antiquant_scale = parameter(out_features)
        self.antiquant_offset = parameter(out_features) if antiquant_offset else None
        self.quant_scale = parameter(out_features) if quant_scale else None
        self.quant_offset = parameter(out_features) if quant_offset else None
        self.bias = parameter(out_features) if bias else None
        self.antiquant_group_size = antiquant_group_size
        self.inner_precise = inner_precise
        self.weight_dtype = weight_dtype

    def forward(self, x: Tensor) -> Tensor:
        """(rows, in) to (rows, out)."""
        found: Tensor = npu_weight_quant_batchmatmul(
            x,
            self.weight.transpose(-1, -2),
            _turned(self.antiquant_scale),
            _turned(self.antiquant_offset),
            self.quant_scale,
            self.quant_offset,
            self.bias,
            self.antiquant_group_size,
            self.inner_precise,
            weight_dtype=self.weight_dtype,
        )
        return found


def _turned(x: Tensor | None) -> Tensor | None:
    return x if x is None or x.dim() < 2 else x.transpose(-1, -2)  # noqa: PLR2004 - a matrix
