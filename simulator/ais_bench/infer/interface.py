"""`InferSession`: an offline model as a Python function.

Imitates `ais_bench.infer.interface` of the benchmark tool in Ascend's ait: names, arguments and returned
values as its API guide gives them; what fails raises RuntimeError. All times are milliseconds of device time.
Models of open shape (mode "dymshape") are not simulated: `atc` makes none.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any, ClassVar

import acl
import numpy as np
from npusim import node

from ais_bench.errors import BenchError
from ais_bench.session import Session
from ais_bench.tensors import Tensor, TensorDesc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ais_bench.session import Times

Array = np.ndarray[Any, Any]
IMAGE = 4  # dimensions of a batch of pictures
NHWC = 1
MODES = ("static", "dymbatch", "dymhw", "dymdims")


class Summary:
    """How long the runs took.

    Attributes:
        exec_time_list: milliseconds of each run's computing, in order.
    """

    def __init__(self) -> None:
        self.exec_time_list: list[float] = []


class MemorySummary:
    """How long this process's copies took: milliseconds, in order."""

    _to_device: ClassVar[list[float]] = []
    _to_host: ClassVar[list[float]] = []

    @classmethod
    def get_h2d_time_list(cls) -> list[float]:
        """Of the copies to the device."""
        return list(cls._to_device)

    @classmethod
    def get_d2h_time_list(cls) -> list[float]:
        """Of the copies to the host."""
        return list(cls._to_host)

    @classmethod
    def reset(cls) -> None:
        """Forget them."""
        cls._to_device.clear()
        cls._to_host.clear()

    get_H2D_time_list = get_h2d_time_list  # noqa: N815 - older releases' names
    get_D2H_time_list = get_d2h_time_list  # noqa: N815

    @classmethod
    def _note(cls, times: Times) -> None:
        cls._to_device.append(times.h2d)
        cls._to_host.append(times.d2h)


class InferSession:
    """A model on a device.

    Args:
        device_id: the device.
        model_path: the .om file.
        acl_json_path: settings for `acl.init`.
        debug: taken, without effect: plog follows ASCEND_GLOBAL_LOG_LEVEL.
        loop: how often each inference is repeated.

    Raises:
        RuntimeError: the model cannot be loaded.
    """

    def __init__(
        self,
        device_id: int,
        model_path: str,
        acl_json_path: str | None = None,
        debug: bool = False,  # noqa: FBT001, FBT002 - as the real one
        loop: int = 1,
    ) -> None:
        self.device_id, self.model_path, self.acl_json_path = device_id, model_path, acl_json_path
        self.debug, self.loop = debug, loop
        self._summary = Summary()
        self.session = Session(str(model_path), device_id, acl_json_path or "")
        self.outputs_names = [desc.name for desc in self.session.outputs]

    def get_inputs(self) -> list[TensorDesc]:
        """Name, datatype, format, shape and size of each input."""
        return list(self.session.inputs)

    def get_outputs(self) -> list[TensorDesc]:
        """Name, datatype, format, shape and size of each output."""
        return list(self.session.outputs)

    def set_loop_count(self, loop: int) -> None:
        """How often each inference is repeated."""
        self.loop = loop

    def set_staticbatch(self) -> None:
        """Choose no gear."""
        self.session.gear = None

    def set_dynamic_batchsize(self, dym_batch: int | str) -> None:
        """Choose a batch gear."""
        self.session.gear = ("batch", (int(dym_batch),))

    def set_dynamic_hw(self, w: int, h: int) -> None:
        """Choose an image gear."""
        self.session.gear = ("hw", (int(h), int(w)))

    def set_dynamic_dims(self, dym_dims: str) -> None:
        """Choose a gear of any dimensions: "name:1,3,224,224;name2:1,10"."""
        parts = [part.rpartition(":")[2] for part in dym_dims.split(";")]
        self.session.gear = ("dims", tuple(int(n) for part in parts for n in part.split(",")))

    def create_tensor_from_arrays_to_device(self, arrays: Array) -> Tensor:
        """An array on this session's device."""
        tensor = Tensor(arrays)
        tensor.to_device(self.device_id)
        return tensor

    @staticmethod
    def convert_tensors_to_host(tensors: Sequence[Tensor]) -> None:
        """Copy tensors back."""
        for tensor in tensors:
            tensor.to_host()

    @staticmethod
    def convert_tensors_to_arrays(tensors: Sequence[Tensor]) -> list[Array]:
        """Tensors as arrays."""
        return [np.array(tensor) for tensor in tensors]

    def infer(
        self,
        feeds: Sequence[Any],
        mode: str = "static",
        custom_sizes: int | list[int] = 100000,
        out_array: bool = True,  # noqa: FBT001, FBT002 - as the real one
    ) -> list[Any]:
        """Run the model once.

        Args:
            feeds: one for each input: NumPy array or number, torch tensor, or Tensor on the device. Their
                bytes are taken as they are: a type is not converted.
            mode: "static", "dymbatch", "dymhw" or "dymdims"; the gear is the one of the feeds' shapes.
            custom_sizes: bytes for the outputs of a model of open shape; without effect.
            out_array: give arrays; otherwise tensors that stay on the device.

        Raises:
            RuntimeError: feeds that do not fit, no such gear, another mode.
        """
        del custom_sizes
        return self.run(self._prepare(feeds, mode), out_array=out_array)

    def run(self, feeds: Sequence[Array | Tensor], out_array: bool = False) -> list[Any]:  # noqa: FBT001, FBT002 - as the real one
        """Run the model in the gear that was set last.

        Raises:
            RuntimeError: feeds that do not fit.
        """
        self._check(feeds)
        found: list[Any] = []
        for _ in range(max(self.loop, 1)):
            found, times = self.session.run(feeds) if out_array else self.session.run_on_device(feeds)
            self._summary.exec_time_list.append(times.compute)
            MemorySummary._note(times)  # noqa: SLF001 - of this file
        return found

    def infer_pipeline(
        self,
        feeds_list: Sequence[Sequence[Any]],
        mode: str = "static",
        custom_sizes: int | list[int] = 100000,
    ) -> list[list[Any]]:
        """Run the model for each set of feeds: a list of outputs for each. The copies are not overlapped."""
        return [self.infer(feeds, mode, custom_sizes) for feeds in feeds_list]

    def infer_iteration(  # noqa: PLR0913, PLR0917 - as the real one
        self,
        feeds: Sequence[Any],
        in_out_list: Sequence[int] | None = None,
        iteration_times: int = 1,
        mode: str = "static",
        custom_sizes: int | list[int] = 100000,
        mem_copy: bool = True,  # noqa: FBT001, FBT002 - as the real one
    ) -> list[Any]:
        """Run the model on its own outputs, which stay on the device in between.

        Args:
            feeds: of the first run.
            in_out_list: for each input the output that it takes from the run before; -1 for its feed.
            iteration_times: how often.
            mode: as `infer`.
            custom_sizes: without effect.
            mem_copy: without effect: outputs are handed over, not copied.

        Raises:
            RuntimeError: a list that does not fit the model, or as `infer`.
        """
        del custom_sizes, mem_copy
        ready = self._prepare(feeds, mode)
        places = [-1] * len(ready) if in_out_list is None else list(in_out_list)
        count = len(self.session.outputs)
        if len(places) != len(ready) or not all(-1 <= place < count for place in places):
            raise BenchError(
                f"in_out_list is {places}; give -1 to {count - 1} for each of {len(ready)} inputs"
            )
        now = list(ready)
        for _ in range(max(iteration_times, 1) - 1):
            made = self.run(now)
            now = [ready[i] if place < 0 else made[place] for i, place in enumerate(places)]
        return self.run(now, out_array=True)

    def summary(self) -> Summary:
        """How long the runs took so far."""
        return self._summary

    sumary = summary  # the name in older releases

    def reset_summaryinfo(self) -> None:
        """Forget how long the runs took."""
        self._summary = Summary()

    reset_sumaryinfo = reset_summaryinfo  # the name in older releases

    def free_resource(self) -> None:
        """Unload the model."""
        self.session.close()

    free_device = free_resource  # the name in older releases

    @staticmethod
    def finalize() -> None:
        """End AscendCL in this process."""
        acl.finalize()

    def _prepare(self, feeds: Sequence[Any], mode: str) -> list[Array | Tensor]:
        ready = [_array(feed) for feed in feeds]
        if mode == "dymshape":
            raise BenchError(
                "mode 'dymshape' is not simulated: atc makes no models of open shape; convert with "
                "--dynamic_dims and use mode 'dymdims'"
            )
        if mode not in MODES:
            raise BenchError(f"mode is '{mode}'; give one of {', '.join(MODES)}")
        self._choose(mode, [tuple(feed.shape) for feed in ready])
        return ready

    def _choose(self, mode: str, shapes: Sequence[tuple[int, ...]]) -> None:
        """Set the gear that the shapes of the feeds are of."""
        if mode == "static":
            self.session.gear = None
        elif mode == "dymdims":
            self.session.gear = ("dims", tuple(n for shape in shapes for n in shape))
        elif mode == "dymbatch":
            for desc, shape in zip(self.session.inputs, shapes, strict=False):
                if shape and desc.shape[:1] == [-1]:
                    self.session.gear = ("batch", (shape[0],))
        else:
            for desc, shape in zip(self.session.inputs, shapes, strict=False):
                if len(shape) == IMAGE and -1 in desc.shape:
                    self.session.gear = ("hw", shape[1:3] if desc.format == NHWC else shape[2:4])

    def _check(self, feeds: Sequence[Array | Tensor]) -> None:
        wanted = self.session.inputs
        if len(feeds) != len(wanted):
            raise BenchError(f"{len(feeds)} feeds are given, the model has {len(wanted)} inputs")
        if self.session.gear is not None:
            return  # the device knows what fits the gear
        for i, (feed, desc) in enumerate(zip(feeds, wanted, strict=True)):
            given = feed.nbytes if isinstance(feed, np.ndarray) else feed.size
            if given != desc.size and -1 not in desc.shape:
                raise BenchError(
                    f"check i:{i} name:{desc.name} in size:{given} needsize:{desc.size} not match; give "
                    f"{desc.datatype_name} of shape {desc.shape}"
                )


def _array(feed: Any) -> Array | Tensor:
    if isinstance(feed, Tensor):
        return feed
    if isinstance(feed, np.ndarray):
        return np.ascontiguousarray(feed)
    if isinstance(feed, np.generic):
        return np.array([feed])
    if callable(getattr(feed, "type", None)) and str(feed.type()).startswith("torch."):
        return np.ascontiguousarray(feed.numpy())
    raise BenchError(f"type:{type(feed)} invalid; give a NumPy array or a torch tensor on the CPU")


class MultiDeviceSession:
    """A model that several processes run, each on its device.

    Args:
        model_path, acl_json_path, debug, loop: as `InferSession`.
    """

    def __init__(
        self,
        model_path: str,
        acl_json_path: str | None = None,
        debug: bool = False,  # noqa: FBT001, FBT002 - as the real one
        loop: int = 1,
    ) -> None:
        self._given = (model_path, acl_json_path, debug, loop)
        self._times: dict[int, list[float]] = {}

    def infer(
        self,
        devices_feeds: dict[int, list[Any]],
        mode: str = "static",
        custom_sizes: int | list[int] = 100000,
    ) -> dict[int, list[Any]]:
        """`InferSession.infer` in a process for each set of feeds: {device: [outputs, ...]}."""
        return self._spread("infer", devices_feeds, (mode, custom_sizes))

    def infer_pipeline(
        self,
        devices_feeds_list: dict[int, list[Any]],
        mode: str = "static",
        custom_sizes: int | list[int] = 100000,
    ) -> dict[int, list[Any]]:
        """`InferSession.infer_pipeline` in a process for each list of feeds: {device: [outputs, ...]}."""
        return self._spread("infer_pipeline", devices_feeds_list, (mode, custom_sizes))

    def infer_iteration(  # noqa: PLR0913, PLR0917 - as the real one
        self,
        device_feeds: dict[int, list[Any]],
        in_out_list: Sequence[int] | None = None,
        iteration_times: int = 1,
        mode: str = "static",
        custom_sizes: int | list[int] = 100000,
        mem_copy: bool = True,  # noqa: FBT001, FBT002 - as the real one
    ) -> dict[int, list[Any]]:
        """`InferSession.infer_iteration` in a process for each set of feeds: {device: [outputs, ...]}."""
        rest = (in_out_list, iteration_times, mode, custom_sizes, mem_copy)
        return self._spread("infer_iteration", device_feeds, rest)

    def summary(self) -> dict[int, list[float]]:
        """Of the last call, {device: [milliseconds from loading the model to the last output, ...]}."""
        return self._times

    def _spread(
        self, method: str, feeds: dict[int, list[Any]], rest: tuple[Any, ...]
    ) -> dict[int, list[Any]]:
        jobs = [(self._given, device, method, (one, *rest)) for device, sets in feeds.items() for one in sets]
        with multiprocessing.Pool(len(jobs) or 1) as pool:
            done = pool.map(_one_process, jobs, 1)
        made: dict[int, list[Any]] = {device: [] for device in feeds}
        self._times = {device: [] for device in feeds}
        for (_, device, *_), (outputs, taken) in zip(jobs, done, strict=True):
            made[device].append(outputs)
            self._times[device].append(taken)
        return made


def _one_process(job: tuple[tuple[Any, ...], int, str, tuple[Any, ...]]) -> tuple[list[Any], float]:
    given, device, method, arguments = job
    begin = node().host.now
    session = InferSession(device, *given)
    outputs = getattr(session, method)(*arguments)
    taken = (node().host.now - begin) / 1e6
    session.free_resource()
    return outputs, taken
