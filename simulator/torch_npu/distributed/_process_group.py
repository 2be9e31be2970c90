"""The backend "hccl" for several processes on one machine.

The values travel through gloo, between the CPU aliases of device memory. Each collective first agrees on
when the last rank is ready on virtual time; from then on it takes, on a stream of its own, what npusim says.
"""

from __future__ import annotations

import os
import socket
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor

from torch_npu._sim import runtime
from torch_npu._sim.storages import alias
from torch_npu.distributed import _errors
from torch_npu.distributed._work import Work, Works
from torch_npu.utils._error_code import ErrCode, dist_error

if TYPE_CHECKING:
    from collections.abc import Callable

    import npusim

SERVER = 8
_UNSUPPORTED = {dist.ReduceOp.BAND: "BAND", dist.ReduceOp.BOR: "BOR", dist.ReduceOp.BXOR: "BXOR"}
# Types that HCCL reduces, and how its messages call the others.
_REDUCED = {
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.float32,
    torch.bfloat16,
    torch.bool,
}
_CALLED = {torch.uint8: "at::kByte/at::kBool", torch.float64: "at::kDouble"}
_WIDENED = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.bool: torch.uint8}


def create(store: Any, rank: int, size: int, timeout: timedelta) -> ProcessGroupHCCL:
    """Makes a group; called by `torch.distributed`."""
    return ProcessGroupHCCL(store, rank, size, timeout, host=_serves_host())


def _serves_host() -> bool:
    """Whether the group was asked for with a backend for CPU tensors as well ("cpu:gloo,npu:hccl")."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        config = frame.f_locals.get("backend_config")
        if config is not None and hasattr(config, "get_device_backend_map"):
            return "cpu" in config.get_device_backend_map()
        frame = frame.f_back
    return False


# PyTorch's own class has overloads, one for each way of C++ to call; a subclass serves the calls that happen.
_Base: Any = dist.ProcessGroup


class ProcessGroupHCCL(_Base):  # type: ignore[misc]  # as above
    """A group of ranks, each with an NPU of its own.

    Args:
        store: where the ranks find each other.
        rank: this process's number in the group.
        size: how many ranks.
        timeout: as given to `init_process_group`; HCCL has time-outs of its own in the environment.
        host: whether it carries CPU tensors, through gloo alone.
    """

    def __init__(self, store: Any, rank: int, size: int, timeout: timedelta, *, host: bool = False) -> None:
        super().__init__(rank, size)
        self._store = store
        self._rank = rank
        self._size = size
        self._host = host
        self._gloo: Any = None
        self._streams: dict[int, npusim.Stream] = {}
        self._coalesced: list[Work] | None = None
        self._group_name = ""
        self._description = ""

    # names that torch.distributed asks for

    @property
    def _device_types(self) -> list[torch.device]:
        return [torch.device("npu"), *([torch.device("cpu")] if self._host else [])]

    def getBackendName(self) -> str:  # noqa: N802 - the C++ name
        """The backend's name."""
        return "hccl"

    def name(self) -> str:
        """The backend's name."""
        return "hccl"

    def rank(self) -> int:
        """This process's number in the group."""
        return self._rank

    def size(self) -> int:
        """How many ranks."""
        return self._size

    # the name and description are kept here, because C++ keeps them in backends, of which we register none

    def _set_group_name(self, name: str) -> None:
        self._group_name = name

    def _set_group_desc(self, description: str) -> None:
        self._description = description

    def getGroupName(self) -> str:  # noqa: N802 - the C++ name
        """The group's name."""
        return self._group_name

    def getGroupDesc(self) -> str:  # noqa: N802 - the C++ name
        """The group's description."""
        return self._description

    @property
    def group_name(self) -> str:
        """The group's name."""
        return self._group_name

    @property
    def group_desc(self) -> str:
        """The group's description."""
        return self._description

    def _get_backend(self, device: Any) -> ProcessGroupHCCL:
        return self

    def _set_sequence_number_for_group(self) -> None:
        """Sequence numbers are gloo's own business."""

    def _get_sequence_number_for_group(self) -> int:
        return 0

    def get_hccl_comm_name(self, rank: int, init_comm: bool = True) -> str:
        """The communicator's name, as in the profile's metadata."""
        return f"{self.group_name or 'default'}_{self._size}"

    def supports_splitting(self) -> bool:
        """No: new groups are made anew."""
        return False

    def shutdown(self) -> None:
        """Ends the connection."""
        self._gloo = None

    def abort(self) -> None:
        """Ends the connection."""
        self._gloo = None

    # connection and time

    def _connection(self, index: int) -> Any:
        """Gloo between the ranks, made at the first collective as HCCL does.

        Raises:
            HcclError: a rank did not come within HCCL_CONNECT_TIMEOUT, or two ranks use one device.
        """
        if self._gloo is not None:
            return self._gloo
        waited = _errors.seconds("HCCL_CONNECT_TIMEOUT", _errors.DEFAULT_CONNECT)
        store = torch._C._distributed_c10d.PrefixStore("hccl", self._store)
        try:
            self._gloo = dist.ProcessGroupGloo(store, self._rank, self._size, timedelta(seconds=waited))
        except RuntimeError as failure:
            raise _errors.no_connection(self._rank, self._size, waited) from failure
        if index >= 0:
            self._check_devices(store, index, waited)
        self._gloo.set_timeout(timedelta(seconds=_errors.seconds("HCCL_EXEC_TIMEOUT", _errors.DEFAULT_EXEC)))
        return self._gloo

    def _check_devices(self, store: Any, index: int, waited: int) -> None:
        """Raises where two ranks of one machine use the same NPU."""
        place = f"{socket.gethostname()} {runtime.sim_device(index).physical}"
        store.set(f"device{self._rank}", place)
        store.set_timeout(timedelta(seconds=waited))
        seen: dict[str, int] = {}
        for rank in range(self._size):
            other = store.get(f"device{rank}").decode()
            if other in seen:
                self._gloo = None
                raise _errors.same_device(seen[other], rank, int(other.rpartition(" ")[2]))
            seen[other] = rank

    def _stream(self, index: int) -> npusim.Stream:
        stream = self._streams.get(index)
        if stream is None or stream.device is not runtime.sim_device(index) or not stream.alive:
            stream = self._streams[index] = runtime.sim_device(index).create_stream()
        return stream

    def _ready(self, index: int) -> int:
        """When this rank is ready: the collective starts after the current stream's work."""
        stream, queue = self._stream(index), runtime.queues[index]
        event = queue.device.create_event()
        event.record(queue)
        event.wait(stream)
        now: int = queue.device.node.host.now
        return max(stream.tail, now)

    def _charge(self, index: int, kind: str, nbytes: int, ranks: int, start: int) -> npusim.Event:
        """Puts the collective into the group's stream; returns the event at its end."""
        stream = self._stream(index)
        stream.tail = max(stream.tail, start)
        stream.communicate(kind, nbytes, ranks, _servers(ranks))
        event = stream.device.create_event()
        event.record(stream)
        return event

    def _run(
        self, kind: str, tensors: list[Tensor], nbytes: int, move: Callable[[Any], None], results: list[Any]
    ) -> Work:
        """A collective: moves the values, and charges the device from when the last rank was ready.

        Raises:
            HcclError: a rank did not come in time.
        """
        index = tensors[0].get_device()
        gloo = self._connection(index)
        try:
            if index < 0:
                move(gloo)
                return self._keep(Work(results, -1, lambda: None))
            moment = torch.tensor([self._ready(index)])
            _reduce(gloo, moment, dist.ReduceOp.MAX)
            move(gloo)
        except RuntimeError as failure:
            if isinstance(failure, _errors.HcclError) or "gloo" not in str(failure):
                raise
            waited = _errors.seconds("HCCL_EXEC_TIMEOUT", _errors.DEFAULT_EXEC)
            raise _errors.no_answer(_camel(kind), self._rank, waited) from failure
        event = self._charge(index, kind, nbytes, self._size, int(moment))
        return self._keep(Work(results, index, lambda: event))

    def _keep(self, work: Work) -> Work:
        if self._coalesced is not None:
            self._coalesced.append(work)
        return work

    # collectives, as torch.distributed calls them

    def allreduce(self, tensors: list[Tensor], opts: Any = None) -> Work:
        """Reduces a tensor over all ranks, in place on each."""
        op = _op(opts)
        for t in tensors:
            self._check(t)
            _check_reduction(t, op, "allReduce")

        def move(gloo: Any) -> None:
            for t in tensors:
                self._reduce_here(gloo, _cpu(t), op)

        return self._run("all_reduce", tensors, _bytes(tensors), move, list(tensors))

    def allreduce_coalesced(self, tensors: list[Tensor], opts: Any = None) -> Work:
        """Reduces several tensors over all ranks."""
        return self.allreduce(tensors, opts)

    def reduce(self, tensors: list[Tensor], opts: Any = None) -> Work:
        """Reduces a tensor over all ranks, in place on one."""
        op, (tensor,) = _op(opts), tensors
        self._check(tensor)
        _check_reduction(tensor, op, "reduce")

        def move(gloo: Any) -> None:
            whole = _cpu(tensor).clone()
            self._reduce_here(gloo, whole, op)
            if self._rank == opts.rootRank:
                _cpu(tensor).copy_(whole)

        return self._run("reduce", tensors, tensor.nbytes, move, [tensor])

    def broadcast(self, tensors: list[Tensor], opts: Any = None) -> Work:
        """Copies one rank's tensor to all."""
        (tensor,) = tensors
        self._check(tensor)

        def move(gloo: Any) -> None:
            options = dist.BroadcastOptions()
            options.rootRank, options.rootTensor = opts.rootRank, 0
            gloo.broadcast([_as_bytes(_cpu(tensor))], options).wait()

        return self._run("broadcast", tensors, tensor.nbytes, move, [tensor])

    def allgather(self, output_tensors: Any, input_tensors: Any, opts: Any = None) -> Work:
        """Gathers every rank's tensor on every rank, as a list."""
        (outputs,), (tensor,) = output_tensors, input_tensors
        self._check(tensor)
        if len({t.dtype for t in (*outputs, tensor)}) > 1:
            raise RuntimeError("Tensors must have identical type" + dist_error(ErrCode.TYPE))

        def move(gloo: Any) -> None:
            found = [_as_bytes(torch.empty_like(_cpu(t))) for t in outputs]
            gloo.allgather([found], [_as_bytes(_cpu(tensor))]).wait()
            for t, value in zip(outputs, found, strict=True):
                _cpu(t).copy_(_as_dtype(value, t))

        return self._run("all_gather", [tensor], _bytes(outputs), move, outputs)

    def allgather_coalesced(self, output_lists: Any, input_list: Any, opts: Any = None) -> Work:
        """Gathers several tensors; `output_lists` has one list a rank."""
        per_tensor = [[outputs[i] for outputs in output_lists] for i in range(len(input_list))]
        pairs = zip(per_tensor, input_list, strict=True)
        return Works([self.allgather([outputs], [t]) for outputs, t in pairs])

    def all_gather_single(self, output: Tensor, input: Tensor, opts: Any = None) -> Work:
        """Gathers every rank's tensor on every rank, one after the other in one tensor."""
        self._check(output)
        self._check(input)
        if output.numel() != input.numel() * self._size:
            raise RuntimeError(
                "output tensor size must be equal to world_size times input tensor size"
                + dist_error(ErrCode.PARAM)
            )
        parts = list(output.view(self._size, -1).unbind(0))
        return self.allgather([parts], [input.reshape(-1)])

    def all_gather_single_coalesced(self, outputs: Any, inputs: Any, opts: Any = None) -> Work:
        """Several of `all_gather_single`."""
        return Works([self.all_gather_single(o, i) for o, i in zip(outputs, inputs, strict=True)])

    def reduce_scatter(self, output_tensors: Any, input_tensors: Any, opts: Any = None) -> Work:
        """Reduces every rank's list over all ranks, and leaves each rank its entry."""
        (output,), (inputs,) = output_tensors, input_tensors
        op = _op(opts)
        self._check(output)
        for t in inputs:
            self._check(t)
            _check_reduction(t, op, "reduceScatter")

        def move(gloo: Any) -> None:
            whole = torch.cat([_cpu(t).reshape(-1) for t in inputs])
            self._reduce_here(gloo, whole, op)
            begin = sum(t.numel() for t in inputs[: self._rank])
            _cpu(output).copy_(whole[begin : begin + output.numel()].view_as(_cpu(output)))

        return self._run("reduce_scatter", [output], _bytes(inputs), move, [output])

    def reduce_scatter_single(self, output: Tensor, input: Tensor, opts: Any = None) -> Work:
        """Reduces one tensor over all ranks, and leaves each rank its part."""
        self._check(output)
        self._check(input)
        if input.numel() != output.numel() * self._size:
            raise RuntimeError(
                "input tensor must be the same size as output size times world size"
                + dist_error(ErrCode.PARAM)
            )
        parts = [part.view(output.shape) for part in input.reshape(self._size, -1).unbind(0)]
        return self.reduce_scatter([output], [parts], opts)

    def reduce_scatter_single_coalesced(self, outputs: Any, inputs: Any, opts: Any = None) -> Work:
        """Several of `reduce_scatter_single`."""
        pairs = zip(outputs, inputs, strict=True)
        return Works([self.reduce_scatter_single(o, i, opts) for o, i in pairs])

    def gather(self, output_tensors: Any, input_tensors: Any, opts: Any = None) -> Work:
        """Gathers every rank's tensor on one rank, as a list."""
        (tensor,) = input_tensors
        outputs = output_tensors[0] if output_tensors else []
        self._check(tensor)

        def move(gloo: Any) -> None:
            found = [_as_bytes(torch.empty_like(_cpu(t))) for t in outputs]
            options = dist.GatherOptions()
            options.rootRank = opts.rootRank
            gloo.gather([found] if found else [], [_as_bytes(_cpu(tensor))], options).wait()
            for t, value in zip(outputs, found, strict=True):
                _cpu(t).copy_(_as_dtype(value, t))

        return self._run("gather", [tensor], tensor.nbytes * self._size, move, outputs or [tensor])

    def scatter(self, output_tensors: Any, input_tensors: Any, opts: Any = None) -> Work:
        """Gives every rank its entry of one rank's list."""
        (output,) = output_tensors
        inputs = input_tensors[0] if input_tensors else []
        self._check(output)

        def move(gloo: Any) -> None:
            found = _as_bytes(torch.empty_like(_cpu(output)))
            options = dist.ScatterOptions()
            options.rootRank = opts.rootRank
            given = [_as_bytes(_cpu(t).contiguous()) for t in inputs]
            gloo.scatter([found], [given] if given else [], options).wait()
            _cpu(output).copy_(_as_dtype(found, output))

        return self._run("scatter", [output], output.nbytes * self._size, move, [output])

    def alltoall(self, output_tensors: Any, input_tensors: Any, opts: Any = None) -> Work:
        """Sends the entry for each rank to it, and receives one from each."""
        for t in (*output_tensors, *input_tensors):
            self._check(t)

        def move(gloo: Any) -> None:
            sent = torch.cat([_as_bytes(_cpu(t)).reshape(-1) for t in input_tensors])
            came = torch.empty(sum(t.nbytes for t in output_tensors), dtype=torch.uint8)
            sizes = [t.nbytes for t in output_tensors]
            gloo.alltoall_base(came, sent, sizes, [t.nbytes for t in input_tensors]).wait()
            for t, value in zip(output_tensors, torch.split(came, sizes), strict=True):
                _cpu(t).copy_(_as_dtype(value.clone(), t))

        return self._run("all_to_all", list(input_tensors), _bytes(input_tensors), move, list(output_tensors))

    def all_to_all_single(
        self, output: Tensor, input: Tensor, output_sizes: Any, input_sizes: Any, opts: Any = None
    ) -> Work:
        """Sends rows to each rank and receives rows from each; sizes are rows, equal parts where empty."""
        self._check(output)
        self._check(input)
        _check_split(list(output_sizes), output, self._size)
        _check_split(list(input_sizes), input, self._size)
        outputs = _parts(output, output_sizes, self._size)
        inputs = _parts(input, input_sizes, self._size)
        work = self.alltoall(outputs, inputs)
        work._results = [output]
        return work

    def barrier(self, opts: Any = None) -> Work:
        """Waits for all ranks, host and device."""
        index = runtime.current_device()
        tensor = torch.empty(1, device=f"npu:{index}")
        work = self._run("barrier", [tensor], 0, lambda _gloo: None, [])
        self._stream(index).synchronize()
        return work

    def send(self, tensors: list[Tensor], dst: int, tag: int = 0) -> Work:
        """Sends a tensor to a rank."""
        (tensor,) = tensors
        self._check(tensor)
        index = tensor.get_device()
        gloo = self._connection(index)
        value = _as_bytes(_cpu(tensor))
        if index < 0:
            sent = gloo.send([value], dst, tag)
            return self._keep(Work([tensor], -1, lambda: _wait(sent)))
        start = self._ready(index)
        works = [gloo.send([torch.tensor([start])], dst, tag), gloo.send([value], dst, tag)]
        event = self._charge(index, "send", tensor.nbytes, 2, start)

        def finish() -> npusim.Event:
            self._complete(works, "Send")
            return event

        return self._keep(Work([tensor], index, finish))

    def recv(self, tensors: list[Tensor], src: int, tag: int = 0) -> Work:
        """Receives a tensor from a rank."""
        (tensor,) = tensors
        self._check(tensor)
        index = tensor.get_device()
        gloo = self._connection(index)
        value = _as_bytes(_cpu(tensor))
        if index < 0:
            received = gloo.recv([value], src, tag)
            return self._keep(Work([tensor], -1, lambda: _wait(received), src))
        moment = torch.zeros(1, dtype=torch.int64)
        works = [gloo.recv([moment], src, tag), gloo.recv([value], src, tag)]
        ready = self._ready(index)

        def finish() -> npusim.Event:
            self._complete(works, "Recv")
            return self._charge(index, "receive", tensor.nbytes, 2, max(ready, int(moment)))

        return self._keep(Work([tensor], index, finish, src))

    def recv_anysource(self, tensors: list[Tensor], tag: int = 0) -> Work:
        """HCCL cannot receive from whoever sends first.

        Raises:
            RuntimeError: always, in the real words.
        """
        raise RuntimeError("ProcessGroupHCCL does not support recv" + dist_error(ErrCode.NOT_SUPPORT))

    def _start_coalescing(self, device: Any) -> None:
        self._coalesced = []

    def _end_coalescing(self, device: Any) -> Work:
        works, self._coalesced = self._coalesced or [], None
        return Works(works)

    # older names, which torch.distributed and C++ call as well
    _allgather_base = all_gather_single
    allgather_into_tensor_coalesced = all_gather_single_coalesced
    _reduce_scatter_base = reduce_scatter_single
    reduce_scatter_tensor_coalesced = reduce_scatter_single_coalesced
    alltoall_base = all_to_all_single

    def _complete(self, works: list[Any], call: str) -> None:
        try:
            for work in works:
                work.wait()
        except RuntimeError as failure:
            waited = _errors.seconds("HCCL_EXEC_TIMEOUT", _errors.DEFAULT_EXEC)
            raise _errors.no_answer(call, self._rank, waited) from failure

    def _reduce_here(self, gloo: Any, value: Tensor, op: Any) -> None:
        """Reduces a CPU tensor in place, with what HCCL does to averages and to bool."""
        average = op == dist.ReduceOp.AVG
        used = dist.ReduceOp.SUM if average else op
        if value.dtype is torch.bool and used == dist.ReduceOp.SUM:
            used = dist.ReduceOp.MAX
        wide = value.to(_WIDENED.get(value.dtype, value.dtype)).contiguous()
        _reduce(gloo, wide, used)
        if average:
            wide = wide / self._size if wide.is_floating_point() else wide // self._size
        if wide.data_ptr() != value.data_ptr():
            value.copy_(wide)

    def _check(self, tensor: Tensor) -> None:
        """Raises where HCCL does not take the tensor.

        Raises:
            RuntimeError: it is not on the NPU, not dense or not contiguous.
        """
        if tensor.device.type != "npu":
            if tensor.device.type == "cpu" and self._host:
                return
            raise RuntimeError(f"No backend type associated with device type {tensor.device.type}")
        if tensor.layout is not torch.strided:
            raise RuntimeError("Tensors must be NPU and dense" + dist_error(ErrCode.TYPE))
        if not tensor.is_contiguous():
            raise RuntimeError("Tensors must be contiguous" + dist_error(ErrCode.TYPE))


def _servers(ranks: int) -> int:
    """Over how many servers ranks are spread, as torchrun says or at most eight on each."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "0") or 0)
    if 0 < local < ranks and ranks % local == 0 and local <= SERVER:
        return ranks // local
    return next((s for s in range(1, ranks + 1) if ranks % s == 0 and ranks // s <= SERVER), ranks)


def _wait(work: Any) -> None:
    work.wait()


def _op(opts: Any) -> Any:
    return dist.ReduceOp.SUM if opts is None else opts.reduceOp


def _cpu(tensor: Tensor) -> Tensor:
    return tensor if tensor.get_device() < 0 else alias(tensor)


def _bytes(tensors: Any) -> int:
    return sum(t.nbytes for t in tensors)


def _as_bytes(value: Tensor) -> Tensor:
    """The same memory as bytes: gloo carries any type that way."""
    return (
        value.detach().reshape(-1).view(torch.uint8)
        if value.numel()
        else value.new_empty(0, dtype=torch.uint8)
    )


def _as_dtype(value: Tensor, like: Tensor) -> Tensor:
    return value.view(like.dtype).view(like.shape) if value.numel() else value.to(like.dtype).view(like.shape)


def _reduce(gloo: Any, value: Tensor, op: Any) -> None:
    options = dist.AllreduceOptions()
    options.reduceOp = op
    gloo.allreduce([value], options).wait()


def _camel(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


def _check_reduction(tensor: Tensor, op: Any, name: str) -> None:
    """Raises where HCCL cannot reduce so.

    Raises:
        RuntimeError: the operator or the type is not one of HCCL's.
    """
    for unsupported, called in _UNSUPPORTED.items():
        if op == unsupported:
            raise RuntimeError(f"Cannot use ReduceOp.{called} with HCCL" + dist_error(ErrCode.NOT_SUPPORT))
    if tensor.get_device() >= 0 and tensor.dtype not in _REDUCED:
        called = _CALLED.get(tensor.dtype, str(tensor.dtype))
        raise RuntimeError(f"HCCL {name}: Unsupported data type {called}" + dist_error(ErrCode.NOT_SUPPORT))


def _check_split(sizes: list[int], tensor: Tensor, ranks: int) -> None:
    if not sizes:
        if tensor.shape[0] % ranks:
            raise RuntimeError(
                "Tensor's dim 0 does not divide equally across group size" + dist_error(ErrCode.PARAM)
            )
    elif len(sizes) != ranks:
        raise RuntimeError("Number of tensor splits not equal to group size" + dist_error(ErrCode.TYPE))
    elif sum(sizes) != tensor.shape[0]:
        raise RuntimeError("Split sizes doesn't match total dim 0 size" + dist_error(ErrCode.TYPE))


def _parts(tensor: Tensor, sizes: Any, ranks: int) -> list[Tensor]:
    rows = list(sizes) or [tensor.shape[0] // ranks] * ranks
    return list(torch.split(tensor, rows))
