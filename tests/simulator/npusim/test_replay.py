"""A list of events holds if a fresh machine would have made it; what was changed in it is found."""

import json
import sys

import npusim
import pytest
from npusim import witness
from npusim.constants import value
from npusim.execution import graph_tasks, run_graph
from npusim.media import media_batch, media_task
from npusim.op import TensorSpec
from npusim.replay import READ, Event, ReplayError, Timed, duration_ns
from npusim.stream import Stream

SMALL, LARGE = TensorSpec((64, 64), "float32"), TensorSpec((4096, 4096), "float32")


@pytest.fixture
def machine(monkeypatch):
    """A machine of its own, as every process has one; what other tests made PyTorch hold is another's."""
    monkeypatch.delitem(sys.modules, "torch_npu._sim.runtime", raising=False)
    npusim.reset()
    yield npusim.node()
    npusim.reset()


def work(machine, *, reads=False):
    """Three operators, a copy to the device and an event; with `reads`, the host reads after each."""
    device = machine.device(0)
    stream = device.default_stream
    for size in (SMALL, LARGE, SMALL):
        stream.launch(npusim.Op("Add", "elementwise", [size, size], [size]))
        if reads:
            stream.copy("D2H", 4, asynchronous=False)
    stream.copy("H2D", 1 << 20, asynchronous=True)
    event = device.create_event()
    event.record(stream)
    event.synchronize()
    device.synchronize()


def collected(machine, *, reads=False):
    """What a witness collects of it, as JSON gives it back."""
    work(machine)  # what happened before does not count
    witness.begin()
    work(machine, reads=reads)
    witness.end()
    return json.loads(json.dumps(witness.collected))


@pytest.mark.parametrize("reads", [False, True])
def test_an_honest_list_holds(machine, reads):
    """What a program left is found to hold, and takes as long again as it took."""
    data = collected(machine, reads=reads)
    events = Timed().read(data)
    assert max(e.end for e in events) == max(row[5] + row[6] for row in data["rows"])
    assert duration_ns(events) == max(e.end for e in events)
    assert [e.name for e in events if e.category == "copy"] == ["D2H"] * 3 * reads + ["H2D"]


def test_two_streams_hold(machine):
    """Work on two streams, which wait for each other by events, holds."""
    device = machine.device(0)
    witness.begin()
    first, second = device.default_stream, device.create_stream()
    for stream in (first, second, first):
        stream.launch(npusim.Op("Add", "elementwise", [LARGE, LARGE], [LARGE]))
    event = device.create_event()
    event.record(first)
    event.wait(second)
    second.launch(npusim.Op("Add", "elementwise", [SMALL, SMALL], [SMALL]))
    device.synchronize()
    witness.end()
    assert len(Timed().read(witness.collected)) == 8


def test_waiting_is_seen_and_can_be_taken_away(machine):
    """Reading after each operator takes longer, and the time without is computed from the same events."""
    slow = Timed().read(collected(machine, reads=True))
    assert sum(e.waits for e in slow if e.name == "D2H") == 3
    bare = [e._replace(waits=False) for e in slow if e.name != "D2H" and e.category != "sync"]
    assert duration_ns(bare) < duration_ns([bare[0], READ, *bare[1:]]) < duration_ns(slow)


def test_waiting_shows_where_the_read_was_taken_out(machine):
    """Who takes the copy out of the list, and not its time, has waited for the operator before it."""
    data = collected(machine, reads=True)
    del data["rows"][1]
    assert [e.waits for e in Timed().read(data)[:2]] == [True, False]


@pytest.mark.usefixtures("machine")
def test_no_events_hold():
    """A program that gave the device nothing has an empty list."""
    witness.begin()
    witness.end()
    assert Timed().read(witness.collected) == []


FORGERIES = {
    "a shorter duration": lambda d: d["rows"][1].__setitem__(6, 5),
    "an earlier start": lambda d: d["rows"][2].__setitem__(5, 0),
    "an earlier launch": lambda d: d["rows"][2].__setitem__(4, 0),
    "everything earlier": lambda d: [row.__setitem__(4, 0) or row.__setitem__(5, 0) for row in d["rows"]],
    "smaller operands": lambda d: d["tasks"][2].__setitem__(3, [[[2], "float32", "ND"]]),
    "a smaller copy": lambda d: next(t for t in d["tasks"] if t[0] == "H2D").__setitem__(2, 1),
    "another operator": lambda d: d["tasks"][0].__setitem__(1, "view"),
    "a clock turned back": lambda d: d.__setitem__("now", 0),
    "another chip": lambda d: d.__setitem__("soc", "Ascend310B4"),
    "another simulator": lambda d: d.__setitem__("fingerprint", "0" * 64),
    "a part replaced": lambda d: d["odd"].append("clock"),
    "a stream of nobody": lambda d: d["rows"][0].__setitem__(3, -1),
    "an event of no kind": lambda d: d["rows"][0].__setitem__(0, "magic"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_list_does_not_hold(machine, forgery):
    """Whatever was changed in a list, it is found."""
    data = collected(machine, reads=True)
    FORGERIES[forgery](data)
    with pytest.raises((ReplayError, ValueError)):
        Timed().read(data)


@pytest.mark.usefixtures("machine")
def test_a_changed_function_changes_the_fingerprint(monkeypatch):
    """Another launch, another constant and another cost are each seen; putting them back is, too."""
    before = witness.fingerprint()
    with monkeypatch.context() as patch:
        patch.setattr(Stream, "launch", lambda *_: None)
        assert witness.fingerprint() != before
    with monkeypatch.context() as patch:
        patch.setattr("npusim.vector.HALF_BYTES", 3)
        assert witness.fingerprint() != before
    assert witness.fingerprint() == before


def test_a_turned_off_cost_model_is_found(machine):
    """Events that take no time because the cost model was off do not hold."""
    machine.set_cost_model(enabled=False)
    with pytest.raises(ReplayError):
        Timed().read(collected(machine))


def test_replaced_parts_are_told(machine):
    """A clock or a list of another class is named."""

    class Slow(type(machine.host)):
        pass

    machine.host = Slow()
    assert "clock" in collected(machine)["odd"]


def test_an_event_knows_its_end():
    """An event ends when it began plus what it took."""
    assert Event("kernel", "Add", start=3, duration=4).end == 7


def compiled(batch=4):
    """A network of a convolution, a pooling and a product, compiled."""
    image, weight, out = (
        TensorSpec(shape, "float16", "NCHW")
        for shape in ((batch, 16, 32, 32), (64, 16, 3, 3), (batch, 64, 32, 32))
    )
    mean = TensorSpec((batch, 64), "float16")
    matrix, scores = TensorSpec((64, 10), "float16"), TensorSpec((batch, 10), "float16")
    op, node = npusim.Op, npusim.GraphNode
    return npusim.fuse(
        [
            node(op("Conv2D", "conv2d", [image, weight], [out], {"groups": 1}), ["x", "w"], ["c"], ["w"]),
            node(op("Relu", "elementwise", [out], [out]), ["c"], ["r"]),
            node(op("GlobalAveragePool", "pool", [out], [mean], {"window": 32}), ["r"], ["m"]),
            node(op("MatMulV2", "matmul", [mean, matrix], [scores]), ["m", "v"], ["s"], ["v"]),
        ]
    )


def application(machine, *, wait=False):
    """What an application does: pictures decoded and resized, copied, classified by a model; twice."""
    device = machine.device(0)
    stream = device.default_stream
    tasks = graph_tasks(device.chip, compiled())
    for _ in range(2):
        media_task(stream, "JPEGD", 640 * 480)
        media_batch(stream, "VPC_RESIZE", [640 * 480, 320 * 240])
        stream.copy("H2D", 1 << 16, asynchronous=True)
        run_graph(stream, tasks)
        stream.launch(npusim.Op("MaxPool", "pool", [LARGE], [SMALL], {"window": 7}))
        if wait:
            stream.synchronize()
    device.synchronize()


def collected_application(machine, **how):
    """What a witness collects of it."""
    witness.begin()
    application(machine, **how)
    witness.end()
    return json.loads(json.dumps(witness.collected))


@pytest.mark.parametrize("wait", [False, True])
def test_an_application_holds(machine, wait):
    """Compiled graphs, media tasks and operators with attributes are priced again, and hold."""
    data = collected_application(machine, wait=wait)
    events = Timed().read(data)
    assert duration_ns(events) == max(row[5] + row[6] for row in data["rows"])
    assert [e.name for e in events if e.pixels] == ["JPEGD", "VPC_RESIZE"] * 2
    parts = [e for e in events if e.graph]
    assert [e.place for e in parts] == [*range(len(parts) // 2)] * 2
    without = [e for e in events if not e.graph]
    assert duration_ns(without) < duration_ns(events)


def test_waiting_between_two_runs_of_a_graph_is_priced(machine):
    """A run that was waited for begins later than one that was not."""
    fast, slow = (Timed().read(collected_application(machine, wait=wait)) for wait in (False, True))
    assert duration_ns(fast) < duration_ns(slow)


def first(data, sort):
    """The first task of a sort, as it was sent."""
    return next(row for row in data["tasks"] if row[5] and row[5][0] == sort)


APPLICATION_FORGERIES = {
    "a smaller picture": lambda d: first(d, "media").__setitem__(5, ["media", [16]]),
    "a smaller window": lambda d: first(d, "attrs").__setitem__(5, ["attrs", {"window": 1}]),
    "an operator of no graph": lambda d: first(d, "graph").__setitem__(5, ["graph", 7, 0]),
    "another operator's place": lambda d: first(d, "graph").__setitem__(5, ["graph", 0, 2]),
    "a graph without its first operator": lambda d: d["rows"].pop(3),
    "a smaller graph": lambda d: d["graphs"][0].pop(),
    "other sizes in the graph": lambda d: d["graphs"][0][-1].__setitem__(2, [[[1, 1], "float16", "ND"]] * 2),
    "faster parts": lambda d: [row.__setitem__(6, 1) for row in d["rows"] if row[0] == "kernel"],
    "no origin": lambda d: first(d, "graph").__setitem__(5, None),
    "an origin of no kind": lambda d: first(d, "graph").__setitem__(5, ["magic", 1]),
}


@pytest.mark.parametrize("forgery", APPLICATION_FORGERIES)
def test_a_forged_application_does_not_hold(machine, forgery):
    """What was changed in a graph, a picture or an attribute is found."""
    data = collected_application(machine)
    Timed().read(json.loads(json.dumps(data)))
    APPLICATION_FORGERIES[forgery](data)
    with pytest.raises((ReplayError, ValueError, IndexError)):
        Timed().read(data)


@pytest.mark.parametrize("idle", [0, 10**9])
def test_a_run_of_a_graph_takes_as_long_after_a_pause(machine, idle):
    """The call's overhead begins with the call: a device that was idle has prepared nothing."""
    stream = machine.device(0).default_stream
    tasks = graph_tasks(stream.device.chip, compiled())
    run_graph(stream, tasks)
    stream.synchronize()
    machine.host.now += idle
    began = machine.host.now
    run_graph(stream, tasks)
    stream.synchronize()
    assert machine.host.now - began == value("model_execute_ns") + sum(task.duration for task in tasks)
