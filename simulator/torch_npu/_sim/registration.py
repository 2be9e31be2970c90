"""Which operator gets which kernel: PyTorch's list is walked once, kernels are built at first use."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim import (
    autocast,
    bad_indices,
    copies,
    dropout,
    factories,
    fallback,
    fft_plans,
    index_types,
    native_functions,
    nested,
    pinning,
    resizing,
    rnn_cells,
    softmax,
    sparse,
    storages,
    sync_batch_norm,
)
from torch_npu._sim.cpu_fallback_ops import FALLBACK
from torch_npu._sim.factories import make_factory
from torch_npu._sim.kernels import make_kernel
from torch_npu._sim.signatures import signature
from torch_npu._sim.views import make_view
from torch_npu.utils._error_code import ErrCode, ops_error

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "PrivateUse1"

# Left to PyTorch's own composition out of other operators: they only look at metadata, take host tensors on
# purpose, or build on operators that have a kernel here.
_COMPOSED = frozenset(
    {
        "_assert_scalar",
        "_assert_tensor_metadata",
        "_functional_assert_scalar",
        "_has_same_storage_numel",
        "_lazy_clone",
        "_linalg_check_errors",
        "_new_zeros_with_same_feature_meta",
        "_pack_padded_sequence",
        "_pin_memory",
        "_print",
        "_resize_output",
        "_resize_output_",
        "_scaled_dot_product_fused_attention_overrideable",
        "_scaled_dot_product_fused_attention_overrideable_backward",
        "_unsafe_view",
        "as_strided_",
        "convolution_backward_overrideable",
        "convolution_overrideable",
        "dense_dim",
        "detach_",
        "empty_like",
        "empty_permuted",
        "is_coalesced",
        "is_pinned",
        "is_same_size",
        "lift",
        "lift_fresh",
        "new_empty",
        "resize",
        "resize_as",
        "resize_as_",
        "set",
        "slice_inverse",
        "sparse_dim",
        "squeeze_",
        "sym_constrain_range",
        "sym_constrain_range_for_size",
        "t_",
        "to_padded_tensor",
        "transpose_",
        "unsafe_split",
        "unsafe_split_with_sizes",
        "unsqueeze_",
    }
)
_SKIPPED = re.compile(
    r"sparse|nested|mkldnn|cudnn|miopen|mps|quantiz|_csr|_cslt|coalesce|crow_|ccol_|_test_|_foobar"
)
_VIEWS_ON_CPU = (
    "set_.source_Storage",
    "set_.source_Storage_storage_offset",
    "set_.source_Tensor",
)

_library: Any = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
_fallback_library: Any = torch.library.Library("_", "IMPL")  # type: ignore[no-untyped-call]


def register_all() -> None:
    """Gives every operator that PyTorch can compute on the CPU its kernel for the simulated device."""
    implement = _library.m.impl
    special = _special()
    edits = native_functions.from_environment()
    for full in torch._C._dispatch_get_all_op_names():
        name = full[6:]
        if full.startswith("aten::") and name not in special and _wants_kernel(full):
            on_cpu = edits.falls_back(name, otherwise=name in FALLBACK)
            build = _build_fallback if on_cpu else _build
            implement(name, KEY, _lazily(partial(build, name)), False)
    for name, kernel in special.items():
        implement(name, KEY, kernel, False)
    implement("contiguous", "AutogradPrivateUse1", copies.contiguous, False)
    for name, kernel in pinning.KERNELS.items():
        implement(name, "CPU", kernel, False)
    for name, kernel in nested.HOST.items():
        implement(name, "CPU", kernel, True)  # with the set of dispatch keys first
    autocast.register(_library, _fallback_library, overload_of, _lazily)
    _fallback_library.m.fallback(KEY, fallback.run, False)
    for name, key, kernel_of in sparse.kernels(overload_of):
        implement(name, key, _lazily(kernel_of), False)
    for key in ("SparsePrivateUse1", "SparseCsrPrivateUse1"):
        _fallback_library.m.fallback(key, sparse.refuse, False)
    _fallback_library.m.fallback("NestedTensorPrivateUse1", nested.refuse, False)


def _wants_kernel(full: str) -> bool:
    """Whether an operator is computed whole, and not composed by PyTorch out of others or refused."""
    name, _, part = full.partition(".")
    if name[6:] in _COMPOSED or _SKIPPED.search(name):
        return False
    has = torch._C._dispatch_has_kernel_for_dispatch_key
    if has(full, "CPU"):
        return True
    if part.endswith("out"):
        return False  # PyTorch makes these of the functional operator and a copy
    if not (has(full, "CompositeExplicitAutograd") or has(full, "CompositeExplicitAutogradNonFunctional")):
        return False
    # Views that PyTorch composes out of as_strided need no kernel of their own.
    return not _is_view(torch._C._get_schema(name, part))


def _special() -> dict[str, Callable[..., Any]]:
    return {
        **copies.KERNELS,
        **dropout.KERNELS,
        **index_types.KERNELS,
        **nested.REFUSED,
        **rnn_cells.KERNELS,
        **sparse.dense_kernels(),
        **sync_batch_norm.KERNELS,
        "empty.memory_format": factories.empty_memory_format,
        "empty_strided": factories.empty_strided,
        "zeros": factories.zeros,
        "_efficientzerotensor": factories.zeros,  # a lazy zero has no memory that an alias could show
        "resize_": resizing.resize_,
        "set_": resizing.set_,
        "_has_compatible_shallow_copy_type": storages.can_take_the_place_of,
        **{name: _view_kernel(name) for name in _VIEWS_ON_CPU},
    }


def overload_of(name: str) -> torch._ops.OpOverload:
    """The operator of an aten name such as "add.Tensor" or "relu"."""
    base, _, part = name.partition(".")
    overload: torch._ops.OpOverload = getattr(getattr(torch.ops.aten, base), part or "default")
    return overload


def _view_kernel(name: str) -> Callable[..., Any]:
    return _lazily(partial(_make_named_view, name))


def _make_named_view(name: str) -> Callable[..., Any]:
    return make_view(overload_of(name))


def _lazily(build: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """A kernel that is built when it is first called: building all two thousand would delay the import."""
    built: Callable[..., Any] | None = None

    def kernel(*args: Any, **kwargs: Any) -> Any:
        nonlocal built
        if built is None:
            built = build()
        return built(*args, **kwargs)

    return kernel


def _is_view(schema: Any) -> bool:
    return any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)


def _build_fallback(name: str) -> Callable[..., Any]:
    return partial(fallback.run, overload_of(name))


def _with_code(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel, whose complaint about an argument ends with the device's code for it."""

    def coded(*args: Any, **kwargs: Any) -> Any:
        try:
            return kernel(*args, **kwargs)
        except RuntimeError as error:
            if "rounding_mode" not in str(error):
                raise
            raise RuntimeError(str(error).partition("\n")[0] + ops_error(ErrCode.PARAM)) from None

    return coded


def _build(name: str) -> Callable[..., Any]:
    overload = overload_of(name)
    sig = signature(overload)
    if sig.view:
        return make_view(overload)
    if "device" in sig.keyword_names:
        return make_factory(overload)
    kernel = make_kernel(overload)
    if bad_indices.applies(name):
        kernel = bad_indices.failing_late(name, kernel)
    if name in index_types.POSITIONS:
        return index_types.widened(name, kernel)
    if name in softmax.WRAPPERS:
        return softmax.WRAPPERS[name](kernel)
    if "rounding_mode" in sig.keyword_names:
        return _with_code(kernel)
    return fft_plans.noting(name, kernel) if name.startswith("_fft_") else kernel
