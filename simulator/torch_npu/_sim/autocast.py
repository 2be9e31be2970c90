"""Automatic mixed precision: which operators run in which type under `torch.autocast("npu")`.

The lists are those of AutoCastOps.cpp in Ascend/pytorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch._ops import OpOverload

KEY = "AutocastPrivateUse1"

# In the lower type: what runs on the Cube.
LOWER = [
    "_convolution.deprecated",
    "_convolution",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d.input",
    "conv_transpose3d.input",
    "convolution",
    "cudnn_convolution",
    "cudnn_convolution_transpose",
    "prelu",
    "addmm",
    "addmv",
    "addr",
    "matmul",
    "einsum",
    "mm",
    "mv",
    "linear",
    "addbmm",
    "baddbmm",
    "bmm",
    "chain_matmul",
    "linalg_multi_dot",
    "_thnn_fused_lstm_cell",
    "_thnn_fused_gru_cell",
    "lstm_cell",
    "gru_cell",
    "rnn_tanh_cell",
    "rnn_relu_cell",
    "_scaled_dot_product_flash_attention",
    "scaled_dot_product_attention",
]
# In float32: what loses too much otherwise.
FLOAT32 = [
    "acos",
    "asin",
    "cosh",
    "erfinv",
    "exp",
    "expm1",
    "log",
    "log10",
    "log2",
    "log1p",
    "reciprocal",
    "rsqrt",
    "sinh",
    "tan",
    "pow.Tensor_Scalar",
    "pow.Tensor_Tensor",
    "pow.Scalar",
    "softplus",
    "layer_norm",
    "native_layer_norm",
    "group_norm",
    "frobenius_norm.dim",
    "nuclear_norm",
    "nuclear_norm.dim",
    "cosine_similarity",
    "poisson_nll_loss",
    "cosine_embedding_loss",
    "nll_loss",
    "nll_loss2d",
    "hinge_embedding_loss",
    "kl_div",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "mse_loss",
    "margin_ranking_loss",
    "multilabel_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "multi_margin_loss",
    "binary_cross_entropy_with_logits",
    "dist",
    "pdist",
    "cdist",
    "renorm",
    "logsumexp",
]
# Their result in float32, by their own dtype argument.
FLOAT32_RESULT = [
    "prod",
    "prod.dim_int",
    "softmax.int",
    "log_softmax.int",
    "cumprod",
    "cumsum",
    "linalg_vector_norm",
    "linalg_matrix_norm",
    "linalg_matrix_norm.str_ord",
    "sum",
    "sum.dim_IntList",
]
# In the widest type among their arguments.
PROMOTE = [
    "addcdiv",
    "addcmul",
    "atan2",
    "bilinear",
    "cross",
    "dot",
    "grid_sampler",
    "index_put",
    "tensordot",
    "scatter_add",
]
BANNED = "binary_cross_entropy"

_HALF = (torch.float16, torch.bfloat16)
_exclude = torch._C._ExcludeDispatchKeyGuard
_keys = torch._C.DispatchKeySet(torch._C._dispatch_key_parse(KEY))
# Parameters cast once a region: by id and type, the parameter and its cast.
_casts: dict[tuple[int, torch.dtype], tuple[Tensor, Tensor]] = {}
_clear_cpp_cache = torch.clear_autocast_cache


def _clear_cache() -> None:
    _casts.clear()
    _clear_cpp_cache()


def _eligible(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dtype is not torch.float64


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        if not _eligible(value) or value.dtype is dtype or value.get_device() < 0:
            return value
        if not (
            value.is_leaf and value.requires_grad and dtype in _HALF and torch.is_autocast_cache_enabled()
        ):
            return value.to(dtype)
        known = _casts.get((id(value), dtype))
        if known is None:
            known = _casts[id(value), dtype] = (value, value.to(dtype))
        return known[1]
    if isinstance(value, list | tuple):
        return type(value)(_cast(v, dtype) for v in value)
    return value


def _casting(op: OpOverload, choose: Callable[[tuple[Any, ...]], torch.dtype]) -> Callable[..., Any]:
    def kernel(*args: Any, **kwargs: Any) -> Any:
        with _exclude(_keys):
            dtype = choose(args)
            return op(*(_cast(a, dtype) for a in args), **{k: _cast(v, dtype) for k, v in kwargs.items()})

    return kernel


def _float32_result(op: OpOverload) -> Callable[..., Any]:
    position = next(
        (i for i, a in enumerate(op._schema.arguments) if a.name == "dtype" and not a.kwarg_only), None
    )

    def kernel(*args: Any, **kwargs: Any) -> Any:
        with _exclude(_keys):
            first = args[0]
            given = kwargs.get("dtype") if position is None or position >= len(args) else args[position]
            if given is None and isinstance(first, Tensor) and first.dtype in _HALF:
                if position is not None and position < len(args):
                    args = (*args[:position], torch.float32, *args[position + 1 :])
                else:
                    kwargs["dtype"] = torch.float32
            return op(*args, **kwargs)

    return kernel


def _lower(_args: tuple[Any, ...]) -> torch.dtype:
    return torch.get_autocast_dtype("npu")


def _float32(_args: tuple[Any, ...]) -> torch.dtype:
    return torch.float32


def _widest(args: tuple[Any, ...]) -> torch.dtype:
    tensors = [a for a in args if _eligible(a)]
    lower = torch.get_autocast_dtype("npu")
    return torch.float32 if any(t.dtype is not lower for t in tensors) else lower


def _banned(*_args: Any, **_kwargs: Any) -> Any:
    raise RuntimeError(
        "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\n"
        "Many models use a sigmoid layer right before the binary cross entropy layer.\n"
        "In this case, combine the two layers using torch.nn.functional.binary_cross_entropy_with_logits\n"
        "or torch.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are\n"
        "safe to autocast."
    )


def register(
    library: Any, fallback_library: Any, overload_of: Callable[[str], OpOverload], lazily: Callable[..., Any]
) -> None:
    """Registers the casting kernels; every other operator falls through to its ordinary kernel."""
    fallback_library.m.fallback(KEY, torch.library.fallthrough_kernel, False)

    def kernels(names: list[str], make: Callable[[OpOverload], Callable[..., Any]]) -> None:
        for name in names:
            library.m.impl(name, KEY, lazily(lambda n=name: make(overload_of(n))), False)

    kernels(LOWER, lambda op: _casting(op, _lower))
    kernels(FLOAT32, lambda op: _casting(op, _float32))
    kernels(PROMOTE, lambda op: _casting(op, _widest))
    kernels(FLOAT32_RESULT, _float32_result)
    library.m.impl(BANNED, KEY, _banned, False)
    torch.clear_autocast_cache = _clear_cache
