"""A convolution of int8 weights and inputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from torch_npu._ops.quantization import npu_quant_conv2d, npu_trans_quant_param
from torch_npu.contrib._checks import value_error

__all__ = ["QuantConv2d"]


class QuantConv2d(nn.Module):
    """(input * weight + bias) · scale; see `torch_npu.npu_quant_conv2d`.

    Args:
        in_channels: of the input.
        out_channels: of the result.
        kernel_size: one number or two.
        output_dtype: float16, bfloat16 or float32.
        stride: one number or two.
        padding: one number or two.
        dilation: one number or two.
        groups: of channels.
        bias: whether there is one.
        offset: False.
        offset_x: value of the padding.
        round_mode: "rint".
        input_dtype: None.
        weight_dtype: None.
        device: not used by the real one either.
        dtype: the same.

    Raises:
        ValueError: an offset is asked for.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        output_dtype: torch.dtype,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        offset: bool = False,
        offset_x: int = 0,
        round_mode: str = "rint",
        input_dtype: Any = None,
        weight_dtype: Any = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if offset:
            raise value_error("offset must be False")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = _pair(kernel_size), _pair(stride)
        self.padding, self.dilation = _pair(padding), _pair(dilation)
        self.offset_x, self.round_mode, self.output_dtype = offset_x, round_mode, output_dtype
        self.input_dtype, self.weight_dtype = input_dtype, weight_dtype
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = nn.Parameter(torch.empty(shape), requires_grad=False)
        self.scale = nn.Parameter(torch.empty(out_channels, dtype=torch.int64), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(out_channels), requires_grad=False) if bias else None
        self.offset = None

    def forward(self, quant_conv2d_input: Tensor) -> Tensor:
        """(N, C, H, W) int8 to (N, out, …)."""
        packed = self.scale.dtype is not torch.float32
        scale = self.scale if packed else npu_trans_quant_param(self.scale)
        found: Tensor = npu_quant_conv2d(
            quant_conv2d_input,
            self.weight,
            scale,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.offset_x,
            self.round_mode,
            self.output_dtype,
            self.bias,
            self.offset,
            self.input_dtype,
            self.weight_dtype,
        )
        return found
