"""The backend "hccl" for several processes on one machine.

The values travel through gloo, between the CPU aliases of device memory. Each collective first agrees on
when the last rank is ready on virtual time; from then on it takes, on a stream of its own, what npusim says.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor

from torch_npu._sim import runtime
from torch_npu._sim.formats import BASE, get_npu_format
from torch_npu._sim.storages import alias
from torch_npu.distributed import _errors, _options
from torch_npu.distributed._options import EXEC_TIMEOUT
from torch_npu.distributed._work import Work, Works
from torch_npu.utils._error_code import ErrCode, dist_error

if TYPE_CHECKING:
    from collections.abc import Callable

    import npusim

SERVER = 8
_LONGEST_NAME = 128
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
}
_CAST = {torch.uint8, torch.bool}  # all_reduce and reduce compute these as int32
_CASTING = {"allreduce", "reduce"}
_PREMULTIPLIED = {torch.float16, torch.float32, torch.bfloat16, torch.float64}
_CALLED = {
    torch.bool: "at::kByte/at::kBool",
    torch.uint8: "at::kByte/at::kBool",
    torch.float64: "at::kDouble",
    torch.uint16: "at::ScalarType::UInt16",
    torch.uint32: "at::ScalarType::UInt32",
    torch.uint64: "at::ScalarType::UInt64",
    torch.float8_e4m3fn: "at::ScalarType::Float8_e4m3fn",
    torch.float8_e5m2: "at::ScalarType::Float8_e5m2",
}


def create(asked: Any, options: Any) -> ProcessGroupHCCL:
    """Makes a group; called by `torch.distributed`."""
    mine = options.copied() if isinstance(options, _options.Options) else _options.Options()
    mine.op_timeout = asked.timeout
    mine.global_ranks_in_group, mine.group_id = asked.global_ranks_in_group, asked.group_id
    return ProcessGroupHCCL(asked.store, asked.group_rank, asked.group_size, mine, host=_serves_host())


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
        options: how; or a time-out, which HCCL does not follow: it has its own in the environment.
        timeout: the time-out by its name.
        host: whether it carries CPU tensors, through gloo alone.
    """

    Options = _options.Options

    def __init__(
        self,
        store: Any,
        rank: int,
        size: int,
        options: _options.Options | timedelta | None = None,
        *,
        timeout: timedelta | None = None,
        host: bool = False,
    ) -> None:
        super().__init__(rank, size)
        self._options = options if isinstance(options, _options.Options) else _options.Options()
        timeout = options if isinstance(options, timedelta) else timeout
        if timeout is not None:
            self._options.op_timeout = timeout
        self._store = store
        self._rank = rank
        self._size = size
        self._host = host
        self._gloo: Any = None
        self._streams: dict[int, npusim.Stream] = {}
        self._coalesced: list[Work] | None = None
        self._group_name = ""
        self._description = ""
        self._comm_name = ""
        self._own: deque[Tensor] = deque()  # sent by this rank to itself

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

    @property
    def options(self) -> _options.Options:
        """How the group was set up."""
        return self._options

    def get_hccl_comm_name(self, rank: int, init_comm: bool = True) -> str:
        """The communicator's name, as in the profile's metadata.

        Raises:
            RuntimeError: the rank is below 0.
        """
        if rank < 0:
            raise RuntimeError(f"Invalid rank {rank}" + dist_error(ErrCode.VALUE))
        if init_comm:
            self._connection(runtime.current_device())
        return self._comm_name or f"{self.group_name or 'default'}_{self._size}"

    def _set_hccl_comm_name(self, name: str) -> None:
        """Names the communicator, before it is made.

        Raises:
            RuntimeError: the name is empty or too long, there is another one, or the ranks are connected.
        """
        if not 0 < len(name) < _LONGEST_NAME:
            raise RuntimeError(
                f"The length of the name must be between 1 and {_LONGEST_NAME - 1}, "
                f"Invalid hcclCommName:{name}" + dist_error(ErrCode.VALUE)
            )
        current = self._comm_name or (self.get_hccl_comm_name(self._rank) if self._gloo else name)
        if current != name:
            raise RuntimeError(
                "The current ProcessGroup has already set the name and cannot be duplicated, "
                f"Invalid hcclCommName:{name}, current hcclCommName:{current}" + dist_error(ErrCode.VALUE)
            )
        self._comm_name = name

    def _get_stream_id(self, p2p: bool = False, peer: int = -1) -> int:
        """The number of the stream in which collectives run; -1 before the first one."""
        stream = self._streams.get(runtime.current_device())
        return -1 if stream is None else stream.id

    def get_coll_stream_id(self, device: Any) -> int:
        """The number of the stream in which collectives run on a device; -1 before the first one."""
        index = torch.device(device).index
        stream = self._streams.get(runtime.current_device() if index is None else index)
        return -1 if stream is None else stream.id

    def _group_start(self) -> None:
        """What follows until `_group_end` is one group; here each operation is given at once all the same."""

    def _group_end(self) -> None:
        """Ends what `_group_start` began."""

    def _set_default_timeout(self, timeout: timedelta) -> None:
        self._options.op_timeout = timeout

    def supports_splitting(self) -> bool:
        """No: new groups are made anew."""
        return False

    def shutdown(self) -> None:
        """Ends the connection."""
        self._gloo = None

    def abort(self) -> None:
        """Ends the connection."""
        self._gloo = None

    abort_hccl_comm = abort

    # connection and time

    def eager_connect_single_device(self, device: Any = None) -> None:
        """Connects the ranks now: `init_process_group(..., device_id=...)` asks for it."""
        index = None if device is None else torch.device(device).index
        self._connection(runtime.current_device() if index is None else index)

    def _connection(self, index: int) -> Any:
        """Gloo between the ranks, made at the first collective as HCCL does.

        Raises:
            HcclError: a rank did not come within HCCL_CONNECT_TIMEOUT, two ranks use one device, or an
                earlier program still holds it.
        """
        if self._gloo is not None:
            return self._gloo
        self._options.check()
        _errors.check_busy()
        waited = _errors.seconds("HCCL_CONNECT_TIMEOUT", _errors.DEFAULT_CONNECT)
        store = torch._C._distributed_c10d.PrefixStore("hccl", self._store)
        try:
            self._gloo = dist.ProcessGroupGloo(store, self._rank, self._size, timedelta(seconds=waited))
        except RuntimeError as failure:
            raise _errors.no_connection(self._rank, self._size, waited) from failure
        if index >= 0:
            self._check_devices(store, index, waited)
        self._gloo.set_timeout(timedelta(seconds=self._patience()))
        return self._gloo

    def _patience(self) -> int:
        """Seconds that a collective waits for the other ranks."""
        chosen: int = self._options.hccl_config.get(EXEC_TIMEOUT, 0)
        return chosen if chosen > 0 else _errors.seconds("HCCL_EXEC_TIMEOUT", _errors.DEFAULT_EXEC)

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
            raise _errors.no_answer(_camel(kind), self._rank, self._patience()) from failure
        event = self._charge(index, kind, nbytes, self._size, int(moment))
        return self._keep(Work(results, index, lambda: event))

    def _keep(self, work: Work) -> Work:
        if self._coalesced is not None:
            self._coalesced.append(work)
        return work

    # collectives, as torch.distributed calls them

    # a program may also give one tensor instead of a list, and an operator or a rank instead of options

    def allreduce(self, tensors: Any, opts: Any = None, *, op: Any = None) -> Work:
        """Reduces a tensor over all ranks, in place on each."""
        tensors, op = _listed(tensors), _op(opts if op is None else op)
        for t in tensors:
            self._check(t)
            _check_reduction(t, op, "allreduce")

        def move(gloo: Any) -> None:
            for t in tensors:
                self._reduce_here(gloo, _cpu(t), op)

        return self._run("all_reduce", tensors, _bytes(tensors), move, list(tensors))

    def allreduce_coalesced(self, tensors: Any, opts: Any = None) -> Work:
        """Reduces several tensors over all ranks."""
        return self.allreduce(tensors, opts)

    def reduce(self, tensors: Any, opts: Any = None, op: Any = None, *, root: int | None = None) -> Work:
        """Reduces a tensor over all ranks, in place on one."""
        root, op = _root(opts if root is None else root), _op(opts if op is None else op)
        (tensor,) = tensors = _listed(tensors)
        self._check(tensor)
        _check_reduction(tensor, op, "reduce")

        def move(gloo: Any) -> None:
            whole = _cpu(tensor).clone()
            self._reduce_here(gloo, whole, op)
            if self._rank == root:
                _cpu(tensor).copy_(whole)

        return self._run("reduce", tensors, tensor.nbytes, move, [tensor])

    def broadcast(self, tensors: Any, opts: Any = None, *, root: int | None = None) -> Work:
        """Copies one rank's tensor to all."""
        root = _root(opts if root is None else root)
        (tensor,) = tensors = _listed(tensors)
        self._check(tensor)

        def move(gloo: Any) -> None:
            _broadcast(gloo, _as_bytes(_cpu(tensor)), root)

        return self._run("broadcast", tensors, tensor.nbytes, move, [tensor])

    def allgather(self, output_tensors: Any, input_tensors: Any, opts: Any = None) -> Work:
        """Gathers every rank's tensor on every rank, as a list."""
        (outputs,), (tensor,) = _nested(output_tensors, input_tensors)
        self._check(tensor)
        if len({t.dtype for t in (*outputs, tensor)}) > 1:
            raise RuntimeError("Tensors must have identical type" + dist_error(ErrCode.TYPE))
        _check_list(outputs, tensor, "scatter/gather")
        if len(outputs) != self._size:
            raise RuntimeError(
                "Tensor list input to scatter/gather must match number of collective participants"
                + dist_error(ErrCode.PARAM)
            )

        for t in outputs:
            self._check(t)

        def move(gloo: Any) -> None:
            found = [_as_bytes(torch.empty_like(_cpu(t))) for t in outputs]
            mine = _as_bytes(_cpu(tensor))
            if len({value.numel() for value in found}) == 1:
                gloo.allgather([found], [mine]).wait()
            else:  # ranks whose tensors differ in size send one after the other, as HCCL does
                found[self._rank].copy_(mine)
                for root, value in enumerate(found):
                    _broadcast(gloo, value, root)
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

    def reduce_scatter(
        self, output_tensors: Any, input_tensors: Any, opts: Any = None, *, op: Any = None
    ) -> Work:
        """Reduces every rank's list over all ranks, and leaves each rank its entry.

        A list of equal tensors counts as one long tensor, of which each rank gets as much as its output
        holds; what lies beyond it is lost, and what it lacks is zero.
        """
        (inputs,), (output,) = _nested(input_tensors, output_tensors)
        op = _op(opts if op is None else op)
        self._check(output)
        _check_list(inputs, output, "reduce_scatter")
        for t in inputs:
            self._check(t)
            _check_reduction(t, op, "reduce_scatter")

        def move(gloo: Any) -> None:
            whole = torch.cat([_cpu(t).reshape(-1) for t in inputs])
            self._reduce_here(gloo, whole, op)
            even = len({t.shape for t in inputs}) == 1
            begin = self._rank * output.numel() if even else sum(t.numel() for t in inputs[: self._rank])
            mine = whole[begin : begin + output.numel()]
            result = _cpu(output).view(-1)
            result[: mine.numel()].copy_(mine)
            result[mine.numel() :].zero_()

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

    def gather(
        self, output_tensors: Any, input_tensors: Any, opts: Any = None, *, root: int | None = None
    ) -> Work:
        """Gathers every rank's tensor on one rank, as a list."""
        root = _root(opts if root is None else root)
        output_tensors, (tensor,) = _nested(output_tensors, input_tensors)
        outputs = output_tensors[0] if output_tensors else []
        self._check(tensor)

        def move(gloo: Any) -> None:
            found = [_as_bytes(torch.empty_like(_cpu(t))) for t in outputs]
            options = dist.GatherOptions()
            options.rootRank = root
            gloo.gather([found] if found else [], [_as_bytes(_cpu(tensor))], options).wait()
            for t, value in zip(outputs, found, strict=True):
                _cpu(t).copy_(_as_dtype(value, t))

        return self._run("gather", [tensor], tensor.nbytes * self._size, move, outputs or [tensor])

    def scatter(
        self, output_tensors: Any, input_tensors: Any, opts: Any = None, *, root: int | None = None
    ) -> Work:
        """Gives every rank its entry of one rank's list."""
        root = _root(opts if root is None else root)
        input_tensors, (output,) = _nested(input_tensors, output_tensors)
        inputs = input_tensors[0] if input_tensors else []
        self._check(output)

        def move(gloo: Any) -> None:
            found = _as_bytes(torch.empty_like(_cpu(output)))
            options = dist.ScatterOptions()
            options.rootRank = root
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
        if dst == self._rank:
            self._own.append(value.clone())
            event = self._charge(index, "send", tensor.nbytes, 1, self._ready(index))
            return self._keep(Work([tensor], index, lambda: event))
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
        if src == self._rank:
            return self._keep(Work([tensor], index, lambda: self._take_own(value, index), src))
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

    def _take_own(self, value: Tensor, index: int) -> npusim.Event:
        """Receives what this rank sent to itself, as a batch of messages may.

        Raises:
            HcclError: nothing was sent.
        """
        if not self._own:
            raise _errors.no_answer("Recv", self._rank, self._patience())
        value.copy_(self._own.popleft())
        return self._charge(index, "receive", value.numel(), 1, self._ready(index))

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
            raise _errors.no_answer(call, self._rank, self._patience()) from failure

    def _reduce_here(self, gloo: Any, value: Tensor, op: Any) -> None:
        """Reduces a CPU tensor in place, with what HCCL does to averages, factors and bool.

        16-bit floats are rounded after each addition, since the links add into memory of that type.
        """
        average, factor = op == dist.ReduceOp.AVG, _factor(op)
        wide = (value.int() if value.dtype in _CAST else value).contiguous()
        if factor is not None:
            wide = wide * factor
        _reduce(gloo, wide, dist.ReduceOp.SUM if average or factor is not None else op)
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
        if not any(tensor.is_contiguous(memory_format=order) for order in _orders(tensor)):
            raise RuntimeError("Tensors must be contiguous" + dist_error(ErrCode.TYPE))
        if tensor.dtype not in _REDUCED and tensor.dtype not in _CALLED:
            raise RuntimeError(
                "Unsupported data type for HCCL process group" + dist_error(ErrCode.NOT_SUPPORT)
            )
        if tensor.storage_offset() and get_npu_format(tensor) not in BASE:
            raise RuntimeError(
                "For a tensor of internal format, it's storage_offset must be 0"
                + dist_error(ErrCode.NOT_SUPPORT)
            )


def _servers(ranks: int) -> int:
    """Over how many servers ranks are spread, as torchrun says or at most eight on each."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "0") or 0)
    if 0 < local < ranks and ranks % local == 0 and local <= SERVER:
        return ranks // local
    return next((s for s in range(1, ranks + 1) if ranks % s == 0 and ranks // s <= SERVER), ranks)


def _wait(work: Any) -> None:
    work.wait()


def _orders(tensor: Tensor) -> list[torch.memory_format]:
    """The orders in which its elements may lie without gaps."""
    other = {4: torch.channels_last, 5: torch.channels_last_3d}.get(tensor.dim())
    return [torch.contiguous_format, *([other] if other is not None else [])]


def _factor(op: Any) -> float | Tensor | None:
    """What each rank multiplies with before a PREMUL_SUM; None for other operators."""
    factor: float | Tensor | None = op.factor if op == dist.ReduceOp.PREMUL_SUM else None
    return factor


def _op(opts: Any) -> Any:
    """The operator among options, or itself."""
    if isinstance(opts, dist.ReduceOp | dist.ReduceOp.RedOpType):
        return opts
    return getattr(opts, "reduceOp", dist.ReduceOp.SUM)


def _root(opts: Any) -> int:
    """The rank among options, or itself."""
    return opts if isinstance(opts, int) else int(getattr(opts, "rootRank", 0))


def _listed(tensors: Any) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _nested(lists: Any, tensor: Any) -> tuple[Any, Any]:
    """A list of lists and a list, of what may be a list and a tensor."""
    if not isinstance(tensor, Tensor):
        return lists, tensor
    return [lists] if lists else [], [tensor]


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


def _broadcast(gloo: Any, value: Tensor, root: int) -> None:
    options = dist.BroadcastOptions()
    options.rootRank, options.rootTensor = root, 0
    gloo.broadcast([value], options).wait()


def _camel(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


def _check_reduction(tensor: Tensor, op: Any, name: str) -> None:
    """Raises where HCCL cannot reduce so.

    Raises:
        RuntimeError: the operator or the type is not one of HCCL's.
    """
    if op == dist.ReduceOp.PREMUL_SUM and tensor.dtype not in _PREMULTIPLIED:
        raise RuntimeError(
            "PreMulSum Data type must be half, float, bfloat16 or double" + dist_error(ErrCode.TYPE)
        )
    for unsupported, called in _UNSUPPORTED.items():
        if op == unsupported:
            raise RuntimeError(f"Cannot use ReduceOp.{called} with HCCL" + dist_error(ErrCode.NOT_SUPPORT))
    cast = name in _CASTING and tensor.dtype in _CAST
    if tensor.get_device() >= 0 and tensor.dtype not in _REDUCED and not cast:
        called = _CALLED[tensor.dtype]
        raise RuntimeError(f"HCCL {name}: Unsupported data type {called}" + dist_error(ErrCode.NOT_SUPPORT))


def _check_list(tensors: list[Tensor], other: Tensor, name: str) -> None:
    if not tensors:
        raise RuntimeError(f"Tensor list operands to {name} must be non-empty" + dist_error(ErrCode.PARAM))
    if any(t.get_device() != other.get_device() for t in tensors):
        raise RuntimeError(
            f"Corresponding input/output tensors to {name} must all reside on the same device"
            + dist_error(ErrCode.PARAM)
        )


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
