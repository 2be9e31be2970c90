"""A linear layer of int8 weights and inputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from torch_npu._ops.quantization import npu_quant_matmul, npu_trans_quant_param
from torch_npu.contrib._checks import value_error

__all__ = ["LinearQuant"]


class LinearQuant(nn.Module):
    """(x @ weightᵀ + bias) · scale; see `torch_npu.npu_quant_matmul`.

    Args:
        in_features: width of the input.
        out_features: width of the result.
        bias: an int32 bias.
        offset: an offset of int8 results.
        pertoken_scale: a scale of each row.
        device: of the parameters.
        dtype: of the weight when it is made; int8 values are put in later.
        output_dtype: int8, float16 or bfloat16.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        offset: bool = False,
        pertoken_scale: bool = False,
        device: Any = None,
        dtype: Any = None,
        output_dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features, self.output_dtype = in_features, out_features, output_dtype

        def parameter(*shape: int, kind: torch.dtype | None = None) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, dtype=kind, device=device), requires_grad=False)

        self.weight = parameter(out_features, in_features)
        self.scale = parameter(out_features)
        self.offset = parameter(out_features, kind=torch.float32) if offset else None
        self.pertoken_scale = parameter(out_features, kind=torch.float32) if pertoken_scale else None
        self.bias = parameter(out_features, kind=torch.int32) if bias else None

    def forward(self, linear_quant_input: Tensor) -> Tensor:
        """(…, in) int8 to (…, out).

        Raises:
            ValueError: input and weight are not both int8 (or int32).
        """
        kinds = {linear_quant_input.dtype, self.weight.dtype}
        if kinds not in ({torch.int8}, {torch.int32}):
            raise value_error(
                "input and weight should be both torch.int32 or both torch.int8 datatype, but now input is "
                f"{linear_quant_input.dtype}, weight is {self.weight.dtype}."
            )
        scale: Any = self.scale
        plain = scale.dtype is torch.float32 and self.output_dtype not in {torch.bfloat16, torch.int32}
        if self.pertoken_scale is None and plain:
            scale = npu_trans_quant_param(scale, self.offset)
        found: Tensor = npu_quant_matmul(
            linear_quant_input,
            self.weight.transpose(-1, -2),
            scale,
            offset=self.offset,
            pertoken_scale=self.pertoken_scale,
            bias=self.bias,
            output_dtype=self.output_dtype,
        )
        return found
