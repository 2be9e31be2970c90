"""The modulated deformable convolution (DCNv2)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from torch_npu._ops.convolution import npu_deformable_conv2d

__all__ = ["ModulatedDeformConv", "ModulatedDeformConv2dFunction"]


def _convolve(
    x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, settings: tuple[int, ...]
) -> Tensor:
    stride, padding, dilation, groups, deformable_groups = settings
    out: Tensor = npu_deformable_conv2d(
        x,
        weight,
        torch.cat([offset, mask], 1),
        bias,
        kernel_size=[weight.shape[2], weight.shape[3]],
        stride=[1, 1, stride, stride],
        padding=[padding] * 4,
        dilation=[1, 1, dilation, dilation],
        groups=groups,
        deformable_groups=deformable_groups,
        modulated=True,
    )[0]
    return out


class ModulatedDeformConv2dFunction(torch.autograd.Function):
    """The convolution as a function of its tensors, with offsets in the order of mmcv (y before x)."""

    @staticmethod
    def forward(
        ctx: Any,
        input_tensor: Tensor,
        offset_ori: Tensor,
        mask: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        with_bias: bool = False,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        deformable_groups: int = 1,
        sort_index_for_npu_fp: Tensor | None = None,
        sort_index_for_npu_bp: Tensor | None = None,
    ) -> Tensor:
        """The result; the graph of its definition is kept for the backward pass."""
        order = _order(offset_ori) if sort_index_for_npu_fp is None else sort_index_for_npu_fp
        given = [input_tensor, offset_ori, mask, weight, *([bias] if with_bias and bias is not None else [])]
        ctx.parts = [t.detach().requires_grad_() for t in given]
        ctx.with_bias = with_bias and bias is not None
        settings = (stride, padding, dilation, groups, deformable_groups)
        out: Tensor
        with torch.enable_grad():
            x, moves, weights, kernel, *rest = ctx.parts
            moved = moves.index_select(1, order.long())
            ctx.out = out = _convolve(x, moved, weights, kernel, rest[0] if rest else None, settings)
        return out.detach().clone()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        """Gradients of the input, the offsets, the mask, the weight and the bias."""
        grads: Any = torch.autograd.grad(ctx.out, ctx.parts, grad_output, retain_graph=True)
        bias = grads[4] if ctx.with_bias else None
        return (*grads[:4], bias, *[None] * 8)


def _order(offset: Tensor) -> Tensor:
    """From y and x in turn to all x, then all y."""
    every = torch.arange(offset.shape[1], device=offset.device)
    return torch.cat([every[1::2], every[::2]])


class ModulatedDeformConv(nn.Module):
    """A convolution whose points are moved and weighted by another one.

    Args:
        in_channels: of the input.
        out_channels: of the result.
        kernel_size: one number or two.
        stride: one number.
        padding: one number.
        dilation: one number.
        groups: of channels.
        deformable_groups: 1.
        bias: whether there is one.
        pack: the module computes moves and weights itself; otherwise it takes (input, offset, mask).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        deformable_groups: int = 1,
        bias: bool = True,
        pack: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size: tuple[int, int] = _pair(kernel_size)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups, self.deformable_groups = groups, deformable_groups
        self.with_bias, self.pack = bias, pack
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *self.kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        points = self.kernel_size[0] * self.kernel_size[1]
        self.split_num = deformable_groups * 2 * points
        if pack:
            self.conv_offset = nn.Conv2d(
                in_channels, deformable_groups * 3 * points, self.kernel_size, stride, padding
            )
        self.init_param()

    def init_param(self) -> None:
        """Random weights; no moves."""
        bound = 1 / math.sqrt(self.in_channels * self.kernel_size[0] * self.kernel_size[1])
        nn.init.uniform_(self.weight, -bound, bound)
        zeros: list[Tensor] = [] if self.bias is None else [self.bias]
        if self.pack:
            zeros += [
                self.conv_offset.weight,
                *([] if self.conv_offset.bias is None else [self.conv_offset.bias]),
            ]
        for parameter in zeros:
            nn.init.zeros_(parameter)

    def forward(self, x: Any) -> Tensor:
        """The convolution of (N, C, H, W)."""
        if self.pack:
            out = self.conv_offset(x)
            offset, mask = out[:, : self.split_num], torch.sigmoid(out[:, self.split_num :])
        else:
            x, offset, mask = x
        settings = (self.stride, self.padding, self.dilation, self.groups, self.deformable_groups)
        return _convolve(x, offset.index_select(1, _order(offset)), mask, self.weight, self.bias, settings)


DCNv2 = ModulatedDeformConv
