"""`acl.blas`: matrix products, by the single operator GEMM.

Imitates pyACL's `acl.blas` of CANN 8. As on the device, GEMM for the shapes and types is converted before,
with `atc --singleop`: inputs a, b, c, alpha and beta (the last two without dimensions), format ND, attributes
transpose_a and transpose_b.
"""

from __future__ import annotations

from acl import _single_ops as single
from acl._buffers import Buffer, TensorDesc
from acl._calls import AclError, integer, status, values
from acl._single_ops import loaded
from acl._state import stream_of
from acl.op import Call, calls

FLOAT, HALF, INT8, INT32 = 0, 1, 2, 3
TYPES = {(HALF, HALF, HALF), (HALF, HALF, FLOAT), (INT8, INT8, FLOAT), (INT8, INT8, INT32)}
PLAIN, TRANSPOSED = 0, 1
ND = 2
PARAM, UNSUPPORTED = 100000, 200006


def _call(
    trans: tuple[int, int, int], sizes: tuple[int, int, int], types: tuple[int, int, int], kind: int
) -> Call:
    """The GEMM for a call's arguments.

    Raises:
        AclError: sizes, transpositions or types that it does not take (100000, 200006), or it was not loaded
            (100024).
    """
    for name, number in zip("mnk", sizes, strict=True):
        if integer(name, number) < 1:
            raise AclError(PARAM, f"{name} is {number}; give at least 1")
    for name, flag in zip(("trans_a", "trans_b", "trans_c"), trans, strict=True):
        if integer(name, flag) not in range(4):
            raise AclError(PARAM, f"{name} is {flag}; give 0 (plain) or 1 (transposed)")
        if flag > TRANSPOSED:
            raise AclError(UNSUPPORTED, f"{name} is {flag}: the format NZ is not simulated here; give 0 or 1")
    if trans[2] != PLAIN:
        raise AclError(PARAM, f"trans_c is {trans[2]}; give 0")
    if types not in TYPES:
        raise AclError(PARAM, f"types {types} of A, B and C are none that are taken; see aclblasGemmEx")
    if integer("type", kind) != 0:
        raise AclError(PARAM, f"type is {kind}; give 0 (high precision)")
    m, n, k = sizes
    inputs = [
        TensorDesc(types[0], (k, m) if trans[0] else (m, k), ND),
        TensorDesc(types[1], (n, k) if trans[1] else (k, n), ND),
        TensorDesc(types[2], (m, n), ND),
        TensorDesc(types[2], (), ND),
        TensorDesc(types[2], (), ND),
    ]
    outputs = [TensorDesc(types[2], (m, n), ND)]
    attrs = {"transpose_a": bool(trans[0]), "transpose_b": bool(trans[1])}
    return Call(loaded.find("GEMM", inputs, outputs, attrs), inputs, outputs)


def _run(call: Call, pointers: tuple[int, int, int, int, int], leading: tuple[int, ...], stream: int) -> None:
    """Launch a GEMM on pointers of a, b, c, alpha and beta."""
    if any(integer("lda", number) != -1 for number in leading):
        raise AclError(PARAM, f"lda, ldb, ldc (incx, incy) are {leading}; only -1 is taken")
    given = [
        Buffer(integer("pointer", ptr), desc.size) for ptr, desc in zip(pointers, call.inputs, strict=True)
    ]
    single.run(call.op, (call.inputs, call.outputs), (given, [given[2]]), stream_of(stream))


@status
def gemm_ex(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    trans_b: int,
    trans_c: int,
    m: int,
    n: int,
    k: int,
    alpha: int,
    matrix_a: int,
    lda: int,
    data_type_a: int,
    matrix_b: int,
    ldb: int,
    data_type_b: int,
    beta: int,
    matrix_c: int,
    ldc: int,
    data_type_c: int,
    type: int,  # noqa: A002 - the real name
    stream: int,
) -> None:
    """C = alpha * A @ B + beta * C when the stream comes to it: `ret`.

    Codes: 100000 arguments, 100024 no GEMM for them was loaded, 107000 pointers, 107002, 107003.

    Args:
        trans_a: 0 as it lies, 1 transposed.
        trans_b: the same of B.
        trans_c: 0.
        m: rows of C.
        n: columns of C.
        k: the length that is summed over.
        alpha: a factor, in device memory, of C's type.
        matrix_a: A, (m, k), in device memory.
        lda: -1.
        data_type_a: its aclDataType: float16 or int8.
        matrix_b: B, (k, n).
        ldb: -1.
        data_type_b: its aclDataType.
        beta: a factor of the old C.
        matrix_c: C, (m, n).
        ldc: -1.
        data_type_c: its aclDataType: float16, float or int32.
        type: 0, high precision.
        stream: the stream.
    """
    call = _call((trans_a, trans_b, trans_c), (m, n, k), (data_type_a, data_type_b, data_type_c), type)
    _run(call, (matrix_a, matrix_b, matrix_c, alpha, beta), (lda, ldb, ldc), stream)


@values(0)
def create_handle_for_gemm_ex(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    trans_b: int,
    trans_c: int,
    m: int,
    n: int,
    k: int,
    data_type_a: int,
    data_type_b: int,
    data_type_c: int,
    type: int,  # noqa: A002 - the real name
) -> int:
    """A matrix product for `acl.op.execute_with_handle` (A, B, C, alpha, beta; C): `(handle, ret)`."""
    types = (data_type_a, data_type_b, data_type_c)
    return calls.add(_call((trans_a, trans_b, trans_c), (m, n, k), types, type))


def _vector(trans_a: int, m: int, n: int, types: tuple[int, int, int], kind: int) -> Call:
    """A matrix times a vector is a product with one column."""
    return _call((trans_a, PLAIN, PLAIN), (m, 1, n), types, kind)


@status
def gemv_ex(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    m: int,
    n: int,
    alpha: int,
    a: int,
    lda: int,
    data_type_a: int,
    x: int,
    incx: int,
    data_type_x: int,
    beta: int,
    y: int,
    incy: int,
    data_type_y: int,
    type: int,  # noqa: A002 - the real name
    stream: int,
) -> None:
    """The vector y = alpha * A @ x + beta * y when the stream comes to it: `ret`; codes as `gemm_ex`."""
    call = _vector(trans_a, m, n, (data_type_a, data_type_x, data_type_y), type)
    _run(call, (a, x, y, alpha, beta), (lda, incx, incy), stream)


@values(0)
def create_handle_for_gemv_ex(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    m: int,
    n: int,
    data_type_a: int,
    data_type_x: int,
    data_type_y: int,
    type: int,  # noqa: A002 - the real name
) -> int:
    """A product with a vector for `acl.op.execute_with_handle`: `(handle, ret)`."""
    return calls.add(_vector(trans_a, m, n, (data_type_a, data_type_x, data_type_y), type))


@status
def hgemm(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    trans_b: int,
    trans_c: int,
    m: int,
    n: int,
    k: int,
    alpha: int,
    matrix_a: int,
    lda: int,
    matrix_b: int,
    ldb: int,
    beta: int,
    matrix_c: int,
    ldc: int,
    type: int,  # noqa: A002 - the real name
    stream: int,
) -> None:
    """`gemm_ex` in float16: `ret`."""
    call = _call((trans_a, trans_b, trans_c), (m, n, k), (HALF, HALF, HALF), type)
    _run(call, (matrix_a, matrix_b, matrix_c, alpha, beta), (lda, ldb, ldc), stream)


@values(0)
def create_handle_for_hgemm(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    trans_b: int,
    trans_c: int,
    m: int,
    n: int,
    k: int,
    type: int,  # noqa: A002 - the real name
) -> int:
    """`create_handle_for_gemm_ex` in float16: `(handle, ret)`."""
    return calls.add(_call((trans_a, trans_b, trans_c), (m, n, k), (HALF, HALF, HALF), type))


@status
def s8gemm(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    trans_b: int,
    trans_c: int,
    m: int,
    n: int,
    k: int,
    alpha: int,
    matrix_a: int,
    lda: int,
    matrix_b: int,
    ldb: int,
    beta: int,
    matrix_c: int,
    ldc: int,
    type: int,  # noqa: A002 - the real name
    stream: int,
) -> None:
    """`gemm_ex` of int8 into int32: `ret`."""
    call = _call((trans_a, trans_b, trans_c), (m, n, k), (INT8, INT8, INT32), type)
    _run(call, (matrix_a, matrix_b, matrix_c, alpha, beta), (lda, ldb, ldc), stream)


@values(0)
def create_handle_for_s8gemm(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    trans_b: int,
    trans_c: int,
    m: int,
    n: int,
    k: int,
    type: int,  # noqa: A002 - the real name
) -> int:
    """`create_handle_for_gemm_ex` of int8 into int32: `(handle, ret)`."""
    return calls.add(_call((trans_a, trans_b, trans_c), (m, n, k), (INT8, INT8, INT32), type))


@status
def hgemv(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    m: int,
    n: int,
    alpha: int,
    a: int,
    lda: int,
    x: int,
    incx: int,
    beta: int,
    y: int,
    incy: int,
    type: int,  # noqa: A002 - the real name
    stream: int,
) -> None:
    """`gemv_ex` in float16: `ret`."""
    _run(_vector(trans_a, m, n, (HALF, HALF, HALF), type), (a, x, y, alpha, beta), (lda, incx, incy), stream)


@values(0)
def create_handle_for_hgemv(trans_a: int, m: int, n: int, type: int) -> int:  # noqa: A002 - the real name
    """`create_handle_for_gemv_ex` in float16: `(handle, ret)`."""
    return calls.add(_vector(trans_a, m, n, (HALF, HALF, HALF), type))


@status
def s8gemv(  # noqa: PLR0913, PLR0917 - as the real one
    trans_a: int,
    m: int,
    n: int,
    alpha: int,
    a: int,
    lda: int,
    x: int,
    incx: int,
    beta: int,
    y: int,
    incy: int,
    type: int,  # noqa: A002 - the real name
    stream: int,
) -> None:
    """`gemv_ex` of int8 into int32: `ret`."""
    _run(_vector(trans_a, m, n, (INT8, INT8, INT32), type), (a, x, y, alpha, beta), (lda, incx, incy), stream)


@values(0)
def create_handle_for_s8gemv(trans_a: int, m: int, n: int, type: int) -> int:  # noqa: A002 - the real name
    """`create_handle_for_gemv_ex` of int8 into int32: `(handle, ret)`."""
    return calls.add(_vector(trans_a, m, n, (INT8, INT8, INT32), type))
