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
    wanted = [_output(model, p.strip(), "--out_nodes", text) for p in text.split(";") if p.strip()]
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


def _output(model: onnx.ModelProto, part: str, option: str, text: str) -> str:
    """The tensor that `part`, "node:index" of an option's text, means."""
    name, colon, index = part.rpartition(":")
    node = next((n for n in model.graph.node if n.name and n.name == name), None)
    if not colon or not index.isdecimal():
        raise invalid(option, text, f"[{part}] is no node with its output's index behind it")
    if node is None and all(name not in n.output for n in model.graph.node):
        raise AtcError("E10016", f"Opname [{name}] specified in [{option}] is not found in the model")
    if node is None:
        return name
    if int(index) >= len(node.output):
        raise invalid(option, text, f"node [{name}] has {len(node.output)} output(s)")
    return str(node.output[int(index)])


OUTPUT_TYPES = {"FP32": "float32", "FP16": "float16", "UINT8": "uint8", "INT8": "int8"}


def output_types(model: onnx.ModelProto, text: str) -> dict[str, str]:
    """The types that outputs are given in, by name; those that are not in it keep the model's own.

    Args:
        model: with the outputs that it will have.
        text: of --output_type: one type for all, or "node:index:type;...".

    Raises:
        AtcError: an unknown type, another form, a node that is no output (E10001), or no node (E10016).
    """
    names = [value.name for value in model.graph.output]
    if text in OUTPUT_TYPES:
        return dict.fromkeys(names, OUTPUT_TYPES[text])
    found = {}
    for part in (p.strip() for p in text.split(";") if p.strip()):
        place, _, kind = part.rpartition(":")
        if kind not in OUTPUT_TYPES:
            raise invalid(
                "--output_type", text, f"only {', '.join(OUTPUT_TYPES)} are taken, [{kind}] is none"
            )
        name = _output(model, place, "--output_type", text)
        if name not in names:
            raise invalid("--output_type", text, f"[{place}] is no output; name it in --out_nodes")
        found[name] = OUTPUT_TYPES[kind]
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
        AtcError: a name is no input (E10016), a shape has the wrong number of dimensions (E10049), or it does
            not fit the operators: a convolution's channels (E50059, E50060), all else (E19999).
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
        inferred = shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True)
    except shape_inference.InferenceError as error:
        _check_channels(shape_inference.infer_shapes(fixed, data_prop=True))  # its cause, if a convolution
        reason = " ".join(str(error).split()).removeprefix("[ShapeInferenceError] Inference error(s): ")[:200]
        given = ";".join(f"{name}:{','.join(map(str, shape))}" for name, shape in shapes.items())
        raise AtcError(
            "E19999",
            f"Inner Error! Call InferShapeAndType failed: with [{given}], the operators' shapes do not fit: "
            f"{reason}",
            "Give --input_shape the sizes that the model was made for.",
        ) from None
    _check_channels(inferred)
    return inferred


def _check_channels(model: onnx.ModelProto) -> None:
    """Convolutions whose filters are for another number of channels, which ONNX's inference lets through."""
    shapes = {t.name: tuple(t.dims) for t in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.value_info):
        shapes.setdefault(value.name, _type(value)[1])
    for node in model.graph.node:
        if node.op_type not in {"Conv", "ConvTranspose"}:
            continue
        x, weight = shapes.get(node.input[0], ()), shapes.get(node.input[1], ())
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        forward = node.op_type == "Conv"
        if min(len(x), len(weight)) <= 1 or -1 in (x[1], weight[0], weight[1]):
            continue
        wanted = weight[1] * groups if forward else weight[0]
        if x[1] != wanted:
            raise AtcError(
                "E50059" if forward else "E50060",
                f"In op [{node.name or node.output[0]}], x has {x[1]} channels, the filter is for {wanted}; "
                f"x is {list(x)}, the filter {list(weight)}, groups {groups}",
                "Give --input_shape the channels that the model was made for.",
            )


def nodes(model: onnx.ModelProto, dtype: str) -> list[GraphNode]:
    """The operators of a model whose shapes are known.

    Args:
        model: what `with_shapes` returned.
        dtype: the type that floating-point values have on the device ("float16", "float32").

    Raises:
        AtcError: an operator that ATC does not have (E19010).
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
        if node.op_type not in OPERATORS or node.domain not in {"", "ai.onnx"}:
            domain = node.domain or "ai.onnx"
            opset = {o.domain or "ai.onnx": o.version for o in model.opset_import}.get(domain, 1)
            raise AtcError(
                "E19010",
                f"No parser is registered for Op [{node.name or node.output[0]}, optype "
                f"[{domain}::{opset}::{node.op_type}]]",
            )
        found.append(_node(node, specs, constant))
    return found


def _spec(kind: str, shape: tuple[int, ...], dtype: str) -> TensorSpec:
    return TensorSpec(shape, dtype if kind in {"float32", "float64", "float16"} else kind)


def _node(node: onnx.NodeProto, specs: dict[str, TensorSpec], constant: set[str]) -> GraphNode:
    ge, kind = OPERATORS[node.op_type]
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
