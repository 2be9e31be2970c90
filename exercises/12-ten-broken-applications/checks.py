"""Hidden checks of "Ten broken applications". Only their probes enter the learner's kernel."""

from typing import Any

from camp.checks import Ask, check
from npusim.replay import Event, Timed

DEVICE = Timed()

# Each probe begins with a device of its own, in a context that is not the default one, and its own models.
FRESH = """
import contextlib, io, os, threading
import acl
import numpy as np
import onnx
from onnx import helper
from atc.cli import main as atc_in_process
acl.finalize()
for card in range(acl.rt.get_device_count()[0]):
    acl.rt.reset_device(card)
acl.init()
acl.rt.set_device(0)
own_context = acl.rt.create_context(0)[0]

def make_onnx(path, name):
    nodes = [helper.make_node("GlobalAveragePool", [name], ["g"])]
    nodes.append(helper.make_node("Flatten", ["g"], ["out"]))
    ins = [helper.make_tensor_value_info(name, 1, ["n", 3, "h", "w"])]
    outs = [helper.make_tensor_value_info("out", 1, ["n", 3])]
    graph = helper.make_graph(nodes, "t", ins, outs)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)

def with_atc(*options):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            atc_in_process(list(options), standalone_mode=False)
    except SystemExit:
        return said.getvalue()[-300:]
    except Exception as trouble:
        return f"{type(trouble).__name__}: {trouble}"[:300]
    return ""

def model_of(gears):
    make_onnx("asked.onnx", "pixels")
    more = ["--input_shape=pixels:1,3,8,8"]
    if gears:
        more = ["--input_shape=pixels:-1,3,8,8", "--dynamic_batch_size=" + ",".join(map(str, gears))]
    more += ["--framework=5", "--output=asked", "--soc_version=Ascend910B3"]
    failed = with_atc("--model=asked.onnx", *more)
    assert not failed, failed
    return acl.mdl.load_from_file("asked.om")[0]

def painted(colours):
    return [np.float32(c).reshape(3, 1, 1) * np.ones((1, 8, 8), np.float32) for c in colours]

def answer_of(function, *given):
    try:
        return {"came": function(*given)}
    except Exception as trouble:
        return {"error": type(trouble).__name__ + ": " + str(trouble)[:200]}

def free_memory():
    return acl.rt.get_mem_info(1)[0]

def as_lists(thing):
    return [[float(x) for x in row] for row in thing]
"""
# Takes down calls in order, each with what it gave; what was noted in a probe before is let go.
NOTED = """
done = []

def note(module, *names):
    for name in names:
        call = getattr(module, name)
        call = getattr(call, "as_it_was", call)
        def instead(*given, call=call, name=name, **named):
            came = call(*given, **named)
            done.append((name, came))
            return came
        instead.as_it_was = call
        setattr(module, name, instead)

OWNED = [
    (acl.mdl, "create_desc", "destroy_desc"), (acl.mdl, "create_dataset", "destroy_dataset"),
    (acl, "create_data_buffer", "destroy_data_buffer"),
    (acl.media, "dvpp_create_pic_desc", "dvpp_destroy_pic_desc"),
    (acl.media, "dvpp_create_resize_config", "dvpp_destroy_resize_config"),
]

def note_owned():
    for module, create, _ in OWNED:
        note(module, create)

def left_open():
    seen = list(done)
    return [
        create for module, create, destroy in OWNED for name, handle in seen
        if name == create and getattr(module, destroy)(handle) == 0
    ]
"""


def _closed(ask: Ask, given: str, left: list[str]) -> None:
    ask.expect(
        not left,
        given=given,
        expected="nothing that can still be destroyed",
        came="no counterpart for " + ", ".join(f"{left.count(x)} {x}" for x in sorted(set(left))),
        why="Memory of the device does not show it: each create has its destroy, as before the repair.",
    )


def _runs(events: list[Event]) -> int:
    """How often a model was run on the device."""
    return sum(bool(e.graph) and not e.place for e in events)


def _colours(ask: Ask, count: int) -> list[list[int]]:
    """Colours of which no two are alike, none of them dark."""
    return [[ask.random.randint(2, 120), 10 + 5 * i, ask.random.randint(130, 250)] for i in range(count)]


def _same(ask: Ask, came: Any, wanted: list[list[int]]) -> bool:
    return ask.close(came, wanted, rtol=5e-3, atol=0.1)


# --- Task 1 ----------------------------------------------------------------------------------------------

FIRST = """
came = first_error(text, pid)
result = list(came) if type(came) is tuple else came if came is None else str(type(came))
"""


def _line(who: str, pid: int, second: float, words: str) -> str:
    """A line of a log; who is level and module, words begin with the position."""
    level, module = who.split()
    stamp = (
        f"2026-11-18-09:{int(second) // 60:02d}:{int(second) % 60:02d}.{int(second * 1000) % 1000:03d}.120"
    )
    return f"[{level}] {module}({pid},python3):{stamp} {words}"


def _cause(ask: Ask, text: list[str], pid: int, wanted: Any, why: str) -> None:
    came = ask.run(FIRST, text="\n".join(text) + "\n", pid=pid)
    ask.expect(
        came == wanted,
        given=f"a log of {len(text)} lines, process {pid}",
        expected=wanted,
        came=came,
        why=why,
    )


def _process(ask: Ask) -> int:
    return ask.random.randint(2000, 9999)


@check("first_line", points=2, title="the earliest of one process, whatever the order of the lines")
def earliest(ask: Ask) -> None:
    mine = _process(ask)
    other = mine * 10 + 1
    where = f"event.cc:{ask.random.randint(10, 999)}"
    first = _line("ERROR RUNTIME", mine, 130.25, f"[{where}] {mine} error code 107019 (ACL): no end")
    late = [
        _line("ERROR ASCENDCL", mine, 130.25 + i, f"[api.cpp:5] {mine} error code 145000 (ACL): {i}")
        for i in range(1, 6)
    ]
    before = [
        _line("ERROR DRV", other, 20.5, f"[hdc.cc:8] {other} error code 507899 (ACL): bus"),
        _line("WARNING GE", mine, 40.5, f"[graph.cc:9] {mine} slow, 145021"),
        "no space left on device",
    ]
    why = "Files and threads come in any order; the time says what was first."
    _cause(ask, [*late, *before, first], mine, ["RUNTIME", where, 107019], why)
    lines = [first, *late, *before]
    ask.random.shuffle(lines)
    _cause(ask, lines, mine, ["RUNTIME", where, 107019], why)


@check("first_line", points=1, title="the code, or that there is none")
def the_code(ask: Ask) -> None:
    mine, thread = _process(ask), ask.random.randint(200_000, 900_000)
    why = "The thread's number stands before the text, and may have six digits; a number of seven is no code."
    for words, code in (
        (f"{thread} error code 507015 (ACL_ERROR_RT_AICORE_EXCEPTION), then 507018", 507015),
        (f" {thread} queue 4711 is full, 1070021 tasks", 0),
        (f"{thread} runtime result = 207001.", 207001),
    ):
        line = _line("ERROR RUNTIME", mine, 3.5, f"[task.cc:12]{words}")
        _cause(ask, [line], mine, ["RUNTIME", "task.cc:12", code], why)


@check("first_line", points=1, title="a process without an error")
def no_error(ask: Ask) -> None:
    mine = _process(ask)
    lines = [
        _line("INFO RUNTIME", mine, 3.5, f"[a.cc:1] {mine} 107002 is not what happened"),
        _line("ERROR RUNTIME", mine * 10, 4.5, f"[a.cc:2] {mine} error code 107002 (ACL): no context"),
    ]
    why = "A line of another level, and one of a process whose number begins alike."
    _cause(ask, lines, mine, None, why)
    found = _line("ERROR OP", mine, 6.5, f"[b.cc:3] {mine} error code 161002 (ACL): shape")
    _cause(ask, [*lines, found], mine, ["OP", "b.cc:3", 161002], "This one is of the process.")


# --- Task 2 ----------------------------------------------------------------------------------------------

FINDINGS = """
came = findings()
result = []
for name in names:
    code, who, cause = came.get(name, ("", "", ""))
    result.append([code, str(who), str(cause)][place])
"""
TRUTH: dict[str, tuple[int | str, str, str]] = {
    "gate": (107002, "rt", "thread"),
    "belt": (107003, "rt", "stream"),
    "label": (107000, "rt", "released"),
    "shift": (0, "nobody", "kept"),
    "press": ("E10016", "atc", "name"),
    "spare": (507008, "rt", "chip"),
    "cap": (107000, "rt", "host"),
    "crate": (145013, "ge", "gear"),
    "rinse": (0, "nobody", "early"),
    "camera": (0, "nobody", "apart"),
}
SILENT = [name for name, (code, _, _) in TRUTH.items() if not code]
WRONG_ROWS = "Which ones is not told here: run each application again, alone, and read what is printed."


def _named(ask: Ask, place: int, names: list[str]) -> None:
    names = ask.random.sample(names, len(names))
    came = ask.run(FINDINGS, names=names, place=place)
    wanted = [TRUTH[name][place] for name in names]
    right = sum(type(a) is type(b) and a == b for a, b in zip(came, wanted, strict=True))
    ask.expect(
        right == len(names),
        given=f"{len(names)} applications",
        expected=dict(zip(names, wanted, strict=True)),
        came=f"{right} of {len(names)} right",
        why=WRONG_ROWS,
    )


@check("findings", points=2, title="the first code of each application")
def codes(ask: Ask) -> None:
    _named(ask, 0, list(TRUTH))


@check("findings", points=1, title="who refuses")
def who(ask: Ask) -> None:
    _named(ask, 1, list(TRUTH))


@check("findings", points=2, title="the causes behind the codes")
def causes(ask: Ask) -> None:
    _named(ask, 2, [name for name in TRUTH if name not in SILENT])


@check("findings", points=1, title="the causes that nobody reports")
def silent_causes(ask: Ask) -> None:
    _named(ask, 2, SILENT)


# --- Task 3 ----------------------------------------------------------------------------------------------

GATE = (
    FRESH
    + """
main, together = threading.get_ident(), threading.Barrier(4, timeout=2)

def watched(number):
    met = True
    if number < 4:
        try:
            together.wait()
        except threading.BrokenBarrierError:
            met = False
    address, code = acl.rt.malloc(64, 0)
    if code == 0:
        acl.rt.free(address)
    return [number, code, acl.rt.get_context()[0] == own_context, threading.get_ident() != main, met]

result = answer_of(gate, watched, list(range(count)))
result["kept"] = acl.rt.get_context()[0] == own_context
"""
)


def _gate(ask: Ask, place: int, what: str, why: str) -> None:
    count = ask.random.randint(5, 11)
    came = ask.run(GATE, count=count)
    given = f"{count} frames, the caller in a context that it created"
    ask.expect(
        "error" not in came, given=given, expected="a result for each", came=came.get("error"), why=why
    )
    rows = came["came"]
    ask.expect(
        [row[0] for row in rows] == list(range(count)),
        given=given,
        expected="the results in the order of the frames",
        came=[row[0] for row in rows],
    )
    good = [(row[1] == 0, row[2], row[3], row[4])[place] for row in rows]
    ask.expect(all(good) and came["kept"], given=given, expected=what, came=good, why=why)


@check("handles", points=1, title="gate: every thread can work with the card")
def gate_works(ask: Ask) -> None:
    _gate(ask, 0, "code 0 for malloc everywhere", "107002: a context is current in the thread that set it.")


@check("handles", points=1, title="gate: in the context of its caller")
def gate_context(ask: Ask) -> None:
    _gate(ask, 1, "the caller's context", "set_device makes the default context current, not the caller's.")


@check("handles", points=1, title="gate: four threads, at the same time")
def gate_threads(ask: Ask) -> None:
    _gate(
        ask,
        2,
        "threads that are not the caller's",
        "Without threads there is no 107002, and no speed either.",
    )
    _gate(ask, 3, "four that run at once", "Each of the first four waited two seconds for the other three.")


BELT = (
    FRESH
    + NOTED
    + """
def per_card():
    left = []
    for card in range(len(values)):
        acl.rt.set_device(card)
        left.append(free_memory())
    acl.rt.set_context(own_context)
    return left

before = per_card()
waiting = ("synchronize_stream", "synchronize_device", "synchronize_event", "memcpy", "memset")
note(acl.rt, "memset_async", "create_stream", "destroy_stream", *waiting)
result = answer_of(belt, values, nbytes)
result["kept"] = acl.rt.get_context()[0] == own_context
if "came" in result:
    result["came"] = [[int(b) for b in row] for row in result["came"]]
names = [name for name, _ in done]
filled = [i for i, name in enumerate(names) if name == "memset_async"]
result["filled"] = len(filled)
result["asked"] = len(filled) + names.count("memset")
result["waits"] = sum(name in waiting for name in names[:filled[-1]]) if filled else 0
result["streams"] = names.count("create_stream") - done.count(("destroy_stream", 0))
result["lost"] = [a - b for a, b in zip(before, per_card())]
"""
)


def _belt(ask: Ask) -> tuple[list[int], int, dict[str, Any]]:
    values = ask.random.sample(range(1, 256), ask.random.randint(3, 5))
    nbytes = 64 * ask.random.randint(1, 9)
    came = ask.run(BELT, values=values, nbytes=nbytes)
    ask.expect(
        "error" not in came,
        given=f"{len(values)} cards",
        expected="bytes of each card",
        came=came.get("error"),
        why="107003: the stream of one card in the context of another.",
    )
    return values, nbytes, came


@check("handles", points=2, title="belt: every card has its own bytes, and they are there")
def belt_works(ask: Ask) -> None:
    values, nbytes, came = _belt(ask)
    ask.expect(
        came["came"] == [[value] * nbytes for value in values],
        given=f"{len(values)} cards, {nbytes} bytes each",
        expected=f"{nbytes} times each of {values}",
        came=[row[:3] for row in came["came"]],
        why="memset_async queues the work: the bytes are there when the stream was waited for.",
    )
    ask.expect(
        came["asked"] >= len(values),
        given=f"{len(values)} cards, {nbytes} bytes each",
        expected="bytes that each card has set",
        came=f"{came['asked']} calls of memset or memset_async",
        why="The cards are to fill their own memory; a list that the host writes says nothing of them.",
    )


@check("handles", points=1, title="belt: leaves no card changed, and the caller where it was")
def belt_gives_back(ask: Ask) -> None:
    values, nbytes, came = _belt(ask)
    ask.expect(
        not any(came["lost"]) and came["kept"] and came["streams"] <= 0,
        given=f"{len(values)} cards, {nbytes} bytes each",
        expected="as much free memory on each card as before, no stream left, the caller's context current",
        came=f"{came['lost']} bytes less, {came['streams']} streams left; "
        f"the caller's context is {'' if came['kept'] else 'not '}current",
        why="A stream is given back with its card current: elsewhere destroy_stream gives 107003 and ends "
        "nothing. A caller in another context meets 107003 itself.",
    )


@check("handles", points=1, title="belt: all cards work at once")
def belt_at_once(ask: Ask) -> None:
    values, _, came = _belt(ask)
    ask.expect(
        came["filled"] >= len(values) and not came["waits"],
        given=f"{len(values)} cards",
        expected="a memset_async for all of them before anything is waited for",
        came=f"{came['filled']} calls of memset_async, and {came['waits']} waits before the last",
        why="While the host waits for one card, the others are idle.",
    )


# --- Task 4 ----------------------------------------------------------------------------------------------

MEMORY = (
    FRESH
    + """
model = model_of([])
frames = painted(colours)
if tiny is not None:
    frames[tiny] = frames[tiny][:, :4, :4].copy()
acl.get_recent_err_msg()
before = free_memory()
begin()
result = answer_of(label, model, frames[0]) if app == "label" else answer_of(shift, model, frames)
end()
if "came" in result:
    came = result["came"]
    result["came"] = [int(came[0]), float(came[1])] if app == "label" else as_lists(came)
result["lost"] = before - free_memory()
result["said"] = acl.get_recent_err_msg()
"""
)


@check("memory", points=1, title="label: other frames")
def label_works(ask: Ask) -> None:
    for _ in range(2):
        colours = _colours(ask, 1)
        ask.random.shuffle(colours[0])
        came, events = ask.on_device(DEVICE, MEMORY, colours=colours, tiny=None, app="label")
        best = max(colours[0])
        ask.expect(
            "came" in came
            and came["came"][0] == colours[0].index(best)
            and ask.close(came["came"][1], best, rtol=5e-3),
            given=f"a frame of the colour {colours[0]}",
            expected=(colours[0].index(best), best),
            came=came.get("came", came.get("error")),
            why="107000 on the way out of the device: that memory was given back before it was read.",
        )
        _ran(ask, events, f"a frame of the colour {colours[0]}", 1)


@check("memory", points=1, title="label: gives everything back, and once")
def label_gives_back(ask: Ask) -> None:
    for tiny in (None, 0):
        came, _ = ask.on_device(DEVICE, MEMORY, colours=_colours(ask, 1), tiny=tiny, app="label")
        given = "a frame" if tiny is None else "a frame that is too small for the model"
        right = "came" in came if tiny is None else came.get("error", "").startswith("RuntimeError")
        twice = "freed before" in came["said"] or "after it was freed" in came["said"]
        ask.expect(
            right and came["lost"] == 0 and not twice,
            given=given,
            expected="a result, or a RuntimeError where the run is refused; nothing lost or freed twice",
            came=f"{came.get('came', came.get('error'))}; {came['lost']} bytes lost; last: {came['said']}",
            why="One free for each malloc, on every way out; by the second, the address may be another's.",
        )


def _ran(ask: Ask, events: list[Event], given: str, count: int) -> None:
    ask.expect(
        _runs(events) >= count,
        given=given,
        expected=f"{count} runs of the model",
        came=f"{_runs(events)} runs on the device",
        why="The card computes the means; what the host computes is not what the application is for.",
    )


def _shifted(ask: Ask) -> tuple[list[list[int]], dict[str, Any], list[Event]]:
    bright = _colours(ask, ask.random.randint(3, 6))
    colours = [c for colour in bright for c in (colour, [0.75, 0.75, 0.5])]  # dark, whatever their sum
    given = {"colours": [*colours, [0.25, 0, 1]], "tiny": None, "app": "shift"}
    return bright, *ask.on_device(DEVICE, MEMORY, **given)


@check("memory", points=1, title="shift: the same frames as before")
def shift_works(ask: Ask) -> None:
    bright, came, events = _shifted(ask)
    ask.expect(
        "came" in came and _same(ask, came["came"], [*bright, [0.25, 0, 1]]),
        given=f"{len(bright) + 1} bright frames and {len(bright)} dark ones",
        expected=bright,
        came=came.get("came", came.get("error")),
        why="A mean of 1 is bright; what is below is dark and stays out, as before.",
    )
    _ran(ask, events, f"{2 * len(bright) + 1} frames", 2 * len(bright) + 1)


@check("memory", points=1, title="shift: dark frames leave nothing behind")
def shift_dark(ask: Ask) -> None:
    bright, came, _ = _shifted(ask)
    ask.expect("came" in came, given="some frames", expected="their means", came=came.get("error"))
    _no_loss(ask, came, f"{len(bright) + 1} bright frames and {len(bright)} dark ones")


def _no_loss(ask: Ask, came: dict[str, Any], given: str) -> None:
    ask.expect(
        came["lost"] == 0,
        given=given,
        expected="as much free memory as before",
        came=f"{came['lost']} bytes less",
        why="Every way on to the next frame, and every way out, passes by the same two calls of free.",
    )


@check("memory", points=1, title="shift: a run that is refused in the middle")
def shift_refused(ask: Ask) -> None:
    tiny = ask.random.randint(1, 3)
    came, _ = ask.on_device(DEVICE, MEMORY, colours=_colours(ask, 5), tiny=tiny, app="shift")
    given = "five frames, of which one in the middle is too small for the model"
    ask.expect(
        came.get("error", "").startswith("RuntimeError"),
        given=given,
        expected="a RuntimeError",
        came=came.get("came", came.get("error")),
        why="A refused run has no means; a frame that is left out in silence is not looked at.",
    )
    _no_loss(ask, came, given)


# --- Task 5 ----------------------------------------------------------------------------------------------

PRESS = (
    FRESH
    + """
make_onnx("other.onnx", name)
true_soc = acl.get_soc_name
acl.get_soc_name = lambda: soc
try:
    came = press("other.onnx", "pressed", shape)
finally:
    acl.get_soc_name = true_soc
result = {"command": came if type(came) is list else str(type(came))}
if type(came) is list and all(type(word) is str for word in came):
    with contextlib.suppress(FileNotFoundError):
        os.remove("pressed.om")
    result["failed"] = with_atc(*came[1:])
    model, result["load"] = acl.mdl.load_from_file("pressed.om")
    if result["load"] == 0:
        told = acl.mdl.create_desc()
        acl.mdl.get_desc(told, model)
        sizes = acl.mdl.get_input_dims(told, 0)[0]["dims"]
        result["input"] = [acl.mdl.get_input_name_by_index(told, 0), sizes]
"""
)


def _pressed(ask: Ask, soc: str) -> tuple[str, list[int], dict[str, Any]]:
    name = f"lane_{ask.random.randint(10, 99)}"
    shape = [ask.random.randint(1, 5), 3, 4 * ask.random.randint(2, 9), 4 * ask.random.randint(10, 15)]
    return name, shape, ask.run(PRESS, name=name, shape=shape, soc=soc)


@check("conversion", points=2, title="another network, with another input")
def other_network(ask: Ask) -> None:
    name, shape, came = _pressed(ask, "Ascend910B3")
    ask.expect(
        came.get("input") == [name, shape],
        given=f"a network with the input {name}, sizes {shape}",
        expected="a model that has it and loads",
        came=came.get("failed") or came.get("input") or came["command"],
        why="E10016: the name in --input_shape is the network's, and the file knows it.",
    )


@check("conversion", points=1, title="on a machine with another chip")
def other_chip(ask: Ask) -> None:
    soc = ask.random.choice(["Ascend310P3", "Ascend910B1", "Ascend310B4"])
    _, _, came = _pressed(ask, soc)
    ask.expect(
        f"--soc_version={soc}" in came["command"] and not came.get("failed"),
        given=f"acl.get_soc_name() says {soc}",
        expected=f"--soc_version={soc}",
        came=came.get("failed") or came["command"],
        why="507008 at loading: the model is for the chip that stands in the command.",
    )


# --- Task 6 ----------------------------------------------------------------------------------------------

CAP = (
    FRESH
    + NOTED
    + """
model = model_of([])
frame = painted([colour])[0]
if small:
    frame = frame[:, :4, :4].copy()
acl.get_recent_err_msg()
note_owned()
before = free_memory()
begin()
result = answer_of(cap, model, frame)
end()
if "came" in result:
    result["came"] = [float(x) for x in result["came"]]
result["lost"] = before - free_memory()
result["open"] = left_open()
"""
)


@check("runs", points=1, title="cap: other frames, and nothing left behind")
def cap_works(ask: Ask) -> None:
    colour = _colours(ask, 1)[0]
    came, events = ask.on_device(DEVICE, CAP, colour=colour, small=False)
    ask.expect(
        "came" in came and _same(ask, [came["came"]], [colour]) and came["lost"] == 0,
        given=f"a frame of the colour {colour}",
        expected=f"means {colour}, and no byte lost",
        came=f"{came.get('came', came.get('error'))}, {came['lost']} bytes lost",
        why="execute reads memory of the device; the frame has to be there first.",
    )
    _ran(ask, events, f"a frame of the colour {colour}", 1)
    _closed(ask, "a frame", came["open"])


@check("runs", points=1, title="cap: a run that is refused is seen")
def cap_refused(ask: Ask) -> None:
    came, _ = ask.on_device(DEVICE, CAP, colour=_colours(ask, 1)[0], small=True)
    ask.expect(
        came.get("error", "").startswith("RuntimeError") and "145000" in came["error"] and came["lost"] == 0,
        given="a frame that is too small for the model",
        expected="a RuntimeError with 145000, and no byte lost",
        came=f"{came.get('came', came.get('error'))}, {came['lost']} bytes lost",
        why="Zeros that nobody computed look like a dark frame.",
    )


CRATE = (
    FRESH
    + """
model = model_of(gears)
frames = painted(colours)
bad = model + 999 if refuse else model
before = free_memory()
begin()
result = answer_of(crate, bad, frames)
end()
if "came" in result:
    result["came"] = as_lists(result["came"])
result["lost"] = before - free_memory()
"""
)


def _crate(ask: Ask, count: int, gears: list[int]) -> list[Event]:
    colours = _colours(ask, count)
    came, events = ask.on_device(DEVICE, CRATE, colours=colours, gears=gears, refuse=False)
    given = f"{count} frames, a model with the gears {gears}"
    ask.expect(
        "came" in came and _same(ask, came["came"], colours),
        given=given,
        expected=colours,
        came=came.get("came", came.get("error")),
        why="145013: no gear was chosen for this run, or one that the model does not have.",
    )
    ask.expect(
        came["lost"] == 0,
        given=given,
        expected="as much free memory as before",
        came=f"{came['lost']} bytes less",
    )
    return events


@check("runs", points=2, title="crate: other numbers of frames, other gears")
def crate_works(ask: Ask) -> None:
    _crate(ask, ask.random.randint(1, 8), [1, 2, 4, 8])
    _crate(ask, 4, [3, 5, 8])
    _crate(ask, 8, [2, 8])


@check("runs", points=1, title="crate: the device computes the smallest gear")
def smallest_gear(ask: Ask) -> None:
    for count, gears, wanted in ((3, [1, 2, 4, 8], 4), (2, [1, 2, 4, 8], 2), (4, [6, 3, 8], 6)):
        events = _crate(ask, count, gears)
        came = [e.graph[0].op.inputs[0].shape[0] for e in events if e.graph and not e.place]
        ask.expect(
            came == [wanted],
            given=f"{count} frames, a model with the gears {gears}",
            expected=f"one run of {wanted} frames",
            came=f"runs of {came} frames",
            why="The frames beyond those that were asked for are computed, and thrown away.",
        )


@check("runs", points=1, title="crate: a model that does not exist")
def crate_refused(ask: Ask) -> None:
    came, _ = ask.on_device(DEVICE, CRATE, colours=_colours(ask, 2), gears=[1, 4, 8], refuse=True)
    ask.expect(
        came.get("error", "").startswith("RuntimeError") and came["lost"] == 0,
        given="the id of no model",
        expected="a RuntimeError, and no byte lost",
        came=f"{came.get('came', came.get('error'))}, {came['lost']} bytes lost",
        why="get_desc, set_dynamic_batch_size and execute each answer with a code; what was taken goes back.",
    )


# --- Task 7 ----------------------------------------------------------------------------------------------

RINSE = (
    FRESH
    + NOTED
    + """
model = model_of([])
stream = acl.rt.create_stream()[0]
frames = painted(colours)
before = free_memory()
acl.rt.synchronize_device()
waiting = ("synchronize_stream", "synchronize_device", "synchronize_event", "stream_query", "query_event")
note_owned()
note(acl.mdl, "execute_async", "destroy_dataset")
note(acl.rt, "free", *waiting)
begin()
result = answer_of(rinse, model, frames, stream)
end()
queued, early = False, set()
for name, _ in done:
    queued = name == "execute_async" or queued and name not in waiting
    early |= {name} if queued and name in ("free", "destroy_dataset") else set()
result["early"] = sorted(early)
result["open"] = left_open()
if "came" in result:
    result["came"] = as_lists(result["came"])
acl.rt.synchronize_stream(stream)
result["lost"] = before - free_memory()
"""
)


def _rinse(ask: Ask, count: int) -> tuple[dict[str, Any], list[Event]]:
    colours = _colours(ask, count)
    came, events = ask.on_device(DEVICE, RINSE, colours=colours)
    ask.expect(
        "came" in came and _same(ask, came["came"], colours),
        given=f"{count} frames",
        expected=colours,
        came=came.get("came", came.get("error")),
        why="execute_async returns when the run is queued. The result is there when the stream is empty.",
    )
    ask.expect(
        came["lost"] == 0,
        given=f"{count} frames",
        expected="as much free memory as before",
        came=f"{came['lost']} bytes less",
    )
    return came, events


@check("silent", points=2, title="rinse: all means, in order, for any number of frames")
def rinse_works(ask: Ask) -> None:
    for count in (1, ask.random.randint(2, 6), ask.random.randint(7, 12)):
        came, _ = _rinse(ask, count)
        ask.expect(
            not came["early"],
            given=f"{count} frames",
            expected="memory and datasets that live until the stream was waited for",
            came=f"{' and '.join(came['early'])} before the wait",
            why="The runs are only queued by then, and read later what has been given back.",
        )
        _closed(ask, f"{count} frames", came["open"])


@check("silent", points=1, title="rinse: nobody waits between the runs")
def rinse_queues(ask: Ask) -> None:
    count = ask.random.randint(18, 24)
    _, events = _rinse(ask, count)
    places = [i for i, e in enumerate(events) if e.graph]
    runs = sum(not events[i].place for i in places)
    ask.expect(
        runs >= count, given=f"{count} frames", expected=f"{count} runs", came=f"{runs} runs on the device"
    )
    between = events[places[0] : places[-1]]
    waits = sum(e.category == "sync" or e.waits for e in between)
    ask.device_ms = DEVICE.ms(events)
    ask.expect(
        not waits,
        given=f"{count} frames",
        expected="all runs on the stream before the host waits",
        came=f"{waits} waits between the first run and the last",
        why="Waiting after each run gives the right numbers, and takes away what execute_async was for.",
    )


CAMERA = (
    FRESH
    + NOTED
    + """
stream = acl.rt.create_stream()[0]
way = acl.media.dvpp_create_channel_desc()
acl.media.dvpp_create_channel(way)
raw = np.full((height * 3 // 2, stride), 255, np.uint8)
raw[:height, : width // 2], raw[:height, width // 2 : width] = left, right
raw[height:, :width] = chroma
note_owned()
before = free_memory()
begin()
result = answer_of(camera, raw, (width, height), stride, way, stream)
end()
if "came" in result:
    picture = np.asarray(result["came"])
    result["shape"] = list(picture.shape)
    whole = picture.shape == (72, 64)
    result["came"] = [[int(x) for x in picture[r, c:c + 1]] for r, c in spots] if whole else []
result["lost"] = before - free_memory()
result["open"] = left_open()
"""
)


@check("silent", points=2, title="camera: other widths and other strides")
def camera_works(ask: Ask) -> None:
    for margin in (0, 16, 16 * ask.random.randint(2, 8)):
        width, height = 2 * ask.random.randint(33, 90), 2 * ask.random.randint(30, 60)
        stride = -(-width // 16) * 16 + margin
        left, right, chroma = (ask.random.randint(10, 240) for _ in range(3))
        spots = [(r, c) for r in (2, 20, 45) for c in (10, 54)] + [(50, 20), (70, 60)]
        wanted = [[left], [right]] * 3 + [[chroma], [chroma]]
        shot = {"width": width, "height": height, "stride": stride}
        shot |= {"left": left, "right": right, "chroma": chroma, "spots": spots}
        came, events = ask.on_device(DEVICE, CAMERA, **shot)
        given = f"a picture of {width} x {height}, rows {stride} bytes apart"
        ask.expect(
            "came" in came and ask.close(came["came"], wanted, atol=3),
            given=given,
            expected=wanted,
            came=came.get("came", came.get("error")),
            why="The width stride says where the next row begins; that is the camera's to decide.",
        )
        ask.expect(
            came["lost"] == 0,
            given=given,
            expected="as much free memory as before",
            came=f"{came['lost']} bytes less",
        )
        ask.expect(
            any(e.pixels for e in events),
            given=given,
            expected="a picture that VPC has made",
            came="no work for the media units",
            why="The host has forty cameras to look after; scaling is what VPC is for.",
        )
        _closed(ask, given, came["open"])
