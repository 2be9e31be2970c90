"""`acl.mdl`: loading, describing and running offline models.

Imitates pyACL's `acl.mdl` of CANN 8: names, argument order, return values and codes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import npusim
from npusim.execution import run_graph
from npusim.om import unpack

from acl._buffers import buffers
from acl._calls import AclError, integer, plain, status, values
from acl._dtypes import NUMBERS
from acl._memory import space
from acl._models import MBATCH, PARAM_INVALID, Desc, Model, datasets, descs, models
from acl._queue import queue
from acl._state import State, device, operand_view, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

FORMATS = {"NCHW": 0, "NHWC": 1, "ND": 2}
State.finalisers += [models.clear, descs.clear, datasets.clear, buffers.clear]


# load and unload


def _read(path: str) -> bytes:
    if not isinstance(path, str):
        raise TypeError(f"the path must be a str, not {type(path).__name__}")
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AclError(145002, f"'{path}' cannot be read: {reason}; give the path of an .om file") from None


def _load(data: bytes, name: str, *, work: bool = True, weights: bool = True) -> int:
    model = Model(data, name, device())
    model.take_memory(work=work, weights=weights)
    return models.add(model)


def _data(ptr: int, size: int) -> bytes:
    return space.read(integer("model", ptr), integer("model_size", size, least=1), "model")


@values(0)
def load_from_file(model_path: str) -> int:
    """Load an .om file: `(model_id, ret)`.

    Codes: 107002 no context, 145002 no such file, 145006 damaged, 207001 no memory, 507008 for another chip.
    """
    device()
    return _load(_read(model_path), model_path)


@values(0)
def load_from_mem(model: int, model_size: int) -> int:
    """Load a model whose file lies in memory: `(model_id, ret)`; codes as `load_from_file`, 107000."""
    device()
    return _load(_data(model, model_size), "the model in memory")


def _brought(name: str, ptr: int, size: int, needed: int) -> None:
    if integer(f"{name}_size", size) < needed:
        raise AclError(PARAM_INVALID, f"{name} memory of {size} bytes was given, the model needs {needed}")
    space.device_view(integer(name, ptr), size, f"{name}_ptr")


@values(0)
def load_from_file_with_mem(
    model_path: str, work_ptr: int, work_size: int, weight_ptr: int, weight_size: int
) -> int:
    """Load an .om file into memory that the caller brings (0 for none): `(model_id, ret)`."""
    device()
    return _with_mem(_read(model_path), model_path, (work_ptr, work_size), (weight_ptr, weight_size))


@values(0)
def load_from_mem_with_mem(  # noqa: PLR0913, PLR0917 - as the real one
    model: int, model_size: int, work_ptr: int, work_size: int, weight_ptr: int, weight_size: int
) -> int:
    """Load a model in memory into memory that the caller brings (0 for none): `(model_id, ret)`."""
    device()
    data = _data(model, model_size)
    return _with_mem(data, "the model in memory", (work_ptr, work_size), (weight_ptr, weight_size))


def _with_mem(data: bytes, name: str, work: tuple[int, int], weight: tuple[int, int]) -> int:
    definition = unpack(data, name).definition
    for what, (ptr, size) in (("work", work), ("weight", weight)):
        if ptr:
            _brought(what, ptr, size, definition[f"{what}_bytes"])
    return _load(data, name, work=not work[0], weights=not weight[0])


@values(0, 0)
def query_size(model_path: str) -> tuple[int, int]:
    """What a model needs: `(work_size, weight_size, ret)` in bytes."""
    definition = unpack(_read(model_path), model_path).definition
    return definition["work_bytes"], definition["weight_bytes"]


@status
def unload(model_id: int) -> None:
    """Unload a model: `ret`. Codes: 145003 no such model."""
    queue.drain()
    models.remove(integer("model_id", model_id))


# descriptions


@plain()
def create_desc() -> int:
    """An empty model description: its handle."""
    return descs.add(Desc())


@status
def get_desc(model_desc: int, model_id: int) -> None:
    """Fill a model description: `ret`. Codes: 100000 no description, 145003 no such model."""
    found = descs.get(model_desc)
    found.model = models.get(integer("model_id", model_id))


@status
def destroy_desc(model_desc: int) -> None:
    """End a model description: `ret`. Codes: 100000."""
    descs.remove(model_desc)


def _tensor(model_desc: int, kind: str, index: int) -> dict[str, Any]:
    listed: list[dict[str, Any]] = getattr(descs.get(model_desc).filled(), kind)
    if not 0 <= integer("index", index) < len(listed):
        raise AclError(100000, f"index is {index}; the model has {len(listed)} {kind}")
    return listed[index]


@plain()
def get_num_inputs(model_desc: int) -> int:
    """How many inputs, the one for gears included."""
    return len(descs.get(model_desc).filled().inputs)


@plain()
def get_num_outputs(model_desc: int) -> int:
    """How many outputs."""
    return len(descs.get(model_desc).filled().outputs)


@plain()
def get_input_size_by_index(model_desc: int, index: int) -> int:
    """Bytes of an input, of the largest gear where there are gears."""
    return int(_tensor(model_desc, "inputs", index)["size"])


@plain()
def get_output_size_by_index(model_desc: int, index: int) -> int:
    """Bytes of an output, of the largest gear where there are gears."""
    return int(_tensor(model_desc, "outputs", index)["size"])


@plain("")
def get_input_name_by_index(model_desc: int, index: int) -> str:
    """The name of an input."""
    return str(_tensor(model_desc, "inputs", index)["name"])


@plain("")
def get_output_name_by_index(model_desc: int, index: int) -> str:
    """The name of an output."""
    return str(_tensor(model_desc, "outputs", index)["name"])


@plain(-1)
def get_input_data_type(model_desc: int, index: int) -> int:
    """The aclDataType of an input."""
    return NUMBERS[_tensor(model_desc, "inputs", index)["dtype"]]


@plain(-1)
def get_output_data_type(model_desc: int, index: int) -> int:
    """The aclDataType of an output."""
    return NUMBERS[_tensor(model_desc, "outputs", index)["dtype"]]


@plain(-1)
def get_input_format(model_desc: int, index: int) -> int:
    """The aclFormat of an input."""
    return FORMATS.get(_tensor(model_desc, "inputs", index)["format"], 2)


@plain(-1)
def get_output_format(model_desc: int, index: int) -> int:
    """The aclFormat of an output."""
    return FORMATS.get(_tensor(model_desc, "outputs", index)["format"], 2)


def _dims(tensor: dict[str, Any]) -> dict[str, Any]:
    return {"name": tensor["name"], "dimCount": len(tensor["shape"]), "dims": list(tensor["shape"])}


@values({})
def get_input_dims(model_desc: int, index: int) -> dict[str, Any]:
    """The shape of an input, -1 where gears decide: `({"name", "dimCount", "dims"}, ret)`."""
    model = descs.get(model_desc).filled()
    found = _dims(_tensor(model_desc, "inputs", index))
    gears = [gear["inputs"] for gear in model.gears.values()]
    shapes = [tensors[index]["shape"] for tensors in gears if index < len(tensors)]
    if shapes:
        found["dims"] = [row[0] if len(set(row)) == 1 else -1 for row in zip(*shapes, strict=True)]
    return found


@values({})
def get_output_dims(model_desc: int, index: int) -> dict[str, Any]:
    """The shape of an output in the largest gear: `({"name", "dimCount", "dims"}, ret)`."""
    return _dims(_tensor(model_desc, "outputs", index))


@values({})
def get_cur_output_dims(model_desc: int, index: int) -> dict[str, Any]:
    """The shape of an output in the gear that was set last: `({"name", "dimCount", "dims"}, ret)`."""
    model = descs.get(model_desc).filled()
    _tensor(model_desc, "outputs", index)
    gear = model.gears.get(model.choice)
    return _dims((gear or model.definition)["outputs"][index])


@values(0)
def get_input_index_by_name(model_desc: int, name: str) -> int:
    """Which input has that name: `(index, ret)`. Codes: 100000 none."""
    return _by_name(model_desc, "inputs", name)


@values(0)
def get_output_index_by_name(model_desc: int, name: str) -> int:
    """Which output has that name: `(index, ret)`. Codes: 100000 none."""
    return _by_name(model_desc, "outputs", name)


def _by_name(model_desc: int, kind: str, name: str) -> int:
    names = [tensor["name"] for tensor in getattr(descs.get(model_desc).filled(), kind)]
    if name not in names:
        raise AclError(100000, f"the model has no {kind[:-1]} '{name}'; it has {', '.join(names)}")
    return names.index(name)


# gears


@values({})
def get_dynamic_batch(model_desc: int) -> dict[str, Any]:
    """The batch gears: `({"batchCount", "batch"}, ret)`; 0 of them for a model without."""
    model = descs.get(model_desc).filled()
    found = [choice[0] for choice in model.gears] if model.dynamic == "batch" else []
    return {"batchCount": len(found), "batch": found}


@values({})
def get_dynamic_hw(model_desc: int, index: int) -> dict[str, Any]:
    """The image gears: `({"hwCount", "hw"}, ret)`; 0 of them for a model without."""
    integer("index", index)
    model = descs.get(model_desc).filled()
    found = [list(choice) for choice in model.gears] if model.dynamic == "hw" else []
    return {"hwCount": len(found), "hw": found}


@values(0)
def get_input_dynamic_gear_count(model_desc: int, index: int) -> int:
    """How many gears of any dimensions: `(count, ret)`."""
    integer("index", index)
    model = descs.get(model_desc).filled()
    return len(model.gears) if model.dynamic == "dims" else 0


@values([])
def get_input_dynamic_dims(model_desc: int, index: int, gear_count: int) -> list[dict[str, Any]]:
    """The gears of any dimensions: `([{"name", "dimCount", "dims"}], ret)`, all inputs' sizes in a row."""
    integer("index", index)
    model = descs.get(model_desc).filled()
    if model.dynamic != "dims" or integer("gear_count", gear_count) != len(model.gears):
        raise AclError(100000, f"gear_count is {gear_count}; call get_input_dynamic_gear_count first")
    rows = [[n for t in gear["inputs"] for n in t["shape"]] for gear in model.gears.values()]
    return [{"name": "", "dimCount": len(row), "dims": row} for row in rows]


def _set_gear(model_id: int, dataset: int, index: int, kind: str, choice: tuple[int, ...], code: int) -> None:  # noqa: PLR0913, PLR0917 - all are needed
    model = models.get(integer("model_id", model_id))
    if model.dynamic != kind:
        raise AclError(100019, f"the model was converted without gears of this kind ({kind})")
    if not 0 <= integer("index", index) < len(model.inputs) or model.inputs[index]["name"] != MBATCH:
        raise AclError(145000, f"index is {index}; give that of the input '{MBATCH}'")
    if choice not in model.gears:
        known = ", ".join(str(c[0] if len(c) == 1 else list(c)) for c in model.gears)
        raise AclError(code, f"{list(choice)} is no gear of the model; it has {known}")
    given = datasets.get(dataset)
    if index >= len(given):
        raise AclError(145011, f"the dataset has no buffer {index} for '{MBATCH}'")
    buffer = buffers.get(given[index])
    data = b"".join(number.to_bytes(4, "little") for number in choice)
    space.device_view(buffer.address, min(buffer.size, len(data)), "data")[:] = data[: buffer.size]
    model.choice = choice


@status
def set_dynamic_batch_size(model_id: int, dataset: int, index: int, batch_size: int) -> None:
    """Choose a batch gear before `execute`: `ret`. Codes: 100019 no such gears, 145013 not one of them."""
    _set_gear(model_id, dataset, index, "batch", (integer("batch_size", batch_size),), 145013)


@status
def set_dynamic_hw_size(model_id: int, dataset: int, index: int, height: int, width: int) -> None:
    """Choose an image gear before `execute`: `ret`. Codes: 100019 no such gears, 145012 not one of them."""
    _set_gear(model_id, dataset, index, "hw", (integer("height", height), integer("width", width)), 145012)


@status
def set_input_dynamic_dims(model_id: int, dataset: int, index: int, dims: dict[str, Any]) -> None:
    """Choose a gear of any dimensions before `execute`: `ret`.

    Args:
        model_id: the model.
        dataset: its inputs.
        index: the input for gears.
        dims: {"dimCount": n, "name": "", "dims": the sizes of all inputs in a row}.
    """
    model = models.get(integer("model_id", model_id))
    row = list(dims.get("dims", []))
    for choice, gear in model.gears.items():
        if [n for t in gear["inputs"] for n in t["shape"]] == row:
            _set_gear(model_id, dataset, index, "dims", choice, 145012)
            return
    raise AclError(145012, f"{row} is no gear of the model; see get_input_dynamic_dims")


# datasets


@plain()
def create_dataset() -> int:
    """An empty dataset: its handle."""
    return datasets.add([])


@status
def destroy_dataset(dataset: int) -> None:
    """End a dataset; its buffers stay: `ret`. Codes: 100000."""
    datasets.remove(dataset)


@values(0)
def add_dataset_buffer(dataset: int, data_buffer: int) -> int:
    """Append a data buffer: `(dataset, ret)`. Codes: 100000."""
    buffers.get(data_buffer)
    datasets.get(dataset).append(data_buffer)
    return dataset


@plain()
def get_dataset_num_buffers(dataset: int) -> int:
    """How many buffers."""
    return len(datasets.get(dataset))


@plain()
def get_dataset_buffer(dataset: int, index: int) -> int:
    """A buffer's handle; 0 where there is none of that index."""
    found = datasets.get(dataset)
    if not 0 <= integer("index", index) < len(found):
        raise AclError(100000, f"index is {index}; the dataset has {len(found)} buffers")
    return found[index]


# execution


@status
def execute(model_id: int, input: int, output: int) -> None:  # noqa: A002 - the real name
    """Run a model and wait: `ret`.

    Codes: 145003 no such model, 145000 datasets that do not fit, 107000 pointers, 145013 no gear set.
    """
    model = models.get(integer("model_id", model_id))
    stream = npusim.node().contexts.current().stream
    choice, run = _prepare(model, input, output, stream)
    _launch(model, choice, stream)
    queue.drain(stream)
    run()
    stream.synchronize()


@status
def execute_async(model_id: int, input: int, output: int, stream: int) -> None:  # noqa: A002 - the real name
    """Run a model when the stream comes to it: `ret`; wait for the stream before the outputs are used."""
    model = models.get(integer("model_id", model_id))
    found = stream_of(stream)
    choice, run = _prepare(model, input, output, found)
    _launch(model, choice, found)
    queue.add(found, run)


def _launch(model: Model, choice: tuple[int, ...], stream: npusim.Stream) -> None:
    first = len(npusim.node().records)
    run_graph(stream, model.tasks(choice))
    if model.watcher is not None:
        model.watcher(first)


def _prepare(
    model: Model, inputs: int, outputs: int, stream: npusim.Stream
) -> tuple[tuple[int, ...], Callable[[], None]]:
    """Check the datasets of a run; the gear, and what moves the values when the stream comes to it."""
    device()
    given = _views(inputs, model.inputs, "input", exact=False)
    choice = _choice(model, given)
    gear = model.gears[choice]
    made = _views(outputs, gear["outputs"], "output", exact=True)
    pairs = [(tensor, view) for tensor, view in zip(gear["inputs"], given, strict=False)]
    for tensor, view in pairs:
        if len(view) < tensor["size"]:
            raise AclError(
                PARAM_INVALID,
                f"input '{tensor['name']}' has {len(view)} bytes, the model needs {tensor['size']}",
            )

    def run() -> None:
        try:
            found = model.compute([_array(tensor, view) for tensor, view in pairs])
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have many classes; the next wait tells
            reason = " ".join(str(error).split())[:200]
            stream.fail(f"the model cannot be executed: {reason}", code=507011, task=model.definition["name"])
            return
        for array, view in zip(found, made, strict=True):
            view[: array.nbytes] = array.tobytes()

    return choice, run


def _views(dataset: int, tensors: Sequence[dict[str, Any]], what: str, *, exact: bool) -> list[memoryview]:
    handles = datasets.get(dataset)
    if len(handles) != len(tensors):
        raise AclError(
            PARAM_INVALID, f"the {what} dataset has {len(handles)} buffers, the model {len(tensors)} {what}s"
        )
    found = []
    for handle, tensor in zip(handles, tensors, strict=True):
        buffer = buffers.get(handle)
        if exact and buffer.size < tensor["size"]:
            raise AclError(
                PARAM_INVALID,
                f"{what} '{tensor['name']}' has {buffer.size} bytes, the model needs {tensor['size']}",
            )
        found.append(operand_view(buffer.address, max(buffer.size, 1), f"{what} '{tensor['name']}'"))
    return found


def _choice(model: Model, views: Sequence[memoryview]) -> tuple[int, ...]:
    """The gear that was written into the input for gears."""
    if model.dynamic == "static":
        return ()
    data = bytes(views[-1])
    width = len(next(iter(model.gears)))
    choice = tuple(int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(width))
    if choice not in model.gears:
        code = 145013 if model.dynamic == "batch" else 145012
        raise AclError(
            code, "no gear was set for this run; call acl.mdl.set_dynamic_... with one of the model's"
        )
    return choice


def _array(tensor: dict[str, Any], view: memoryview) -> np.ndarray[Any, Any]:
    import numpy as np

    if "aipp" in tensor:
        from acl._aipp import prepare

        return prepare(view, tensor["aipp"], tensor["shape"][0], tensor["aipp_format"])
    return np.frombuffer(view[: tensor["size"]], dtype=tensor["dtype"]).reshape(tensor["shape"]).copy()
