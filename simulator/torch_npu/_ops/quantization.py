"""Quantization to int8, and products of quantized matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_npu._ops._fused import fused, not_simulated
from torch_npu.utils._error_code import ErrCode, ops_error

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOW, _HIGH = -128, 127
_STORED = {torch.qint8: torch.int8, torch.quint8: torch.uint8, torch.qint32: torch.int32}
_FP19 = 0xFFFFE000  # float32 with 10 bits of mantissa, as the fix-pipe takes it
_OFFSET_BITS = 0x1FF
_PACKED, _WIDE = (torch.int64, torch.float32), (torch.float32, torch.bfloat16)
# what npu_quant_matmul scales with, by the type of the result (op-plugin's page of the operator)
_SCALES = {
    torch.int8: _PACKED,
    torch.float16: _PACKED,
    torch.bfloat16: _WIDE,
    torch.int32: _WIDE,
}


def _plain(operator: str, dtype: Any) -> torch.dtype:
    """The type in memory; packed int4 is not simulated."""
    dtype = torch.int8 if dtype is None else dtype
    if dtype is torch.quint4x2:
        raise not_simulated(operator, "quint4x2", "quantize to int8")
    found: torch.dtype = _STORED.get(dtype, dtype)
    return found


def _to_integers(x: Tensor, dtype: torch.dtype) -> Tensor:
    info = torch.iinfo(dtype)
    return x.round().clamp(info.min, info.max).to(dtype)


@fused("Quantize", differentiable=False)
def npu_quantize(
    inputs: Tensor,
    scales: Tensor,
    zero_points: Tensor | None,
    dtype: torch.dtype,
    axis: int = 1,
    div_mode: bool = True,
) -> Tensor:
    """Inputs / scales + zero_points, or without `div_mode` inputs · scales + zero_points, rounded.

    Args:
        inputs: floats.
        scales: one, or one an entry of the axis.
        zero_points: the same; None is 0.
        dtype: torch.qint8, quint8, qint32, or the plain integer types.
        axis: which dimension the scales belong to.
        div_mode: see above.

    Raises:
        NotImplementedError: quint4x2.
    """
    stored = _plain("npu_quantize", dtype)
    if not div_mode:
        axis = -2 if axis == -2 else -1  # noqa: PLR2004 - the only two that this mode has
    shape = [1] * inputs.dim()
    shape[axis] = -1
    scale = scales.float() if scales.dim() > 1 else scales.float().view(shape)
    x = inputs.float() / scale if div_mode else inputs.float() * scale
    if zero_points is not None:
        x = x + (zero_points.float() if zero_points.dim() > 1 else zero_points.float().view(shape))
    return _to_integers(x, stored)


@fused("AscendAntiQuantV2", differentiable=False)
def npu_anti_quant(
    x: Tensor,
    scale: Tensor,
    *,
    offset: Tensor | None = None,
    dst_dtype: torch.dtype | None = None,
    src_dtype: torch.dtype | None = None,
) -> Tensor:
    """(x + offset) · scale, float16 by default.

    Raises:
        NotImplementedError: packed int4 (int32 inputs).
    """
    if x.dtype is not torch.int8:
        raise not_simulated("npu_anti_quant", f"{x.dtype} inputs", "use int8")
    wide = x.float() if offset is None else x.float() + offset.float()
    return (wide * scale.float()).to(dst_dtype or torch.float16)


def _smoothed(x: Tensor, smooth: Tensor | None, groups: Tensor | None) -> Tensor:
    """Rows times their smoothing factors: one for all, or one a group of rows that ends at `groups`."""
    wide = x.float()
    if smooth is None:
        return wide
    if groups is None:
        return wide * smooth.float()
    rows = wide.reshape(-1, wide.shape[-1])
    which = torch.searchsorted(groups.long(), torch.arange(rows.shape[0]), right=True)
    return (rows * smooth.float()[which]).view_as(wide)


@fused("DynamicQuant", differentiable=False)
def npu_dynamic_quant(
    input_dummy: Tensor,
    *,
    smooth_scales: Tensor | None = None,
    group_index: Tensor | None = None,
    dst_type: torch.dtype | None = torch.int8,
) -> tuple[Tensor, Tensor]:
    """Symmetric quantization of each row by its largest magnitude.

    Args:
        input_dummy: (…, width), float16 or bfloat16.
        smooth_scales: (width,) factors, or (groups, width) with `group_index`.
        group_index: (groups,) where each group's rows end.
        dst_type: int8.

    Returns:
        The integers, and the scale of each row (float32).

    Raises:
        NotImplementedError: quint4x2.
    """
    stored = _plain("npu_dynamic_quant", dst_type)
    x = _smoothed(input_dummy, smooth_scales, group_index)
    scale = x.abs().amax(-1) / torch.iinfo(stored).max
    return _to_integers(x / scale.clamp(min=1e-30).unsqueeze(-1), stored), scale


@fused("DynamicQuantV2", differentiable=False)
def npu_dynamic_quant_asymmetric(
    input_dummy: Tensor,
    *,
    smooth_scales: Tensor | None = None,
    group_index: Tensor | None = None,
    dst_type: torch.dtype | None = torch.int8,
) -> tuple[Tensor, Tensor, Tensor]:
    """Quantization of each row from its smallest to its largest value; arguments as in `npu_dynamic_quant`.

    Returns:
        The integers, and scale and offset of each row (float32).
    """
    stored = _plain("npu_dynamic_quant_asymmetric", dst_type)
    info = torch.iinfo(stored)
    x = _smoothed(input_dummy, smooth_scales, group_index)
    scale = ((x.amax(-1) - x.amin(-1)) / (info.max - info.min)).clamp(min=1e-30)
    offset = info.max - x.amax(-1) / scale
    return _to_integers(x / scale.unsqueeze(-1) + offset.unsqueeze(-1), stored), scale, offset


@fused("GroupQuant", differentiable=False)
def npu_group_quant(
    x: Tensor,
    scale: Tensor,
    group_index: Tensor,
    *,
    offset: Tensor | None = None,
    dst_dtype: torch.dtype | None = None,
) -> Tensor:
    """X · scale + offset, rounded; rows of a group, which ends at `group_index`, share a row of scales."""
    stored = _plain("npu_group_quant", dst_dtype)
    wide = _smoothed(x, scale, group_index)
    return _to_integers(wide if offset is None else wide + offset.float(), stored)


@fused("TransQuantParamV2", differentiable=False)
def npu_trans_quant_param(scale: Tensor, offset: Tensor | None = None, round_mode: int = 0) -> Tensor:
    """Scale and offset packed into int64, as the hardware's quantizing output stage takes them.

    Args:
        scale: float32; its upper 19 bits are kept.
        offset: float32, rounded to -256 to 255.
        round_mode: 0 cuts the scale off, 1 rounds it.
    """
    bits = scale.float().view(torch.int32).long() & 0xFFFFFFFF
    if round_mode == 1:
        bits = bits + 0x1000
    packed = (bits & _FP19) | (1 << 46)
    if offset is not None:
        whole = offset.float().round().clamp(-256, 255).long() & _OFFSET_BITS
        packed = (packed & 0x4000FFFFFFFF) | (whole << 37)
    return packed


def _unpacked(scale: Tensor) -> Tensor:
    """A scale as float32, out of what `npu_trans_quant_param` packed where it is int64."""
    if scale.dtype is not torch.int64:
        return scale.float()
    bits = scale & _FP19
    signed = torch.where(bits >= 1 << 31, bits - (1 << 32), bits)
    return signed.int().view(torch.float32)


def _check_quant_types(scale: Tensor, output_dtype: torch.dtype | None) -> None:
    """The types that the documentation of torch_npu.npu_quant_matmul lists for a scale and a result."""
    result = output_dtype or torch.int8
    if result not in _SCALES:
        known = ", ".join(map(str, _SCALES))
        raise RuntimeError(
            f"npu_quant_matmul: an output_dtype of {result} is not supported; it is one of {known}."
            + ops_error(ErrCode.TYPE)
        )
    if scale.dtype not in _SCALES[result]:
        known = " or ".join(map(str, _SCALES[result]))
        raise RuntimeError(
            f"npu_quant_matmul: a scale of {scale.dtype} does not go with {result} results; it is {known}."
            + ops_error(ErrCode.TYPE)
        )


@fused("QuantBatchMatmulV3", "matmul", differentiable=False)
def npu_quant_matmul(
    x1: Tensor,
    x2: Tensor,
    scale: Tensor,
    *,
    offset: Tensor | None = None,
    pertoken_scale: Tensor | None = None,
    bias: Tensor | None = None,
    output_dtype: torch.dtype | None = None,
    group_sizes: Sequence[int] | None = None,
) -> Tensor:
    """A product of int8 matrices, scaled.

    Args:
        x1: (…, m, k), int8.
        x2: (…, k, n), int8.
        scale: (1,) or (n,); float, or packed by `npu_trans_quant_param`.
        offset: (1,) or (n,), for int8 results.
        pertoken_scale: (m,).
        bias: (n,); int32 is added before the scale, floats after it.
        output_dtype: int8 by default; float16, bfloat16 or int32.
        group_sizes: not simulated.

    Raises:
        NotImplementedError: packed int4, or groups.
        RuntimeError: a scale or result of a type that the device does not take.
    """
    _check_quant_types(scale, output_dtype)
    if x1.dtype is not torch.int8 or x2.dtype is not torch.int8 or group_sizes:
        raise not_simulated("npu_quant_matmul", f"{x1.dtype} inputs or group_sizes", "use int8 matrices")
    sums = (x1.double() @ x2.double()).round()
    if bias is not None and bias.dtype is torch.int32:
        sums = sums + bias.double()
    if output_dtype is torch.int32:
        return sums.to(torch.int32)
    y = sums.float() * _unpacked(scale)
    if pertoken_scale is not None:
        y = y * pertoken_scale.float().unsqueeze(-1)
    if bias is not None and bias.dtype is not torch.int32:
        y = y + bias.float()
    if output_dtype not in {None, torch.int8}:
        return y.to(output_dtype)
    return _to_integers(y if offset is None else y + offset.float(), torch.int8)


@fused("WeightQuantBatchMatmulV2", "matmul", differentiable=False)
def npu_weight_quant_batchmatmul(
    x: Tensor,
    weight: Tensor,
    antiquant_scale: Tensor,
    antiquant_offset: Tensor | None = None,
    quant_scale: Tensor | None = None,
    quant_offset: Tensor | None = None,
    bias: Tensor | None = None,
    antiquant_group_size: int = 0,
    inner_precise: int = 0,
    weight_dtype: Any = None,
) -> Tensor:
    """X @ ((weight + antiquant_offset) · antiquant_scale) + bias, of an int8 weight.

    Args:
        x: (m, k), float16 or bfloat16.
        weight: (k, n), int8.
        antiquant_scale: (1,), (n,) or (groups of k, n).
        antiquant_offset: of the same shape.
        quant_scale: quantizes the result to int8.
        quant_offset: added before rounding.
        bias: (n,).
        antiquant_group_size: how many of k share a row of scales; 0 all.
        inner_precise: without effect.
        weight_dtype: not simulated.

    Raises:
        NotImplementedError: packed int4 or another weight_dtype.
    """
    if weight.dtype is not torch.int8 or weight_dtype is not None:
        raise not_simulated("npu_weight_quant_batchmatmul", f"{weight.dtype} weights", "use int8 weights")
    scale, offset = antiquant_scale.float(), 0.0 if antiquant_offset is None else antiquant_offset.float()
    if antiquant_group_size:
        scale = scale.repeat_interleave(antiquant_group_size, 0)[: weight.shape[0]]
        if isinstance(offset, Tensor):
            offset = offset.repeat_interleave(antiquant_group_size, 0)[: weight.shape[0]]
    # The vector units make a weight of x's type, which the Cube multiplies.
    plain = ((weight.float() + offset).to(x.dtype).float() * scale).to(x.dtype)
    y = x.float() @ plain.float()
    if bias is not None:
        y = y + bias.float()
    if quant_scale is None:
        return y.to(x.dtype)
    y = y * _unpacked(quant_scale)
    return _to_integers(y if quant_offset is None else y + quant_offset.float(), torch.int8)


@fused("QuantConv2D", "conv2d", differentiable=False)
def npu_quant_conv2d(
    input: Tensor,
    weight: Tensor,
    scale: Tensor,
    strides: Any = 1,
    pads: Any = 0,
    dilations: Any = 1,
    groups: int = 1,
    offset_x: int = 0,
    round_mode: str = "rint",
    output_dtype: torch.dtype | None = None,
    bias: Tensor | None = None,
    offset: Tensor | None = None,
    input_dtype: Any = None,
    weight_dtype: Any = None,
) -> Tensor:
    """(input * weight + bias) · scale of int8 images and kernels; padding has the value `offset_x`.

    Args:
        input: (N, C, H, W), int8.
        weight: (out, C / groups, height, width), int8.
        scale: (out,), packed by `npu_trans_quant_param` or float.
        strides: one number or two.
        pads: one number or two.
        dilations: one number or two.
        groups: of channels.
        offset_x: value of the padding.
        round_mode: "rint".
        output_dtype: float16 by default.
        bias: (out,), int32.
        offset: None.
        input_dtype: not simulated.
        weight_dtype: not simulated.

    Raises:
        NotImplementedError: other types than int8.
    """
    if input.dtype is not torch.int8 or input_dtype is not None or weight_dtype is not None:
        raise not_simulated("npu_quant_conv2d", f"{input.dtype} inputs", "use int8")
    y, x = (pads, pads) if isinstance(pads, int) else pads
    image = functional.pad(input.double(), [x, x, y, y], value=float(offset_x))
    wide = None if bias is None else bias.double()
    sums = functional.conv2d(image, weight.double(), wide, strides, 0, dilations, groups)
    result = sums.float() * _unpacked(scale).view(1, -1, 1, 1)
    return result.to(output_dtype or torch.float16)


@fused("IFMR", "reduce", differentiable=False)
def npu_ifmr(
    data: Tensor,
    data_min: Tensor,
    data_max: Tensor,
    cumsum: Tensor,
    min_percentile: float,
    max_percentile: float,
    search_start: float,
    search_end: float,
    search_step: float,
    with_offset: bool,
) -> tuple[Tensor, Tensor]:
    """Scale and offset with which data loses least when they become 8 bits.

    Args:
        data: what is to be quantized.
        data_min: (1,) its least.
        data_max: (1,) its greatest.
        cumsum: (bins,) how many lie up to the end of each bin between them.
        min_percentile: the part of the data that the low end must hold.
        max_percentile: the same of the high end.
        search_start: the first factor of the ends that is tried.
        search_end: where the trials end.
        search_step: from one trial to the next.
        with_offset: also shift.

    Returns:
        Scale and offset, each (1,).
    """
    wide, bins = data.float(), cumsum.numel()
    part = cumsum.float() / data.numel()
    low, high = data_min.float(), data_max.float()
    above = (part < max_percentile).sum() / bins * (high - low) + low
    below = (part < 1 - min_percentile).sum() / bins * (high - low) + low
    trials = int((search_end - search_start) / search_step - 1e-6) + 1
    factors = search_start + search_step * torch.arange(trials, dtype=torch.float32)
    if with_offset:
        ends, least = above.clamp(min=0) * factors, below.clamp(max=0)
        scale = (ends - least) / (_HIGH - _LOW)
        scale = torch.where(scale < torch.finfo(torch.float32).eps, torch.ones_like(scale), scale)
        offset = -(torch.round(least / scale) - _LOW)
    else:
        scale = torch.maximum(above.abs(), below.abs()) * factors / _HIGH
        offset = torch.zeros_like(scale)
    losses = []
    for s, o in zip(scale, offset, strict=True):
        stored = (torch.round(wide / s) + o).clamp(_LOW, _HIGH)
        losses.append(((stored - o) * s - wide).square().sum())
    best = int(torch.stack(losses).argmin())
    return scale[best : best + 1].to(data_min.dtype), offset[best : best + 1].to(data_min.dtype)
