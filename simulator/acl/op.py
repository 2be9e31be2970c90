"""`acl.op`: single operators that `atc --singleop` converted.

Imitates pyACL's `acl.op` of CANN 8: names, argument order, return values and codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acl import _single_ops as single
from acl._buffers import TensorDesc, buffers, descs
from acl._calls import AclError, integer, plain, status, values
from acl._dtypes import DATA_TYPES
from acl._handles import Handles
from acl._memory import space
from acl._single_ops import SingleOp, loaded
from acl._state import State, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNSUPPORTED = 200006
MOST_QUEUED = 2**63
WORDS = {"bool": bool, "int": int, "float": (int, float), "string": str}


@dataclass
class Attributes:
    """Attributes by name."""

    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Call:
    """An operator with the tensors that it will be called with."""

    op: SingleOp
    inputs: list[TensorDesc]
    outputs: list[TensorDesc]


attributes: Handles[Attributes] = Handles("operator attribute")
calls: Handles[Call] = Handles("operator handle")
State.finalisers += [attributes.clear, calls.clear]


# loading


@status
def set_model_dir(model_dir: str) -> None:
    """Load every operator of a folder, once in a process: `ret`.

    Codes: 100002 called before, 100014 no such folder, 100025 no operator, 145006 damaged, 507008 for another
    chip.
    """
    _need_text("model_dir", model_dir)
    loaded.load_folder(model_dir)


@status
def load(model: int, model_size: int) -> None:
    """Load an operator whose file lies in memory: `ret`; codes as `set_model_dir`, and 107000."""
    data = space.read(integer("model", model), integer("model_size", model_size, least=1), "model")
    loaded.load(data, "the operator in memory")


@status
def set_max_op_queue_num(max_op_num: int) -> None:
    """Bound the operators that are kept: `ret`; all are kept here. Codes: 100000."""
    if not 0 < integer("max_op_num", max_op_num) < MOST_QUEUED:
        raise AclError(100000, f"max_op_num is {max_op_num}; give at least 1")


def _need_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")


# attributes


@plain()
def create_attr() -> int:
    """An empty set of attributes: its handle."""
    return attributes.add(Attributes())


def destroy_attr(attr: int) -> None:
    """End a set of attributes."""
    _destroy_attr(attr)


@status
def _destroy_attr(attr: int) -> None:
    attributes.remove(attr)


def _set(attr: int, attr_name: str, value: Any) -> None:
    _need_text("attr_name", attr_name)
    attributes.get(attr).values[attr_name] = value


def _float32(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"attr_value must be a float, not {type(value).__name__}")
    return float(value)


def _listed(values: Any, kind: str) -> list[Any]:
    listed = (
        values.tolist() if hasattr(values, "tolist") else values
    )  # a list, or an array as older samples have it
    if not isinstance(listed, list):
        raise TypeError(f"attr_value must be a list, not {type(values).__name__}")
    for value in listed:
        if not isinstance(value, WORDS[kind]):  # type: ignore[arg-type]
            raise TypeError(f"attr_value must hold {kind} only, not {type(value).__name__}")
    return list(listed)


@status
def set_attr_bool(attr: int, attr_name: str, attr_value: int) -> None:
    """Set an attribute to a truth value: `ret`. Codes: 100000."""
    _set(attr, attr_name, bool(attr_value))


@status
def set_attr_int(attr: int, attr_name: str, attr_value: int) -> None:
    """Set an attribute to a whole number: `ret`. Codes: 100000."""
    _set(attr, attr_name, integer("attr_value", attr_value))


@status
def set_attr_float(attr: int, attr_name: str, attr_value: float) -> None:
    """Set an attribute to a number: `ret`. Codes: 100000."""
    _set(attr, attr_name, _float32(attr_value))


@status
def set_attr_string(attr: int, attr_name: str, attr_value: str) -> None:
    """Set an attribute to a text: `ret`. Codes: 100000."""
    _need_text("attr_value", attr_value)
    _set(attr, attr_name, attr_value)


@status
def set_attr_list_bool(attr: int, attr_name: str, attr_value: list[int]) -> None:
    """Set an attribute to truth values: `ret`. Codes: 100000."""
    _set(attr, attr_name, [bool(n) for n in _listed(attr_value, "int")])


@status
def set_attr_list_int(attr: int, attr_name: str, attr_value: list[int]) -> None:
    """Set an attribute to whole numbers: `ret`. Codes: 100000."""
    _set(attr, attr_name, _listed(attr_value, "int"))


@status
def set_attr_list_float(attr: int, attr_name: str, attr_value: list[float]) -> None:
    """Set an attribute to numbers: `ret`. Codes: 100000."""
    _set(attr, attr_name, _listed(attr_value, "float"))


@status
def set_attr_list_string(attr: int, attr_name: str, attr_value: list[str]) -> None:
    """Set an attribute to texts: `ret`. Codes: 100000."""
    _set(attr, attr_name, _listed(attr_value, "string"))


@status
def set_attr_list_list_int(attr: int, attr_name: str, attr_value: list[list[int]]) -> None:
    """Set an attribute to lists of whole numbers: `ret`. Codes: 100000."""
    if not isinstance(attr_value, list):
        raise TypeError(f"attr_value must be a list, not {type(attr_value).__name__}")
    _set(attr, attr_name, [_listed(row, "int") for row in attr_value])


@values(0)
def set_attr_data_type(attr: int, attr_name: str, attr_value: int) -> int:
    """Set an attribute to an aclDataType: `(attr, ret)`. Codes: 100000."""
    _set(attr, attr_name, integer("attr_value", attr_value))
    return attr


@values(0)
def set_attr_list_data_type(attr: int, attr_name: str, attr_value: list[int]) -> int:
    """Set an attribute to aclDataTypes: `(attr, ret)`. Codes: 100000."""
    _set(attr, attr_name, _listed(attr_value, "int"))
    return attr


# execution


def _all(what: str, handles: Any, kind: Handles[Any]) -> list[Any]:
    if not isinstance(handles, list):
        raise TypeError(f"{what} must be a list, not {type(handles).__name__}")
    return [kind.get(handle) for handle in handles]


def _attrs(attr: int) -> dict[str, Any]:
    """The attributes of a handle; 0 stands for none."""
    return attributes.get(attr).values if attr else {}


def _check_counts(inputs: Sequence[object], outputs: Sequence[object], call: SingleOp) -> None:
    if len(inputs) != len(call.inputs) or len(outputs) != len(call.outputs):
        raise AclError(
            100000,
            f"{len(inputs)} inputs and {len(outputs)} outputs were given; {call.op} has "
            f"{len(call.inputs)} and {len(call.outputs)}",
        )


@status
def execute_v2(  # noqa: PLR0913, PLR0917 - as the real one
    op_type: str,
    input_desc: list[int],
    inputs: list[int],
    output_desc: list[int],
    outputs: list[int],
    attr: int,
    stream: int,
) -> None:
    """Run an operator when the stream comes to it: `ret`.

    Codes: 100000 handles or counts, 100024 no such operator was loaded, 100021 and 100022 buffers too small,
    107000, 107002, 107003.

    Args:
        op_type: GE's type, for example "Add".
        input_desc: descriptions of the inputs.
        inputs: their data buffers; (0, 0) for one that is constant.
        output_desc: descriptions of the outputs; one of unknown shape is completed when the stream is done.
        outputs: their data buffers.
        attr: attributes, 0 for none.
        stream: the stream, 0 for the default one.
    """
    _need_text("op_type", op_type)
    given = _all("input_desc", input_desc, descs), _all("output_desc", output_desc, descs)
    data = _all("inputs", inputs, buffers), _all("outputs", outputs, buffers)
    found = loaded.find(op_type, *given, _attrs(attr))
    _check_counts(*data, found)
    single.run(found, given, data, stream_of(stream))


execute = execute_v2


@values(0)
def create_handle(op_type: str, input_desc: list[int], output_desc: list[int], attr: int) -> int:
    """An operator ready to be called several times: `(handle, ret)`. Codes: 100000, 100024."""
    _need_text("op_type", op_type)
    given = _all("input_desc", input_desc, descs), _all("output_desc", output_desc, descs)
    return calls.add(Call(loaded.find(op_type, *given, _attrs(attr)), *given))


def destroy_handle(handle: int) -> None:
    """End an operator handle."""
    _destroy_handle(handle)


@status
def _destroy_handle(handle: int) -> None:
    calls.remove(handle)


@status
def execute_with_handle(handle: int, inputs: list[int], outputs: list[int], stream: int) -> None:
    """Run an operator of `create_handle` when the stream comes to it: `ret`; codes as `execute_v2`."""
    call = calls.get(handle)
    data = _all("inputs", inputs, buffers), _all("outputs", outputs, buffers)
    _check_counts(*data, call.op)
    single.run(call.op, (call.inputs, call.outputs), data, stream_of(stream))


def _cast(src_desc: int, dst_desc: int, truncate: int) -> Call:
    source, target = descs.get(src_desc), descs.get(dst_desc)
    attrs = {"truncate": bool(truncate), "dst_type": target.data_type}
    return Call(loaded.find("Cast", [source], [target], attrs), [source], [target])


@status
def cast(  # noqa: PLR0913, PLR0917 - as the real one
    src_desc: int, src_buffer: int, dst_desc: int, dst_buffer: int, truncate: int, stream: int
) -> None:
    """Convert a tensor's type when the stream comes to it: `ret`; codes as `execute_v2`.

    The operator is Cast with the attributes truncate (bool) and dst_type (int).
    """
    call = _cast(src_desc, dst_desc, truncate)
    data = [buffers.get(src_buffer)], [buffers.get(dst_buffer)]
    single.run(call.op, (call.inputs, call.outputs), data, stream_of(stream))


@values(0)
def create_handle_for_cast(src_desc: int, dst_desc: int, truncate: int) -> int:
    """A conversion ready to be called several times: `(handle, ret)`. Codes: 100000, 100024."""
    return calls.add(_cast(src_desc, dst_desc, truncate))


@status
def infer_shape(  # noqa: PLR0913, PLR0917 - as the real one
    op_type: str,
    input_desc: list[int],
    inputs: list[int],
    num_outputs: int,
    output_desc: list[int],
    attr: int,
) -> None:
    """Write an operator's output shape into the outputs' descriptions: `ret`.

    Codes: 100000, 100024 no operator for these inputs was loaded.
    """
    import numpy as np

    _need_text("op_type", op_type)
    given, made = _all("input_desc", input_desc, descs), _all("output_desc", output_desc, descs)
    data = _all("inputs", inputs, buffers)
    if integer("num_outputs", num_outputs) != len(made) or len(made) != 1 or len(data) != len(given):
        raise AclError(
            100000,
            f"{num_outputs} outputs and {len(data)} buffers for {len(given)} inputs; operators have 1 output",
        )
    found = loaded.of_type(op_type, given, _attrs(attr))
    feeds = {}
    for number, (desc, buffer, mine) in enumerate(zip(given, data, found.inputs, strict=True)):
        if mine.const is not None:
            continue
        zeros = bytes(min(desc.size, single.LARGEST))
        raw = (
            space.read(buffer.address, desc.size, f"input {number}")
            if buffer.size >= desc.size > 0
            else zeros
        )
        feeds[f"x{number}"] = np.frombuffer(raw, DATA_TYPES[desc.data_type][0]).reshape(desc.shape)
    try:
        made[0].shape = found.compute(feeds).shape
    except AclError:
        raise
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have many classes
        reason = " ".join(str(error).split())[:200]
        raise AclError(100000, f"the shape of {op_type} cannot be inferred: {reason}") from None


# compiled kernels of one's own


def _refused(name: str) -> Callable[..., int]:
    def refuse(*_arguments: Any) -> None:
        raise AclError(
            UNSUPPORTED,
            f"acl.op.{name} is not simulated: a kernel's machine code cannot run here; use atc --singleop",
        )

    refuse.__name__ = name
    refuse.__doc__ = "Refused with 200006: compiled kernels of one's own are not simulated: `ret`."
    return status(refuse)


create_kernel = _refused("create_kernel")
set_kernel_args = _refused("set_kernel_args")
set_kernel_workspace_sizes = _refused("set_kernel_workspace_sizes")
register_compile_func = _refused("register_compile_func")
unregister_compile_func = _refused("unregister_compile_func")
update_params = _refused("update_params")
start_dump_args = _refused("start_dump_args")
stop_dump_args = _refused("stop_dump_args")
