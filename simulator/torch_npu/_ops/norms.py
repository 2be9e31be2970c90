"""Normalizations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from torch_npu._ops._fused import fused, invalid


def _rms(x: Tensor, gamma: Tensor, epsilon: float, plus: float = 0.0) -> tuple[Tensor, Tensor]:
    dims = tuple(range(x.dim() - gamma.dim(), x.dim()))
    rstd = (x.float().square().mean(dims, keepdim=True) + epsilon).rsqrt()
    return (x.float() * rstd * (gamma.float() + plus)).to(x.dtype), rstd


@fused("RmsNorm", "normalization")
def npu_rms_norm(self: Tensor, gamma: Tensor, epsilon: float = 1e-06) -> tuple[Tensor, Tensor]:
    """Divides by the root of the mean square over gamma's dimensions, times gamma.

    Args:
        self: (…, *gamma.shape); computed in float32.
        gamma: the weight.
        epsilon: added to the mean square.

    Returns:
        The result in the input's type, and the reciprocal of the root (float32; 1 in the normalized
        dimensions).
    """
    return _rms(self, gamma, epsilon)


@fused("GemmaRmsNorm", "normalization")
def npu_gemma_rms_norm(self: Tensor, gamma: Tensor, epsilon: float = 1e-06) -> tuple[Tensor, Tensor]:
    """As `npu_rms_norm`, with a weight of 1 + gamma."""
    return _rms(self, gamma, epsilon, 1.0)


@fused("AddRmsNorm", "normalization")
def npu_add_rms_norm(
    x1: Tensor, x2: Tensor, gamma: Tensor, epsilon: float = 1e-06
) -> tuple[Tensor, Tensor, Tensor]:
    """`npu_rms_norm` of a sum; returns the result, the reciprocal root and the sum."""
    x = x1 + x2
    return (*_rms(x, gamma, epsilon), x)


@fused("AddLayerNorm", "normalization")
def npu_add_layer_norm(
    x1: Tensor,
    x2: Tensor,
    gamma: Tensor,
    beta: Tensor,
    epsilon: float = 1e-05,
    additional_output: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Layer normalization of a sum; returns the result, mean, reciprocal deviation and the sum."""
    x = (x1 + x2).float()
    dims = tuple(range(x.dim() - gamma.dim(), x.dim()))
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    rstd = (variance + epsilon).rsqrt()
    y = ((x - mean) * rstd * gamma.float() + beta.float()).to(x1.dtype)
    return y, mean, rstd, x.to(x1.dtype) if additional_output else torch.zeros_like(x1)


@fused("LayerNormV4", "normalization", differentiable=False)
def npu_layer_norm_eval(
    input: Tensor,
    normalized_shape: list[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Layer normalization for inference."""
    return functional.layer_norm(input, tuple(normalized_shape), weight, bias, eps)


def _group(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, group: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    x = input.float().reshape(input.shape[0], group, -1)
    variance, mean = torch.var_mean(x, 2, correction=0)
    wide = [None if t is None else t.float() for t in (weight, bias)]
    normal = functional.group_norm(input.float(), group, wide[0], wide[1], eps)
    return normal, mean.to(input.dtype), (variance + eps).rsqrt().to(input.dtype)


@fused("GroupNormSilu", "normalization")
def npu_group_norm_silu(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, group: int, eps: float = 1e-05
) -> tuple[Tensor, Tensor, Tensor]:
    """SiLU of a group normalization; returns the result, and mean and reciprocal deviation, (N, group)."""
    normal, mean, rstd = _group(input, weight, bias, group, eps)
    return functional.silu(normal).to(input.dtype), mean, rstd


@fused("GroupNormSwish", "normalization")
def npu_group_norm_swish(
    input: Tensor, num_groups: int, weight: Tensor, bias: Tensor, eps: float = 1e-05, swish_scale: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """X · sigmoid(scale · x) of a group normalization; returns the result, mean and reciprocal deviation."""
    normal, mean, rstd = _group(input, weight, bias, num_groups, eps)
    return (normal * torch.sigmoid(swish_scale * normal)).to(input.dtype), mean, rstd


@fused("DeepNorm", "normalization")
def npu_deep_norm(
    x: Tensor, gx: Tensor, beta: Tensor, gamma: Tensor, alpha: float = 0.3, epsilon: float = 1e-06
) -> tuple[Tensor, Tensor, Tensor]:
    """Layer normalization of alpha times x plus gx, over gamma's dimensions.

    Returns:
        Mean and inverse deviation (float32; 1 in the normalized dimensions), and the result.
    """
    dims = tuple(range(x.dim() - gamma.dim(), x.dim()))
    total = alpha * x.float() + gx.float()
    mean = total.mean(dims, keepdim=True)
    rstd = ((total - mean).square().mean(dims, keepdim=True) + epsilon).rsqrt()
    return mean, rstd, ((total - mean) * rstd * gamma.float() + beta.float()).to(x.dtype)


@fused("NormalizeBatch", "normalization", differentiable=False)
def npu_normalize_batch(self: Tensor, seq_len: Tensor, normalize_type: int = 0) -> Tensor:
    """Sequences less their mean, divided by their deviation, over what of each is filled.

    Args:
        self: (batch, features, length).
        seq_len: (batch,) how much of each is filled.
        normalize_type: 0 normalizes each feature, 1 all of a sequence together.

    Raises:
        RuntimeError: sizes that do not fit, or another type, in the real words.
    """
    if seq_len.dim() != 1:
        raise invalid(
            f"Non-empty 1D seq_len tensor expected but got a tensor with sizes {list(seq_len.shape)}"
        )
    if seq_len.shape[0] != self.shape[0]:
        raise invalid(
            "seq_len's length should be equal self' num, but got seq_len length "
            f"{seq_len.shape[0]}self num {self.shape[0]}"
        )
    if normalize_type not in {0, 1}:
        raise invalid(f"normalize_type expected to be in range [0, 1], but got {normalize_type}")
    dims = (1,) if normalize_type == 0 else (0, 1)
    found = []
    for one, length in zip(self.float(), seq_len.tolist(), strict=True):
        part = one[:, :length]
        found.append((one - part.mean(dims, keepdim=True)) / (part.std(dims, keepdim=True) + 1e-5))
    return torch.stack(found).to(self.dtype)
