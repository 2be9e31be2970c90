"""Convolutions under their NPU names, and the deformable one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from torch_npu._ops._fused import fused, not_simulated
from torch_npu._ops.detection import bilinear

if TYPE_CHECKING:
    from collections.abc import Sequence
_EDGES = 4


def npu_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """The same as `torch.nn.functional.conv2d`; `padding` may also name top, bottom, left and right."""
    x, edges = input, list(padding)
    if len(edges) == _EDGES:
        top, bottom, left, right = edges
        x, edges = functional.pad(input, (left, right, top, bottom)), [0, 0]
    return functional.conv2d(x, weight, bias, list(stride), edges, list(dilation), groups)


def npu_conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """The same as `torch.nn.functional.conv3d`."""
    return functional.conv3d(input, weight, bias, list(stride), list(padding), list(dilation), groups)


def npu_convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """A convolution in two or three dimensions, by the input's."""
    three = input.dim() == 5  # noqa: PLR2004 - batch, channels and three dimensions
    return (npu_conv3d if three else npu_conv2d)(input, weight, bias, stride, padding, dilation, groups)


def npu_convolution_transpose(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: Sequence[int],
    output_padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """A transposed convolution in two or three dimensions, by the input's."""
    three = input.dim() == 5  # noqa: PLR2004 - batch, channels and three dimensions
    transposed = functional.conv_transpose3d if three else functional.conv_transpose2d
    options = (list(stride), list(padding), list(output_padding), groups, list(dilation))
    return transposed(input, weight, bias, *options)


def npu_conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: Sequence[int],
    output_padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """The same as `torch.nn.functional.conv_transpose2d`, its arguments in another order."""
    return functional.conv_transpose2d(
        input, weight, bias, list(stride), list(padding), list(output_padding), groups, list(dilation)
    )


@fused("DeformableConv2D", "conv2d")
def npu_deformable_conv2d(
    inputs: Tensor,
    weight: Tensor,
    offset: Tensor,
    bias: Tensor | None,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int] = (1, 1, 1, 1),
    groups: int = 1,
    deformable_groups: int = 1,
    modulated: bool = True,
) -> tuple[Tensor, Tensor]:
    """A convolution whose points are moved, and with `modulated` weighted, by another tensor.

    Args:
        inputs: (N, C, H, W).
        weight: (out, C / groups, kernel height, kernel width).
        offset: (N, 3 · deformable_groups · kernel points, out height, out width): moves in x, moves in y,
            weights.
        bias: (out,) or None.
        kernel_size: height and width.
        stride: four numbers, those of height and width last.
        padding: top, bottom, left, right.
        dilation: four numbers, those of height and width last.
        groups: of channels.
        deformable_groups: 1.
        modulated: True.

    Returns:
        The result, and the moved points, (N, C, out height · kernel height, out width · kernel width).

    Raises:
        NotImplementedError: more deformable groups, or not modulated, which the device does not have either.
    """
    if deformable_groups != 1 or not modulated:
        raise not_simulated(
            "npu_deformable_conv2d", "deformable_groups > 1 or modulated=False", "use 1 and True"
        )
    rows, columns = kernel_size
    points = rows * columns
    height, width = offset.shape[-2:]
    row = torch.arange(rows).repeat_interleave(columns) * dilation[2] - padding[0]
    column = torch.arange(columns).repeat(rows) * dilation[3] - padding[2]
    y = row.view(-1, 1, 1) + torch.arange(height).view(1, -1, 1) * stride[2]
    x = column.view(-1, 1, 1) + torch.arange(width).view(1, 1, -1) * stride[3]
    sampled = []
    for image, moves in zip(inputs, offset, strict=True):
        values = bilinear(image, y + moves[points : 2 * points], x + moves[:points], border=False)
        sampled.append(values * moves[2 * points :])
    taken = torch.stack(sampled)  # N, C, points, height, width
    grouped = taken.view(taken.shape[0], groups, -1, points, height, width)
    kernels = weight.reshape(groups, -1, weight.shape[1], points)
    out = torch.einsum("ngcphw,gocp->ngohw", grouped, kernels).flatten(1, 2)
    if bias is not None:
        out = out + bias.view(1, -1, 1, 1)
    moved = taken.view(*taken.shape[:2], rows, columns, height, width).permute(0, 1, 4, 2, 5, 3)
    return out, moved.reshape(*taken.shape[:2], height * rows, width * columns)
