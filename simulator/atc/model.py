"""From an ONNX model and options to the content of an OM file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from npusim import DTYPE_BYTES, Chip, GraphNode, fuse
from onnx import numpy_helper

from atc import aipp, graph
from atc.errors import AtcError, invalid
from atc.shapes import Gears, Shapes, gears, parse_input_shape

Settings = dict[int, dict[str, Any]]
MBATCH = "ascend_mbatch_shape_data"  # the extra input of a dynamic model


@dataclass(frozen=True)
class Job:
    """What to convert, checked.

    Attributes:
        model: the ONNX file.
        name: the model's name, the output file's without `.om`.
        chip: what it is for.
        input_shape: text of --input_shape.
        dynamic_batch, dynamic_image, dynamic_dims: texts of the options of these names.
        input_format: NCHW, NHWC or ND.
        half: whether floating-point work is done in float16.
        output_type: text of --output_type; empty for the model's own.
        small_channel: --enable_small_channel.
        aipp: the file of --insert_op_conf.
        half_inputs: names of --input_fp16_nodes.
        out_nodes: text of --out_nodes.
    """

    model: Path
    name: str
    chip: Chip
    input_shape: str = ""
    dynamic_batch: str = ""
    dynamic_image: str = ""
    dynamic_dims: str = ""
    input_format: str = "NCHW"
    half: bool = True
    output_type: str = ""
    small_channel: bool = False
    aipp: Path | None = None
    half_inputs: tuple[str, ...] = ()
    out_nodes: str = ""


def compile_model(job: Job) -> tuple[dict[str, Any], bytes]:
    """Convert a model.

    Returns:
        The OM file's definition and its ONNX bytes.

    Raises:
        AtcError: as ATC refuses it.
    """
    model = graph.read(job.model)
    if job.out_nodes:
        model = graph.with_outputs(model, job.out_nodes)
    _check_half_inputs(model, job)
    shapes = _shapes(model, job)
    choice = gears(shapes, job.dynamic_batch, job.dynamic_image, job.dynamic_dims, job.input_format)
    settings = _aipp(job, model)
    for rank, name in enumerate(graph.inputs(model)):
        if rank in settings and name in job.half_inputs:
            raise AtcError("E10034", f"input [{name}] has AIPP and cannot be in [--input_fp16_nodes]")
    compiled = [
        _gear(model, choice.shapes(shapes, numbers), numbers, job, settings) for numbers in choice.choices
    ]
    if job.half:
        _round_weights(model)
    weights = sum(len(t.raw_data) for t in model.graph.initializer)
    definition = _definition(job, choice, compiled, weights)
    return definition, _for_runtime(model, shapes).SerializeToString()


def _check_half_inputs(model: onnx.ModelProto, job: Job) -> None:
    known = graph.inputs(model)
    for name in job.half_inputs:
        if name not in known:
            raise AtcError(
                "E10016", f"Opname [{name}] specified in [--input_fp16_nodes] is not found in the model"
            )
        if known[name][0] != "float32":
            floats = ", ".join(n for n, (kind, _) in known.items() if kind == "float32")
            raise invalid(
                "--input_fp16_nodes", name, f"it is no float input of the model; those are {floats}"
            )


def _shapes(model: onnx.ModelProto, job: Job) -> Shapes:
    """The shapes of all inputs: those given, the model's own for the rest."""
    known = graph.inputs(model)
    given = parse_input_shape(job.input_shape)
    shapes = {name: given.get(name, shape) for name, (_, shape) in known.items()}
    for name in given:
        if name not in known:
            graph.with_shapes(model, {name: given[name]})  # tells the names
    for name, shape in shapes.items():
        if name not in given and -1 in shape:
            raise invalid(
                "--input_shape",
                job.input_shape,
                f"input [{name}] has the shape {list(shape)}; give its sizes",
            )
        if any(n < -1 or n == 0 for n in shape):
            raise AtcError(
                "E10011",
                f"Value [{job.input_shape}] for parameter [--input_shape] is invalid: input [{name}] has a "
                "dimension that is no size",
            )
    return shapes


def _gear(
    model: onnx.ModelProto, shapes: Shapes, numbers: tuple[int, ...], job: Job, settings: Settings
) -> dict[str, Any]:
    """One gear: shapes of inputs and outputs, the fused operators."""
    fixed = graph.with_shapes(model, shapes)
    nodes = graph.nodes(fixed, "float16" if job.half else "float32")
    fused = fuse(nodes, aipp=bool(settings), small_channel=job.small_channel)
    types = graph.output_types(model, job.output_type)
    return {
        "choice": list(numbers),
        "inputs": [
            _input(job, name, kind, shape, settings.get(rank))
            for rank, (name, (kind, shape)) in enumerate(graph.inputs(fixed).items())
        ],
        "outputs": [
            _tensor(name, types.get(name, kind), shape, "ND")
            for name, (kind, shape) in graph.outputs(fixed).items()
        ],
        "ops": [_op(node) for node in fused],
        "work": max((sum(t.nbytes for t in (*n.op.inputs, *n.op.outputs)) for n in fused), default=0) * 2,
    }


def _aipp(job: Job, model: onnx.ModelProto) -> Settings:
    """The AIPP settings of each input that has some, by its rank.

    Raises:
        AtcError: they do not fit the model (E10052), or do not go with gears of images (E10009).
    """
    if job.aipp is None:
        return {}
    found: Settings = {}
    names = list(graph.inputs(model))
    for settings in aipp.read(job.aipp):
        rank = settings["related_input_rank"]
        if not 0 <= rank < len(names):
            raise invalid(
                "--insert_op_conf",
                job.aipp,
                f"related_input_rank is {rank}, the model has {len(names)} inputs",
            )
        found[rank] = settings
    fixed = [s for s in found.values() if s["aipp_mode"] == "static" and (s["crop"] or s["padding"])]
    if job.dynamic_dims or (fixed and job.dynamic_image):
        raise AtcError(
            "E10009", "gears of image sizes exclude AIPP with crop or padding, --dynamic_dims all AIPP"
        )
    return found


def _input(
    job: Job, name: str, kind: str, shape: tuple[int, ...], settings: dict[str, Any] | None
) -> dict[str, Any]:
    """An input as AscendCL shows it: with AIPP it takes pictures of bytes."""
    if settings is None:
        if name not in job.half_inputs:
            return _tensor(name, kind, shape, job.input_format)
        return _tensor(name, "float16", shape, job.input_format) | {"graph_dtype": kind}
    if settings["aipp_mode"] == "dynamic":
        found = aipp.fit_dynamic(job.aipp or Path(), settings, shape, job.input_format)
        channels, height, width = found["shape"]
        return {
            "name": name,
            "dtype": "uint8",
            "shape": [shape[0], height, width, channels],
            "format": "NHWC",
            "size": settings["max_src_image_size"],
            "aipp_shape": found["shape"],
            "aipp_format": job.input_format,
        }
    settings = aipp.fit(job.aipp or Path(), settings, shape, job.input_format)
    made = aipp.FORMATS[settings["input_format"]][1]
    sizes = [shape[0], settings["src_image_size_h"], settings["src_image_size_w"], made]
    return {
        "name": name,
        "dtype": "uint8",
        "shape": sizes,
        "format": "NHWC",
        "size": shape[0] * settings["bytes"],
        "aipp": settings,
        "aipp_format": job.input_format,
    }


def _tensor(name: str, kind: str, shape: tuple[int, ...], fmt: str) -> dict[str, Any]:
    size = int(DTYPE_BYTES.get(kind, 4))
    for length in shape:
        size *= max(length, 1)
    return {"name": name, "dtype": kind, "shape": list(shape), "format": fmt, "size": size}


def _op(node: GraphNode) -> dict[str, Any]:
    return {
        "type": node.op.name,
        "kind": node.op.kind,
        "inputs": [[list(t.shape), t.dtype, t.fmt] for t in node.op.inputs],
        "outputs": [[list(t.shape), t.dtype, t.fmt] for t in node.op.outputs],
        "reads": list(node.reads),
        "writes": list(node.writes),
        "weights": sorted(node.weights),
        "attrs": dict(node.op.attrs or {}),
    }


def _definition(job: Job, choice: Gears, compiled: list[dict[str, Any]], weights: int) -> dict[str, Any]:
    largest = max(
        compiled, key=lambda gear: sum(int(np.prod(t["shape"])) * t["size"] for t in gear["inputs"])
    )
    inputs = list(largest["inputs"])
    inputs += _parameters([rank for rank, tensor in enumerate(inputs) if "aipp_shape" in tensor], inputs)
    if choice.kind != "static":
        width = len(choice.choices[0])
        inputs.append({"name": MBATCH, "dtype": "int32", "shape": [width], "format": "ND", "size": 4 * width})
    return {
        "name": job.name,
        "soc": job.chip.soc,
        "half": job.half,
        "inputs": inputs,
        "outputs": largest["outputs"],
        "ops": largest["ops"],
        "dynamic": choice.kind,
        "gears": compiled,
        "work_bytes": max(1, *(gear["work"] for gear in compiled)),  # a model of views alone needs none
        "weight_bytes": max(weights // (2 if job.half else 1), 1),
    }


def _parameters(ranks: list[int], inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The extra inputs that dynamic AIPP's parameters are written into, one for each input that has it."""
    found = []
    for number, rank in enumerate(ranks):
        size = aipp.HEAD_BYTES + inputs[rank]["shape"][0] * aipp.PICTURE_BYTES
        name = aipp.DYNAMIC_NAME + (f"_{number}" if number else "")
        found.append(
            {"name": name, "dtype": "uint8", "shape": [size], "format": "ND", "size": size, "aipp_of": rank}
        )
    return found


def _round_weights(model: onnx.ModelProto) -> None:
    """Give every float32 weight the value that it has in float16."""
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            limit = np.finfo(np.float16).max
            rounded = np.clip(values, -limit, limit).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))


def _for_runtime(model: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """The graph that ONNX Runtime will run: inputs with the dimensions that are fixed, the others free."""
    for value in model.graph.input:
        if value.name not in shapes:
            continue
        dims = value.type.tensor_type.shape.dim
        del dims[:]
        for number, length in enumerate(shapes[value.name]):
            dim = dims.add()
            if length == -1:
                dim.dim_param = f"gear{number}"
            else:
                dim.dim_value = length
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return model
