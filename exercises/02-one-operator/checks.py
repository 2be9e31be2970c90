"""Hidden checks of "One operator through the stack". They run in the grader; only probes enter the kernel."""

from typing import Any

from camp.checks import Ask, check

LAYERS = {
    "language": ["ASCENDCL"],
    "service": ["OP"],
    "compilation": ["GE", "FE", "TBE", "TEFUSION", "ATC"],
    "execution": ["RUNTIME", "HCCL", "DVPP"],
    "base": ["DRV", "HDC", "DEVMM"],
}
CODES = {
    "service": ["ERR00100", "ERR01002", "ERR02001"],
    "compilation": ["E10001", "E19999", "E10016"],
    "execution": ["EE1001", "EE9999", "EI0002", "EI0006", "EJ0001"],
    "base": ["EL0003", "EL9999"],
}
TEXTS = [
    "launch kernel_name=Add stream=2",
    "device memory of 4096 bytes at (0x12, 0x34) was asked for",
    "[retry] the link is up again",
    "wait for rank (3,python3): done",
    "HCCL and GE were told; see [ERROR] below",
]
PROGRAMS = ["python3", "atc", "python3.11", "infer-main"]


def _time(ask: Ask, second: int) -> str:
    """A time of the log; a larger `second` is later."""
    minute, rest = divmod(second, 60)
    thousandths = ask.random.randint(0, 999)
    hour = 9 + minute // 60
    return f"2026-11-18-{hour:02d}:{minute % 60:02d}:{rest:02d}.{thousandths:03d}.{thousandths:03d}"


def _line(ask: Ask, level: str, module: str, second: int, text: str = "") -> tuple[str, dict[str, Any]]:
    """A line of the log, and what it says."""
    file = ask.random.choice(["stream", "acl_rt", "engine/te_fusion/op"])
    parts = {
        "level": level,
        "module": module,
        "pid": ask.random.randint(100, 99999),
        "program": ask.random.choice(PROGRAMS),
        "time": _time(ask, second),
        "place": f"{file}.cc:{ask.random.randint(1, 999)}",
        "text": text or ask.random.choice(TEXTS),
    }
    gap = ask.random.choice(["", " "])
    line = "[{level}] {module}({pid},{program}):{time} [{place}]".format(**parts) + gap + parts["text"]
    return line, parts


def _module(ask: Ask) -> tuple[str, str]:
    """A layer, and a module that lives in it."""
    layer = ask.random.choice(list(LAYERS))
    return layer, ask.random.choice(LAYERS[layer])


# --- Task 1 ----------------------------------------------------------------------------------------------

PARSE = "result = [parse_line(line) for line in lines]"


def _parsed(ask: Ask, lines: list[tuple[str, dict[str, Any] | None]], why: str) -> None:
    came = ask.run(PARSE, lines=[line for line, _ in lines])
    for (line, wanted), got in zip(lines, came, strict=True):
        ask.expect(got == wanted, given=repr(line), expected=wanted, came=got, why=why)


@check("parse_line", points=1, title="lines of all levels and modules")
def parses(ask: Ask) -> None:
    levels = ["DEBUG", "INFO", "WARNING", "ERROR", "EVENT"]
    lines = [_line(ask, level, _module(ask)[1], 7, "all is well") for level in levels]
    _parsed(ask, list(lines), "Each of the seven parts stands between fixed signs.")


@check("parse_line", points=1, title="texts with brackets and commas of their own")
def parses_odd_texts(ask: Ask) -> None:
    lines = [_line(ask, "ERROR", _module(ask)[1], 11, text) for text in TEXTS]
    _parsed(
        ask,
        [(line + "\n", parts) for line, parts in lines],
        "What follows the place is text, whatever it holds.",
    )


@check("parse_line", points=1, title="what is no line of the log")
def refuses(ask: Ask) -> None:
    line, _ = _line(ask, "ERROR", "RUNTIME", 3, "all is lost")
    others = [
        "",
        "loss 0.31",
        f"RuntimeError: {line}",
        line[1:],
        line.replace(" [", " ", 1),
        "[ERROR] 2026-11-18-09:00:00 (PID:4711, Device:3, RankID:-1) ERR01002 OPS invalid type",
    ]
    _parsed(
        ask,
        [(other, None) for other in others],
        "The form holds from the first sign on, or it is another line.",
    )


# --- Task 2 ----------------------------------------------------------------------------------------------

LAYER = "result = [layer(line) for line in lines]"


def _named(ask: Ask, lines: list[tuple[str, str]], why: str) -> None:
    came = ask.run(LAYER, lines=[line for line, _ in lines])
    for (line, wanted), got in zip(lines, came, strict=True):
        ask.expect(got == wanted, given=repr(line), expected=wanted, came=got, why=why)


@check("layer", points=1, title="lines of the log, by their module")
def by_module(ask: Ask) -> None:
    lines = []
    for layer, modules in LAYERS.items():
        for module in modules:
            level = ask.random.choice(["INFO", "WARNING", "ERROR"])
            lines.append((_line(ask, level, module, 5, "nothing to add")[0], layer))
    ask.random.shuffle(lines)
    _named(
        ask,
        [*lines, (_line(ask, "INFO", "NEWMODULE", 5, "hello")[0], "unknown")],
        "The table has every module.",
    )


@check("layer", points=1, title="codes in what a program printed")
def by_code(ask: Ask) -> None:
    lines = []
    for layer, codes in CODES.items():
        code = ask.random.choice(codes)
        lines += [
            (f"{code}: something went wrong", layer),
            (f"[ERROR] 2026-11-18 (PID:7) {code} failed", layer),
        ]
    ask.random.shuffle(lines)
    _named(ask, lines, "Two or three letters and their digits say who speaks.")
    one, other = (ask.random.choice(codes) for codes in (CODES["execution"], CODES["service"]))
    _named(
        ask,
        [(f"{one}: reported, see {other}", "execution"), (f"{other} call failed, {one}", "service")],
        "The first code is the speaker's own; what follows it says whom it heard.",
    )


@check("layer", points=1, title="a line of the log that repeats another layer's code")
def module_before_code(ask: Ask) -> None:
    code = ask.random.choice(CODES["execution"])
    lines = [
        (_line(ask, "ERROR", "ASCENDCL", 5, f"call failed, see {code}")[0], "language"),
        (_line(ask, "ERROR", "DRV", 5, "HCCL RUNTIME GE: E10001")[0], "base"),
    ]
    _named(ask, lines, "Who speaks is the module; what it repeats was said by another.")


@check("layer", points=1, title="lines that say nothing of the place")
def no_place(ask: Ask) -> None:
    number = ask.random.randint(1000, 9999)
    lines = [
        (f"ValueError: the run takes {number} steps", "unknown"),
        (f"RuntimeError: E1 was read, EE followed, {number}", "unknown"),
        ("NPU out of memory. Tried to allocate 2.00 GiB", "unknown"),
        (f"file MODEL{number} EERIE1234", "unknown"),
        ("", "unknown"),
    ]
    _named(
        ask,
        lines,
        "A code is a word of its own with all of its digits; modules count in lines of the log only.",
    )


# --- Task 3 ----------------------------------------------------------------------------------------------

FIRST = "result = first_error(lines)"


def _log(ask: Ask, *, errors: bool) -> list[tuple[int, str, str]]:
    """Lines of two processes as (second, level, line); seconds are all different."""
    found = []
    for second in ask.random.sample(range(7200), 14):
        level = ask.random.choice(["INFO", "WARNING", "EVENT"])
        text = ask.random.choice([*TEXTS, "a check said [ERROR] and went on", "0 [ERROR] lines so far"])
        found.append((second, level, _line(ask, level, _module(ask)[1], second, text)[0]))
    if errors:
        seconds = ask.random.sample(range(7200, 9000), 3)
        found += [(s, "ERROR", _line(ask, "ERROR", _module(ask)[1], s)[0]) for s in seconds]
    return found


@check("first_error", points=1, title="errors of two processes, in any order")
def earliest(ask: Ask) -> None:
    for _ in range(3):
        log = _log(ask, errors=True)
        ask.random.shuffle(log)
        lines = [line for _, _, line in log]
        wanted = min((second, line) for second, level, line in log if level == "ERROR")[1]
        came = ask.run(FIRST, lines=lines)
        ask.expect(
            came == wanted,
            given="the lines of two logs, shuffled",
            expected=wanted,
            came=came,
            why="The first in time brought down the others.",
        )


@check("first_error", points=1, title="other text among the lines")
def among_others(ask: Ask) -> None:
    log = _log(ask, errors=True)
    wanted = min((second, line) for second, level, line in log if level == "ERROR")[1]
    others = [
        "Fatal Python error: Aborted",
        "",
        "[ERROR] 2026-11-18-01:00:00 (PID:4711, Device:3, RankID:-1) ERR01002 OPS invalid type",
        "[ERROR] everything is lost",
    ]
    ask.random.shuffle(log)
    lines = [*others, *(line for _, _, line in log)]
    came = ask.run(FIRST, lines=lines)
    ask.expect(
        came == wanted,
        given="lines of a log, and of a screen among them",
        expected=wanted,
        came=came,
        why="What Python printed has no place in the order: only lines of the log carry module and time.",
    )


@check("first_error", points=1, title="a log without an error")
def calm(ask: Ask) -> None:
    lines = [line for _, _, line in _log(ask, errors=False)]
    for given in (lines, []):
        came = ask.run(FIRST, lines=given)
        ask.expect(
            came is None,
            given=f"{len(given)} lines, none of level ERROR",
            expected=None,
            came=came,
            why="A text may quote the word; the level stands at the begin of the line.",
        )


# --- Task 4 ----------------------------------------------------------------------------------------------

ADD_UP = "result = time_by_core(table)"
COLUMNS = ["Device_id", "Name", "Type", "Accelerator Core", "Start Time(us)", "Duration(us)", "Wait Time(us)"]
CORES = ["AI_CORE", "AI_VECTOR_CORE", "MIX_AIC", "AI_CPU"]


def _table(ask: Ask, columns: list[str]) -> tuple[str, dict[str, float]]:
    """The text of a table, and the sums."""
    lines, sums, now = [",".join(columns)], {}, 1000.0
    for number in range(ask.random.randint(5, 9)):
        core = ask.random.choice(CORES)
        took = ask.random.randint(1, 400) / 8
        shapes = ";".join(f"{ask.random.randint(1, 99)},{ask.random.randint(1, 99)}" for _ in range(2))
        cell = {
            "Step Id": "1",
            "Device_id": "0",
            "Name": f"aclnnOp_{number}",
            "Type": "Op",
            "Accelerator Core": core,
            "Start Time(us)": f"{now:.3f}",
            "Duration(us)": f"{took:.3f}",
            "Wait Time(us)": f"{ask.random.randint(0, 99):.3f}",
            "Input Shapes": f'"""{shapes}"""',
        }
        lines.append(",".join(cell[name] for name in columns))
        sums[core] = sums.get(core, 0.0) + took
        now += took + 3
    return "\n".join(lines) + "\n", sums


def _added(ask: Ask, columns: list[str], why: str) -> None:
    table, wanted = _table(ask, columns)
    came = ask.run(ADD_UP, table=table)
    same = isinstance(came, dict) and set(came) == set(wanted)
    ask.expect(
        same and all(ask.close(came[core], wanted[core], atol=1e-4) for core in wanted),
        given=f"a table of {table.count(chr(10)) - 1} rows with the columns {columns}",
        expected=wanted,
        came=came,
        why=why,
    )


@check("time_by_core", points=1, title="the columns as in the notebook")
def usual_columns(ask: Ask) -> None:
    _added(ask, COLUMNS, "Each row's duration counts for the core that it ran on.")


@check("time_by_core", points=1, title="columns in another order, and more of them")
def other_columns(ask: Ask) -> None:
    columns = ["Step Id", *COLUMNS]
    ask.random.shuffle(columns)
    _added(ask, columns, "Releases add columns and move them: find them by name.")


@check("time_by_core", points=1, title="shapes that hold commas")
def commas(ask: Ask) -> None:
    _added(ask, ["Input Shapes", *COLUMNS], "A comma between quotes is part of the cell.")


# --- Task 5 ----------------------------------------------------------------------------------------------

FOLLOW = "result = follow(events, operator)"
TWICE = {"aten::mul": True, "aten::sum": False}
"""Operators whose calls start two kernels; whether the list has the first arrow first."""
OPERATORS = {"aten::addmm": "MatMulV2", "aten::relu": "Relu", "aten::mul": "Mul", "aten::sum": "ReduceSum"}


def _event(name: str, begin: float, took: float, **more: Any) -> dict[str, Any]:
    """An event of a trace: `ts` is text, `dur` a number."""
    return {"ph": "X", "name": name, "ts": f"{begin}", "dur": took, "args": {}, **more}


def _trace(ask: Ask) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Events of a short run, shuffled, and what is to be found for each operator."""
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "CANN"}},
        {"ph": "s", "bp": "e", "cat": "HostToDevice", "name": "HostToDevice", "id": "20", "ts": "990.0"},
    ]
    found: dict[str, dict[str, Any]] = {}
    now, host, device = ask.random.randint(995, 998) + 0.5, 0.0, 0.0
    numbers = ask.random.sample(range(10, 99), 16)
    for name in [*OPERATORS, *OPERATORS]:
        took, launch = ask.random.randint(10, 18) / 2, ask.random.randint(30, 60) / 2
        run, number, kernel = ask.random.randint(4, 300) / 2, numbers.pop(), OPERATORS[name]
        launched = max(host, now + took + 1)  # by another thread, when the call has returned
        start = max(launched + launch, device) + ask.random.randint(0, 20) / 2
        arrow = {"name": "torch_to_npu", "cat": "async_npu", "id": f"{number}{start}"}
        events += [
            _event(name, now, took, cat="cpu_op"),
            {**arrow, "ph": "s", "ts": f"{now + ask.random.randint(0, 4) / 2}"},
            {**arrow, "ph": "f", "ts": f"{start}"},
            _event("Node@launch", launched, launch, args={"connection_id": number}),
            _event(kernel, start, run, args={"Task Type": "AI_CORE", "connection_id": number}),
        ]
        wait = start - launched - launch
        found.setdefault(name, {"kernel": kernel, "launch_us": launch, "wait_us": wait, "run_us": run})
        host, device = launched + launch, start + run
        if name in TWICE:  # a second kernel of the same call
            second, number = max(host + 9.5, device), numbers.pop()
            arrow = {**arrow, "id": f"{number}{second}"}
            events += [
                {**arrow, "ph": "s", "ts": f"{now + 3}"},
                {**arrow, "ph": "f", "ts": f"{second}"},
                _event("Node@launch", host, 9.5, args={"connection_id": number}),
                _event(
                    "TransData", second, 2.5, args={"Task Type": "AI_VECTOR_CORE", "connection_id": number}
                ),
            ]
            host, device = host + 9.5, second + 2.5
        now += took + 2
    ask.random.shuffle(events)
    _out_of_order(events)
    return events, found


def _out_of_order(events: list[dict[str, Any]]) -> None:
    """Put later calls before earlier ones, and arrows both ways round: no place in the list is the first."""

    def swap(places: list[int], *, rising: bool) -> None:
        in_time = sorted((events[i] for i in places), key=lambda e: float(e["ts"]), reverse=not rising)
        for place, event in zip(places, in_time, strict=True):
            events[place] = event

    for name, rising in TWICE.items():
        swap([i for i, e in enumerate(events) if e["name"] == name], rising=False)
        call = min((e for e in events if e["name"] == name), key=lambda e: float(e["ts"]))
        begin = float(call["ts"])
        arrows = [
            i
            for i, e in enumerate(events)
            if e["name"] == "torch_to_npu" and e["ph"] == "s" and 0 <= float(e["ts"]) - begin < call["dur"]
        ]
        swap(arrows, rising=rising)


def _followed(ask: Ask, names: list[str], why: str) -> None:
    events, found = _trace(ask)
    for name in names:
        came = ask.run(FOLLOW, events=events, operator=name)
        wanted = found[name]
        same = isinstance(came, dict) and set(came) == set(wanted) and came["kernel"] == wanted["kernel"]
        ask.expect(
            same and all(ask.close(came[k], wanted[k], atol=1e-6) for k in wanted if k != "kernel"),
            given=f"{name} in a trace of {len(events)} events",
            expected=wanted,
            came=came,
            why=why,
        )


@check("follow", points=1, title="the first operator of a trace")
def follows_first(ask: Ask) -> None:
    _followed(ask, ["aten::addmm"], "The call that begins first counts; 990 is before 1000, also as text.")


@check("follow", points=1, title="operators that are called twice")
def follows_twice(ask: Ask) -> None:
    why = (
        "The launch comes later and from another thread: the arrow says whose kernel it is, and of two "
        "arrows the earlier. The list has no order."
    )
    _followed(ask, list(OPERATORS)[1:], why)


@check("follow", points=1, title="operators that start nothing")
def starts_nothing(ask: Ask) -> None:
    events, _ = _trace(ask)
    late = 5000 + ask.random.randint(0, 99)
    events.append(_event("aten::t", float(late), 1.0, cat="cpu_op"))
    for name in ("aten::t", "aten::conv2d"):
        came = ask.run(FOLLOW, events=events, operator=name)
        ask.expect(
            came is None,
            given=f"{name}, {'a view' if name == 'aten::t' else 'never called'}",
            expected=None,
            came=came,
            why="A view changes shape and strides on the host; the device hears nothing of it.",
        )


# --- Task 6 ----------------------------------------------------------------------------------------------

BUSY = """
share, who = who_is_slow([tuple(kernel) for kernel in kernels])
result = [float(share), who]
"""


def _judged(ask: Ask, kernels: list[list[float]], share: float, why: str) -> None:
    came = ask.run(BUSY, kernels=kernels)
    ask.expect(
        ask.close(came[0], share, rtol=1e-6),
        given=f"kernels (begin, duration) {kernels}",
        expected=f"a share of {share:.4f}",
        came=f"{came[0]:.4f}",
        why=why,
    )
    who = "device" if share >= 0.5 else "host"
    ask.expect(
        came[1] == who,
        given=f"a share of {share:.4f}",
        expected=who,
        came=came[1],
        why="From one half on, the device is the slow one; below, faster kernels would wait for the host.",
    )


@check("busy", points=1, title="kernels with gaps between them")
def gaps(ask: Ask) -> None:
    for gap in (2, 60):
        kernels, now, busy = [], float(ask.random.randint(0, 500)), 0.0
        first = now
        for _ in range(6):
            took = ask.random.randint(8, 30) / 2
            kernels.append([now, took])
            now, busy = now + took + gap, busy + took
        share = busy / (now - gap - first)
        ask.random.shuffle(kernels)
        _judged(ask, kernels, share, "From the first begin to the last end, whatever the order of the rows.")
    took = float(ask.random.randint(4, 9))
    _judged(ask, [[took, took], [4 * took, took]], 0.5, "Two kernels, and as long a time without one.")


@check("busy", points=1, title="kernels of two streams that overlap")
def overlaps(ask: Ask) -> None:
    a, b = ask.random.randint(20, 40), ask.random.randint(5, 15)
    kernels = [[0.0, float(a)], [float(a - b), float(2 * b)], [float(3 * a), 10.0]]
    _judged(ask, kernels, (a + b + 10) / (3 * a + 10), "Time in which two kernels run is busy once.")


@check("busy", points=1, title="a short kernel within a long one")
def within(ask: Ask) -> None:
    a = ask.random.randint(60, 90)
    kernels = [[0.0, float(a)], [5.0, 3.0], [float(a + 30), 10.0]]
    _judged(ask, kernels, (a + 10) / (a + 40), "The long kernel still runs when the short one has ended.")
    _judged(ask, [[float(a), 4.0]], 1.0, "A single kernel has no gap.")
