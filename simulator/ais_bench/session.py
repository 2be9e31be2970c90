"""A model on a device, run through AscendCL as an application would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import acl
import numpy as np
from npusim import node

from ais_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, Any]
MBATCH = "ascend_mbatch_shape_data"
TYPES = {
    0: "float32",
    1: "float16",
    2: "int8",
    3: "int32",
    4: "uint8",
    6: "int16",
    9: "int64",
    11: "float64",
    12: "bool",
}


class Times(NamedTuple):
    """Milliseconds of device time of one run."""

    h2d: float
    compute: float
    d2h: float


def check(ret: int, what: str) -> None:
    """Raise what a failed call was about.

    Raises:
        BenchError: `ret` is not 0.
    """
    if ret:
        raise BenchError(f"{what} failed, error code {ret}: {acl.get_recent_err_msg()}")


class Session:
    """An open device with a loaded model.

    Args:
        model: path of the .om file.
        device: which device.

    Raises:
        BenchError: a call failed.
    """

    def __init__(self, model: str, device: int) -> None:
        check(acl.init(), "acl.init")
        self.device = device
        check(acl.rt.set_device(device), f"opening device {device}")
        self.model, ret = acl.mdl.load_from_file(model)
        check(ret, f"loading {model}")
        self.desc = acl.mdl.create_desc()
        check(acl.mdl.get_desc(self.desc, self.model), "describing the model")
        self.gear: tuple[str, tuple[int, ...]] | None = None

    def inputs(self) -> list[tuple[str, tuple[int, ...], str, int]]:
        """Name, shape (-1: by gear), type and bytes of each input, without that for gears."""
        found = []
        for i in range(acl.mdl.get_num_inputs(self.desc)):
            name = acl.mdl.get_input_name_by_index(self.desc, i)
            if name.startswith("ascend_dynamic_aipp_data"):
                raise BenchError(
                    "the model has dynamic AIPP, which is not simulated here; convert it with static AIPP"
                )
            if name != MBATCH:
                dims = acl.mdl.get_input_dims(self.desc, i)[0]["dims"]
                kind = TYPES[acl.mdl.get_input_data_type(self.desc, i)]
                found.append((name, tuple(dims), kind, acl.mdl.get_input_size_by_index(self.desc, i)))
        return found

    def run(self, arrays: Sequence[Array]) -> tuple[list[Array], Times]:
        """One run: copy in, compute, copy out.

        Raises:
            BenchError: a call failed, for example because an array does not fit.
        """
        clock = node().host
        begin = clock.now
        given, pointers = self._upload(arrays)
        copied = clock.now
        made, outputs = self._outputs()
        self._set_gear(given)
        start = clock.now
        check(acl.mdl.execute(self.model, given, made), "execute")
        done = clock.now
        results = [self._fetch(i, ptr, size) for i, (ptr, size) in enumerate(outputs)]
        end = clock.now
        for ptr in pointers + [ptr for ptr, _ in outputs]:
            acl.rt.free(ptr)
        for dataset in (given, made):
            for i in range(acl.mdl.get_dataset_num_buffers(dataset)):
                acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(dataset, i))
            acl.mdl.destroy_dataset(dataset)
        return results, Times((copied - begin) / 1e6, (done - start) / 1e6, (end - done) / 1e6)

    def close(self) -> None:
        """Unload the model and end AscendCL."""
        acl.mdl.unload(self.model)
        acl.mdl.destroy_desc(self.desc)
        acl.rt.reset_device(self.device)
        acl.finalize()

    def _upload(self, arrays: Sequence[Array]) -> tuple[int, list[int]]:
        dataset, pointers = acl.mdl.create_dataset(), []
        sizes = [size for *_, size in self.inputs()]
        extra = acl.mdl.get_num_inputs(self.desc) - len(sizes)
        for array, size in zip(
            [*arrays, *[np.zeros(4, np.int32)] * extra], [*sizes, *[16] * extra], strict=True
        ):
            room = max(size, array.nbytes, 1)
            ptr, ret = acl.rt.malloc(room, 0)
            check(ret, f"{room} bytes of device memory")
            if array.nbytes:
                check(
                    acl.rt.memcpy(ptr, room, acl.util.numpy_to_ptr(array), array.nbytes, 1),
                    "copying an input",
                )
            pointers.append(ptr)
            acl.mdl.add_dataset_buffer(dataset, acl.create_data_buffer(ptr, room))
        return dataset, pointers

    def _outputs(self) -> tuple[int, list[tuple[int, int]]]:
        dataset, made = acl.mdl.create_dataset(), []
        for i in range(acl.mdl.get_num_outputs(self.desc)):
            size = acl.mdl.get_output_size_by_index(self.desc, i)
            ptr, ret = acl.rt.malloc(size, 0)
            check(ret, f"{size} bytes of device memory")
            made.append((ptr, size))
            acl.mdl.add_dataset_buffer(dataset, acl.create_data_buffer(ptr, size))
        return dataset, made

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

    def _fetch(self, index: int, ptr: int, size: int) -> Array:
        dims, ret = acl.mdl.get_cur_output_dims(self.desc, index)
        check(ret, "the output's shape")
        array = np.zeros(dims["dims"], TYPES[acl.mdl.get_output_data_type(self.desc, index)])
        check(
            acl.rt.memcpy(acl.util.numpy_to_ptr(array), array.nbytes, ptr, min(size, array.nbytes), 2),
            "copying out",
        )
        return array
