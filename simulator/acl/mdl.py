"""`acl.mdl`: loading, describing and running offline models.

Imitates pyACL's `acl.mdl` of CANN 8: names, argument order, return values and codes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import npusim
from npusim.execution import run_graph

from acl import _dynamic_aipp as dynamic
from acl._buffers import buffers
from acl._calls import AclError, integer, plain, status, values
from acl._dtypes import NUMBERS
from acl._memory import space
from acl._models import DAMAGED, MBATCH, PARAM_INVALID, Desc, Model, datasets, descs, model_content, models
from acl._queue import queue
from acl._state import State, device, operand_view, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

PARAM = 100000
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
    definition = model_content(data, name).definition
    for what, (ptr, size) in (("work", work), ("weight", weight)):
        if ptr:
            _brought(what, ptr, size, definition[f"{what}_bytes"])
    return _load(data, name, work=not work[0], weights=not weight[0])


@values(0, 0)
def query_size(model_path: str) -> tuple[int, int]:
    """What a model needs: `(work_size, weight_size, ret)` in bytes."""
    definition = model_content(_read(model_path), model_path).definition
    return definition["work_bytes"], definition["weight_bytes"]


@values(0, 0)
def query_size_from_mem(model: int, model_size: int) -> tuple[int, int]:
    """What a model in memory needs: `(work_size, weight_size, ret)` in bytes."""
    definition = model_content(_data(model, model_size), "the model in memory").definition
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


get_input_dims_v2 = get_input_dims


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
    if not isinstance(dims, dict) or not isinstance(dims.get("dims"), list):
        raise TypeError("dims must be a dict with a list 'dims'")
    row = list(dims["dims"])
    for choice, gear in model.gears.items():
        if [n for t in gear["inputs"] for n in t["shape"]] == row:
            _set_gear(model_id, dataset, index, "dims", choice, 145012)
            return
    raise AclError(145012, f"{row} is no gear of the model; see get_input_dynamic_dims")


# AIPP that is set when the model runs


@plain()
def create_aipp(batch_size: int) -> int:
    """AIPP parameters for so many pictures: their handle; 0 for none or more than 127."""
    count = dynamic.number("batch_size", batch_size, 1, dynamic.MOST)
    return dynamic.params.add(dynamic.AippParams([dynamic.PictureParams() for _ in range(count)]))


@status
def destroy_aipp(aipp: int) -> None:
    """End AIPP parameters: `ret`. Codes: 100000."""
    dynamic.params.remove(aipp)


@status
def set_aipp_input_format(aipp: int, input_format: int) -> None:
    """The pictures' format, 1 YUV420SP_U8, 2 XRGB8888_U8, 3 RGB888_U8, 4 YUV400_U8: `ret`. Codes: 100000."""
    found = dynamic.params.get(aipp)
    if integer("input_format", input_format) not in dynamic.FORMATS:
        raise AclError(PARAM, f"input_format is {input_format}; give 1 (YUV420SP_U8) to 4 (YUV400_U8)")
    found.fmt = input_format


@status
def set_aipp_csc_params(aipp: int, csc_switch: int, *numbers: int) -> None:
    """Conversion of colours: `ret`. Codes: 100000.

    Args:
        aipp: the parameters.
        csc_switch: 1 to convert.
        numbers: the matrix row by row (9), the biases of the output (3), those of the input (3).
    """
    found = dynamic.params.get(aipp)
    if len(numbers) != 15:  # noqa: PLR2004 - what the real one takes
        raise TypeError(f"set_aipp_csc_params takes 17 arguments ({len(numbers) + 2} given)")
    found.csc = dynamic.number("csc_switch", csc_switch, 0, 1)
    found.matrix = tuple(dynamic.number("matrix", n, -(2**15), 2**15 - 1) for n in numbers[:9])
    found.biases = tuple(dynamic.number("bias", n, 0, 255) for n in numbers[9:])


@status
def set_aipp_rbuv_swap_switch(aipp: int, rbuv_swap_switch: int) -> None:
    """Whether R and B (or U and V) change places: `ret`. Codes: 100000."""
    dynamic.params.get(aipp).swap = dynamic.number("rbuv_swap_switch", rbuv_swap_switch, 0, 1)


@status
def set_aipp_ax_swap_switch(aipp: int, ax_swap_switch: int) -> None:
    """Whether the A of ARGB stands last; only 0 is simulated: `ret`. Codes: 100000."""
    dynamic.params.get(aipp).ax_swap = dynamic.number("ax_swap_switch", ax_swap_switch, 0, 0)


@status
def set_aipp_src_image_size(aipp: int, width: int, height: int) -> None:
    """The pictures' size: `ret`. Codes: 100000."""
    found = dynamic.params.get(aipp)
    found.width, found.height = (dynamic.number("size", n, 1, 4096) for n in (width, height))


@status
def set_aipp_crop_params(  # noqa: PLR0913, PLR0917 - as the real one
    aipp: int, crop_switch: int, left: int, top: int, width: int, height: int, batch_index: int
) -> None:
    """The region that is used of a picture: `ret`. Codes: 100000."""
    found = dynamic.params.get(aipp).picture(batch_index)
    sizes = [dynamic.number("crop", n, 0, 4096) for n in (left, top, width, height)]
    found.crop = (dynamic.number("crop_switch", crop_switch, 0, 1), *sizes)  # type: ignore[assignment] # five


@status
def set_aipp_padding_params(  # noqa: PLR0913, PLR0917 - as the real one
    aipp: int, padding_switch: int, top: int, bottom: int, left: int, right: int, batch_index: int
) -> None:
    """What is put around a picture: `ret`. Codes: 100000."""
    found = dynamic.params.get(aipp).picture(batch_index)
    sizes = [dynamic.number("padding", n, 0, 32) for n in (top, bottom, left, right)]
    found.padding = (dynamic.number("padding_switch", padding_switch, 0, 1), *sizes)  # type: ignore[assignment] # five


@status
def set_aipp_dtc_pixel_mean(aipp: int, chn0: int, chn1: int, chn2: int, chn3: int, batch_index: int) -> None:  # noqa: PLR0913, PLR0917 - as the real one
    """The means that are taken off each channel: `ret`. Codes: 100000."""
    found = dynamic.params.get(aipp).picture(batch_index)
    found.mean = tuple(dynamic.number("mean", n, -(2**15), 2**15 - 1) for n in (chn0, chn1, chn2, chn3))


def _reals(*numbers: float) -> tuple[float, ...]:
    for n in numbers:
        if isinstance(n, bool) or not isinstance(n, (int, float)):
            raise TypeError(f"a float is needed, not {type(n).__name__}")
        if not abs(n) < 65504:  # noqa: PLR2004 - the largest half
            raise AclError(PARAM, f"{n} is beyond what float16 holds")
    return tuple(float(n) for n in numbers)


@status
def set_aipp_dtc_pixel_min(  # noqa: PLR0913, PLR0917 - as the real one
    aipp: int, chn0: float, chn1: float, chn2: float, chn3: float, batch_index: int
) -> None:
    """The minima that are taken off each channel: `ret`. Codes: 100000."""
    dynamic.params.get(aipp).picture(batch_index).least = _reals(chn0, chn1, chn2, chn3)


@status
def set_aipp_pixel_var_reci(  # noqa: PLR0913, PLR0917 - as the real one
    aipp: int, chn0: float, chn1: float, chn2: float, chn3: float, batch_index: int
) -> None:
    """The factors of each channel: `ret`. Codes: 100000."""
    dynamic.params.get(aipp).picture(batch_index).reciprocal = _reals(chn0, chn1, chn2, chn3)


@status
def set_input_aipp(model_id: int, dataset: int, index: int, aipp: int) -> None:
    """Write AIPP parameters into a dataset, at the input for them: `ret`.

    Codes: 100000 parameters or sizes, 145003 no model, 145011 no buffer, 145015 the input takes none.
    """
    model = models.get(integer("model_id", model_id))
    _write_aipp(model, dataset, integer("index", index), aipp)


@status
def set_aipp_by_input_index(model_id: int, dataset: int, index: int, aipp: int) -> None:
    """`set_input_aipp` by the index of the input whose pictures it is for: `ret`."""
    model = models.get(integer("model_id", model_id))
    for number, tensor in enumerate(model.inputs):
        if tensor.get("aipp_of") == integer("index", index):
            _write_aipp(model, dataset, number, aipp)
            return
    raise AclError(dynamic.NOT_EXIST, f"input {index} has no dynamic AIPP; see acl.mdl.get_aipp_type")


def _write_aipp(model: Model, dataset: int, index: int, aipp: int) -> None:
    if not 0 <= index < len(model.inputs) or "aipp_of" not in model.inputs[index]:
        raise AclError(dynamic.NOT_EXIST, f"index is {index}; give that of the input '{dynamic.NAME}'")
    found = dynamic.params.get(aipp)
    given = datasets.get(dataset)
    if index >= len(given):
        raise AclError(145011, f"the dataset has no buffer {index} for '{dynamic.NAME}'")
    buffer = buffers.get(given[index])
    rank = model.inputs[index]["aipp_of"]
    batch = model.inputs[rank]["shape"][0]
    if len(found.pictures) != batch:
        raise AclError(PARAM, f"AIPP is for {len(found.pictures)} pictures, the model takes {batch}")
    data = found.pack()
    operand_view(buffer.address, max(buffer.size, len(data)), "the AIPP input")[: len(data)] = data


@values(0, 0)
def get_aipp_type(model_id: int, index: int) -> tuple[int, int]:
    """Of an input: `(type, attached_index, ret)`.

    The type is 0 no AIPP, 1 static, 2 dynamic (then the index of its parameters' input, else 0xFFFFFFFF), 3
    an input for parameters.
    """
    model = models.get(integer("model_id", model_id))
    if not 0 <= integer("index", index) < len(model.inputs):
        raise AclError(PARAM, f"index is {index}; the model has {len(model.inputs)} inputs")
    tensor = model.inputs[index]
    if "aipp_of" in tensor:
        return 3, 0xFFFFFFFF
    attached = [n for n, other in enumerate(model.inputs) if other.get("aipp_of") == index]
    if attached:
        return 2, attached[0]
    return int("aipp" in tensor), 0xFFFFFFFF


@values(0)
def get_aipp_data_size(batch_size: int) -> int:
    """Bytes of AIPP parameters for so many pictures: `(size, ret)`. Codes: 100000."""
    return dynamic.data_size(dynamic.number("batch_size", batch_size, 1, dynamic.MOST))


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
    try:
        return _prepared(model, inputs, outputs, stream)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise AclError(DAMAGED, f"the model's description is damaged: {error!r}; convert it again") from None


def _prepared(
    model: Model, inputs: int, outputs: int, stream: npusim.Stream
) -> tuple[tuple[int, ...], Callable[[], None]]:
    given = _views(inputs, model.inputs, "input", exact=False)
    choice = _choice(model, given)
    model.tasks(choice)
    gear = model.gears[choice]
    made = _views(outputs, gear["outputs"], "output", exact=True)
    pairs = list(zip(gear["inputs"], given, strict=False))
    aipp = _aipp_settings(model, gear, given)
    for tensor, view in pairs:
        if len(view) < tensor["size"] and "aipp_shape" not in tensor:
            raise AclError(
                PARAM_INVALID,
                f"input '{tensor['name']}' has {len(view)} bytes, the model needs {tensor['size']}",
            )

    def run() -> None:
        try:
            found = model.compute([_array(*pair, aipp.get(rank)) for rank, pair in enumerate(pairs)])
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


def _aipp_settings(
    model: Model, gear: dict[str, Any], given: Sequence[memoryview]
) -> dict[int, list[dict[str, Any]]]:
    """What was set for dynamic AIPP, by the input it belongs to."""
    found = {}
    for number, tensor in enumerate(model.inputs):
        rank = tensor.get("aipp_of")
        if rank is not None:
            mine = gear["inputs"][rank]
            batch = mine["shape"][0]
            found[rank] = dynamic.settings(given[number], batch, mine, len(given[rank]))
    return found


def _array(
    tensor: dict[str, Any], view: memoryview, pictures: list[dict[str, Any]] | None
) -> np.ndarray[Any, Any]:
    import numpy as np

    if pictures is not None:
        return dynamic.prepare(view, pictures, tensor["aipp_format"])
    if "aipp" in tensor:
        from acl._aipp import prepare

        return prepare(view, tensor["aipp"], tensor["shape"][0], tensor["aipp_format"])
    return np.frombuffer(view[: tensor["size"]], dtype=tensor["dtype"]).reshape(tensor["shape"])
