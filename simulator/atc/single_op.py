"""`atc --singleop`: a JSON file that describes single operators becomes an OM file for each.

The file's form is that of ATC's guide, "single-operator description file": a list of objects with "op",
"input_desc", "output_desc", and optionally "name" and "attr".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import shape_inference

from atc.errors import AtcError
from atc.single_kernels import RULES, KernelError, Operand, graph

if TYPE_CHECKING:
    from pathlib import Path

    from npusim import Chip

# name in the file: (numpy's name, number of the type)
TYPES = {
    "float": ("float32", 0),
    "float32": ("float32", 0),
    "float16": ("float16", 1),
    "int8": ("int8", 2),
    "int32": ("int32", 3),
    "uint8": ("uint8", 4),
    "int16": ("int16", 6),
    "uint16": ("uint16", 7),
    "uint32": ("uint32", 8),
    "int64": ("int64", 9),
    "uint64": ("uint64", 10),
    "double": ("float64", 11),
    "bool": ("bool", 12),
}
FORMATS = {"NCHW": 0, "NHWC": 1, "ND": 2}
ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "float": (int, float),
    "string": str,
    "list_bool": list,
    "list_int": list,
    "list_float": list,
    "list_string": list,
    "list_list_int": list,
    "data_type": str,
}
LONGEST = 8  # dimensions
LARGEST = 2**31  # elements; more is a slip


class SingleOp(NamedTuple):
    """An operator of the file, checked.

    Attributes:
        name: of its OM file, without `.om`.
        op: GE's type.
        inputs, outputs: its tensors.
        attrs: its attributes.
    """

    name: str
    op: str
    inputs: list[Operand]
    outputs: list[Operand]
    attrs: dict[str, Any]


def read(path: Path) -> list[SingleOp]:
    """The operators of a file.

    Raises:
        AtcError: it cannot be read or is no JSON (E10025), or an entry is wrong (E10026, E10027, E10029,
            E10030, E10501).
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
        raise AtcError("E10025", f"File [{path}] of --singleop cannot be read: {reason}") from None
    if not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
        raise AtcError("E10025", f"File [{path}] of --singleop holds no list of operators")
    return [_entry(number, row) for number, row in enumerate(found)]


def _entry(number: int, row: dict[str, Any]) -> SingleOp:
    op = row.get("op")
    if not isinstance(op, str) or not op:
        raise AtcError(
            "E10026", f'operator {number} of --singleop has no "op"; give its type, for example "Add"'
        )
    if op not in RULES:
        known = ", ".join(sorted(RULES))
        raise AtcError("E10501", f"operator [{op}] is not simulated as a single one; there are {known}")
    inputs, outputs = (_tensors(op, side, row.get(f"{side}_desc", [])) for side in ("input", "output"))
    attrs = _attributes(op, row.get("attr", []))
    name = row.get("name") or _default_name(number, op, inputs, outputs)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]{1,200}", name):
        raise AtcError(
            "E10026",
            f"operator {number} ({op}): name [{name}] holds something else than letters, digits, _.-",
        )
    return SingleOp(name, op, inputs, outputs, attrs)


def _tensors(op: str, side: str, rows: Any) -> list[Operand]:
    if not isinstance(rows, list):
        raise AtcError("E10027", f"{side}_desc of operator [{op}] is no list")
    return [_tensor(op, side, number, row) for number, row in enumerate(rows)]


def _tensor(op: str, side: str, index: int, row: Any) -> Operand:
    def wrong(what: str, value: object) -> AtcError:
        return AtcError(
            "E10027", f"[{what}] of {side} [{index}] of operator [{op}] is invalid: {str(value)[:80]}"
        )

    if not isinstance(row, dict):
        raise wrong("description", row)
    dtype = TYPES.get(row["type"]) if isinstance(row.get("type"), str) else None
    if dtype is None:
        raise wrong("type", row.get("type"))
    fmt = row.get("origin_format") or row.get("format", "ND")
    if not isinstance(fmt, str) or fmt not in FORMATS:
        raise wrong("format", fmt)
    shape = row.get("origin_shape") or row.get("shape", [])
    whole = isinstance(shape, list) and all(type(n) is int and -1 <= n < LARGEST for n in shape)
    if not whole or len(shape) > LONGEST or np.prod(np.abs(np.array(shape, dtype=float))) > LARGEST:
        raise wrong("shape", shape)
    const = None
    if row.get("is_const"):
        try:
            const = np.asarray(row["const_value"], dtype=dtype[0]).reshape(shape)
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise wrong("const_value", error) from None
    return Operand(dtype[0], tuple(shape), fmt, const)


def _attributes(op: str, rows: Any) -> dict[str, Any]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AtcError("E10030", f"attr of operator [{op}] is no list of objects")
    found = {}
    for row in rows:
        name, kind, value = row.get("name"), str(row.get("type")), row.get("value")
        if not isinstance(name, str) or not name:
            raise AtcError("E10029", f"an attribute of operator [{op}] has no name")
        wanted = ATTRIBUTES.get(kind)
        if wanted is None or not isinstance(value, wanted) or not _numbers(kind, value):
            raise AtcError(
                "E10030", f"attribute [{name}] of operator [{op}]: {str(value)[:80]} is no [{kind[:20]}]"
            )
        if kind == "data_type":
            if value not in TYPES:
                raise AtcError(
                    "E10030", f"attribute [{name}] of operator [{op}]: [{str(value)[:80]}] is no type"
                )
            value = TYPES[str(value)][1]
        found[name] = value
    return found


def _numbers(kind: str, value: Any) -> bool:
    """Whether a list's elements, and a number itself, are such as its type says."""
    if kind in {"list_int", "list_bool"}:
        return all(isinstance(n, int) and abs(n) < LARGEST for n in value)
    if kind == "list_float":
        return all(isinstance(n, (int, float)) for n in value)
    if kind == "int":
        return bool(abs(value) < 2**63)
    return True


def _default_name(number: int, op: str, inputs: list[Operand], outputs: list[Operand]) -> str:
    """Number_operator_(type_format_shape of each tensor), as the real one."""
    numbers = dict(TYPES.values())
    parts = [str(number), op]
    for operand in (*inputs, *outputs):
        parts += [str(numbers[operand.dtype]), str(FORMATS[operand.fmt]), *map(str, operand.shape)]
    return "_".join(parts)


def compile_op(single: SingleOp, chip: Chip) -> tuple[dict[str, Any], bytes]:
    """Convert an operator.

    Returns:
        The OM file's definition and its ONNX bytes.

    Raises:
        AtcError: the operator does not take these operands (E10501), or their shapes do not fit (E10027).
    """
    try:
        model = graph(single.op, single.inputs, single.outputs, single.attrs)
    except (KernelError, ValueError, TypeError, IndexError) as error:
        raise AtcError("E10501", f"operator [{single.op}] cannot be compiled: {error}") from None
    try:
        inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:  # noqa: BLE001 - onnx raises several classes, some of them without a base of its own
        reason = " ".join(str(error).split())[:200]
        raise AtcError("E10027", f"the operands of operator [{single.op}] do not fit: {reason}") from None
    _check_output(single, inferred)
    kind = RULES[single.op].kind
    definition = {
        "name": single.name[:200],
        "soc": chip.soc,
        "inputs": [_described(operand) for operand in single.inputs],
        "outputs": [_described(operand) for operand in single.outputs],
        "ops": [{"type": single.op, "kind": kind, "attrs": _cost_attributes(single)}],
        "single_op": {"type": single.op, "attrs": single.attrs},
    }
    return definition, model.SerializeToString()


def _check_output(single: SingleOp, inferred: Any) -> None:
    """A result whose size is known must be as large as the output that was described."""
    tensor = inferred.graph.output[0].type.tensor_type
    if not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        return
    shape = [dim.dim_value for dim in tensor.shape.dim]
    said = single.outputs[0].shape
    if -1 not in said and int(np.prod(shape)) != int(np.prod(said)):
        raise AtcError(
            "E10027", f"[shape] of output [0] of operator [{single.op}] is {list(said)}; {shape} comes out"
        )


def _described(operand: Operand) -> dict[str, Any]:
    return {
        "dtype": operand.dtype,
        "shape": list(operand.shape),
        "format": operand.fmt,
        "const": None if operand.const is None else np.asarray(operand.const).tobytes().hex(),
    }


def _cost_attributes(single: SingleOp) -> dict[str, Any]:
    """What else decides its cost; see `npusim.Op`."""
    attrs = single.attrs
    if single.op == "Conv2D":
        return {"groups": int(attrs.get("groups", 1))}
    if RULES[single.op].kind == "matmul":
        first = any(attrs.get(name, False) for name in ("transpose_a", "transpose_x1", "adj_x1"))
        second = any(attrs.get(name, False) for name in ("transpose_b", "transpose_x2", "adj_x2"))
        return {"transpose_a": first, "transpose_b": second}
    return {}
