"""A model on a device, run through AscendCL as an application would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import acl
import numpy as np
from npusim import node

from ais_bench.errors import BenchError
from ais_bench.tensors import TYPES, Dtype, Tensor, TensorDesc, check

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, Any]
MBATCH = "ascend_mbatch_shape_data"
BEGUN_BEFORE = 100002


class Times(NamedTuple):
    """Milliseconds of device time of one run."""

    h2d: float
    compute: float
    d2h: float


class Session:
    """An open device with a loaded model.

    Any thread may use it: each call makes the context of the thread that opened it current, as in aclruntime.

    Args:
        model: path of the .om file.
        device: which device.
        config: a JSON file for `acl.init`.

    Raises:
        BenchError: a call failed.
    """

    def __init__(self, model: str, device: int, config: str = "") -> None:
        begun = acl.init(config) if config else acl.init()
        if begun != BEGUN_BEFORE:  # by another session, or by the program itself
            check(begun, "acl.init")
        self.device = device
        check(acl.rt.set_device(device), f"opening device {device}")
        self.context, ret = acl.rt.get_context()
        check(ret, "getting the context")
        self.model, ret = acl.mdl.load_from_file(model)
        check(ret, f"loading {model}")
        self.desc = acl.mdl.create_desc()
        check(acl.mdl.get_desc(self.desc, self.model), "describing the model")
        self.gear: tuple[str, tuple[int, ...]] | None = None
        self.inputs = self._inputs()
        self.outputs = self._outputs()

    def _inputs(self) -> list[TensorDesc]:
        found = []
        for i in range(acl.mdl.get_num_inputs(self.desc)):
            name = acl.mdl.get_input_name_by_index(self.desc, i)
            if name.startswith("ascend_dynamic_aipp_data"):
                raise BenchError(
                    "the model has dynamic AIPP, which is not simulated here; convert it with static AIPP"
                )
            if name != MBATCH:
                dims = acl.mdl.get_input_dims(self.desc, i)[0]["dims"]
                kind = Dtype(acl.mdl.get_input_data_type(self.desc, i))
                fmt = acl.mdl.get_input_format(self.desc, i)
                size = acl.mdl.get_input_size_by_index(self.desc, i)
                found.append(TensorDesc(name, kind, fmt, dims, size))
        return found

    def _outputs(self) -> list[TensorDesc]:
        found = []
        for i in range(acl.mdl.get_num_outputs(self.desc)):
            dims = acl.mdl.get_output_dims(self.desc, i)[0]["dims"]
            name = acl.mdl.get_output_name_by_index(self.desc, i)
            kind = Dtype(acl.mdl.get_output_data_type(self.desc, i))
            fmt = acl.mdl.get_output_format(self.desc, i)
            size = acl.mdl.get_output_size_by_index(self.desc, i)
            found.append(TensorDesc(name, kind, fmt, dims, size))
        return found

    def run(self, feeds: Sequence[Array | Tensor]) -> tuple[list[Array], Times]:
        """One run: copy in, compute, copy out.

        Raises:
            BenchError: a call failed, for example because an array does not fit.
        """
        clock = node().host
        made, times = self.run_on_device(feeds)
        begin = clock.now
        results = [tensor.array() for tensor in made]
        for tensor in made:
            tensor.free()
        return results, times._replace(d2h=(clock.now - begin) / 1e6)

    def run_on_device(self, feeds: Sequence[Array | Tensor]) -> tuple[list[Tensor], Times]:
        """One run whose results stay on the device; feeds that lie there are not copied.

        Raises:
            BenchError: a call failed, for example because an array does not fit.
        """
        check(acl.rt.set_context(self.context), "making the context current")
        clock = node().host
        begin = clock.now
        tensors = [
            feed if isinstance(feed, Tensor) else Tensor.upload(feed, self._room(i, feed))
            for i, feed in enumerate(feeds)
        ]
        copied = clock.now
        gears = [Tensor.upload(np.zeros(4, np.int32))] if self.gear or self._has_gears() else []
        given = _dataset([*tensors, *gears])
        self._set_gear(given)
        made = [Tensor.empty(desc.size, TYPES[desc.datatype]) for desc in self.outputs]
        results = _dataset(made)
        start = clock.now
        try:
            check(acl.mdl.execute(self.model, given, results), "execute")
            done = clock.now
            for i, tensor in enumerate(made):
                dims, ret = acl.mdl.get_cur_output_dims(self.desc, i)
                check(ret, "the output's shape")
                tensor.shape = tuple(dims["dims"])
        finally:
            for dataset in (given, results):
                _destroy(dataset)
            for tensor in [*gears, *(t for t in tensors if not any(t is feed for feed in feeds))]:
                tensor.free()
        return made, Times((copied - begin) / 1e6, (done - start) / 1e6, 0.0)

    def close(self) -> None:
        """Unload the model; the device stays open for other sessions."""
        acl.rt.set_context(self.context)
        acl.mdl.unload(self.model)
        acl.mdl.destroy_desc(self.desc)

    def _has_gears(self) -> bool:
        return bool(acl.mdl.get_num_inputs(self.desc) > len(self.inputs))

    def _room(self, place: int, feed: Array) -> int:
        """Bytes for an input on the device: a gear may need fewer than the model says."""
        return max(self.inputs[place].size, feed.nbytes, 1) if place < len(self.inputs) else feed.nbytes

    def _set_gear(self, dataset: int) -> None:
        if self.gear is None:
            return
        kind, numbers = self.gear
        index, ret = acl.mdl.get_input_index_by_name(self.desc, MBATCH)
        check(ret, "the model's input for gears")
        if kind == "batch":
            check(acl.mdl.set_dynamic_batch_size(self.model, dataset, index, *numbers), "setting the batch")
        elif kind == "hw":
            check(acl.mdl.set_dynamic_hw_size(self.model, dataset, index, *numbers), "setting the image size")
        else:
            dims = {"name": "", "dimCount": len(numbers), "dims": list(numbers)}
            check(acl.mdl.set_input_dynamic_dims(self.model, dataset, index, dims), "setting the dimensions")


def _dataset(tensors: Sequence[Tensor]) -> int:
    dataset: int = acl.mdl.create_dataset()
    for tensor in tensors:
        acl.mdl.add_dataset_buffer(dataset, acl.create_data_buffer(tensor.address, tensor.size))
    return dataset


def _destroy(dataset: int) -> None:
    for i in range(acl.mdl.get_dataset_num_buffers(dataset)):
        acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(dataset, i))
    acl.mdl.destroy_dataset(dataset)
