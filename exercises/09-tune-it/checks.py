"""Hidden checks of "Tune it". They run in the grader; only the probes enter the learner's kernel."""

import math
from typing import Any

from camp.checks import RETURNS_NOTHING, Ask, check
from npusim.replay import Event, Timed

DEVICE = Timed()


def _ms(events: list[Event]) -> float:
    """Device time of events; where the host took a moment between two launches, it has not waited."""
    return DEVICE.ms(_seen(events))


def _seen(events: list[Event]) -> list[Event]:
    """The events, of which only those are waits after which the host stood still until they were done."""
    after = [event.launched for event in events[1:]]
    seen = [e._replace(waits=e.waits and then >= e.end) for e, then in zip(events, after, strict=False)]
    return seen + events[-1:]


# --- Task 1 ----------------------------------------------------------------------------------------------

RANK = """
_ranked = rank(rows, count)
result = None if _ranked is None else [[str(name), float(cost)] for name, cost in _ranked]
"""
TYPES = ["MatMulV2", "Mul", "Add", "Cast", "Transpose", "Lerp", "SoftmaxV2", "Conv2D"]


def _row(name: str, duration: float, wait: float) -> dict[str, str]:
    return {"Type": name, "Duration(us)": f"{duration:.3f}", "Wait Time(us)": f"{wait:.3f}", "Name": "x"}


def _ranking(ask: Ask, rows: list[dict[str, str]], count: int, why: str) -> None:
    sums: dict[str, float] = {}
    for row in rows:
        sums[row["Type"]] = (
            sums.get(row["Type"], 0) + float(row["Duration(us)"]) + float(row["Wait Time(us)"])
        )
    wanted = sorted(([name, total] for name, total in sums.items()), key=lambda e: (-round(e[1], 6), e[0]))[
        :count
    ]
    came = ask.run(RANK, rows=rows, count=count)
    ask.expect(
        came is not None, given=f"{len(rows)} kernels", expected="a list", came=came, why=RETURNS_NOTHING
    )
    same = [name for name, _ in came] == [name for name, _ in wanted]
    same = same and ask.close([c for _, c in came], [c for _, c in wanted], rtol=1e-6)
    ask.expect(
        same, given=f"{len(rows)} kernels, the first {count} types", expected=wanted, came=came, why=why
    )


@check("rank", points=1, title="a step of many kernels")
def ranks_many(ask: Ask) -> None:
    rows = [
        _row(ask.random.choice(TYPES), ask.random.uniform(3, 90), ask.random.choice([0, 12.5, 40]))
        for _ in range(40)
    ]
    _ranking(ask, rows, ask.random.randint(3, 5), "All kernels of a type count together.")


@check("rank", points=1, title="small kernels behind long gaps, and kernels that cost the same")
def ranks_gaps(ask: Ask) -> None:
    rows = [_row("Conv2D", 90, 0), *[_row("Lerp", 3, 41) for _ in range(3)]]
    _ranking(ask, rows, 2, "The gap before a kernel belongs to it: 3 x 44 is more than 90.")
    same = ask.random.sample(TYPES, 4)
    _ranking(ask, [_row(name, 5, 2) for name in same], 4, "Equal ones by name.")


# --- Task 2 ----------------------------------------------------------------------------------------------

LIMIT = "result = [limit(row) for row in rows]"


def _counters(wait: float, duration: float, **ratios: float | str) -> dict[str, str]:
    names = ("aic_mac_ratio", "aic_mte2_ratio", "aiv_vec_ratio", "aiv_mte2_ratio")
    return _row("X", duration, wait) | {name: str(ratios.get(name, "N/A")) for name in names}


def _limits(ask: Ask, rows: list[tuple[dict[str, str], str]], why: str) -> None:
    ask.random.shuffle(rows)
    came = ask.run(LIMIT, rows=[row for row, _ in rows])
    for (row, wanted), got in zip(rows, came, strict=True):
        shown = {name: value for name, value in row.items() if name not in {"Type", "Name"}}
        reason = RETURNS_NOTHING if got is None else why
        ask.expect(got == wanted, given=shown, expected=wanted, came=got, why=reason)


@check("limit", points=1, title="kernels that the device waited for, and others")
def limits_launch(ask: Ask) -> None:
    long = ask.random.randint(50, 400)
    rows = [
        (_counters(41, 3.2, aiv_vec_ratio=0.9), "launch"),
        (_counters(3.2, 41, aiv_vec_ratio=0.9), "vector"),
        (_counters(9.5, 10.25, aic_mac_ratio=0.8, aic_mte2_ratio=0.3), "cube"),
        (_counters(long + 1, long, aic_mac_ratio=0.99), "launch"),
        (_counters(long, long, aic_mac_ratio=0.99), "cube"),
        (_counters(6, 3.2, aiv_vec_ratio=0.9), "launch"),
    ]
    why = "First counts whether the gap is longer than the kernel, not how long it is, nor what units did."
    _limits(ask, rows, why)


@check("limit", points=1, title="kernels of both kinds of cores")
def limits_units(ask: Ask) -> None:
    high, low = ask.random.uniform(0.7, 0.99), ask.random.uniform(0.05, 0.4)
    rows = [
        (_counters(0, 50, aic_mac_ratio=high, aic_mte2_ratio=low), "cube"),
        (_counters(0, 50, aic_mac_ratio=low, aic_mte2_ratio=high), "memory"),
        (_counters(0, 50, aiv_vec_ratio=low, aiv_mte2_ratio=high), "memory"),
        (_counters(0, 50, aiv_vec_ratio=high, aiv_mte2_ratio=low, aic_mac_ratio=""), "vector"),
        (_counters(0, 50, aic_mac_ratio=low, aiv_vec_ratio=low / 2, aiv_mte2_ratio=high), "memory"),
        (_counters(0, 50, aic_mac_ratio=0.5, aic_mte2_ratio=low, aiv_mte2_ratio=high), "memory"),
        (_counters(0, 50, aic_mac_ratio=0.6, aic_mte2_ratio=0.5, aiv_mte2_ratio=0.45), "cube"),
        (_counters(0, 50, aiv_vec_ratio=0.5, aic_mte2_ratio=high, aiv_mte2_ratio=low), "memory"),
    ]
    _limits(
        ask, rows, "The larger of the two ways from memory counts, whichever core it is of; N/A is not busy."
    )


# --- Task 3 ----------------------------------------------------------------------------------------------

FEED = """
import torch
pairs = [(torch.tensor(a), torch.tensor(b)) for a, b in values]
taken = []
def source():
    for place, pair in enumerate(pairs):
        taken.append(place)
        yield pair
came, ahead = [], 0
fed = feed(source())
for number, (a, b) in enumerate([] if fed is None else fed):
    ahead = max(ahead, len(taken) - number - 1)
    kinds = [str(kind) for kind in (a.device, b.device, a.dtype, b.dtype)]
    came.append([*kinds, a.cpu().tolist(), b.cpu().tolist()])
result = None if fed is None else [came, ahead]
"""
FED = """
import torch
pairs = [(torch.zeros(size), torch.zeros(8)) for _ in range(count)]
a = b = None
begin()
fed = feed(pairs)
for a, b in [] if fed is None else fed:
    for _ in range(6):
        b = b + 1
end()
result = None if a is None else [float(b[0]), list(a.shape)]
"""


@check("feed", points=1, title="the same batches, in order, and none before it is due")
def feeds_values(ask: Ask) -> None:
    values = [
        [
            [round(ask.random.uniform(-9, 9), 3) for _ in range(3)],
            [ask.random.randint(-9, 9) for _ in range(2)],
        ]
        for _ in range(ask.random.randint(4, 7))
    ]
    answer = ask.run(FEED, values=values)
    nothing = "It is to yield a pair for each batch; print only shows them."
    ask.expect(answer is not None, given=f"{len(values)} batches", expected="pairs", came=None, why=nothing)
    came, ahead = answer
    given, why = f"{len(values)} batches", "Each batch comes once."
    ask.expect(len(came) == len(values), given=given, expected=len(values), came=len(came), why=why)
    for (a, b), got in zip(values, came, strict=True):
        same = got[:4] == ["npu:0", "npu:0", "torch.float32", "torch.int64"] and got[5] == b
        ask.expect(
            same and ask.close(got[4], a, rtol=1e-5),
            given=f"a batch {a}, {b}",
            expected="the same on npu:0, in the same dtypes",
            came=got,
            why="Devices npu:0; dtypes float32 and int64 as they came; and the same values.",
        )
    ask.expect(
        ahead <= 0,
        given="batches that come one by one",
        expected="none taken before it is due",
        came=f"{ahead} taken ahead",
        why="A film does not fit into memory: a batch is taken when it is asked for.",
    )


@check("feed", points=2, title="the host waits for no copy")
def feeds_without_waiting(ask: Ask) -> None:
    size, count = ask.random.choice([1 << 20, 3 << 19]), ask.random.randint(3, 5)
    came, events = ask.on_device(DEVICE, FED, size=size, count=count)
    why = (
        "Each batch of frames and targets comes once, as it is."
        if came
        else "It is to yield a pair for each."
    )
    ask.expect(came == [6.0, [size]], given=f"{count} batches", expected=[6.0, [size]], came=came, why=why)
    copies = [e for e in events if e.name == "H2D"]
    ask.device_ms = _ms(events)
    ask.expect(
        sum(e.nbytes for e in copies) >= count * (4 * size + 32),
        given=f"{count} batches of {4 * size} bytes",
        expected="all of it copied to the device",
        came=f"{sum(e.nbytes for e in copies)} bytes",
    )
    waiting = sum(e.waits for e in _seen(events) if e.name == "H2D" or e.category == "sync")
    ask.expect(
        waiting <= 1,  # begin and end wait once themselves
        given=f"{count} batches of {4 * size} bytes",
        expected="copies that go on while the host launches",
        came=f"the host waited {waiting} times",
        why="Two things are needed: pinned memory, and a copy that is told not to wait.",
    )


# --- Task 4 ----------------------------------------------------------------------------------------------

STEP = """
import torch
parameters = [torch.nn.Parameter(torch.tensor(v, device="npu:0")) for v in values]
optimizer = make_optimizer(iter(parameters), lr, decay)
made = type(optimizer).__name__ if not isinstance(optimizer, torch.optim.Optimizer) else ""
def give(grads):
    for p, g in zip(parameters, grads):
        p.grad = torch.tensor(g, device="npu:0")

for grads in all_grads[:-1]:  # the first step makes what the optimizer remembers
    give(grads)
    if not made:
        optimizer.step()
give(all_grads[-1])
begin()
if not made:
    optimizer.step()
end()
result = made or [p.detach().cpu().tolist() for p in parameters]
"""
ONE_BY_ONE = 8  # launches a parameter


def _adamw(state: dict[str, Any], value: float, grad: float, lr: float, decay: float) -> float:
    """AdamW on one number."""
    state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * grad
    state["v"] = 0.999 * state.get("v", 0.0) + 0.001 * grad * grad
    value *= 1 - lr * decay
    root = math.sqrt(state["v"] / (1 - 0.999 ** state["t"])) + 1e-8
    return value - lr * state["m"] / (1 - 0.9 ** state["t"]) / root


def _steps(ask: Ask, count: int, steps: int) -> dict[str, Any]:
    def numbers() -> list[float]:
        return [round(ask.random.uniform(-2, 2), 2) or 0.5 for _ in range(2)]

    return {
        "values": [numbers() for _ in range(count)],
        "all_grads": [[numbers() for _ in range(count)] for _ in range(steps)],
        "lr": ask.random.choice([0.1, 0.05]),
        "decay": ask.random.choice([0.2, 0.4]),
    }


def _updated(task: dict[str, Any]) -> list[list[float]]:
    values = [list(v) for v in task["values"]]
    states: list[list[dict[str, Any]]] = [[{}, {}] for _ in values]
    for grads in task["all_grads"]:
        for p, g, s in zip(values, grads, states, strict=True):
            for i in range(2):
                p[i] = _adamw(s[i], p[i], g[i], task["lr"], task["decay"])
    return values


def _stepped(ask: Ask, task: dict[str, Any]) -> tuple[list[list[float]], list[Event]]:
    """The parameters after all steps, and what the last one launched."""
    came, events = ask.on_device(DEVICE, STEP, **task)
    why = RETURNS_NOTHING if came == "NoneType" else "The training loop calls step() and zero_grad() of it."
    made = isinstance(came, list)
    ask.expect(made, given="parameters, lr and decay", expected="an optimizer", came=came, why=why)
    return came, events


@check("make_optimizer", points=2, title="the update of AdamW")
def updates(ask: Ask) -> None:
    task = _steps(ask, 3, 3)
    came, _ = _stepped(ask, task)
    wanted = _updated(task)
    ask.expect(
        ask.close(came, wanted, rtol=1e-3, atol=1e-4),
        given=f"3 steps with lr={task['lr']}, decay={task['decay']}",
        expected=wanted,
        came=came,
        why="The decay is AdamW's, of the weight itself, and all defaults are its own.",
    )


@check("make_optimizer", points=2, title="a step of forty parameters")
def few_launches(ask: Ask) -> None:
    task = _steps(ask, 40, 2)
    came, events = _stepped(ask, task)
    wanted = _updated(task)
    right = ask.close(came, wanted, rtol=1e-3, atol=1e-4)
    ask.expect(
        right,
        given=f"2 steps with lr={task['lr']}, decay={task['decay']}; the first of 40 at {task['values'][0]}",
        expected=wanted[0],
        came=came[0],
        why="Speed counts only where the update is AdamW's.",
    )
    kernel = [e for e in events if e.category == "kernel"][:1]
    ask.expect(kernel, given="40 parameters", expected="an update on the device", came="none")
    slow, ask.device_ms = DEVICE.ms(kernel * (ONE_BY_ONE * 40)), _ms(events)
    ask.expect(
        ask.device_ms <= slow / 4,
        given=f"40 parameters; one by one they take {slow:.2f} ms",
        expected=f"at most {slow / 4:.2f} ms",
        came=f"{ask.device_ms:.2f} ms",
        why="The host needs 44 microseconds for each launch, however little it does.",
    )


# --- Task 5 ----------------------------------------------------------------------------------------------

BLOCK = """
import torch
given = [torch.tensor(t, device="npu:0") for t in (rows, weight, up)]
begin()
y = block(*given)
end()
result = type(y).__name__
if type(y) is torch.Tensor:
    result = [y.detach().cpu().tolist(), str(y.device), str(y.dtype)]
"""


def _block(ask: Ask, rows: int, columns: int, scale: float = 1.0) -> tuple[dict[str, Any], list[list[float]]]:
    """A task, and what comes out of it."""

    def numbers(count: int) -> list[float]:
        return [scale * round(ask.random.uniform(-2, 2), 2) for _ in range(count)]

    n = 6
    x = [numbers(n) for _ in range(rows)]
    scale = 1.0
    weight, up = numbers(n), [numbers(2 * columns) for _ in range(n)]
    wanted = []
    for row in x:
        root = math.sqrt(sum(v * v for v in row) / n + 1e-6)
        hidden = [sum(row[i] / root * weight[i] * up[i][j] for i in range(n)) for j in range(2 * columns)]
        halves = zip(hidden[:columns], hidden[columns:], strict=True)
        wanted.append([a / (1 + math.exp(-a)) * b for a, b in halves])
    return {"rows": x, "weight": weight, "up": up}, wanted


def _computed(ask: Ask, given: str, came: Any, wanted: list[list[float]]) -> None:
    tensor = isinstance(came, list)
    why = RETURNS_NOTHING if came == "NoneType" else "It is to return one tensor."
    ask.expect(tensor, given=given, expected="a tensor", came=came, why=why)
    values, *where = came
    at_home = ["npu:0", "torch.float32"]
    ask.expect(where == at_home, given=given, expected=at_home, came=where, why="As x: float32, on npu:0.")
    ask.expect(
        ask.close(values, wanted, rtol=2e-4, atol=1e-4),
        given=given,
        expected=wanted,
        came=values,
        why="silu of the left half times the right half of the normed rows' product, all in float32.",
    )


@check("block", points=1, title="values of the block, and of rows near zero")
def block_values(ask: Ask) -> None:
    for scale in (1.0, 5e-4):
        task, wanted = _block(ask, 3, ask.random.randint(2, 4), scale)
        came, _ = ask.on_device(DEVICE, BLOCK, **task)
        _computed(ask, f"rows about as large as {2 * scale}", came, wanted)


def _block_within(ask: Ask, bound: float) -> None:
    task, wanted = _block(ask, ask.random.randint(20, 60), 8)
    came, events = ask.on_device(DEVICE, BLOCK, **task)
    _computed(ask, f"{len(wanted)} rows", came, wanted)
    ask.device_ms = _ms(events)
    ask.expect(
        any(e.kind == "matmul" for e in events) and ask.device_ms <= bound,
        given=f"{len(wanted)} rows",
        expected=f"at most {bound} ms, product included",
        came=f"{ask.device_ms:.3f} ms",
        why="Count the launches: each costs the host 0.044 ms.",
    )


@check("block", points=1, title="at most 0.40 ms")
def block_quick(ask: Ask) -> None:
    _block_within(ask, 0.40)


@check("block", points=1, title="at most 0.16 ms")
def block_quickest(ask: Ask) -> None:
    _block_within(ask, 0.16)


# --- Task 6 ----------------------------------------------------------------------------------------------

EPOCH = """
import torch
class Some(torch.nn.Module):
    def forward(self, x):
        return x[:, ::stride]
layers = []
for w, b in weights:
    layer = torch.nn.Linear(len(w[0]), len(w))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(w))
        layer.bias.copy_(torch.tensor(b))
    layers += [layer, torch.nn.ReLU()]
net = torch.nn.Sequential(Some(), *layers[:-1]).to("npu:0")
batches = []
for rows, targets in data:
    frames = torch.zeros(len(rows), 4 * stride)
    frames[:, ::stride] = torch.tensor(rows)
    batches.append((frames, torch.tensor(targets)))
begin()
came = epoch(net, batches, lr)
end()
given = tuple(came) if isinstance(came, (tuple, list)) else ()
result = {
    "told": type(came).__name__,
    "kinds": [type(value).__name__ for value in given],
    "means": [None if value is None else float(value) for value in given],
    "values": [p.detach().cpu().tolist() for p in net.parameters()],
}
"""
STRIDE = 250_000
LAYERS = 7
WIDTH = 4
Matrix = list[list[float]]


def _training(ask: Ask, steps: int) -> dict[str, Any]:
    """A network of seven layers, and batches of four frames of which four values count."""

    def numbers(count: int, spread: float) -> list[float]:
        return [round(ask.random.uniform(-spread, spread), 3) for _ in range(count)]

    sizes = [(WIDTH, WIDTH)] * (LAYERS - 1) + [(1, WIDTH)]
    # near the identity, so that something comes through all of them
    weights = [
        [[[v + (r == c) for c, v in enumerate(numbers(i, 0.3))] for r in range(o)], [0.5] * o]
        for o, i in sizes
    ]
    data = []
    for _ in range(steps):
        frames = [numbers(WIDTH, 1) for _ in range(4)]
        data.append([frames, [[3 * sum(frame)] for frame in frames]])
    return {"weights": weights, "data": data, "lr": ask.random.choice([0.01, 0.02]), "stride": STRIDE}


def _backward(weights: list[Any], rows: Matrix, targets: Matrix) -> tuple[float, list[Any]]:
    """Loss and gradients of one batch."""
    grads = [[[[0.0] * len(w[0]) for _ in w], [0.0] * len(b)] for w, b in weights]
    loss = 0.0
    for row, [target] in zip(rows, targets, strict=True):
        seen = [row]
        for place, (w, b) in enumerate(weights):
            sums = [
                sum(a * x for a, x in zip(line, seen[-1], strict=True)) + c
                for line, c in zip(w, b, strict=True)
            ]
            seen.append(sums if place == LAYERS - 1 else [max(0.0, s) for s in sums])
        loss += (seen[-1][0] - target) ** 2 / len(rows)
        slopes = [2 * (seen[-1][0] - target) / len(rows)]
        for place in reversed(range(LAYERS)):
            w, before = weights[place][0], seen[place]
            for r, slope in enumerate(slopes):
                grads[place][1][r] += slope
                for c, x in enumerate(before):
                    grads[place][0][r][c] += slope * x
            back = [sum(s * line[c] for s, line in zip(slopes, w, strict=True)) for c in range(len(before))]
            slopes = [s if x > 0 else 0.0 for s, x in zip(back, before, strict=True)]
    return loss, grads


def _flat(values: Any) -> list[float]:
    return [n for v in values for n in _flat(v)] if isinstance(values, list) else [values]


def _by_hand(task: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Mean loss and norm, and the parameters in one row, computed without PyTorch."""
    weights = [[[list(line) for line in w], list(b)] for w, b in task["weights"]]
    states: dict[tuple[int, ...], dict[str, Any]] = {}
    loss = norm = 0.0
    for rows, targets in task["data"]:
        one, grads = _backward(weights, rows, targets)
        loss += one
        norm += math.sqrt(sum(g * g for g in _flat(grads)))
        for k, ((w, b), (dw, db)) in enumerate(zip(weights, grads, strict=True)):
            for r, line in enumerate(w):
                for c in range(len(line)):
                    line[c] = _adamw(states.setdefault((k, r, c), {}), line[c], dw[r][c], task["lr"], 0.01)
                b[r] = _adamw(states.setdefault((k, r), {}), b[r], db[r], task["lr"], 0.01)
    return [loss / len(task["data"]), norm / len(task["data"])], _flat(weights)


def _trained_as_told(ask: Ask, steps: int) -> list[Event]:
    """Runs an epoch, asserts its numbers and its work; the device's events."""
    task = _training(ask, steps)
    came, events = ask.on_device(DEVICE, EPOCH, **task)
    means, values = _by_hand(task)
    given = f"{steps} batches, lr={task['lr']}"
    why = (
        RETURNS_NOTHING if came["told"] == "NoneType" else "It is to return the mean loss and the mean norm."
    )
    told = f"{len(came['kinds'])} values in a {came['told']}" if came["kinds"] else f"a {came['told']}"
    ask.expect(len(came["kinds"]) == len(means), given=given, expected="two floats", came=told, why=why)
    ask.expect(
        ask.close(_flat(came["values"]), values, rtol=5e-3, atol=2e-3),
        given=given,
        expected=f"the parameters of {steps} steps of AdamW, {values[:4]}...",
        came=f"others, {_flat(came['values'])[:4]}...",
        why="Speed counts only where the training is right.",
    )
    reasons = {
        "loss": "The mean of the losses of all steps; each step counts once.",
        "norm": "The norm is that of the whole gradient, before the step; each step counts once.",
    }
    for (name, why), kind, got, wanted in zip(
        reasons.items(), came["kinds"], came["means"], means, strict=True
    ):
        right = ask.close(got, wanted, rtol=5e-3, atol=1e-3)
        reason = (
            f"The value is right, but a {kind} is no float: .item() makes one of it, once." if right else why
        )
        ask.expect(
            right and kind == "float",
            given=given,
            expected=f"the mean {name} {wanted}, a float",
            came=f"the mean {name} {got}, a {kind}",
            why=reason,
        )
    products = sum(e.kind == "matmul" for e in events)
    least = (
        2 * LAYERS + LAYERS - 1
    ) * steps  # forward, the weights' gradients, and the inputs' but the first's
    ask.expect(
        products >= least,
        given=f"{steps} batches",
        expected=f"at least {least} matrix products on the device",
        came=f"{products}",
        why="The training is the device's work; what was done elsewhere is not fast.",
    )
    return events


@check("epoch", points=2, title="loss, norm and parameters")
def epoch_trains(ask: Ask) -> None:
    _trained_as_told(ask, 3)


def _within(ask: Ask, bound: float) -> None:
    steps = 4
    events = _trained_as_told(ask, steps)
    ask.device_ms = _ms(events)
    ask.expect(
        ask.device_ms <= bound * steps,
        given=f"{steps} batches",
        expected=f"at most {bound} ms a step",
        came=f"{ask.device_ms / steps:.2f} ms a step",
        why="What is launched for every parameter, and where does the host wait?",
    )


@check("epoch", points=1, title="at most 5.6 ms a step")
def epoch_fast(ask: Ask) -> None:
    _within(ask, 5.6)


@check("epoch", points=1, title="at most 4.2 ms a step")
def epoch_faster(ask: Ask) -> None:
    _within(ask, 4.2)


@check("epoch", points=1, title="at most 3.2 ms a step")
def epoch_fastest(ask: Ask) -> None:
    _within(ask, 3.2)
