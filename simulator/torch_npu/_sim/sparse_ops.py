"""Which operators sparse NPU tensors have: those whose kernel is the same on every backend.

Such a kernel is made of operators on indices and values. The names are those that native_functions.yaml of
PyTorch 2.13 gives one kernel for SparseCPU and SparseCUDA, or for SparseCsrCPU and SparseCsrCUDA; torch_npu
takes these over, and adds the ones in ON_NPU (the `sparse:` entries of op_plugin_functions.yaml).
"""

# Each with its in-place and its out= form.
_UNARY = """
    abs asin asinh atan atanh ceil deg2rad erf erfinv expm1 floor frac log1p neg rad2deg round sgn
    sign sin sinh sqrt tan tanh trunc
"""
_COO = """
    _coalesced_ _dimI _dimV _indices _nnz _sparse_broadcast_to _sparse_coo_tensor_with_dims
    _sparse_coo_tensor_with_dims_and_tensors _sparse_mask_projection _to_dense _to_sparse
    _to_sparse.sparse_dim _to_sparse_bsc _to_sparse_bsr _to_sparse_csc _to_sparse_csr _values
    add.Tensor add_.Tensor any cat clone conj_physical.out copy_ copy_sparse_to_sparse_ dense_dim
    div.Tensor div.Tensor_mode div.out div.out_mode div_.Tensor div_.Tensor_mode empty.memory_format
    empty_like floor_divide floor_divide.out floor_divide_.Tensor indices is_coalesced isinf isnan
    isneginf isneginf.out isposinf isposinf.out mm mm.out mul.Tensor mul_.Tensor mv nan_to_num
    nan_to_num.out nan_to_num_ narrow_copy native_norm native_norm.ScalarOpt_dim_dtype
    norm.ScalarOpt_dim norm.ScalarOpt_dim_dtype permute pow.Tensor_Scalar pow.Tensor_Scalar_out relu
    relu_ resize_as_sparse_ signbit signbit.out sparse_dim sparse_mask sparse_resize_
    sparse_resize_and_clear_ sub.Tensor sub.out sub_.Tensor sum sum.dim_IntList threshold_backward
    threshold_backward.grad_input unsqueeze values view_as_complex view_as_real zero_ zeros.out
"""
_CSR = """
    _conj_physical _nnz _to_dense _to_sparse _to_sparse.sparse_dim _to_sparse_bsc _to_sparse_bsr
    _to_sparse_csc _to_sparse_csr add.Tensor add_.Tensor addmm angle angle.out ccol_indices clone
    col_indices conj_physical.out conj_physical_ copy_ crow_indices dense_dim empty.memory_format
    empty_like fill_.Scalar isinf isnan isneginf isneginf.out isposinf isposinf.out mm mm.out
    mul.Scalar mul.Tensor mul.out mul_.Scalar mul_.Tensor normal_ relu relu_ resize_
    resize_as_sparse_ row_indices select.int select_copy.int signbit signbit.out sparse_dim
    sparse_mask sum sum.dim_IntList threshold_backward threshold_backward.grad_input values zero_
"""
_FORMS = [f"{name}{form}" for name in _UNARY.split() for form in ("", "_", ".out")]

SHARED_COO = frozenset([*_FORMS, *_COO.split()])
SHARED_CSR = frozenset([*_FORMS, *_CSR.split()])
ON_NPU = frozenset({"_coalesce", "add.out", "max", "mul.out"})
