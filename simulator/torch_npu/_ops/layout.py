"""Operators that move, cut, fill and pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_npu._ops._fused import fused, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

C0 = 16  # channels of a block of the format NC1HWC0


@fused("ConfusionTransposeD", "transpose")
def npu_confusion_transpose(
    self: Tensor, perm: Sequence[int], shape: Sequence[int], transpose_first: bool
) -> Tensor:
    """A permutation and a reshape in one; `transpose_first` says which comes first."""
    if transpose_first:
        return self.permute(*perm).reshape(tuple(shape))
    return self.reshape(tuple(shape)).permute(*perm)


@fused("Transpose", "transpose")
def npu_transpose(self: Tensor, perm: Sequence[int], require_contiguous: bool = True) -> Tensor:
    """A permutation whose result is contiguous."""
    return self.permute(*perm)


@fused("Reshape", "copy")
def npu_reshape(self: Tensor, shape: Sequence[int], can_refresh: bool = False) -> Tensor:
    """A copy in another shape."""
    return self.reshape(tuple(shape))


@fused("BroadcastTo", "copy")
def npu_broadcast(self: Tensor, size: Sequence[int]) -> Tensor:
    """A copy, repeated to a larger shape."""
    return self.expand(tuple(size))


@fused("Slice", "copy", differentiable=False)
def npu_slice(self: Tensor, offsets: Sequence[int], size: Sequence[int]) -> Tensor:
    """What begins at `offsets` and has `size` (-1: to the end)."""
    cuts = tuple(slice(o, None if s < 0 else o + s) for o, s in zip(offsets, size, strict=True))
    return self[cuts]


@fused("StridedSlice", "copy", differentiable=False)
def npu_indexing(
    self: Tensor,
    begin: Sequence[int],
    end: Sequence[int],
    strides: Sequence[int],
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
) -> Tensor:
    """A slice from `begin` to `end` by `strides`; bit i of a mask changes what entry i means."""
    cuts: list[Any] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            cuts.append(...)
        elif new_axis_mask & bit:
            cuts.append(None)
        elif shrink_axis_mask & bit:
            cuts.append(first)
        else:
            cuts.append(slice(None if begin_mask & bit else first, None if end_mask & bit else last, step))
    return self[tuple(cuts)]


@fused("PadV3", "copy")
def npu_pad(input: Tensor, paddings: Sequence[int]) -> Tensor:
    """Zeros around a tensor: before and after, dimension by dimension."""
    pairs = [list(paddings[i : i + 2]) for i in range(0, len(paddings), 2)]
    return functional.pad(input, [n for pair in reversed(pairs) for n in pair])


@fused("OneHot", differentiable=False)
def npu_one_hot(
    self: Tensor, num_classes: int = -1, depth: int = 1, on_value: float = 1, off_value: float = 0
) -> Tensor:
    """One row a class number, float32.

    Args:
        self: class numbers, any shape; those outside `depth` get a row without `on_value`.
        num_classes: where the new dimension goes; -1 is last.
        depth: how many classes.
        on_value: at the class.
        off_value: elsewhere.
    """
    hot = self.long().unsqueeze(num_classes if num_classes >= 0 else -1)
    place = num_classes if num_classes >= 0 else self.dim()
    classes = torch.arange(depth).view([-1 if d == place else 1 for d in range(self.dim() + 1)])
    return torch.where(hot == classes, float(on_value), float(off_value))


@fused("StrideAdd", differentiable=False)
def npu_stride_add(self: Tensor, other: Tensor, offset1: int, offset2: int, c1_len: int) -> Tensor:
    """The sum of `c1_len` blocks of 16 channels of two tensors, from block `offset1` and `offset2` on."""
    parts = []
    for x, offset in ((self, int(offset1)), (other, int(offset2))):
        part = x[:, offset * C0 : (offset + int(c1_len)) * C0]
        parts.append(functional.pad(part, [0, 0] * (x.dim() - 2) + [0, int(c1_len) * C0 - part.shape[1]]))
    return parts[0] + parts[1]


@fused("AsStrided", "copy")
def npu_stride_copy(self: Tensor, shape: Sequence[int], stride: Sequence[int], storage_offset: int) -> Tensor:
    """A copy of the elements that a shape and strides reach."""
    return self.contiguous().as_strided(tuple(shape), tuple(stride), int(storage_offset))


def npu_dtype_cast(self: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in another type."""
    return self.to(dtype)


def npu_dtype_cast_(self: Tensor, src: Tensor) -> Tensor:
    """Takes the values of another tensor, cast to this one's type."""
    with torch.no_grad():
        return self.copy_(src)


def copy_memory_(dst: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Copies the memory of a tensor of the same type and size."""
    if dst.dtype is not src.dtype or dst.numel() != src.numel():
        raise invalid("dst and src of copy_memory_ must have the same dtype and number of elements.")
    with torch.no_grad():
        dst.copy_(src.reshape(dst.shape), non_blocking)
    return dst


def one_(self: Tensor) -> Tensor:
    """Fills a tensor with 1."""
    with torch.no_grad():
        return self.fill_(1)


def _nd_update(self: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    self[tuple(indices.long().unbind(-1))] = updates
    return self


@fused("ScatterNdUpdate", "gather", differentiable=False)
def npu_scatter_nd_update(self: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """A copy in which the rows at `indices` (…, a), by their first a dimensions, are `updates`."""
    return _nd_update(self.clone(), indices, updates)


@fused("ScatterNdUpdate", "gather", differentiable=False)
def npu_scatter_nd_update_(self: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """`npu_scatter_nd_update` in place."""
    return _nd_update(self, indices, updates)


def _update(data: Tensor, indices: Tensor, updates: Tensor, axis: int) -> Tensor:
    axis = axis % data.dim()
    for n, begin in enumerate(indices.reshape(-1).tolist()):
        data[n].narrow(axis - 1, begin, updates.shape[axis]).copy_(updates[n])
    return data


@fused("Scatter", "gather", differentiable=False)
def scatter_update(data: Tensor, indices: Tensor, updates: Tensor, axis: int) -> Tensor:
    """A copy in which, batch by batch, `updates` stand from `indices` on along an axis (a cache of keys)."""
    return _update(data.clone(), indices, updates, axis)


@fused("Scatter", "gather", differentiable=False)
def scatter_update_(data: Tensor, indices: Tensor, updates: Tensor, axis: int) -> Tensor:
    """`scatter_update` in place."""
    return _update(data, indices, updates, axis)


@fused("SignBitsPack", differentiable=False)
def npu_sign_bits_pack(self: Tensor, size: int) -> Tensor:
    """Eight signs a byte, lowest bit first; 1 is not negative. Missing ones at the end count as negative.

    Returns:
        (size, bytes / size), uint8.
    """
    bits = functional.pad((self >= 0).to(torch.uint8), [0, -self.numel() % 8]).view(-1, 8)
    packed = (bits.int() << torch.arange(8, dtype=torch.int32)).sum(1).to(torch.uint8)
    return packed.view(size, -1)


@fused("SignBitsUnpack", differentiable=False)
def npu_sign_bits_unpack(inputs: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """The reverse of `npu_sign_bits_pack`: 1.0 and -1.0, (size, 8 · bytes / size)."""
    bits = (inputs.int().view(-1, 1) >> torch.arange(8, dtype=torch.int32)) & 1
    return (bits.reshape(size, -1) * 2 - 1).to(dtype)


@fused("MaskedFillRange", "copy")
def npu_masked_fill_range(self: Tensor, start: Tensor, end: Tensor, value: Tensor, axis: int = -1) -> Tensor:
    """Fills ranges of positions along an axis.

    Args:
        self: of 1 to 3 dimensions.
        start: (ranges, N) first positions; column j holds for row j of the dimension before the axis.
        end: (ranges, N) positions after the last.
        value: (ranges,) of the tensor's type.
        axis: along which.

    Raises:
        RuntimeError: an axis that there is not, or sizes or types that do not fit, in the real words.
    """
    if not -self.dim() <= axis < self.dim():
        raise invalid(f"axis overfloaw the range, expected in range [{-self.dim()} {self.dim() - 1}] ")
    if start.dim() != 2 or start.shape != end.shape:  # noqa: PLR2004 - as the message says
        raise invalid("Expected noempty 2D start tensor and start' sizes() should be equal end's sizes() ")
    if start.shape[0] != value.shape[0]:
        raise invalid("Expected value.length equal start loop num ")
    if self.dtype is not value.dtype:
        raise invalid(
            f"value dtype should be equal self dtype !, but value dtype is {value.dtype} "
            f"and self dtype is {self.dtype}"
        )
    axis %= self.dim()
    last = axis == self.dim() - 1 and self.dim() > 1
    positions = torch.arange(self.shape[axis])
    out = self
    for begins, ends, one in zip(start, end, value, strict=True):
        inside = (positions >= begins.unsqueeze(1)) & (positions < ends.unsqueeze(1))
        mask = torch.zeros(self.shape[0] if last else 1, self.shape[axis], dtype=torch.bool)
        if last:
            mask[: len(inside)] = inside
        else:
            mask[0] = inside.any(0)
        shape = [1] * self.dim()
        shape[axis] = self.shape[axis]
        if last:
            shape[0] = self.shape[0]
        out = torch.where(mask.view(shape), one, out)
    return out
