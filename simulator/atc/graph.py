"""An ONNX model as a graph of operators that npusim can cost, for given shapes of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from npusim import GraphNode, Op, TensorSpec
from onnx import helper, shape_inference

from atc.errors import AtcError, invalid
from atc.operators import FOLDED, OPERATORS, VIEW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

IMAGE = 4  # dimensions of a batch of images


def read(path: Path) -> onnx.ModelProto:
    """Read a model.

    Raises:
        AtcError: there is none (E10001), or the file is no ONNX model (E10041).
    """
    try:
        model = onnx.load(path)
    except OSError as error:
        raise invalid("--model", path, f"the file cannot be read: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001 - protobuf's own errors, by several names
        kind = type(error).__name__
        raise AtcError(
            "E10041", f"Failed to load the model from [{path}]: it is no ONNX model ({kind})"
        ) from None
    if not model.graph.node or not model.graph.output:
        raise AtcError(
            "E10041", f"Failed to load the model from [{path}]: it is no ONNX model: its graph is empty"
        )
    return model


def with_outputs(model: onnx.ModelProto, text: str) -> onnx.ModelProto:
    """The model with other outputs, and without the operators that they do not need.

    Args:
        model: the whole model.
        text: of --out_nodes: "node:index;...", or a tensor's name in a node's place.

    Raises:
        AtcError: no such node (E10016), another form or no output of that index (E10001).
    """
    by_name = {node.name: node for node in model.graph.node if node.name}
    by_tensor = {name: node for node in model.graph.node for name in node.output}
    wanted: list[str] = []
    for part in filter(None, (p.strip() for p in text.split(";"))):
        name, colon, index = part.rpartition(":")
        node = by_name.get(name)
        if not colon or not index.isdecimal():
            raise invalid("--out_nodes", text, f"[{part}] is no node with its output's index behind it")
        if node is None and name not in by_tensor:
            raise AtcError("E10016", f"Opname [{name}] specified in [--out_nodes] is not found in the model")
        if node is None:
            wanted.append(name)
        elif int(index) < len(node.output):
            wanted.append(node.output[int(index)])
        else:
            raise invalid("--out_nodes", text, f"node [{name}] has {len(node.output)} output(s)")
    needed = set(wanted)
    kept = []
    for node in reversed(model.graph.node):  # in ONNX, producers stand before their readers
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    found = onnx.ModelProto()
    found.CopyFrom(model)
    del found.graph.node[:]
    found.graph.node.extend(reversed(kept))
    del found.graph.output[:]
    known = shape_inference.infer_shapes(model).graph
    types = {value.name: value for value in (*known.value_info, *known.output)}
    found.graph.output.extend(types.get(name, onnx.ValueInfoProto(name=name)) for name in wanted)
    return found


def inputs(model: onnx.ModelProto) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The inputs that are no weights: type and shape, -1 for what is not known."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {value.name: _type(value) for value in model.graph.input if value.name not in weights}


def outputs(model: onnx.ModelProto) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The outputs: type and shape."""
    return {value.name: _type(value) for value in model.graph.output}


def _type(value: onnx.ValueInfoProto) -> tuple[str, tuple[int, ...]]:
    tensor = value.type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim)
    return _dtype(tensor.elem_type), shape


def _dtype(number: int) -> str:
    try:
        return str(np.dtype(helper.tensor_dtype_to_np_dtype(number)))
    except (KeyError, TypeError, ValueError):
        return "float32"


def with_shapes(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> onnx.ModelProto:
    """The model with the shapes of its inputs fixed and all others inferred.

    Raises:
        AtcError: a name is no input (E10016), a shape has the wrong number of dimensions (E10049) or does not
            fit the operators (E10001).
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    known = {value.name: value for value in fixed.graph.input}
    for name, shape in shapes.items():
        if name not in known:
            names = ", ".join(inputs(model))
            raise AtcError(
                "E10016",
                f"Opname [{name}] specified in [--input_shape] is not found in the model; it has {names}",
            )
        dims = known[name].type.tensor_type.shape.dim
        if len(dims) not in (0, len(shape)):
            raise AtcError(
                "E10049",
                f"[{name}] has {len(shape)} dimensions in [--input_shape], the model's input has "
                f"{len(dims)} dimensions",
            )
        del dims[:]
        for length in shape:
            dims.add().dim_value = length
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    del fixed.graph.value_info[:]
    try:
        return shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True)
    except shape_inference.InferenceError as error:
        reason = " ".join(str(error).split())[:200]
        raise invalid("--input_shape", dict(shapes), f"the operators' shapes do not fit: {reason}") from None


def nodes(model: onnx.ModelProto, dtype: str) -> list[GraphNode]:
    """The operators of a model whose shapes are known.

    Args:
        model: what `with_shapes` returned.
        dtype: the type that floating-point values have on the device ("float16", "float32").

    Raises:
        AtcError: an operator that the chip does not have (E10501).
    """
    graph = model.graph
    specs: dict[str, TensorSpec] = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind, shape = _type(value)
        specs[value.name] = _spec(kind, tuple(max(n, 1) for n in shape), dtype)
    weights = {tensor.name for tensor in graph.initializer}
    for tensor in graph.initializer:
        specs[tensor.name] = _spec(_dtype(tensor.data_type), tuple(tensor.dims), dtype)
    found: list[GraphNode] = []
    constant = set(weights)
    for node in graph.node:
        if node.op_type in FOLDED or (node.input and all(n in constant or not n for n in node.input)):
            constant |= set(node.output)
            continue
        found.append(_node(node, specs, constant))
    return found


def _spec(kind: str, shape: tuple[int, ...], dtype: str) -> TensorSpec:
    return TensorSpec(shape, dtype if kind in {"float32", "float64", "float16"} else kind)


def _node(node: onnx.NodeProto, specs: dict[str, TensorSpec], constant: set[str]) -> GraphNode:
    known = OPERATORS.get(node.op_type)
    if known is None or node.domain not in {"", "ai.onnx"}:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        raise AtcError(
            "E10501", f"No parser is registered for operator [{node.name or node.output[0]}] of type [{name}]"
        )
    ge, kind = known
    reads = [n for n in node.input if n in specs]
    if kind in {"elementwise", "reduce", "pool", VIEW}:
        reads = [n for n in reads if n not in constant or specs[n].numel > 1] or reads[:1]
    writes = [n for n in node.output if n in specs] or [node.output[0]]
    for name in writes:
        specs.setdefault(name, specs[reads[0]] if reads else TensorSpec((1,), "float16"))
    if kind == VIEW:
        reads, writes = reads[:1], writes[:1]
    attrs = _attrs(node, kind, specs, reads)
    image = kind in {"conv2d", "pool"} or len(specs[writes[0]].shape) == IMAGE
    ins = [_format(specs[n], image=image and n not in constant) for n in reads]
    outs = [_format(specs[n], image=image) for n in writes]
    return GraphNode(
        Op(ge, kind, ins, outs, attrs or None), reads, writes, [n for n in reads if n in constant]
    )


def _format(spec: TensorSpec, *, image: bool) -> TensorSpec:
    return spec._replace(fmt="NCHW") if image and len(spec.shape) == IMAGE else spec


def _attrs(
    node: onnx.NodeProto, kind: str, specs: Mapping[str, TensorSpec], reads: Sequence[str]
) -> dict[str, Any]:
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if kind == "conv2d":
        return {"groups": int(given.get("group", 1))}
    if kind == "pool":
        return {"window": int((given.get("kernel_shape") or [1])[0])}
    if node.op_type == "Gemm":
        return {"transpose_a": bool(given.get("transA", 0)), "transpose_b": bool(given.get("transB", 0))}
    if node.op_type in {"LSTM", "GRU"} and reads:
        return {"flops": 2 * specs[reads[0]].shape[0] * sum(specs[n].numel for n in reads[1:3])}
    return {}
