"""Streams and the order of work."""

import threading
from concurrent.futures import ThreadPoolExecutor

import npusim
import pytest
import torch
from npusim import witness
from torch.utils.checkpoint import checkpoint
from torch_npu._sim import runtime


def test_work_goes_to_the_current_stream():
    """Inside the context manager operators run on its stream, afterwards on the former one."""
    stream = torch.npu.Stream()
    assert torch.npu.current_stream() == torch.npu.default_stream()
    with torch.npu.stream(stream):
        assert torch.npu.current_stream() == stream
        torch.ones(2, device="npu")
    torch.zeros(2, device="npu")
    assert [r.stream for r in npusim.node().records] == [stream.stream_id, 0]
    with torch.npu.stream(None):
        assert torch.npu.current_stream() == torch.npu.default_stream()


def test_a_stream_of_another_device():
    """A stream's context makes its device current and gives it back."""
    stream = torch.npu.Stream(device="npu:3")
    assert stream.device == torch.device("npu:3")
    with torch.npu.stream(stream):
        assert torch.npu.current_device() == 3
        assert torch.ones(1, device="npu").get_device() == 3
    assert torch.npu.current_device() == 0


def test_streams_are_told_apart():
    """Streams have numbers, handles and devices of their own."""
    one, two, far = torch.npu.Stream(), torch.npu.Stream(), torch.npu.Stream(device=1)
    assert len({one, two, far, torch.npu.default_stream()}) == 4
    assert one != two
    assert len({s.npu_stream for s in (one, two, far)}) == 3
    assert repr(one) == f"<torch_npu.npu.Stream device=npu:0 npu_stream={one.npu_stream:#x}>"


def test_waiting_orders_streams():
    """Work after wait_event or wait_stream starts when the other stream is done."""
    stream = torch.npu.Stream()
    x = torch.randn(512, 512, device="npu")
    stream.wait_stream(torch.npu.current_stream())
    with torch.npu.stream(stream):
        y = x @ x
        event = stream.record_event()
    torch.npu.current_stream().wait_event(event)
    y.record_stream(torch.npu.current_stream())
    y + 1
    records = {r.name: r for r in npusim.node().records if r.category == "kernel"}
    assert records["Add"].start >= records["MatMulV2"].end
    event.synchronize()
    assert event.query()


def test_a_stream_is_done_after_synchronize():
    """Query tells whether work is left."""
    stream = torch.npu.current_stream()
    torch.randn(1024, 1024, device="npu") @ torch.randn(1024, 1024, device="npu")
    assert not stream.query()
    stream.synchronize()
    assert stream.query()


def test_the_real_refusals():
    """What a real stream or event refuses, this one refuses with the same words."""
    with pytest.raises(RuntimeError, match=r"NPU dose not support Stream\.get_priority"):
        _ = torch.npu.Stream().priority
    event = torch.npu.Event()
    event.record()
    with pytest.raises(RuntimeError, match="Event device 0 does not match recording stream's device 1"):
        event.record(torch.npu.Stream(device=1))
    assert event.device == torch.device("npu:0")


def _in_thread(call):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def test_every_thread_has_its_own_current_stream():
    """What one thread sets is not seen by another, which starts on the default stream."""
    mine, other = torch.npu.Stream(), torch.npu.Stream()

    def work():
        first = torch.npu.current_stream()
        with torch.npu.stream(other):
            torch.ones(2, device="npu")
            return first, torch.npu.current_stream()

    with torch.npu.stream(mine):
        assert _in_thread(work) == (torch.npu.default_stream(), other)
        assert torch.npu.current_stream() == mine
        torch.ones(2, device="npu")
    assert [r.stream for r in npusim.node().records] == [other.stream_id, mine.stream_id]


def test_backward_works_on_the_callers_stream():
    """The threads of the backward pass take over the stream of the thread that started it."""
    stream = torch.npu.Stream()
    x = torch.ones(4, device="npu", requires_grad=True)
    with torch.npu.stream(stream):
        (x * 2).sum().backward()
    assert {r.stream for r in npusim.node().records[1:] if r.category == "kernel"} == {stream.stream_id}
    seen = len(npusim.node().records)
    _in_thread(lambda: (x * 2).sum().backward())
    assert {r.stream for r in npusim.node().records[seen:] if r.category == "kernel"} == {0}


def test_backward_runs_in_the_thread_that_asked_for_it():
    """Where torch_npu was imported, no second thread, with a team of its own, does the backward pass."""
    x = torch.ones(2, device="npu", requires_grad=True)
    seen = []
    y = x * 2
    y.register_hook(lambda _grad: seen.append(threading.get_ident()))
    y.sum().backward()
    assert seen == [threading.get_ident()]


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_a_graph_may_be_walked_within_another():
    """A backward pass that starts further ones, as nested checkpoints do, ends, here and in other threads."""

    def gradient():
        x = torch.ones(3, device="npu", requires_grad=True)

        def square(t):
            return t * t

        def deep(t):
            return checkpoint(square, checkpoint(square, t, use_reentrant=True), use_reentrant=True)

        checkpoint(deep, x, use_reentrant=True).sum().backward()
        return x.grad.tolist()

    assert gradient() == [4.0] * 3
    assert _in_thread(gradient) == [4.0] * 3


def test_the_grader_sees_who_took_the_place_of_the_streams(monkeypatch):
    """A witness finds nothing odd in a stream that was set, and tells of another list of streams."""

    class Forged:
        def __init__(self, queues):
            self.queues = queues

        def __iter__(self):
            return iter(self.queues)

        def __getitem__(self, index):
            return self.queues[index]

    def odd():
        witness.begin()
        torch.ones(2, device="npu")
        witness.end()
        return witness.collected["odd"]

    with torch.npu.stream(torch.npu.Stream()):
        assert odd() == []
        with monkeypatch.context() as patch:
            patch.setattr(runtime, "queues", Forged(list(runtime.queues)))
            assert odd() == ["list of streams"]


def test_priorities_are_not_told():
    """The range of a stream's priorities is refused, in torch_npu's words."""
    with pytest.raises(RuntimeError, match=r"NPU does not support Stream\.priority_range\(\) currently"):
        torch.npu.Stream.priority_range()


@pytest.mark.parametrize("device", [None, -1, -258, -0.2, -200.8])
def test_a_stream_of_no_device_is_on_the_current_one(device):
    """A stream made without a device, or with a number below 0, is on the current device."""
    torch.npu.set_device(1)
    assert torch.npu.Stream(device).device_index == 1
    assert torch.npu.current_device() == 1
