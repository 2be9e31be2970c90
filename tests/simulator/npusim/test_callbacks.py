"""Functions of the host that streams call."""

import contextlib
import threading

import npusim
import pytest


def work():
    """A product that keeps the device busy for a while."""
    x = npusim.TensorSpec((4096, 4096), "float16")
    return npusim.Op("MatMulV2", "matmul", [x, x], [x])


def test_a_function_runs_in_stream_order():
    """Without a subscriber it runs where the host waits, after the tasks before it, each once, in order."""
    node = npusim.node()
    stream = node.device(0).default_stream
    seen = []
    record = stream.launch(work())
    stream.launch_callback(lambda: seen.append(("first", node.host.now)))
    stream.launch(work())
    stream.launch_callback(lambda: seen.append(("second", node.host.now)))
    assert seen == []
    stream.synchronize()
    assert [name for name, _ in seen] == ["first", "second"]
    assert seen[0][1] >= record.end
    stream.synchronize()
    assert len(seen) == 2


def test_a_function_runs_when_a_poll_sees_its_time():
    """Asking a stream or an event late enough runs what was reached."""
    node = npusim.node()
    stream = node.device(0).default_stream
    stream.launch(work())
    seen = []
    stream.launch_callback(lambda: seen.append(node.host.now))
    assert not stream.query()
    assert seen == []
    while not stream.query():
        pass
    assert len(seen) == 1


def test_waiting_for_an_event_runs_what_comes_before_it():
    """event.synchronize runs the functions before the event, not those after it."""
    device = npusim.node().device(0)
    stream, event, seen = device.create_stream(), device.create_event(), []
    stream.launch_callback(lambda: seen.append("before"))
    stream.launch(work())
    event.record(stream)
    stream.launch(work())
    stream.launch_callback(lambda: seen.append("after"))
    event.synchronize()
    assert seen == ["before"]
    device.synchronize()
    assert seen == ["before", "after"]


def test_the_subscribed_thread_calls_it():
    """A subscribed thread that processes reports calls each function; who waits for the stream waits."""
    node = npusim.node()
    stream = node.device(0).create_stream()
    done, seen = threading.Event(), []

    def loop():
        while not done.is_set():
            with contextlib.suppress(npusim.CallbackError):  # not subscribed yet, or nothing came
                node.callbacks.process(0.01)

    thread = threading.Thread(target=loop)
    thread.start()
    node.callbacks.subscribe(thread.ident, stream)
    for i in range(3):
        stream.launch(work())
        stream.launch_callback(lambda i=i: seen.append((i, threading.get_ident())))
    stream.synchronize()
    assert seen == [(i, thread.ident) for i in range(3)]
    node.callbacks.unsubscribe(thread.ident, stream)
    done.set()
    thread.join()


def test_one_thread_can_do_both():
    """A thread that subscribes itself processes after launching, at the function's time or later."""
    node = npusim.node()
    stream = node.device(0).create_stream()
    node.callbacks.subscribe(threading.get_ident(), stream)
    end = stream.launch(work()).end
    seen = []
    stream.launch_callback(lambda: seen.append(node.host.now))
    node.callbacks.process(1)
    assert seen == [node.host.now]
    assert node.host.now >= end
    assert [r.category for r in node.records] == ["kernel", "callback"]


def test_what_was_not_processed_runs_after_unsubscribing():
    """Nothing is lost when a thread unsubscribes before it has processed everything."""
    node = npusim.node()
    stream, seen = node.device(0).create_stream(), []
    node.callbacks.subscribe(1, stream)
    assert node.callbacks.subscribed(stream)
    stream.launch_callback(lambda: seen.append(1))
    node.callbacks.unsubscribe(1, stream)
    stream.synchronize()
    assert seen == [1]


def test_wrong_use_has_the_real_codes(monkeypatch):
    """Subscribing twice, not at all, waiting in vain, and a thread that never processes, each in one line."""
    node = npusim.node()
    stream = node.device(0).create_stream()
    calls = node.callbacks
    calls.subscribe(1, stream)
    monkeypatch.setattr("npusim.callbacks.PATIENCE", 0.01)
    stream.launch_callback(lambda: None)
    for attempt, code in (
        (lambda: calls.subscribe(2, stream), 107011),
        (lambda: calls.unsubscribe(2, stream), 107012),
        (lambda: calls.process(0.01), 107012),
        (stream.synchronize, 507046),
    ):
        with pytest.raises(npusim.CallbackError, match=str(code)) as caught:
            attempt()
        assert caught.value.code == code
        assert "\n" not in str(caught.value)
    own = node.device(0).create_stream()
    calls.subscribe(threading.get_ident(), own)
    with pytest.raises(npusim.CallbackError, match="507012"):
        calls.process(0.01)


def test_a_function_that_nobody_waits_for():
    """With blocks=False the stream goes on: waiting for it does not wait for the function."""
    node = npusim.node()
    stream, seen = node.device(0).create_stream(), []
    node.callbacks.subscribe(1, stream)
    call, record = stream.callback(lambda: seen.append(1), blocks=False)
    node.callbacks.add(call)
    stream.synchronize()
    assert seen == []
    assert record.start == call.time
    node.callbacks.clear()
    assert not node.callbacks.subscribed(stream)
    with pytest.raises(npusim.CallbackError, match="107015"):
        node.callbacks.need_thread(stream)


def test_a_wait_that_was_in_vain_is_told_once(monkeypatch):
    """A function that a blocked stream waited for in vain makes the next wait fail at once: 507046."""
    node = npusim.node()
    stream = node.device(0).create_stream()
    node.callbacks.subscribe(1, stream)
    call, _ = stream.callback(lambda: None)
    node.callbacks.add(call)
    monkeypatch.setattr("npusim.callbacks.PATIENCE", 0.01)
    assert not node.callbacks.finish(call)
    monkeypatch.setattr("npusim.callbacks.PATIENCE", 1000)
    with pytest.raises(npusim.CallbackError, match="507046"):
        stream.synchronize()


def test_a_function_may_process_the_next_one():
    """Processing inside a function calls the next one, never the same again; each is counted."""
    node = npusim.node()
    stream, me, seen = node.device(0).create_stream(), threading.get_ident(), []
    node.callbacks.subscribe(me, stream)

    def first():
        seen.append("first")
        node.callbacks.process(1)

    stream.launch_callback(first)
    stream.launch_callback(lambda: seen.append("second"))
    assert node.callbacks.progress(me) == (0, 2)
    node.callbacks.process(1)
    assert seen == ["first", "second"]
    assert node.callbacks.progress(me) == (2, 0)
    assert node.callbacks.streams_of(me) == [stream]


def test_the_time_does_not_depend_on_the_thread_that_calls():
    """A function that another thread calls leaves the host's clock alone, however late it comes."""
    node = npusim.node()
    stream = node.device(0).create_stream()
    me = threading.get_ident()
    node.callbacks.subscribe(me, stream)
    stream.launch(work())
    thread = threading.Thread(target=lambda: stream.launch_callback(lambda: None))
    thread.start()
    thread.join()
    before = node.host.now
    node.callbacks.process(1)
    assert node.host.now == before < stream.tail
