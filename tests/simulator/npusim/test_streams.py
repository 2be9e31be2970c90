"""Streams, events and the host's clock."""

import npusim
import pytest
from hypothesis import given
from hypothesis import strategies as st


def matmul(n=1024):
    """A square half-precision matrix product."""
    x = npusim.TensorSpec((n, n), "float16")
    return npusim.Op("MatMulV2", "matmul", [x, x], [x])


def test_launch_returns_at_once_and_synchronise_waits():
    """A launch costs the host only its overhead; synchronise takes it to the operator's end."""
    node = npusim.node()
    stream = node.device(0).default_stream
    record = stream.launch(matmul(4096))
    assert node.host.now == npusim.CONSTANTS["host_launch_ns"].value
    assert node.host.now < record.end
    stream.synchronize()
    assert node.host.now == record.end
    assert isinstance(node.host.now, int)


def test_a_stream_runs_in_order():
    """Two operators on a stream follow one another."""
    stream = npusim.node().device(0).default_stream
    first, second = stream.launch(matmul(2048)), stream.launch(matmul(2048))
    assert second.start == first.end


def test_launch_blocking_waits_every_time(monkeypatch):
    """ASCEND_LAUNCH_BLOCKING=1 makes each launch synchronous."""
    monkeypatch.setenv("ASCEND_LAUNCH_BLOCKING", "1")
    node = npusim.node()
    record = node.device(0).default_stream.launch(matmul(4096))
    assert node.host.now == record.end


def test_a_copy_overlaps_with_work_on_another_stream():
    """An asynchronous copy on its own stream runs beside the operator; a synchronous one holds the host."""
    node = npusim.node()
    device = node.device(0)
    work = device.default_stream.launch(matmul(8192))
    copy = device.create_stream().copy("H2D", 1 << 20, asynchronous=True)
    assert copy.start < work.end
    assert node.host.now < copy.end
    copy = device.create_stream().copy("D2H", 1 << 20, asynchronous=False)
    assert node.host.now == copy.end


def test_copies_in_one_direction_share_the_link():
    """Two copies to the device on two streams follow one another; the other direction is free."""
    device = npusim.node().device(0)
    first = device.create_stream().copy("H2D", 1 << 24, asynchronous=True)
    second = device.create_stream().copy("H2D", 1 << 24, asynchronous=True)
    back = device.create_stream().copy("D2H", 1 << 24, asynchronous=True)
    assert second.start == first.end
    assert back.start < first.end


def test_operators_that_need_all_cores_do_not_overlap():
    """Two streams do not double the chip: two large products take as long as one after the other."""
    device = npusim.node().device(0)
    a, b = device.create_stream(), device.create_stream()
    first, second = a.launch(matmul(8192)), b.launch(matmul(8192))
    assert second.start == first.end


def test_a_stream_waits_for_an_event_of_another():
    """After wait, later work starts only when the event has happened; the host does not wait."""
    node = npusim.node()
    device = node.device(0)
    a, b = device.create_stream(), device.create_stream()
    copy = a.copy("H2D", 1 << 26, asynchronous=True)
    event = device.create_event()
    event.record(a)
    event.wait(b)
    assert node.host.now < copy.end
    assert b.launch(matmul()).start >= copy.end


def test_elapsed_time_is_the_device_s():
    """Two events around an operator measure its duration."""
    device = npusim.node().device(0)
    stream = device.default_stream
    stream.launch(matmul(4096))
    start, end = device.create_event(), device.create_event()
    start.record(stream)
    record = stream.launch(matmul(4096))
    end.record(stream)
    assert start.elapsed_ns(end) == record.duration
    assert not end.query()
    end.synchronize()
    assert end.query()


def test_polling_ends():
    """A loop that polls an event or a stream ends, because asking takes host time."""
    device = npusim.node().device(0)
    device.default_stream.launch(matmul(2048))
    event = device.create_event()
    event.record(device.default_stream)
    polls = 0
    while not (event.query() and device.default_stream.query()):
        polls += 1
        assert polls < 100_000
    assert polls > 0


def test_unrecorded_events():
    """An unrecorded event is over for those who wait, and has no time for those who measure."""
    device = npusim.node().device(0)
    event = device.create_event()
    event.synchronize()
    event.wait(device.default_stream)
    assert event.query()
    with pytest.raises(npusim.EventNotRecordedError, match="record them first"):
        event.elapsed_ns(event)


def test_an_event_of_another_device_is_refused():
    """An event is recorded on its own device's streams only (107003)."""
    node = npusim.node()
    with pytest.raises(npusim.WrongStreamError, match="device 0") as caught:
        node.device(0).create_event().record(node.device(1).default_stream)
    assert caught.value.code == 107003


def test_devices_work_side_by_side():
    """Work on two devices overlaps."""
    node = npusim.node()
    first = node.device(0).default_stream.launch(matmul(8192))
    second = node.device(1).default_stream.launch(matmul(8192))
    assert second.start < first.end


def test_bad_copies_are_refused():
    """An unknown direction and a negative size are refused with what is accepted."""
    stream = npusim.node().device(0).default_stream
    with pytest.raises(npusim.InvalidArgumentError, match="H2D, D2H, D2D"):
        stream.copy("sideways", 1, asynchronous=True)
    with pytest.raises(npusim.InvalidArgumentError, match="-1"):
        stream.copy("H2D", -1, asynchronous=True)


def test_a_fault_surfaces_at_the_next_synchronise():
    """A kernel's fault is reported once, by the next synchronise of its stream, with its code."""
    device = npusim.node().device(0)
    stream = device.default_stream
    stream.launch(matmul())
    stream.fail("The aicore execution is abnormal.", code=507015, task="MatMulV2")
    stream.launch(matmul())
    with pytest.raises(npusim.DeviceFaultError) as caught:
        device.synchronize()
    assert (caught.value.code, caught.value.task) == (507015, "MatMulV2")
    device.synchronize()


def test_the_clock_only_goes_forward():
    """Host time cannot be turned back."""
    host = npusim.node().host
    host.advance(5)
    with pytest.raises(npusim.InvalidArgumentError, match="goes forward"):
        host.advance(-1)
    assert host.now == 5


def test_without_the_cost_model_nothing_takes_time():
    """Cost model off: every duration is 0 and the clock stands; on again: time passes again."""
    node = npusim.node()
    stream = node.device(0).default_stream
    assert npusim.cost_model_enabled()
    stream.launch(matmul())
    stream.synchronize()
    now = node.host.now
    assert not npusim.cost_model_enabled(enabled=False)
    assert stream.launch(matmul()).duration == 0
    assert stream.copy("D2H", 1 << 20, asynchronous=False).duration == 0
    stream.synchronize()
    assert node.host.now == now
    npusim.cost_model_enabled(enabled=True)
    assert stream.launch(matmul()).duration > 0


def test_records_tell_what_happened():
    """The list holds every call to a stream in order, with name, shapes and times."""
    node = npusim.node()
    device = node.device(0)
    stream = device.default_stream
    stream.copy("H2D", 4096, asynchronous=True)
    launched = stream.launch(matmul())
    event = device.create_event()
    event.record(stream)
    event.wait(device.create_stream())
    stream.synchronize()
    records = node.records
    assert [r.category for r in records] == ["copy", "kernel", "event_record", "event_wait", "sync"]
    kernel = records[1]
    assert (kernel.name, kernel.unit, kernel.stream) == ("MatMulV2", "AI_CORE", 0)
    assert (kernel.start, kernel.duration) == (launched.start, launched.duration)
    assert kernel.inputs[0].shape == (1024, 1024)
    assert records[-1].category == "sync"
    assert len(records[1:3]) == 2
    with pytest.raises(IndexError):
        records[5]
    records.clear()
    assert len(records) == 0


operations = st.lists(
    st.tuples(st.sampled_from(["matmul", "add", "H2D", "D2H"]), st.integers(1, 3000)), min_size=1, max_size=25
)


def run(work, streams):
    """The end of all work when dealt out to that many streams in turn."""
    npusim.reset()
    device = npusim.node().device(0)
    queues = [device.create_stream() for _ in range(streams)]
    ends = []
    for i, (kind, n) in enumerate(work):
        stream = queues[i % streams]
        if kind in {"H2D", "D2H"}:
            ends.append(stream.copy(kind, n * 100, asynchronous=True).end)
        else:
            x = npusim.TensorSpec((n, n), "float16")
            name = "elementwise" if kind == "add" else kind
            ends.append(stream.launch(npusim.Op(kind, name, [x, x], [x])).end)
    return max(ends)


@given(operations, st.integers(2, 4))
def test_independent_streams_are_never_slower_than_one(work, streams):
    """Dealing independent work out to several streams never ends later than one stream."""
    assert run(work, streams) <= run(work, 1)


@given(operations)
def test_the_same_program_gives_the_same_nanoseconds(work):
    """Two runs leave the same records."""
    run(work, 2)
    first = [repr(record) for record in npusim.node().records]
    run(work, 2)
    assert [repr(record) for record in npusim.node().records] == first


def test_a_million_records_fit_in_200_megabytes():
    """A record takes at most 200 bytes, shapes included, when operators repeat."""
    node = npusim.node()
    stream = node.device(0).default_stream
    for _ in range(2000):
        stream.launch(matmul())
    log = node.records
    columns = [getattr(log, name) for name in log.__slots__ if hasattr(getattr(log, name), "itemsize")]
    assert len(columns) == 7
    assert sum(column.buffer_info()[1] * column.itemsize for column in columns) / len(log) <= 200
    assert len(log._tasks) == 1
