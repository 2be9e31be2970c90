"""`acl.op` and `acl.blas`: operators of `atc --singleop` are found, compute, and refuse what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import acl
import npusim
import numpy as np
import pytest
from atc.cli import main
from click.testing import CliRunner

H2D, D2H = 1, 2
NUMBERS = {"float32": 0, "float16": 1, "int8": 2, "int32": 3, "bool": 12}
NAMES = {"float32": "float"}
ND = 2
GEMM_TYPES = [("float16", "float16"), ("float16", "float32"), ("int8", "int32")]


@pytest.fixture
def board(tmp_path, monkeypatch):
    """AscendCL on an Ascend310P3 in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    return tmp_path


def tensor(dtype, shape, **more):
    """A tensor of the description file."""
    return {"format": "ND", "shape": list(shape), "type": NAMES.get(dtype, dtype), **more}


def attr(name, kind, value):
    """An attribute of the description file."""
    return {"name": name, "type": kind, "value": value}


def convert(*rows, soc="Ascend310P3", output="ops"):
    """Run `atc --singleop`; its output where it failed."""
    Path("ops.json").write_text(json.dumps(rows), encoding="utf-8")
    done = CliRunner().invoke(main, ["--singleop=ops.json", f"--output={output}", f"--soc_version={soc}"])
    return done.output if done.exit_code else ""


def describe(array):
    """A tensor description."""
    return acl.create_tensor_desc(NUMBERS[str(array.dtype)], list(array.shape), ND)


def put(array):
    """An array on the device: its data buffer and address."""
    ptr, ret = acl.rt.malloc(max(array.nbytes, 64), 0)
    assert ret == 0
    if array.nbytes:
        raw = np.ascontiguousarray(array)
        assert acl.rt.memcpy(ptr, array.nbytes, acl.util.numpy_to_ptr(raw), array.nbytes, H2D) == 0
    return acl.create_data_buffer(ptr, array.nbytes), ptr


def get(ptr, like):
    """Device memory as an array."""
    back = np.zeros_like(like)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), back.nbytes, ptr, back.nbytes, D2H) == 0
    return back


def call(op, arrays, out, attrs=0, constants=()):
    """Run an operator on arrays: the output and the code of execute_v2."""
    given = [describe(a) for a in arrays]
    for number in constants:
        assert (
            acl.set_tensor_const(given[number], acl.util.numpy_to_ptr(arrays[number]), arrays[number].nbytes)
            == 0
        )
    buffers = [
        acl.create_data_buffer(0, 0) if number in constants else put(a)[0] for number, a in enumerate(arrays)
    ]
    made, ptr = put(out)
    ret = acl.op.execute_v2(op, given, buffers, [describe(out)], [made], attrs, 0)
    if ret == 0:
        assert acl.rt.synchronize_stream(0) == 0
    return get(ptr, out), ret


def test_an_operator_computes_and_takes_device_time(board):
    """Add of int32 gives the sums, after the stream is done, at the cost of an operator."""
    assert (
        convert(
            {
                "op": "Add",
                "input_desc": [tensor("int32", (8, 16))] * 2,
                "output_desc": [tensor("int32", (8, 16))],
            }
        )
        == ""
    )
    assert (board / "ops" / "0_Add_3_2_8_16_3_2_8_16_3_2_8_16.om").exists()
    assert acl.op.set_model_dir("ops") == 0
    a = np.arange(128, dtype=np.int32).reshape(8, 16)
    before = npusim.node().host.now
    found, ret = call("Add", [a, a + 1], np.zeros_like(a))
    assert ret == 0
    assert (found == 2 * a + 1).all()
    assert npusim.node().host.now > before
    assert npusim.node().records[-2].name == "Add" or any(r.name == "Add" for r in npusim.node().records[:])


X = np.array([[1.5, -2, 0.25], [3, 0, -1]], np.float32)
CASES = [
    ("Mul", [X, X], X * X, [], ()),
    ("RealDiv", [X, X + 8], X / (X + 8), [], ()),
    ("Sqrt", [np.abs(X)], np.sqrt(np.abs(X)), [], ()),
    ("Relu", [X.astype(np.float16)], np.maximum(X, 0).astype(np.float16), [], ()),
    ("Relu6", [X * 5], np.clip(X * 5, 0, 6), [], ()),
    ("Square", [X], X * X, [], ()),
    ("Greater", [X, X * 0], X > 0, [], ()),
    ("SoftmaxV2", [X], np.exp(X) / np.exp(X).sum(1, keepdims=True), [("axes", "list_int", [-1])], ()),
    ("TransposeD", [X], X.T.copy(), [("perm", "list_int", [1, 0])], ()),
    ("ReduceSumD", [X], X.sum(1), [("axes", "list_int", [1]), ("keep_dims", "bool", False)], ()),
    ("ArgMaxV2", [X.ravel(), np.zeros(1, np.int32)], np.array([3], np.int32), [], (1,)),
    ("Slice", [X, np.array([0, 1], np.int32), np.array([2, -1], np.int32)], X[:, 1:].copy(), [], ()),
    ("ConcatD", [X, X], np.concatenate([X, X], 1), [("concat_dim", "int", 1)], ()),
    ("Pad", [X, np.array([[0, 1], [2, 0]], np.int32)], np.pad(X, ((0, 1), (2, 0))), [], ()),
    ("Tile", [X, np.array([1, 2], np.int32)], np.tile(X, (1, 2)), [], ()),
    ("BatchMatMul", [X, X], X @ X.T, [("adj_x1", "bool", False), ("adj_x2", "bool", True)], ()),
    ("Cast", [X], X.astype(np.int32), [("truncate", "bool", False), ("dst_type", "int", 3)], ()),
]
SETTERS = {"bool": "set_attr_bool", "int": "set_attr_int", "list_int": "set_attr_list_int"}


@pytest.mark.usefixtures("board")
def test_operators_agree_with_numpy():
    """Each kind of operator gives what numpy gives, with attributes and constant inputs."""
    rows = []
    for op, arrays, out, attrs, constants in CASES:
        inputs = [
            tensor(
                str(a.dtype),
                a.shape,
                **({"is_const": True, "const_value": a.tolist()} if n in constants else {}),
            )
            for n, a in enumerate(arrays)
        ]
        rows.append(
            {
                "op": op,
                "input_desc": inputs,
                "output_desc": [tensor(str(out.dtype), out.shape)],
                "attr": [attr(*a) for a in attrs],
            }
        )
    assert convert(*rows) == ""
    assert acl.op.set_model_dir("ops") == 0
    for op, arrays, out, attrs, constants in CASES:
        handle = acl.op.create_attr()
        for name, kind, value in attrs:
            assert getattr(acl.op, SETTERS[kind])(handle, name, value) == 0
        found, ret = call(op, arrays, np.zeros_like(out), handle, constants)
        assert ret == 0, acl.get_recent_err_msg()
        np.testing.assert_allclose(found, out, rtol=1e-6, err_msg=op)


@pytest.mark.usefixtures("board")
def test_shapes_left_open_are_known_when_it_runs():
    """A dimension of -1 takes any length, infer_shape tells the result's, and the cost follows the size."""
    assert (
        convert(
            {
                "op": "Abs",
                "input_desc": [tensor("float32", (-1, 4))],
                "output_desc": [tensor("float32", (-1, 4))],
            }
        )
        == ""
    )
    assert acl.op.set_model_dir("ops") == 0
    for rows in (2, 5):
        x = -np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)
        found, ret = call("Abs", [x], np.zeros_like(x))
        assert ret == 0
        assert (found == -x).all()
    source, target = describe(np.zeros((7, 4), np.float32)), describe(np.zeros((1, 4), np.float32))
    assert acl.op.infer_shape("Abs", [source], [acl.create_data_buffer(0, 0)], 1, [target], 0) == 0
    assert acl.get_tensor_desc_dim_v2(target, 0) == (7, 0)


@pytest.mark.usefixtures("board")
def test_a_handle_is_called_again_and_again():
    """create_handle finds once; execute_with_handle runs as often as one likes; cast goes the same way."""
    attrs = [attr("truncate", "bool", value=False), attr("dst_type", "int", 1)]
    row = {
        "op": "Cast",
        "input_desc": [tensor("float32", (3,))],
        "output_desc": [tensor("float16", (3,))],
        "attr": attrs,
    }
    assert convert(row) == ""
    assert acl.op.set_model_dir("ops") == 0
    x = np.array([1, 0.1, 70000], np.float32)
    half = np.zeros(3, np.float16)
    source, target, (given, _), (made, ptr) = describe(x), describe(half), put(x), put(half)
    handle, ret = acl.op.create_handle_for_cast(source, target, 0)
    assert ret == 0
    with np.errstate(over="ignore"):
        wanted = x.astype(np.float16)
    for _ in range(2):
        assert acl.op.execute_with_handle(handle, [given], [made], 0) == 0
        assert acl.rt.synchronize_stream(0) == 0
        assert (get(ptr, half) == wanted).all()
    assert acl.op.destroy_handle(handle) is None
    assert acl.op.execute_with_handle(handle, [given], [made], 0) == 100000
    assert acl.op.cast(source, given, target, made, 0, 0) == 0
    assert acl.op.cast(source, given, target, made, 1, 0) == 100024


def test_an_operator_from_memory(board):
    """Load takes the bytes of an OM file; the same folder cannot be set twice."""
    assert (
        convert(
            {
                "op": "Neg",
                "name": "neg",
                "input_desc": [tensor("float32", (2,))],
                "output_desc": [tensor("float32", (2,))],
            }
        )
        == ""
    )
    data = (board / "ops" / "neg.om").read_bytes()
    assert acl.op.load(acl.util.bytes_to_ptr(data), len(data)) == 0
    x = np.array([1, 2], np.float32)
    assert (call("Neg", [x], np.zeros_like(x))[0] == -x).all()
    assert acl.op.set_model_dir("ops") == 0
    assert acl.op.set_model_dir("ops") == 100002


def test_what_is_wrong_has_its_code(board):
    """Operators that were not loaded, damaged files, other chips' files and small buffers are told apart."""
    (board / "bad").mkdir()
    (board / "bad" / "x.om").write_bytes(b"no model")
    assert acl.op.set_model_dir("bad") == 145006
    assert acl.op.set_model_dir("nowhere") == 100014
    row = {"op": "Neg", "input_desc": [tensor("float32", (2,))], "output_desc": [tensor("float32", (2,))]}
    assert convert(row, soc="Ascend310B4", output="other") == ""
    assert acl.op.set_model_dir("other") == 507008
    x = np.array([1, 2], np.float32)
    assert call("Neg", [x], x)[1] == 100024
    assert "atc --singleop" in acl.get_recent_err_msg()
    assert convert(row) == ""
    assert acl.op.set_model_dir("ops") == 0
    desc, (good, ptr) = describe(x), put(x)
    small = acl.create_data_buffer(ptr, 4)
    host = acl.create_data_buffer(acl.util.numpy_to_ptr(x), 8)
    assert acl.op.execute_v2("Neg", [desc], [small], [desc], [good], 0, 0) == 100021
    assert acl.op.execute_v2("Neg", [desc], [good], [desc], [small], 0, 0) == 100022
    assert acl.op.execute_v2("Neg", [desc], [host], [desc], [good], 0, 0) == 107000
    assert acl.op.execute_v2("Neg", [desc], [good, good], [desc], [good], 0, 0) == 100000
    assert acl.op.execute_v2("Neg", [desc], [good], [desc], [good], 0, 77) == 107003
    assert acl.op.create_kernel("Neg", "id", "name", 0, 0, 1, 0) == 200006
    assert acl.op.update_params("Neg", [], [], 0) == 200006


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({}, "E10026"),
        ({"op": "Frobnicate"}, "E10501"),
        ({"op": "Neg", "input_desc": [{"type": "half"}], "output_desc": []}, "E10027"),
        ({"op": "Neg", "input_desc": [tensor("float32", (2,), format="XY")], "output_desc": []}, "E10027"),
        ({"op": "Neg", "input_desc": [tensor("float32", ("a",))], "output_desc": []}, "E10027"),
        ({"op": "Neg", "input_desc": [], "output_desc": []}, "E10501"),
        (
            {"op": "Neg", "input_desc": [tensor("float32", (2,))], "output_desc": [tensor("float32", (3,))]},
            "E10027",
        ),
        ({"op": "Neg", "input_desc": [], "output_desc": [], "attr": [{"type": "int", "value": 1}]}, "E10029"),
        ({"op": "Neg", "input_desc": [], "output_desc": [], "attr": [attr("a", "int", "x")]}, "E10030"),
        (
            {
                "op": "Add",
                "input_desc": [tensor("float32", (2,)), tensor("float32", (3,))],
                "output_desc": [tensor("float32", (2,))],
            },
            "E10027",
        ),
        (
            {
                "op": "ArgMaxV2",
                "input_desc": [tensor("float32", (2,)), tensor("int32", (1,))],
                "output_desc": [tensor("int32", (1,))],
            },
            "E10501",
        ),
        ({"op": "Neg", "name": "../x", "input_desc": [], "output_desc": []}, "E10026"),
    ],
)
def test_a_wrong_description_is_refused(board, row, code):
    """Each fault of a description file gives its code and no file."""
    assert code in convert(row)
    assert not (board / "ops").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '["x"]', "\x00"])
def test_a_file_that_is_no_description_is_refused(board, text):
    """What is no JSON list of operators gives E10025."""
    (board / "x.json").write_text(text)
    done = CliRunner().invoke(main, ["--singleop=x.json", "--output=ops", "--soc_version=Ascend310P3"])
    assert done.exit_code == 255
    assert "E10025" in done.output


def gemm_row(a, c, m, n, k, *, trans=(False, False)):  # noqa: PLR0913 - what a product is
    """GEMM of the description file."""
    shapes = [(k, m) if trans[0] else (m, k), (n, k) if trans[1] else (k, n)]
    return {
        "op": "GEMM",
        "input_desc": [*(tensor(a, s) for s in shapes), tensor(c, (m, n)), tensor(c, ()), tensor(c, ())],
        "output_desc": [tensor(c, (m, n))],
        "attr": [attr("transpose_a", "bool", trans[0]), attr("transpose_b", "bool", trans[1])],
    }


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize(("a", "c"), GEMM_TYPES)
def test_a_matrix_product(a, c):
    """Products are alpha A B + beta C in each combination of types, transposed or not, and by a handle."""
    rng = np.random.default_rng(0)
    m, n, k = 3, 4, 5
    assert (
        convert(gemm_row(a, c, m, n, k), gemm_row(a, c, m, n, k, trans=(True, True)), gemm_row(a, c, m, 1, k))
        == ""
    )
    assert acl.op.set_model_dir("ops") == 0
    left, right = (rng.integers(-4, 5, shape).astype(a) for shape in ((m, k), (k, n)))
    old = rng.integers(-4, 5, (m, n)).astype(c)
    two, three = np.array(2, c), np.array(3, c)
    kinds = NUMBERS[a], NUMBERS[a], NUMBERS[c]
    wanted = 2 * left.astype(c).astype(np.float32) @ right.astype(np.float32) + 3 * old.astype(np.float32)
    alpha, beta = put(two)[1], put(three)[1]
    for trans in (0, 1):
        pa, pb, pc = (put(x.T if trans and x is not old else x)[1] for x in (left, right, old))
        ret = acl.blas.gemm_ex(
            trans, trans, 0, m, n, k, alpha, pa, -1, kinds[0], pb, -1, kinds[1], beta, pc, -1, kinds[2], 0, 0
        )
        assert ret == 0, acl.get_recent_err_msg()
        assert acl.rt.synchronize_stream(0) == 0
        assert (get(pc, old) == wanted.astype(c)).all()
    handle, ret = acl.blas.create_handle_for_gemm_ex(0, 0, 0, m, n, k, *kinds, 0)
    assert ret == 0
    (ba, _), (bb, _), (bc, pc), (b2, _), (b3, _) = (put(x) for x in (left, right, old, two, three))
    assert acl.op.execute_with_handle(handle, [ba, bb, bc, b2, b3], [bc], 0) == 0
    assert acl.rt.synchronize_stream(0) == 0
    assert (get(pc, old) == wanted.astype(c)).all()
    x, y = right[:, :1].copy(), old[:, :1].copy()
    px, py = put(x)[1], put(y)[1]
    pa = put(left)[1]
    ret = acl.blas.gemv_ex(0, m, k, alpha, pa, -1, kinds[0], px, -1, kinds[1], beta, py, -1, kinds[2], 0, 0)
    assert ret == 0
    assert acl.rt.synchronize_stream(0) == 0
    assert (get(py, y) == wanted[:, :1].astype(c)).all()


@pytest.mark.usefixtures("board")
def test_short_names_of_products():
    """hgemm, s8gemm, hgemv and s8gemv are gemm_ex and gemv_ex of their types."""
    rows = [gemm_row("float16", "float16", 2, 2, 2), gemm_row("int8", "int32", 2, 2, 2)]
    rows += [gemm_row("float16", "float16", 2, 1, 2), gemm_row("int8", "int32", 2, 1, 2)]
    assert convert(*rows) == ""
    assert acl.op.set_model_dir("ops") == 0
    for name, a, c in (("h", "float16", "float16"), ("s8", "int8", "int32")):
        x = np.array([[1, 2], [3, 4]], a)
        one, zero = put(np.array(1, c))[1], put(np.array(0, c))[1]
        (_, px), (_, py) = put(x), put(np.zeros((2, 2), c))
        assert (
            getattr(acl.blas, f"{name}gemm")(0, 0, 0, 2, 2, 2, one, px, -1, px, -1, zero, py, -1, 0, 0) == 0
        )
        assert acl.rt.synchronize_stream(0) == 0
        assert (get(py, np.zeros((2, 2), c)) == x.astype(c) @ x.astype(c)).all()
        assert getattr(acl.blas, f"{name}gemv")(0, 2, 2, one, px, -1, px, -1, zero, py, -1, 0, 0) == 0
        assert acl.rt.synchronize_stream(0) == 0
        assert getattr(acl.blas, f"create_handle_for_{name}gemm")(0, 0, 0, 2, 2, 2, 0)[1] == 0
        assert getattr(acl.blas, f"create_handle_for_{name}gemv")(0, 2, 2, 0)[1] == 0


@pytest.mark.usefixtures("board")
def test_a_product_that_is_wrong():
    """Sizes, leading dimensions, types and a GEMM that was not converted each give their code."""
    good = [0, 0, 0, 2, 2, 2, 1, 1, -1, 1, 1, -1, 1, 1, 1, -1, 1, 0, 0]
    for at, value, code in (
        (3, 0, 100000),
        (0, 9, 100000),
        (0, 2, 200006),
        (2, 1, 100000),
        (9, 0, 100000),
        (17, 1, 100000),
    ):
        wrong = list(good)
        wrong[at] = value
        assert acl.blas.gemm_ex(*wrong) == code
    assert acl.blas.gemm_ex(*good) == 100024
    assert convert(gemm_row("float16", "float16", 2, 2, 2)) == ""
    assert acl.op.set_model_dir("ops") == 0
    assert acl.blas.gemm_ex(*good) == 107000
    good[8] = 2
    assert acl.blas.gemm_ex(*good) == 100000
