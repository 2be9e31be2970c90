"""Single operators as small ONNX graphs: what GE's operator computes, said with ONNX's.

Inputs and attributes are those of GE's operator list (CANN operator specifications). Halves are computed in
float32 and short integers in int32, as the units do, and converted to the output's type at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnx

OPSET = 20
# type of an operand: the type that is computed in
WIDE = {
    "float16": "float32",
    "int8": "int32",
    "uint8": "int32",
    "int16": "int32",
    "uint16": "int32",
    "uint32": "int64",
    "uint64": "int64",
}


class KernelError(ValueError):
    """Operands or attributes that an operator does not take."""


class Operand(NamedTuple):
    """A tensor of a single operator.

    Attributes:
        dtype: numpy's name.
        shape: dimensions, -1 for one that is given when it runs.
        fmt: ND, NCHW, ...
        const: its value, where that is fixed at conversion.
    """

    dtype: str
    shape: tuple[int, ...]
    fmt: str = "ND"
    const: Any = None


@dataclass
class Build:
    """Nodes and constants of a graph in the making."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node: the name of its output."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any, dtype: str = "int64") -> str:
        """Add a constant: its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name


Attrs = dict[str, Any]


class Rule(NamedTuple):
    """A single operator.

    Attributes:
        kind: what it costs like (`npusim.OP_KINDS`).
        fewest, most: how many inputs.
        emit: adds its nodes to a graph and names the result.
    """

    kind: str
    fewest: int
    most: int
    emit: Callable[[Build, Sequence[str], Sequence[Operand], Attrs], str]


def _plain(kind: str) -> Callable[..., str]:
    return lambda b, x, _operands, _attrs: b.node(kind, *x)


def _fixed(operands: Sequence[Operand], index: int, what: str) -> list[int]:
    """The value of an input that must be constant."""
    if operands[index].const is None:
        raise KernelError(f'its input {index} ({what}) must be constant; give "is_const" and "const_value"')
    return [int(n) for n in np.ravel(operands[index].const)]


def _matmul(first: str, second: str) -> Callable[..., str]:
    def emit(b: Build, x: Sequence[str], operands: Sequence[Operand], attrs: Attrs) -> str:
        a = _flipped(b, x[0], operands[0]) if attrs.get(first, False) else x[0]
        c = _flipped(b, x[1], operands[1]) if attrs.get(second, False) else x[1]
        made = b.node("MatMul", a, c)
        return b.node("Add", made, x[2]) if len(x) > 2 else made  # noqa: PLR2004 - the third is the bias

    return emit


def _flipped(b: Build, name: str, operand: Operand) -> str:
    rank = len(operand.shape)
    if rank < 2:  # noqa: PLR2004 - a matrix
        raise KernelError(f"an operand of shape {list(operand.shape)} cannot be transposed")
    return b.node("Transpose", name, perm=[*range(rank - 2), rank - 1, rank - 2])


def _gemm(b: Build, x: Sequence[str], operands: Sequence[Operand], attrs: Attrs) -> str:
    """The sum of alpha times a @ b and beta times c, computed in the type of the result."""
    wide = WIDE.get(operands[2].dtype, operands[2].dtype)
    a, c = (
        b.node("Cast", name, to=helper.np_dtype_to_tensor_dtype(np.dtype(wide)))
        for name in (
            _flipped(b, x[0], operands[0]) if attrs.get("transpose_a", False) else x[0],
            _flipped(b, x[1], operands[1]) if attrs.get("transpose_b", False) else x[1],
        )
    )
    product = b.node("Mul", b.node("MatMul", a, c), x[3])
    return b.node("Add", product, b.node("Mul", x[2], x[4]))


def _reduce(kind: str, *, attribute: bool) -> Callable[..., str]:
    def emit(b: Build, x: Sequence[str], operands: Sequence[Operand], attrs: Attrs) -> str:
        axes = attrs.get("axes", []) if attribute else _fixed(operands, 1, "axes")
        keep = int(bool(attrs.get("keep_dims", False)))
        return b.node(kind, x[0], b.constant(axes), keepdims=keep)

    return emit


def _arg(kind: str) -> Callable[..., str]:
    def emit(b: Build, x: Sequence[str], operands: Sequence[Operand], attrs: Attrs) -> str:
        axis = attrs["dimension"] if "dimension" in attrs else _fixed(operands, 1, "dimension")[0]
        return b.node(kind, x[0], axis=int(axis), keepdims=0)

    return emit


def _softmax(kind: str) -> Callable[..., str]:
    return lambda b, x, _operands, attrs: b.node(kind, x[0], axis=int((attrs.get("axes") or [-1])[0]))


def _transpose(b: Build, x: Sequence[str], operands: Sequence[Operand], attrs: Attrs) -> str:
    perm = attrs["perm"] if "perm" in attrs else _fixed(operands, 1, "perm")
    if sorted(perm) != list(range(len(operands[0].shape))):
        raise KernelError(f"perm {list(perm)} is no order of {len(operands[0].shape)} dimensions")
    return b.node("Transpose", x[0], perm=list(perm))


def _slice(b: Build, x: Sequence[str], _operands: Sequence[Operand], _attrs: Attrs) -> str:
    """`size` -1 reaches to the end."""
    start, size = (b.node("Cast", name, to=TensorProto.INT64) for name in x[1:3])
    whole = b.node("Less", size, b.constant(0))
    end = b.node("Where", whole, b.node("Shape", x[0]), b.node("Add", start, size))
    return b.node("Slice", x[0], start, end)


def _concat(b: Build, x: Sequence[str], _operands: Sequence[Operand], attrs: Attrs) -> str:
    return b.node("Concat", *x, axis=int(attrs.get("concat_dim", 0)))


def _gather(b: Build, x: Sequence[str], operands: Sequence[Operand], attrs: Attrs) -> str:
    axis = attrs["axis"] if "axis" in attrs else _fixed(operands, 2, "axis")[0]
    return b.node("Gather", x[0], x[1], axis=int(axis))


def _tile(b: Build, x: Sequence[str], _operands: Sequence[Operand], _attrs: Attrs) -> str:
    return b.node("Tile", x[0], b.node("Cast", x[1], to=TensorProto.INT64))


def _pad(b: Build, x: Sequence[str], _operands: Sequence[Operand], _attrs: Attrs) -> str:
    """GE gives (before, after) of each dimension, ONNX all befores, then all afters."""
    flipped = b.node("Transpose", b.node("Cast", x[1], to=TensorProto.INT64), perm=[1, 0])
    return b.node("Pad", x[0], b.node("Reshape", flipped, b.constant([-1])))


def _conv(b: Build, x: Sequence[str], operands: Sequence[Operand], attrs: Attrs) -> str:
    if operands[0].fmt != "NCHW" or operands[1].fmt != "NCHW":
        raise KernelError(f"it takes NCHW; {operands[0].fmt} and {operands[1].fmt} were given")
    pads = [int(n) for n in attrs.get("pads", [0, 0, 0, 0])]  # GE: top, bottom, left, right
    if len(pads) != 4 or len(attrs.get("strides", [])) != 4:  # noqa: PLR2004 - four sides, four dimensions
        raise KernelError("strides (4 numbers) and pads (4 numbers) are needed")
    return b.node(
        "Conv",
        *x,
        strides=[int(n) for n in attrs["strides"][2:]],
        pads=[pads[0], pads[2], pads[1], pads[3]],
        dilations=[int(n) for n in attrs.get("dilations", [1, 1, 1, 1])[2:]],
        group=int(attrs.get("groups", 1)),
    )


def _bias(b: Build, x: Sequence[str], operands: Sequence[Operand], _attrs: Attrs) -> str:
    if operands[0].fmt != "NCHW":
        return b.node("Add", *x)
    rank = len(operands[0].shape)
    return b.node("Add", x[0], b.node("Reshape", x[1], b.constant([-1, *[1] * (rank - 2)])))


def _square(b: Build, x: Sequence[str], _operands: Sequence[Operand], _attrs: Attrs) -> str:
    return b.node("Mul", x[0], x[0])


def _difference(b: Build, x: Sequence[str], _operands: Sequence[Operand], _attrs: Attrs) -> str:
    made = b.node("Sub", *x)
    return b.node("Mul", made, made)


_UNARY = (
    "Abs", "Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sin", "Cos", "Tanh",
    "Sigmoid", "Relu", "Erf", "Sign", "Softplus",
)  # fmt: skip
_BINARY = {
    "Add": "Add",
    "Sub": "Sub",
    "Mul": "Mul",
    "Div": "Div",
    "RealDiv": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
    "Pow": "Pow",
    "Equal": "Equal",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
    "LogicalAnd": "And",
    "LogicalOr": "Or",
}
_REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
RULES: dict[str, Rule] = {
    **{name: Rule("elementwise", 1, 1, _plain(name)) for name in _UNARY},
    **{name: Rule("elementwise", 2, 2, _plain(onnx)) for name, onnx in _BINARY.items()},
    **{name: Rule("reduce", 2, 2, _reduce(name, attribute=False)) for name in _REDUCTIONS},
    **{f"{name}D": Rule("reduce", 1, 1, _reduce(name, attribute=True)) for name in _REDUCTIONS},
    "NotEqual": Rule("elementwise", 2, 2, lambda b, x, _o, _a: b.node("Not", b.node("Equal", *x))),
    "LogicalNot": Rule("elementwise", 1, 1, _plain("Not")),
    "Square": Rule("elementwise", 1, 1, _square),
    "SquaredDifference": Rule("elementwise", 2, 2, _difference),
    "Rsqrt": Rule("elementwise", 1, 1, lambda b, x, _o, _a: b.node("Reciprocal", b.node("Sqrt", *x))),
    "Gelu": Rule("elementwise", 1, 1, lambda b, x, _o, _a: b.node("Gelu", *x, approximate="tanh")),
    "Relu6": Rule(
        "elementwise",
        1,
        1,
        lambda b, x, _o, _a: b.node("Min", b.node("Relu", *x), b.constant(6, "float32")),
    ),
    "LeakyRelu": Rule(
        "elementwise",
        1,
        1,
        lambda b, x, _o, a: b.node("LeakyRelu", *x, alpha=float(a.get("negative_slope", 0.0))),
    ),
    "Cast": Rule("elementwise", 1, 1, _plain("Identity")),
    "AddN": Rule("elementwise", 1, 64, _plain("Sum")),
    "Select": Rule("elementwise", 3, 3, _plain("Where")),
    "SelectV2": Rule("elementwise", 3, 3, _plain("Where")),
    "BiasAdd": Rule("elementwise", 2, 2, _bias),
    "SoftmaxV2": Rule("softmax", 1, 1, _softmax("Softmax")),
    "LogSoftmaxV2": Rule("softmax", 1, 1, _softmax("LogSoftmax")),
    "MatMul": Rule("matmul", 2, 3, _matmul("transpose_x1", "transpose_x2")),
    "MatMulV2": Rule("matmul", 2, 3, _matmul("transpose_x1", "transpose_x2")),
    "BatchMatMul": Rule("matmul", 2, 2, _matmul("adj_x1", "adj_x2")),
    "BatchMatMulV2": Rule("matmul", 2, 3, _matmul("adj_x1", "adj_x2")),
    "GEMM": Rule("matmul", 5, 5, _gemm),
    "Conv2D": Rule("conv2d", 2, 3, _conv),
    "ArgMaxV2": Rule("reduce", 2, 2, _arg("ArgMax")),
    "ArgMaxD": Rule("reduce", 1, 1, _arg("ArgMax")),
    "ArgMinV2": Rule("reduce", 2, 2, _arg("ArgMin")),
    "ArgMinD": Rule("reduce", 1, 1, _arg("ArgMin")),
    "Transpose": Rule("transpose", 2, 2, _transpose),
    "TransposeD": Rule("transpose", 1, 1, _transpose),
    "Slice": Rule("copy", 3, 3, _slice),
    "ConcatD": Rule("concat", 1, 64, _concat),
    "GatherV2": Rule("gather", 3, 3, _gather),
    "GatherV2D": Rule("gather", 2, 2, _gather),
    "Tile": Rule("copy", 2, 2, _tile),
    "Pad": Rule("copy", 2, 2, _pad),
}


def graph(
    op: str, inputs: Sequence[Operand], outputs: Sequence[Operand], attrs: Mapping[str, Any]
) -> onnx.ModelProto:
    """The ONNX graph of a single operator: inputs x0, x1, ... (those that are constant excepted), output y0.

    Raises:
        KernelError: the operator does not take these operands or attributes.
    """
    rule = RULES[op]
    if not rule.fewest <= len(inputs) <= rule.most or len(outputs) != 1:
        wanted = str(rule.fewest) if rule.fewest == rule.most else f"{rule.fewest} to {rule.most}"
        raise KernelError(
            f"it takes {wanted} inputs and 1 output; {len(inputs)} and {len(outputs)} were given"
        )
    build = Build()
    names, given = [], []
    for number, operand in enumerate(inputs):
        if operand.const is None:
            name = f"x{number}"
            dims = [None if n < 0 else n for n in operand.shape]
            given.append(helper.make_tensor_value_info(name, _onnx(operand.dtype), dims))
        else:
            name = build.constant(operand.const, operand.dtype)
        names.append(_widened(build, name, operand.dtype))
    result = rule.emit(build, names, inputs, dict(attrs))
    build.nodes.append(helper.make_node("Cast", [result], ["y0"], to=_onnx(outputs[0].dtype)))
    made = helper.make_tensor_value_info("y0", _onnx(outputs[0].dtype), None)
    found = helper.make_graph(build.nodes, op, given, [made], build.constants)
    return helper.make_model(found, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def _widened(build: Build, name: str, dtype: str) -> str:
    wide = WIDE.get(dtype)
    return name if wide is None else build.node("Cast", name, to=_onnx(wide))


def _onnx(dtype: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
