"""Loaded models: an OM file's graph, its memory on the device, and how it computes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import npusim
from npusim.execution import graph_tasks
from npusim.om import OmModel, check_soc, unpack

from acl._calls import AclError
from acl._dtypes import NUMBERS
from acl._handles import Handles
from acl._memory import space
from acl._sessions import make_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from npusim import Task

MBATCH = "ascend_mbatch_shape_data"
PARAM_INVALID = 145000
ID_INVALID = 145003
LOAD_FAILED = 545001
DAMAGED = 145006
LARGEST = 2**40  # bytes; more is damage


def model_content(data: bytes, name: str) -> OmModel:
    """Description and graph of a model in an OM file's bytes, all of it of the kind that is used later.

    Raises:
        npusim.om.OmError: the file is damaged (145006).
        AclError: what it holds is no model (145006).
    """
    found = unpack(data, name)
    definition = found.definition
    if "single_op" in definition:
        raise AclError(
            DAMAGED, f"{name} is a single operator; load it with acl.op.set_model_dir or acl.op.load"
        )
    gears = definition.get("gears")
    good = (
        isinstance(gears, list)
        and bool(gears)
        and definition.get("dynamic") in ("static", "batch", "hw", "dims")
        and all(
            type(definition.get(key)) is int and definition[key] > 0 for key in ("work_bytes", "weight_bytes")
        )
        and isinstance(definition.get("half"), bool)
        and _tensors(definition)
        and all(isinstance(gear, dict) and _gear(gear, definition) for gear in gears)
    )
    if not good:
        raise AclError(DAMAGED, f"{name} is no model that this version can read; convert it again")
    return found


def _gear(gear: dict[str, Any], definition: dict[str, Any]) -> bool:
    """Whether a gear has operators, and the model's tensors, those for gears and AIPP excepted."""
    if not _tensors(gear):
        return False
    fed = [t for t in definition["inputs"] if t["name"] != MBATCH and "aipp_of" not in t]
    ranks = [[len(t["shape"]) for t in side] for side in (gear["inputs"], gear["outputs"])]
    choice, ops = gear.get("choice"), gear.get("ops")
    whole = isinstance(choice, list) and all(type(n) is int and n > 0 for n in choice)
    same = ranks == [[len(t["shape"]) for t in side] for side in (fed, definition["outputs"])]
    return same and whole and isinstance(ops, list) and all(_op(op) for op in ops)


def _op(op: Any) -> bool:
    """Whether an operator has what its cost needs."""
    try:
        return all(len(spec) == 3 for side in ("inputs", "outputs") for spec in op[side]) and {  # noqa: PLR2004
            "type",
            "kind",
            "reads",
            "writes",
            "weights",
            "attrs",
        } <= set(op)
    except (KeyError, TypeError):
        return False


def _tensors(found: dict[str, Any]) -> bool:
    """Whether inputs and outputs are tensors of known types and sane sizes."""
    for side in ("inputs", "outputs"):
        rows = found.get(side)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return False
        for row in rows:
            shape = row.get("shape")
            if (
                not isinstance(row.get("name"), str)
                or str(row.get("dtype")) not in NUMBERS
                or not isinstance(row["dtype"], str)
            ):
                return False
            if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < LARGEST for n in shape):
                return False
            if type(row.get("size")) is not int or not 0 <= row["size"] < LARGEST:
                return False
    return True


class _Kept:
    """Tasks of the models loaded last, so that one that is loaded again makes no new ones.

    The records of a run keep its tasks, so these would add up.
    """

    device: npusim.Device | None = None
    tasks: OrderedDict[bytes, dict[tuple[int, ...], list[Task]]] = OrderedDict()  # noqa: RUF012 - one process, one cache


MOST_KEPT = 64
CHECKSUM = slice(12, 76)  # in an OM file's header; `unpack` has compared it


def _tasks_of(device: npusim.Device, data: bytes) -> dict[tuple[int, ...], list[Task]]:
    """The tasks of a file's gears on a device, as far as they were asked for."""
    if _Kept.device is not device:
        _Kept.device, _Kept.tasks = device, OrderedDict()
    key = data[CHECKSUM]
    found = _Kept.tasks.setdefault(key, {})
    _Kept.tasks.move_to_end(key)
    if len(_Kept.tasks) > MOST_KEPT:
        _Kept.tasks.popitem(last=False)
    return found


class Model:
    """A model on a device.

    Attributes:
        definition: the OM file's description.
        inputs, outputs: its tensors, in the largest gear.
        gears: its gears by their numbers; the one gear of a static model is ().
        memory: addresses that were taken for it and are freed with it.
        choice: the gear that was set last.
        watcher: called after each run's launch with the number of its first record.
    """

    def __init__(self, data: bytes, name: str, device: npusim.Device) -> None:
        content = model_content(data, name)
        self.definition = content.definition
        check_soc(self.definition, device.chip.soc, name)
        self.device = device
        self.inputs: list[dict[str, Any]] = self.definition["inputs"]
        self.outputs: list[dict[str, Any]] = self.definition["outputs"]
        self.dynamic: str = self.definition["dynamic"]
        self.gears: dict[tuple[int, ...], dict[str, Any]] = {
            tuple(gear["choice"]): gear for gear in self.definition["gears"]
        }
        self.memory: list[int] = []
        self.choice: tuple[int, ...] = ()
        self._tasks = _tasks_of(device, data)
        self._session = make_session(content.graph, name, LOAD_FAILED)
        self._fed = [t for t in self.inputs if t["name"] != MBATCH and "aipp_of" not in t]
        self._names = [t["name"] for t in self.outputs]
        self.watcher: Callable[[int], None] | None = None

    def take_memory(self, *, work: bool, weights: bool) -> None:
        """Take what the model needs and the caller did not bring.

        Raises:
            npusim.OutOfMemoryError: the device has not that much (207001).
        """
        try:
            for wanted, size in ((work, "work_bytes"), (weights, "weight_bytes")):
                if wanted:
                    self.memory.append(space.malloc(self.device, self.definition[size], "model"))
        except npusim.NpusimError:
            self.release()
            raise

    def release(self) -> None:
        """Give its memory back, unless the device has taken it when it was reset."""
        for address in self.memory:
            if space.live(address):
                space.free(address, kinds=("model",))
        self.memory.clear()

    def tasks(self, choice: tuple[int, ...]) -> list[Task]:
        """What a gear makes the device do."""
        found = self._tasks.get(choice)
        if found is None:
            nodes = [_node(op) for op in self.gears[choice]["ops"]]
            found = self._tasks[choice] = graph_tasks(self.device.chip, nodes)
        return found

    def compute(self, arrays: Sequence[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        """The outputs for inputs, in the precision the model was converted for."""
        import numpy as np

        feeds: dict[str, Any] = {}
        half = self.definition["half"]
        for tensor, array in zip(self._fed, arrays, strict=True):
            wide = array.astype(tensor["graph_dtype"]) if "graph_dtype" in tensor else array
            feeds[tensor["name"]] = to_half(array) if half and array.dtype == np.float32 else wide
        found = self._session.run(self._names, feeds)
        return [
            np.ascontiguousarray(_cast(array, tensor["dtype"], half=half))
            for array, tensor in zip(found, self.outputs, strict=True)
        ]


# of float32 seen as integers: below, float16 has no normal number; from here on it has none at all
_SMALLEST_NORMAL, _OVERFLOWS = 0x38800000, 0x477FF000


def to_half(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """float32 values as they are in float16, rounded to even; several times faster than two conversions."""
    import numpy as np

    bits = np.ascontiguousarray(array).view(np.uint32)
    sizes = bits & np.uint32(0x7FFFFFFF)
    if sizes.size and sizes.max() >= _OVERFLOWS:  # infinities and what is none are among them
        with np.errstate(over="ignore"):
            return array.astype(np.float16).astype(np.float32)
    rest = (bits >> 13) & 1  # 13 bits of the fraction go
    rest += 0xFFF
    rest += bits
    rest &= 0xFFFFE000
    found = rest.view(np.float32)
    small = np.flatnonzero(sizes < _SMALLEST_NORMAL)
    if small.size:
        found.reshape(-1)[small] = array.reshape(-1)[small].astype(np.float16)
    return found


def _cast(array: np.ndarray[Any, Any], dtype: str, *, half: bool) -> np.ndarray[Any, Any]:
    if half and array.dtype.kind == "f":
        array = to_half(array.astype("float32", copy=False))
    return array.astype(dtype, copy=False)


def _node(op: dict[str, Any]) -> npusim.GraphNode:
    def specs(rows: list[list[Any]]) -> list[npusim.TensorSpec]:
        return [npusim.TensorSpec(tuple(shape), dtype, fmt) for shape, dtype, fmt in rows]

    made = npusim.Op(op["type"], op["kind"], specs(op["inputs"]), specs(op["outputs"]), op["attrs"] or None)
    return npusim.GraphNode(made, op["reads"], op["writes"], op["weights"])


class Models:
    """Loaded models by their ids, from 1 as the real ones."""

    def __init__(self) -> None:
        self._models: dict[int, Model] = {}
        self._last = 0

    def add(self, model: Model) -> int:
        """A new id."""
        self._last += 1
        self._models[self._last] = model
        return self._last

    def get(self, model_id: int) -> Model:
        """The model of an id.

        Raises:
            AclError: there is none (145003).
        """
        found = self._models.get(model_id)
        if found is None:
            raise AclError(
                ID_INVALID, f"{model_id} is no loaded model; pass the id that the load call returned"
            )
        return found

    def remove(self, model_id: int) -> None:
        """Unload a model.

        Raises:
            AclError: there is none (145003).
        """
        self.get(model_id).release()
        del self._models[model_id]

    def clear(self) -> None:
        """Unload all."""
        for number in list(self._models):
            self.remove(number)
        self._last = 0


class Desc:
    """What `create_desc` makes and `get_desc` fills."""

    model: Model | None = None

    def filled(self) -> Model:
        """The model described.

        Raises:
            AclError: `get_desc` was not called (100000).
        """
        if self.model is None:
            raise AclError(100000, "the model description is empty; call acl.mdl.get_desc first")
        return self.model


models = Models()
descs: Handles[Desc] = Handles("model description")
datasets: Handles[list[int]] = Handles("dataset")
