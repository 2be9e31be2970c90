"""Hidden checks of "AscendCL resources". Only their probes enter the learner's kernel."""

from typing import Any

from camp.checks import Ask, check
from npusim.replay import Event, Timed

DEVICE = Timed()
WAIT = Event("sync", "Synchronize", "sync", waits=True)
PCIE_MARGIN = 0.05  # of a bandwidth: events stand a little outside the copies

# Whatever an earlier task left behind, each probe begins with a device of its own.
FRESH = """
import acl
import threading
import numpy as np
acl.finalize()
while acl.rt.reset_device(0) == 0:  # as often as it was set
    pass
acl.init()
acl.rt.set_device(0)

def bytes_at(address, count):
    values = np.zeros(count, np.uint8)
    ret = acl.rt.memcpy(acl.util.numpy_to_ptr(values), count, address, count, 2)
    return values.tolist() if ret == 0 else f"code {ret}"

def host_frame(values):
    address = acl.rt.malloc_host(len(values))[0]
    acl.util.ptr_to_numpy(address, (len(values),), np.dtype(np.uint8).num)[:] = values
    return address
"""
# Takes down what calls of acl.rt give; what was noted in a probe before is let go.
NOTED = """
noted = {}

def note(*names):
    for name in names:
        call = getattr(acl.rt, name)
        call = getattr(call, "as_it_was", call)
        def instead(*given, call=call, name=name, **named):
            came = call(*given, **named)
            noted[name].append(came)
            return came
        instead.as_it_was, noted[name] = call, []
        setattr(acl.rt, name, instead)
"""


def _bytes(ask: Ask, count: int) -> list[int]:
    return [ask.random.randint(0, 255) for _ in range(count)]


# --- Task 1 ----------------------------------------------------------------------------------------------

SESSION = (
    NOTED
    + """
import acl
acl.finalize()
while acl.rt.reset_device(0) == 0:  # as often as it was set
    pass
if begun:
    acl.init()
note("destroy_stream", "destroy_context")
seen = {"inside": None, "called": 0}

def work(stream):
    seen["called"] += 1
    seen["stream"], (seen["context"], seen["inside"]) = stream, acl.rt.get_context()
    seen["live"] = acl.rt.synchronize_stream(stream)
    seen["device"] = acl.rt.get_device()[0]
    acl.rt.set_device(0)
    default, _ = acl.rt.get_context()
    acl.rt.reset_device(0)
    seen["created"] = default != seen["context"]
    acl.rt.set_context(seen.get("context"))
    if raises:
        raise ValueError(answer)
    return answer

try:
    came = with_device(device, work)
except Exception as trouble:
    came = [type(trouble).__name__, str(trouble)[:200]]
codes = {name: list(codes) for name, codes in noted.items()}
reset = acl.rt.reset_device(0)
left = acl.rt.get_context()[1]
context = acl.rt.set_context(seen.get("context", 0))
acl.rt.set_device(0)
stream = acl.rt.synchronize_stream(seen.get("stream", 64))
again = acl.init()
after = {"context_after": context, "stream_after": stream, "again": again, "reset_after": reset}
result = {**seen, **after, "came": came, "left": left, "codes": codes}
"""
)


def _session(ask: Ask, **changes: Any) -> dict[str, Any]:
    given = {"begun": False, "raises": False, "device": 0, "answer": ask.random.randint(1, 10**6)} | changes
    came: dict[str, Any] = ask.run(SESSION, **given)
    came["answer"] = given["answer"]
    return came


def _all_given_back(ask: Ask, came: dict[str, Any], given: str) -> None:
    ask.expect(
        came["stream_after"] == 107003,
        given=given,
        expected="a stream that is gone: 107003",
        came=f"code {came['stream_after']} for synchronising it",
        why="A card has some thousand streams; who keeps one at each call has none left one night.",
    )
    ask.expect(
        came["context_after"] == 107002,
        given=given,
        expected="a context that is gone: 107002",
        came=f"code {came['context_after']} for setting it",
        why="destroy_context is what gives a created context back; reset_device ends only the default one.",
    )
    for name, codes in came["codes"].items():
        ask.expect(
            not any(codes),
            given=given,
            expected=f"0 from {name}",
            came=f"{max(codes, default=0)} from {name}",
            why="What was taken last is given back first: with its context a stream is gone.",
        )
    ask.expect(
        came["reset_after"] != 0,
        given=given,
        expected="a device that was reset as often as it was set: one more reset_device is refused",
        came="a device that is still set: one more reset_device gives 0",
        why="set_device counts its calls; the device stays open until reset_device has counted them back.",
    )


def _nothing_current(ask: Ask, came: dict[str, Any], given: str) -> None:
    ask.expect(
        came["left"] == 107002,
        given=given,
        expected="no current context afterwards: 107002",
        came=f"code {came['left']}, a live one",
        why="A created context lives until destroy_context, a default one until reset_device.",
    )


@check("begin_end", points=1, title="work runs once, with a live stream in a context of its own")
def work_runs(ask: Ask) -> None:
    came = _session(ask)
    ask.expect(came["called"] == 1, given="device 0", expected="one call of work", came=came["called"])
    ask.expect(
        came["inside"] == 0 and came["live"] == 0 and came["device"] == 0,
        given="device 0",
        expected="a current context and a live stream on device 0 inside work",
        came=f"code {came['inside']} for the context, {came['live']} for the stream",
    )
    ask.expect(
        came["created"],
        given="device 0",
        expected="a context that was created",
        came="the device's default context",
        why="The default context is shared by all that call set_device; what one of them ends, all lose.",
    )
    ask.expect(
        came["came"] == came["answer"],
        given=f"work that returns {came['answer']}",
        expected=came["answer"],
        came=came["came"],
    )


@check("begin_end", points=1, title="everything is given back after the work")
def given_back(ask: Ask) -> None:
    came = _session(ask)
    _all_given_back(ask, came, "device 0")
    _nothing_current(ask, came, "device 0")
    ask.expect(
        came["again"] == 0,
        given="device 0",
        expected="AscendCL ended: acl.init gives 0",
        came=came["again"],
        why="Who began it ends it.",
    )


@check("begin_end", points=1, title="everything is given back when the work goes wrong")
def given_back_after_error(ask: Ask) -> None:
    came = _session(ask, raises=True)
    given = "work that raises ValueError"
    ask.expect(
        came["came"] == ["ValueError", str(came["answer"])],
        given=given,
        expected="that ValueError",
        came=came["came"],
        why="The caller has to hear of it.",
    )
    _all_given_back(ask, came, given)
    _nothing_current(ask, came, given)
    ask.expect(came["again"] == 0, given=given, expected="AscendCL ended", came=f"acl.init: {came['again']}")


@check("begin_end", points=1, title="what another library began is left to it")
def guest(ask: Ask) -> None:
    came = _session(ask, begun=True)
    ask.expect(
        came["came"] == came["answer"],
        given="AscendCL that was begun before (acl.init gives 100002)",
        expected=came["answer"],
        came=came["came"],
        why="100002 only says that somebody else was first.",
    )
    ask.expect(
        came["again"] == 100002,
        given="AscendCL that was begun before",
        expected="AscendCL alive: acl.init gives 100002",
        came=f"acl.init gives {came['again']}",
        why="acl.finalize ends the handles of everybody in the process.",
    )
    _all_given_back(ask, came, "AscendCL that was begun before")


@check("begin_end", points=1, title="a device that is not there")
def no_such_device(ask: Ask) -> None:
    number = ask.random.randint(16, 99)
    came = _session(ask, device=number)
    ask.expect(
        came["came"][0] == "RuntimeError" if isinstance(came["came"], list) else False,
        given=f"device {number}",
        expected="a RuntimeError that names 107001",
        came=came["came"],
        why="A context on no device is 0, and each later call would fail far from the cause.",
    )
    ask.expect(came["called"] == 0, given=f"device {number}", expected="no call of work", came=came["called"])
    ask.expect(
        came["again"] == 0,
        given=f"device {number}",
        expected="AscendCL ended all the same",
        came=f"acl.init gives {came['again']}",
        why="acl.init had worked by then, and its counterpart has to run.",
    )


# --- Task 2 ----------------------------------------------------------------------------------------------

COPY = (
    FRESH
    + """
array = np.array(values, dtype=np.uint8).astype(dtype).reshape(shape)
array = array.T if turned else array[..., ::2] if halved else array
kept = array.copy()
begin()
address, copy = there_and_back(array)
end()
result = {
    "bytes": bytes_at(address, array.nbytes), "wanted": list(kept.tobytes()), "size": array.nbytes,
    "kept": bool((array == kept).all()), "free": acl.rt.free(address),
    "kind": type(copy).__name__, "dtype": str(copy.dtype), "shape": list(copy.shape),
    "values": copy.tolist(), "values_wanted": kept.tolist(), "shape_wanted": list(kept.shape),
    "shared": bool(np.shares_memory(copy, array)),
}
"""
)
REFUSED = (
    FRESH
    + """
taken = acl.rt.malloc(acl.rt.get_mem_info(1)[0] - 512, 0)[0]
try:
    came = there_and_back(np.zeros(count, np.float32))
    result = f"an address and an array, {came[0]} and {came[1].tolist()}"[:200]
except Exception as trouble:
    result = type(trouble).__name__
acl.rt.free(taken)
"""
)


def _copied(ask: Ask, dtype: str, *, turned: bool = False, halved: bool = False) -> tuple[str, Any, Any]:
    shape = [ask.random.randint(2, 5), 2 * ask.random.randint(2, 4)]
    values = _bytes(ask, shape[0] * shape[1])
    given = {"values": values, "dtype": dtype, "shape": shape, "turned": turned, "halved": halved}
    came, events = ask.on_device(DEVICE, COPY, **given)
    how = ", turned" if turned else ", every other column" if halved else ""
    return f"an array of {dtype} of shape {shape}{how}", came, events


def _on_device(ask: Ask, given: str, came: dict[str, Any]) -> None:
    ask.expect(
        came["bytes"] == came["wanted"],
        given=given,
        expected=came["wanted"],
        came=came["bytes"],
        why="The device gets bytes in a row: as many as nbytes, and from an array in one piece.",
    )
    ask.expect(
        came["kept"] and came["free"] == 0,
        given=given,
        expected="the array as it was, and an address that acl.rt.free takes",
        came=f"the array {'kept' if came['kept'] else 'changed'}, free: {came['free']}",
    )


@check("copy", points=1, title="arrays in one piece arrive on the device")
def arrives(ask: Ask) -> None:
    for dtype in ("uint8", "float32", "int64"):
        given, came, _ = _copied(ask, dtype)
        _on_device(ask, given, came)


@check("copy", points=1, title="arrays in pieces arrive row after row, and come back so")
def arrives_in_one_piece(ask: Ask) -> None:
    for dtype, turned in (("int16", True), ("float16", False)):
        given, came, _ = _copied(ask, dtype, turned=turned, halved=not turned)
        _on_device(ask, given, came)
        ask.expect(
            came["dtype"] != dtype or came["values"] == came["values_wanted"],  # types: the next check's
            given=given,
            expected=came["values_wanted"],
            came=came["values"],
            why="The bytes on the device stand row after row, so the array for the way back has to, too.",
        )


@check("copy", points=2, title="what was read from the device comes back")
def comes_back(ask: Ask) -> None:
    for dtype in ("uint8", "float16", "int64"):
        given, came, events = _copied(ask, dtype)
        ask.expect(
            (came["kind"], came["dtype"], came["shape"]) == ("ndarray", dtype, came["shape_wanted"]),
            given=given,
            expected=f"a numpy array of {dtype} and shape {came['shape_wanted']}",
            came=f"{came['kind']} of {came['dtype']} and shape {came['shape']}",
        )
        ask.expect(
            came["values"] == came["values_wanted"] and not came["shared"],
            given=given,
            expected=came["values_wanted"],
            came=came["values"],
            why="From the device to the host is direction 2, and the size is in bytes.",
        )
        back = sum(e.nbytes for e in events if e.name == "D2H")
        ask.expect(
            back >= came["size"],
            given=given,
            expected=f"{came['size']} bytes copied from the device",
            came=f"{back} bytes",
            why="The copy is to show what the device holds, not what the host had.",
        )


@check("copy", points=1, title="a call that was refused is told")
def refused(ask: Ask) -> None:
    count = ask.random.randint(300, 600)
    came = ask.run(REFUSED, count=count)
    ask.expect(
        came == "RuntimeError",
        given=f"{4 * count} bytes, and a device that has 512 left",
        expected="a RuntimeError",
        came=came,
        why="acl answers 207001 and copies nothing; without a look at the code the frame is whatever was "
        "there.",
    )


# --- Task 3 ----------------------------------------------------------------------------------------------

THREADS = (
    FRESH
    + """
context = acl.rt.create_context(0)[0]
together = threading.Barrier(len(marks), timeout=2)
def job(mark, wait):
    def run():
        met = True
        try:
            together.wait()
            together.wait()
        except threading.BrokenBarrierError:
            met = False
        if met and wait:  # the first is the last to end
            threading.Event().wait(0.05)
        address, ret = acl.rt.malloc(64, 0)
        acl.rt.free(address)
        return [mark, acl.rt.get_context()[0] == context, threading.get_ident(), ret, met]
    return run
me, before = threading.get_ident(), threading.active_count()
came = in_threads([job(mark, i == 0) for i, mark in enumerate(marks)])
result = {
    "came": [[c[0], c[1], c[2] == me, c[3], c[4]] if c else None for c in came], "kind": type(came).__name__,
    "threads": len({c[2] for c in came if c}), "kept": acl.rt.get_context()[0] == context,
}
patience = threading.Event()
for _ in range(50):  # a thread that has been told to end needs a moment
    if threading.active_count() > before:
        patience.wait(0.02)
result["alive"] = threading.active_count() - before
"""
)


def _threads(ask: Ask) -> tuple[list[int], dict[str, Any], str]:
    marks = ask.random.sample(range(1000), ask.random.randint(3, 6))
    came = ask.run(THREADS, marks=marks)
    ask.expect(
        len(came["came"]) == len(marks) and None not in came["came"],
        given=f"{len(marks)} jobs in a created context",
        expected=f"{len(marks)} results",
        came=came["came"],
        why="A thread that ended with an error leaves no result.",
    )
    return marks, came, f"{len(marks)} jobs in a created context"


@check("threads", points=1, title="all jobs run at the same time, each in a new thread, which ends")
def at_once(ask: Ask) -> None:
    marks, came, given = _threads(ask)
    ask.expect(
        all(c[4] for c in came["came"]),
        given=given,
        expected="all at the same time",
        came="a job that waited two seconds for the others",
        why="start() all of them before the first join(), and as many threads as there are jobs.",
    )
    ask.expect(
        came["threads"] == len(marks) and not any(c[2] for c in came["came"]),
        given=given,
        expected=f"{len(marks)} new threads",
        came=f"{came['threads']} threads",
    )
    ask.expect(
        came["alive"] <= 0,
        given=given,
        expected="as many threads afterwards as before",
        came=f"{came['alive']} threads more",
        why="A pool keeps its threads until it is shut down; a service that makes one at each call drowns.",
    )


@check("threads", points=2, title="each thread works in the caller's context")
def callers_context(ask: Ask) -> None:
    _, came, given = _threads(ask)
    ask.expect(
        all(c[3] == 0 for c in came["came"]),
        given=given,
        expected="code 0 for malloc in each thread",
        came=[c[3] for c in came["came"]],
        why="107002: a context is current in the thread that set it, and in no other.",
    )
    ask.expect(
        all(c[1] is True for c in came["came"]) and came["kept"],
        given=given,
        expected="the caller's context in every thread, and in the caller's still",
        came="another one",
        why="set_device makes the default context current, where the service's streams are not.",
    )


@check("threads", points=1, title="results come in the order of the jobs")
def in_order(ask: Ask) -> None:
    marks, came, given = _threads(ask)
    ask.expect(
        [c[0] for c in came["came"]] == marks and came["kind"] == "list",
        given=f"{given}, of which the first is the last to end",
        expected=marks,
        came=[c[0] for c in came["came"]],
        why="Threads end in any order; the caller knows its cameras by their place.",
    )


# --- Task 4 ----------------------------------------------------------------------------------------------

UPLOAD = (
    FRESH
    + """
stream = acl.rt.create_stream()[0]
frames = [host_frame([start + i] * nbytes) for i in range(count)]
marked, mark_from = acl.rt.malloc(64, 0)[0], host_frame([0] * mark)
begin()
acl.rt.memcpy_async(marked, mark, mark_from, mark, 1, stream)
addresses = upload(frames, nbytes, stream)
end()
came = [bytes_at(address, nbytes) for address in addresses]
result = {
    "wrong": [i for i, c in enumerate(came) if c != [start + i] * nbytes], "count": len(addresses),
    "free": [acl.rt.free(address) for address in addresses],
    "frames": [acl.rt.free_host(frame) for frame in frames],
}
"""
)
MARK = 3
"""Bytes of a copy that shows which stream is the caller's; no frame is as small."""
SAVED = 0.5
"""Share of the time lost to waiting at every frame that has to be saved; stated above the task."""


def _waits(events: list[Event]) -> int:
    """How often the host waited: a copy that was not asynchronous, or a synchronisation."""
    return sum(e.category == "sync" or (e.category == "copy" and e.waits) for e in events)


def _uploaded(ask: Ask, count: int, nbytes: int) -> list[Event]:
    start = ask.random.randint(1, 100)
    came, events = ask.on_device(DEVICE, UPLOAD, count=count, nbytes=nbytes, start=start, mark=MARK)
    given = f"{count} frames of {nbytes} bytes"
    ask.expect(
        came["count"] == count and not came["wrong"],
        given=given,
        expected="all bytes on the device when upload returns",
        came=f"{came['count']} addresses, other bytes in frames {came['wrong'][:5]}",
        why="An asynchronous copy has arrived when its stream was waited for, not when the call returned.",
    )
    ask.expect(
        not any(came["free"]) and not any(came["frames"]),
        given=given,
        expected="one allocation for each frame, and the host's frames still the caller's",
        came=f"free on the device {came['free'][:5]}, on the host {came['frames'][:5]}",
        why="What is handed out one by one is freed one by one.",
    )
    moved = sum(e.name == "H2D" and e.nbytes == nbytes for e in events)
    ask.expect(
        moved >= count,
        given=given,
        expected=f"{count} copies to the device",
        came=f"{moved} copies of {nbytes} bytes to the device",
    )
    return events


@check("upload", points=2, title="every frame has arrived, in memory of its own")
def uploaded(ask: Ask) -> None:
    count, nbytes = ask.random.randint(3, 7), ask.random.randint(5, 99)
    events = _uploaded(ask, count, nbytes)
    mark = next(e for e in events if e.name == "H2D" and e.nbytes == MARK)
    elsewhere = sum(e.name == "H2D" and not e.waits and e.stream != mark.stream for e in events)
    ask.expect(
        not elsewhere,
        given=f"{count} frames of {nbytes} bytes",
        expected="all copies on the stream that was given",
        came=f"{elsewhere} copies on another one",
        why="The caller goes on with that stream; what it puts there next must find the frames.",
    )


@check("upload", points=1, title="the host waits as often for nine frames as for four")
def waits_once(ask: Ask) -> None:
    waits = {count: _waits(_uploaded(ask, count, 64)) for count in (4, 9)}
    ask.expect(
        waits[4] == waits[9],
        given="4 frames, then 9",
        expected="as many waits in both",
        came=f"{waits[4]} with 4 frames, {waits[9]} with 9",
        why="At each of them the host waits until the stream is empty, and then the stream for the host.",
    )


@check("upload", points=1, title="the way to the device is kept busy")
def upload_time(ask: Ask) -> None:
    count, nbytes = 12, 1024 * ask.random.randint(180, 220)
    events = _uploaded(ask, count, nbytes)
    copies = [e._replace(waits=False) for e in events if e.name == "H2D" and e.nbytes == nbytes][:count]
    fast = DEVICE.ms(copies)
    slow = DEVICE.ms([step for e in copies for step in (e, WAIT._replace(stream=e.stream))])
    ms = DEVICE.ms(events)
    ask.device_ms = ms
    ask.expect(
        slow - ms >= SAVED * (slow - fast),
        given=f"{count} frames of {nbytes} bytes; {slow:.3f} ms if each is waited for, {fast:.3f} ms if none",
        expected=f"at most {slow - SAVED * (slow - fast):.3f} ms",
        came=f"{ms:.3f} ms",
        why="While the host waits for one frame, the next is not even queued.",
    )


# --- Task 5 ----------------------------------------------------------------------------------------------

BANDWIDTH = (
    FRESH
    + NOTED
    + """
note("create_stream", "create_event", "malloc_host")
free = acl.rt.get_mem_info(1)[0]
begin()
came = bandwidth(nbytes, repeats)
end()
ends = {"streams": "destroy_stream", "events": "destroy_event", "pieces of host memory": "free_host"}
result = {
    "kinds": [type(x).__name__ for x in came], "came": [float(x) for x in came],
    "lost": free - acl.rt.get_mem_info(1)[0],
    "kept": {  # what can still be given back was not
        what: sum(getattr(acl.rt, give)(handle) == 0 for handle, _ in list(taken))
        for (what, give), taken in zip(ends.items(), noted.values())
    },
}
"""
)


def _measured(ask: Ask, which: int) -> None:
    # So long that a host which waits for the first copy before it begins is within the margin.
    nbytes, repeats = ask.random.randint(12, 20) << 20, ask.random.randint(6, 10)
    came, events = ask.on_device(DEVICE, BANDWIDTH, nbytes=nbytes, repeats=repeats)
    given = f"{nbytes} bytes, repeats={repeats}"
    name = ("H2D", "D2H")[which]
    ask.expect(
        came["kinds"] == ["float", "float"],
        given=given,
        expected="two Python floats",
        came=came["kinds"],
    )
    copies = [e for e in events if e.name == name and e.nbytes == nbytes]
    ask.expect(
        len(copies) > repeats,
        given=given,
        expected=f"more than {repeats} copies {('to', 'from')[which]} the device, the first to warm up",
        came=f"{len(copies)} copies of {nbytes} bytes",
        why="What was not copied cannot have been measured.",
    )
    one = copies[0]._replace(waits=False)
    ms = (DEVICE.ms([one] * 11) - DEVICE.ms([one])) / 10
    wanted = nbytes / ms / 1e6
    ask.expect(
        abs(came["came"][which] - wanted) <= PCIE_MARGIN * wanted,
        given=given,
        expected=f"{wanted:.3f} GB/s within 5 %",
        came=f"{came['came'][which]:.3f} GB/s",
        why="All measured bytes, over the device's time between the two events, in seconds; between the "
        "copies nobody waits.",
    )


@check("measure", points=2, title="the way to the device")
def way_there(ask: Ask) -> None:
    _measured(ask, 0)


@check("measure", points=1, title="the way back")
def way_back(ask: Ask) -> None:
    _measured(ask, 1)


@check("measure", points=1, title="measuring leaves nothing behind")
def nothing_left(ask: Ask) -> None:
    nbytes = ask.random.randint(2, 6) << 20
    came, _ = ask.on_device(DEVICE, BANDWIDTH, nbytes=nbytes, repeats=3)
    ask.expect(
        came["lost"] == 0,
        given=f"{nbytes} bytes, repeats=3",
        expected="as much free device memory as before",
        came=f"{came['lost']} bytes less",
        why="An instrument that takes memory with each use changes what it measures.",
    )
    ask.expect(
        not any(came["kept"].values()),
        given=f"{nbytes} bytes, repeats=3",
        expected="stream, events and host memory given back",
        came=", ".join(f"{count} {what} left" for what, count in came["kept"].items() if count),
        why="destroy_stream, destroy_event and free_host: free memory of the device shows none of the three.",
    )


# --- Task 6 ----------------------------------------------------------------------------------------------

DELIVER = (
    FRESH
    + NOTED
    + """
stream = acl.rt.create_stream()[0]
sources = [host_frame([value]) for value in values]
targets = [acl.rt.malloc(64, 0)[0] for _ in values]
seen, in_vain, alive, me = [], [], threading.active_count(), threading.get_ident()
all_given = threading.Event()

def step(i):
    def put(s):
        acl.rt.memcpy_async(targets[i], 1, sources[i], 1, 1, s)
        if i == len(values) - 1:
            all_given.set()
    return put

def on_done(i):
    if not in_vain and not all_given.wait(2):
        in_vain.append(i)
    back = bytes_at(targets[i], 1)  # 107002 in a thread without a context
    seen.append([i, back, threading.get_ident()])

note("launch_callback", "record_event")
returned = deliver(stream, [step(i) for i in range(len(values))], on_done)
called = [list(s) for s in seen]
result = {
    "called": [c[:2] for c in called], "threads": len({c[2] for c in called}), "in_vain": len(in_vain),
    "mine": any(c[2] == me for c in called), "alive": threading.active_count() - alive,
    "listens": acl.rt.subscribe_report(me, stream), "returned": returned is None,
    "marks": sum(map(len, noted.values())),
}
acl.rt.unsubscribe_report(me, stream)
"""
)


def _delivered(ask: Ask, count: int) -> tuple[list[int], dict[str, Any]]:
    values = _bytes(ask, count)
    return values, ask.run(DELIVER, values=values)


@check("callbacks", points=2, title="each step is reported once, in order, when its work is done")
def reported(ask: Ask) -> None:
    for count in (ask.random.randint(4, 9), 1):
        values, came = _delivered(ask, count)
        ask.expect(
            came["called"] == [[i, [value]] for i, value in enumerate(values)],
            given=f"{count} steps that copy the bytes {values}",
            expected=f"calls with the numbers 0 to {count - 1}, each when its byte is on the device",
            came=f"(number, byte on the device) {came['called']}",
            why="A callback is work of the stream: it comes after what was put there before it, in a thread "
            "that has set the context.",
        )
        ask.expect(
            came["marks"] >= count,
            given=f"{count} steps",
            expected="a callback in the stream behind each step",
            came=f"{came['marks']} callbacks or events behind them",
            why="Who reports when the whole stream is done tells of the first frame after the last has come.",
        )


@check("callbacks", points=1, title="one thread of its own takes the calls")
def one_thread(ask: Ask) -> None:
    _, came = _delivered(ask, ask.random.randint(4, 8))
    ask.expect(
        came["threads"] == 1 and not came["mine"],
        given="a stream and several steps",
        expected="calls in one thread that is not the caller's",
        came=f"{came['threads']} threads{', one of them the caller' if came['mine'] else ''}",
        why="The caller goes on putting work on the stream; the display's function may be slow.",
    )


@check("callbacks", points=1, title="the host does not wait between the steps")
def no_waits(ask: Ask) -> None:
    count = ask.random.randint(3, 8)
    _, came = _delivered(ask, count)
    ask.expect(
        not came["in_vain"],
        given=f"{count} steps, and an on_done that is slow",
        expected="all steps on the stream while the first on_done still runs",
        came="an on_done that waited two seconds in vain for the other steps",
        why="Callbacks are there so that nobody has to wait for the stream to know that a step is done.",
    )


@check("callbacks", points=1, title="afterwards nobody listens, and no thread is left")
def ended(ask: Ask) -> None:
    for count in (ask.random.randint(2, 5), 0):
        _, came = _delivered(ask, count)
        ask.expect(
            came["alive"] == 0,
            given=f"{count} steps",
            expected="as many threads as before",
            came=f"{came['alive']} threads more",
            why="Each call would leave one thread that polls for ever.",
        )
        ask.expect(
            came["listens"] == 0,
            given=f"{count} steps, and then another thread that subscribes to the stream",
            expected=0,
            came=came["listens"],
            why="107011: the stream has a thread already. unsubscribe_report gives it free.",
        )


# --- Task 7 ----------------------------------------------------------------------------------------------

STAMP = (
    FRESH
    + NOTED
    + """
frame = np.array(values, dtype=np.uint8).reshape(shape)
note("memset", "memset_async")
before = acl.rt.get_mem_info(1)[0]
said = acl.get_recent_err_msg
said()
try:
    came = stamp(frame, value, count)
    came = [type(came).__name__, list(came.shape), came.flatten().tolist(), came is frame]
except Exception as trouble:
    came = [type(trouble).__name__]
result = {
    "came": came, "lost": before - acl.rt.get_mem_info(1)[0],
    "kept": frame.flatten().tolist() == values, "freed_twice": "freed before" in said(),
    "set": sum(map(len, noted.values())),
}
"""
)


def _stamped(ask: Ask, counts: list[int]) -> list[tuple[int, list[int], int, list[int], dict[str, Any]]]:
    found = []
    for count in counts:
        shape = [ask.random.randint(3, 6), ask.random.randint(40, 60)]
        values, value = _bytes(ask, shape[0] * shape[1]), ask.random.randint(1, 255)
        came = ask.run(STAMP, values=values, shape=shape, value=value, count=count)
        found.append((count, shape, value, values, came))
    return found


@check("leak", points=1, title="frames are stamped as before")
def stamps(ask: Ask) -> None:
    for count, shape, value, values, came in _stamped(ask, [1, ask.random.randint(2, 40), 120]):
        given = f"a frame of shape {shape}, value={value}, count={count}"
        wanted = [value] * count + values[count:]
        kind, *more = came["came"]
        ask.expect(
            kind == "ndarray" and more[0] == shape and not more[2],
            given=given,
            expected=f"a new array of shape {shape}",
            came=f"{'the same array' if more[2:] == [True] else kind} of shape {more[0]}" if more else kind,
            why="A repair changes what is wrong, and nothing else.",
        )
        off = [i for i, (a, b) in enumerate(zip(more[1], wanted, strict=True)) if a != b]
        ask.expect(
            not off and came["kept"],
            given=given,
            expected=f"{count} times {value}, then the frame; the caller's own frame as it was",
            came=f"other bytes at the places {off[:5]}" if off else "a change in the caller's own frame",
            why="The stamp goes into the device's copy, and all of it comes back.",
        )
        ask.expect(
            came["set"],
            given=given,
            expected="acl.rt.memset on the device",
            came="no call of it",
            why="The frame is to be stamped on the device; NumPy stamps the host's copy.",
        )


@check("leak", points=2, title="no way out of the function keeps memory")
def closed(ask: Ask) -> None:
    for count, shape, _, _, came in _stamped(ask, [7, 361 + ask.random.randint(0, 999), 0]):
        given = f"a frame of shape {shape}, count={count}"
        if count != 7:
            ask.expect(
                came["came"] == ["RuntimeError"],
                given=given,
                expected="a RuntimeError, since acl.rt.memset refuses it",
                came="an array" if came["came"][0] == "ndarray" else came["came"][0],
                why="A stamp that was not made must not look like one.",
            )
        ask.expect(
            came["lost"] == 0,
            given=given,
            expected="as much free memory as before",
            came=f"{came['lost']} bytes less",
            why="The exception leaves the function at its line; only a finally is passed on every way out.",
        )
        ask.expect(
            not came["freed_twice"],
            given=given,
            expected="one call of free for one malloc",
            came="107000, freed before",
            why="By the second call the address may be somebody else's.",
        )
