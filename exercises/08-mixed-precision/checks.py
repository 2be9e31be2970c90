"""Hidden checks of "Mixed precision". They run in the grader; only the probes enter the learner's kernel."""

import math
from itertools import pairwise
from typing import Any

from camp.checks import RETURNS_NOTHING, Ask, check
from npusim.replay import Event, Timed

DEVICE = Timed()
MAX_HALF = 65504.0


# --- Task 1 ----------------------------------------------------------------------------------------------

# The layers are registered in another order than they run in, below containers.
OVERFLOW = """
import torch
class Times(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
    def forward(self, *given):
        total = given[0].half()
        for other in given[1:]:
            total = total + other.half()
        return total * self.factor
class Apart(torch.nn.Module):
    def forward(self, given):
        large = given.half() * 4000.0
        return torch.where(large.isinf(), large - large, given.half())
class Mixes(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.weight = torch.nn.Parameter(factor * torch.eye(4))
    def forward(self, given):
        return given.to(self.weight.dtype) @ self.weight
class Chain(torch.nn.Module):
    runs = graphs = 0
    def __init__(self, parts, order):
        super().__init__()
        self.order = order
        for label, kind, factor in parts:
            layer = Apart() if kind == "apart" else Mixes(factor) if kind == "mixes" else Times(factor)
            self.add_module(label, torch.nn.Sequential(layer))
    def forward(self, given):
        self.runs += 1
        self.graphs += torch.is_grad_enabled()
        first = given
        for label, kind, _ in self.order:
            part = getattr(self, label)
            given = part[0](given, first) if kind == "two" else part(given)
        return given
outer = torch.nn.Sequential(Chain(parts, order)).to("npu:0")
before = [p.detach().clone() for p in outer.parameters()]
named = first_overflow(outer, torch.tensor(values, device="npu:0"))
result = {
    "named": named if named is None else str(named),
    "hooks": sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in outer.modules()),
    "runs": outer[0].runs,
    "graphs": outer[0].graphs,
    "kept": all(p.dtype == b.dtype and torch.equal(p, b) for p, b in zip(outer.parameters(), before)),
}
"""


def _overflow(
    ask: Ask, kinds: list[tuple[str, float]], blamed: int | None, why: str, *, values: Any = None
) -> dict[str, Any]:
    """Ask about layers that run in this order and were registered in another; `blamed` counts from 0."""
    labels = ask.random.sample(["gate", "neck", "stem", "tail", "lift", "cell"], len(kinds))
    order = [[label, kind, factor] for label, (kind, factor) in zip(labels, kinds, strict=True)]
    parts = order[::-1]
    values = values or [[round(ask.random.uniform(10, 20), 1) for _ in range(4)] for _ in range(2)]
    came: dict[str, Any] = ask.run(OVERFLOW, parts=parts, order=order, values=values)
    given = f"layers that run in the order {', '.join(labels)} and were written down the other way round"
    wanted = None if blamed is None else f"0.{labels[blamed]}.0"
    ask.expect(
        came["runs"] == 1,
        given=given,
        expected="one run of the network",
        came=f"{came['runs']} runs",
        why="What a layer gives back is seen while the network itself runs, and once is enough.",
    )
    ask.expect(came["named"] == wanted, given=given, expected=wanted, came=came["named"], why=why)
    ask.expect(
        came["hooks"] == 0,
        given=given,
        expected="no hook left in the network",
        came=f"{came['hooks']} hooks left",
        why="A hook that stays costs a wait for the device in every step from then on.",
    )
    return came


def _left_alone(ask: Ask, came: dict[str, Any]) -> None:
    """Whether the run asked for no gradients and left the parameters as they were."""
    ask.expect(
        not came["graphs"],
        given="a network with parameters",
        expected="a run without gradients",
        came="a run that keeps what backward would need",
        why="torch.no_grad() spares the memory of a whole step.",
    )
    ask.expect(
        came["kept"],
        given="a network with float32 parameters",
        expected="parameters as they were",
        came="parameters that were rounded to float16",
        why="autocast casts copies; net.half() casts the network, and no .float() brings the digits back.",
    )


@check("first_overflow", points=1, title="in the order in which layers run, under autocast")
def in_order(ask: Ask) -> None:
    came = _overflow(
        ask,
        [("times", 1.0), ("mixes", 1.1), ("mixes", 9000.7), ("times", 0.5)],
        2,
        "A float32 weight takes part in a float16 product under autocast; there it passes 65504.",
    )
    _left_alone(ask, came)
    _overflow(
        ask,
        [("times", 1.0), ("times", 100.0), ("times", 1000.0), ("times", 2.0)],
        2,
        "Layers before it are finite; layers behind it got the inf.",
    )
    _overflow(
        ask, [("times", 1e4), ("two", 1.0), ("times", 0.5)], 0, "The first of all may be the one to blame."
    )


@check("first_overflow", points=1, title="inf inside, nan outside, and tensors from several sides")
def nan_counts(ask: Ask) -> None:
    _overflow(
        ask,
        [("times", 1.0), ("apart", 1.0), ("times", 2.0)],
        1,
        "Where inf meets inf, nan comes out, and an inf alone is not all to look for.",
    )
    values = [[20000.0 + ask.random.randint(0, 999) for _ in range(4)] for _ in range(2)]
    _overflow(
        ask,
        [("times", 2.0), ("two", 2.0), ("times", 0.5)],
        1,
        "Two finite tensors came in, and their sum was too large.",
        values=values,
    )


@check("first_overflow", points=1, title="nobody to blame")
def nobody(ask: Ask) -> None:
    _overflow(
        ask, [("times", 1.0), ("times", 30.0), ("times", 2.0)], None, "All stays below float16's largest."
    )
    values = [[math.inf, round(ask.random.uniform(1, 9), 1)]]
    _overflow(
        ask,
        [("times", 1.0), ("times", 3.0)],
        None,
        "The data held the inf before any layer ran.",
        values=values,
    )


# --- Task 2 ----------------------------------------------------------------------------------------------

SCALE = """
import torch
given = [torch.tensor(values).to(device) for values in lists]
scale = static_scale(given, room)
same = all(torch.equal(one.cpu(), torch.tensor(values)) for one, values in zip(given, lists))
result = [type(scale).__name__, None if scale is None else float(scale), same]
"""


def _scale(ask: Ask, lists: list[Any], room: float, why: str) -> None:
    kind, came, same = ask.run(SCALE, lists=lists, room=room, device=ask.random.choice(["npu:0", "cpu"]))

    def flat(values: Any) -> list[float]:
        return [n for v in values for n in flat(v)] if isinstance(values, list) else [values]

    peak = max(abs(v) for v in flat(lists))
    wanted = 1.0
    if peak:
        while peak * wanted * room > MAX_HALF:
            wanted /= 2
        while peak * wanted * 2 * room <= MAX_HALF:
            wanted *= 2
    if came is None:
        why = RETURNS_NOTHING
    elif came == wanted and same:
        why = f"The value is right, its type is not: float() makes one of {kind}."
    elif came == wanted:
        why = "The optimizer needs them as they were; a method whose name ends in _ works in place."
    ask.expect(
        kind == "float" and came == wanted and same,
        given=f"gradients up to {peak:g} and room {room}",
        expected=f"{wanted:g}, a float, and the gradients as they were",
        came=None
        if came is None
        else f"{came:g}, a {kind}{'' if same else ', and other gradients than before'}",
        why=why,
    )


@check("static_scale", points=1, title="small gradients, the largest of them negative")
def small_gradients(ask: Ask) -> None:
    for turn in range(4):
        size = 10.0 ** ask.random.uniform(-12, -3)
        small = [round(ask.random.uniform(0.01, 0.4), 3) * size for _ in range(5)]
        lists = [[0.0, 0.0], small, [[-size]]] if turn % 2 else [small, [[-size]], [0.0, 0.0]]
        _scale(ask, lists, ask.random.choice([1.0, 4.0, 10.0]), "The largest absolute value decides.")


@check("static_scale", points=1, title="at the edge, beyond it, and nothing at all")
def edges(ask: Ask) -> None:
    k = ask.random.randint(2, 20)
    _scale(ask, [[MAX_HALF / 2.0**k]], 1.0, "65504 itself fits.")
    _scale(ask, [[65520.0 / 2.0**k]], 1.0, "Above 65504 float16 ends, although 65536 is the power of two.")
    _scale(ask, [[ask.random.uniform(1e5, 9e6)], [-1.0]], 2.0, "Below 1, a scale makes gradients smaller.")
    _scale(ask, [[0.0, 0.0], [[0.0]]], 8.0, "Where all are 0, nothing needs a scale.")


# --- Task 3 ----------------------------------------------------------------------------------------------

NORM = """
import torch
norm = RMSNorm(len(factors), eps=eps).to("npu:0")
kept = norm.weight.dtype
with torch.no_grad():
    norm.weight.copy_(torch.tensor(factors))
rows = torch.tensor(numbers, device="npu:0").to(getattr(torch, dtype))
rows = (rows[None] if deep else rows).requires_grad_()
with torch.autocast("npu", dtype=torch.float16, enabled=autocast):
    normal = norm(rows)
told = type(normal).__name__
result = {"told": told}
if told == "Tensor":
    if normal.requires_grad:
        normal.float().sum().backward()
    slope = norm.weight.grad
    same = normal.shape == rows.shape
    result = {
        "told": told,
        "given": (rows[0] if deep else rows).detach().float().tolist(),
        "shape": list(normal.shape),
        "normal": (normal[0] if deep and same else normal).detach().float().tolist(),
        "dtypes": [str(normal.dtype), str(kept), None if slope is None else str(slope.dtype)],
        "slope": None if slope is None else slope.tolist(),
    }
"""


def _normed(ask: Ask, numbers: list[list[float]], why: str, **setting: Any) -> None:
    """Normalise rows; the setting is `dtype`, `eps`, `autocast`, and `deep` for a third dimension."""
    width, dtype, eps = len(numbers[0]), setting["dtype"], setting["eps"]
    factors = [ask.random.choice([0.5, 1.0, 1.5, 2.0]) for _ in range(width)]
    came = ask.run(NORM, numbers=numbers, factors=factors, **setting)
    shape = [1, len(numbers), width] if setting["deep"] else [len(numbers), width]
    given = f"{dtype} of shape {shape}, eps {eps:g}{', under autocast' if setting['autocast'] else ''}"
    told = came["told"]
    nothing = "forward has to return the tensor."
    ask.expect(told == "Tensor", given=given, expected="a tensor", came=f"a {told}", why=nothing)
    trains = came["slope"] is not None
    ask.expect(
        came["dtypes"] == [f"torch.{dtype}", "torch.float32", "torch.float32"],
        given=given,
        expected=f"{dtype} back, weight and its gradient float32",
        came=f"back, weight, and its gradient: {came['dtypes']}",
        why="What comes out goes into the next product; what is trained keeps its digits."
        if trains
        else "The weight gets no gradient, so it will not train: it has to take part in the formula itself.",
    )
    all_of_it = "Every row keeps its place."
    ask.expect(came["shape"] == shape, given=given, expected=shape, came=came["shape"], why=all_of_it)
    digits = 1e-2 if dtype == "bfloat16" else 2e-3
    slope = [0.0] * width
    for row, got in zip(came["given"], came["normal"], strict=True):
        plain = [x / math.sqrt(sum(v * v for v in row) / width + eps) for x in row]
        wanted = [x * f for x, f in zip(plain, factors, strict=True)]
        slope = [one + x for one, x in zip(slope, plain, strict=True)]
        ask.expect(
            ask.close(got, wanted, rtol=digits, atol=1e-3),
            given=f"{given}, weight {factors}, the row {[float(f'{x:.4g}') for x in row]}",
            expected=wanted,
            came=got,
            why=why,
        )
    ask.expect(
        ask.close(came["slope"], slope, rtol=4 * digits, atol=1e-2),
        given=f"{given}, what comes out added up",
        expected=f"the weight's gradient {slope}",
        came=f"the weight's gradient {came['slope']}",
        why="The weight gets of each row what it multiplies there.",
    )


def _rows(ask: Ask, low: float, high: float) -> list[list[float]]:
    width = ask.random.randint(3, 6)
    return [
        [ask.random.choice([-1, 1]) * ask.random.uniform(low, high) for _ in range(width)] for _ in range(3)
    ]


@check("rms_norm", points=1, title="large rows")
def large_rows(ask: Ask) -> None:
    for autocast in (True, False):
        rows, eps = _rows(ask, 260, 60000), ask.random.choice([1e-10, 1e-12])
        why = "Their squares pass 65504, their norm does not."
        _normed(ask, rows, why, dtype="float16", eps=eps, autocast=autocast, deep=False)


@check("rms_norm", points=1, title="tiny rows, and one of zeros")
def tiny_rows(ask: Ask) -> None:
    for autocast in (True, False):
        rows = _rows(ask, 1e-4, 4e-4)
        rows[ask.random.randrange(3)] = [0.0] * len(rows[0])
        eps = ask.random.choice([2e-8, 4e-8])
        why = "Squares and eps below 6e-8 are 0 in float16; and eps, as given, stands below the root."
        _normed(ask, rows, why, dtype="float16", eps=eps, autocast=autocast, deep=False)


@check("rms_norm", points=1, title="every type and shape comes back as it was")
def types_kept(ask: Ask) -> None:
    for dtype in ("float32", "bfloat16", "float16"):
        rows, half = _rows(ask, 0.5, 9), dtype != "float32"
        why = "Each with the digits it has, over the last dimension."
        _normed(ask, rows, why, dtype=dtype, eps=1e-8, autocast=half, deep=True)


# --- Task 4 ----------------------------------------------------------------------------------------------

STEP = """
import torch
linear = torch.nn.Linear(len(start), 1, bias=False).to("npu:0")
with torch.no_grad():
    linear.weight.copy_(torch.tensor([start]))
sgd = torch.optim.SGD(linear.parameters(), lr=lr)
keeper = torch.npu.amp.GradScaler(init_scale=scale)
steps = [(torch.tensor(a, device="npu:0"), torch.tensor(b, device="npu:0")) for a, b in batches]
history, inside = [], []
linear.weight.register_hook(lambda grad: inside.append(torch.is_autocast_enabled("npu")))
begin()
for a, b in steps:
    one = train_step(linear, sgd, keeper, (a, b), max_norm)
    history.append([one, linear.weight.detach().clone(), keeper.get_scale()])
end()
def _told(one):
    if type(one) is not torch.Tensor:
        return [type(one).__name__, None, None]
    return [one.item(), bool(one.requires_grad), str(one.device)]
result = {
    "steps": [[*_told(one), w.flatten().tolist(), s] for one, w, s in history],
    "inside": any(inside),
}
"""


def _line(ask: Ask, steps: int) -> dict[str, Any]:
    """A weight of two and batches that float16 holds without rounding."""

    def number() -> float:
        return ask.random.choice([-1, 1]) * ask.random.randint(1, 8) / 8

    batches = []
    for _ in range(steps):
        rows = [[number(), number()] for _ in range(4)]
        batches.append([rows, [[number() + 3.0] for _ in rows]])
    return {"start": [number(), number()], "batches": batches, "lr": 0.125, "scale": 4096.0, "max_norm": 1e9}


def _steps_by_hand(setting: dict[str, Any]) -> list[list[Any]]:
    """Loss and weight after each step, computed here."""
    weight, history = list(setting["start"]), []
    for rows, wanted in setting["batches"]:
        errors = [
            sum(w * x for w, x in zip(weight, row, strict=True)) - y
            for row, [y] in zip(rows, wanted, strict=True)
        ]
        loss = sum(e * e for e in errors) / len(errors)
        slope = [
            sum(2 * e * row[i] for e, row in zip(errors, rows, strict=True)) / len(rows)
            for i in range(len(weight))
        ]
        norm = math.sqrt(sum(g * g for g in slope))
        clip = min(1.0, setting["max_norm"] / norm)
        weight = [w - setting["lr"] * clip * g for w, g in zip(weight, slope, strict=True)]
        history.append([loss, list(weight)])
    return history


def _stepped(ask: Ask, setting: dict[str, Any], why: str) -> tuple[bool, list[Event]]:
    """Whether backward ran under autocast, and the device's events, of steps that did what they should."""
    answer, events = ask.on_device(DEVICE, STEP, **setting)
    came = answer["steps"]
    given = f"{len(came)} steps from {setting['start']}, scale {setting['scale']:g}"
    given += f", max_norm {setting['max_norm']:g}"
    for wanted, got in zip(_steps_by_hand(setting), came, strict=True):
        ask.expect(
            got[1] is not None,
            given=given,
            expected="the loss as a tensor",
            came="None" if got[0] == "NoneType" else f"a {got[0]}",
            why=RETURNS_NOTHING
            if got[0] == "NoneType"
            else "A number would have to be read, and the host would wait for it in every step.",
        )
        ask.expect(
            got[1:3] == [False, "npu:0"] and ask.close(got[0], wanted[0], rtol=1e-2, atol=1e-3),
            given=given,
            expected=f"the loss {wanted[0]:.4f} on npu:0, without a graph",
            came=f"{got[0]:.4f} on {got[2]}{', with a graph' if got[1] else ''}",
            why="The caller prints it: not scaled, and with a graph it would hold the whole step in memory.",
        )
        ask.expect(
            ask.close(got[3], wanted[1], rtol=1e-2, atol=4e-3),
            given=given,
            expected=wanted[1],
            came=got[3],
            why=why,
        )
    return bool(answer["inside"]), events


@check("train_step", points=1, title="several steps, nothing to clip")
def plain_steps(ask: Ask) -> None:
    setting = {**_line(ask, 3), "scale": 2.0}
    _stepped(ask, setting, "Each batch moves the weight by lr times its own, true gradient.")


@check("train_step", points=1, title="clipped to a norm")
def clipped_steps(ask: Ask) -> None:
    setting = {**_line(ask, 2), "max_norm": ask.random.choice([0.25, 0.5, 0.75]), "lr": 0.5}
    _stepped(ask, setting, "The limit is meant for gradients that nobody has multiplied by the scale.")


@check("train_step", points=1, title="a step that overflows, and one after it")
def overflowing_step(ask: Ask) -> None:
    setting = {**_line(ask, 2), "max_norm": ask.random.choice([0.5, 1.0])}
    far = [math.copysign(6e4, w) for w in setting["start"]]
    setting["batches"].insert(0, [[far] * 4, [[0.0]] * 4])
    answer, _ = ask.on_device(DEVICE, STEP, **setting)
    came = answer["steps"]
    ask.expect(
        came[0][3] == setting["start"] and came[0][4] == setting["scale"] / 2,
        given=f"inputs {far}, the weight {setting['start']}, scale 4096",
        expected=f"the weight as it was, scale {setting['scale'] / 2}",
        came=f"{came[0][3]}, scale {came[0][4]}",
        why="One update with an inf in it, and every weight is lost.",
    )
    wanted = _steps_by_hand({**setting, "batches": setting["batches"][1:]})
    ask.expect(
        ask.close([s[3] for s in came[1:]], [w[1] for w in wanted], rtol=1e-2, atol=4e-3),
        given="two good steps after it",
        expected=[w[1] for w in wanted],
        came=[s[3] for s in came[1:]],
        why="What overflowed is gone with its step; the next ones learn as ever.",
    )


@check("train_step", points=1, title="products in float16, and float32 around them")
def where_half(ask: Ask) -> None:
    inside, events = _stepped(ask, _line(ask, 1), "The weight moves by lr times the gradient.")
    ask.expect(
        not inside,
        given="one step",
        expected="backward outside of autocast's region",
        came="backward under autocast",
        why="Backward follows the types that forward chose; only forward and loss belong into the with.",
    )
    products = [e for e in events if e.kind == "matmul"]
    halves = [e for e in products if all(i.dtype == "float16" for i in e.inputs[:2])]
    ask.expect(
        products and len(halves) == len(products),
        given="one step",
        expected="every product in float16",
        came=f"{len(halves)} of {len(products)}",
        why="The Cube multiplies float16 four times as fast; that is what all this is for.",
    )
    ask.expect(
        any("float32" in {i.dtype for i in e.inputs} and not e.outputs[0].shape for e in events if e.outputs),
        given="one step",
        expected="the loss computed in float32, as autocast does",
        came="a loss in float16",
        why="Means and losses add up many numbers; autocast takes float32 if the loss is in its region.",
    )


# --- Task 5 ----------------------------------------------------------------------------------------------

LOOK = """
import torch
scaler = LossScale(value=start, growth=growth, backoff=backoff, interval=interval)
calls = []
class Counted(torch.optim.SGD):
    def step(self, closure=None):
        calls.append(1)
        super().step(closure)
some = [torch.nn.Parameter(torch.zeros(shape, device="npu:0")) for shape in shapes]
groups = Counted([{"params": some[:1]}, {"params": some[1:]}], lr=1.0)
played = []
for row in rows:
    for p, g in zip(some, row):
        p.grad = None if g is None else torch.full_like(p, g)
        if g is not None and g - g != 0:  # an inf or nan comes alone, among zeros
            p.grad = torch.zeros_like(p)
            p.grad.view(-1)[-1] = g
    count = len(calls)
    told = scaler.step(groups)
    played.append([
        told if type(told) is bool else type(told).__name__, len(calls) - count, float(scaler.value),
        [p.flatten()[-1].item() for p in some],
    ])
leaf = torch.tensor(2.0, device="npu:0", requires_grad=True)
times = scaler.scale(leaf * 3)
times.backward()
held = [type(v).__name__ for v in vars(scaler).values() if isinstance(v, torch.amp.GradScaler)]
result = {"played": played, "scaled": [times.item(), leaf.grad.item(), float(scaler.value)], "held": held}
"""

TIMED = """
import torch
class Idle(torch.optim.SGD):
    def step(self, closure=None):
        pass
some = [torch.nn.Parameter(torch.zeros(12, 12, device="npu:0")) for _ in range(count)]
for p, g in zip(some, sizes):
    p.grad = torch.full_like(p, g)
scaler, waiting = LossScale(value=start), Idle(some, lr=1.0)
begin()
told = scaler.step(waiting)
end()
result = [bool(told), [p.grad.flatten()[0].item() for p in some]]
"""
TARGET_MS = 0.8


STEP_SAYS = ("returned", "calls of optimizer.step:", "the scale afterwards", "the weights afterwards")
STEP_WHY = (
    "True where the optimizer stepped, False where a gradient was inf or nan.",
    "A bad step calls it not at all, a good one once.",
    "Bad: times backoff, the count begins anew. Good: as it was, or after `interval` in a row times growth.",
    "Good: the gradients are divided by the scale of this step, and the optimizer steps. Bad: as they were.",
)


def _played(ask: Ask, *, bad: float, interval: int, steps: int) -> None:
    """A course of good and bad steps, with the scale followed here."""
    growth, backoff = ask.random.choice([(2.0, 0.5), (4.0, 0.25), (2.0, 0.25)])
    shapes = [[ask.random.randint(1, 4), 3] for _ in range(3)]
    start = float(2 ** ask.random.randint(4, 10))
    value, good, weights = start, 0, [0.0] * 3
    wanted: list[Any] = []
    rows = []
    unused = ask.random.randrange(3)
    for number in range(steps):
        true = [float(ask.random.randint(-4, 4)) for _ in range(3)]
        row: list[float | None] = [g * value for g in true]
        row[unused] = None
        if number % (interval + 2) == interval - 1 or number == 0:
            at = ask.random.choice([i for i in range(3) if i != unused])
            row[at], value, good, stepped = bad, value * backoff, 0, False
        else:
            weights = [
                w - (0 if i == unused else g) for i, (w, g) in enumerate(zip(weights, true, strict=True))
            ]
            good, stepped = good + 1, True
            if good == interval:
                value, good = value * growth, 0
        rows.append(row)
        wanted.append([stepped, int(stepped), value, list(weights)])
    setting = {"start": start, "growth": growth, "backoff": backoff, "interval": interval}
    came = ask.run(LOOK, shapes=shapes, rows=rows, **setting)
    ask.expect(
        not came["held"], given="a LossScale", expected="one of its own making", came="a GradScaler inside",
        why="The scaler is to be written here; torch's own does not show how it works.",
    )  # fmt: skip
    for number, (right, got) in enumerate(zip(wanted, came["played"], strict=True), start=1):
        before = wanted[number - 2][2] if number > 1 else start
        given = (
            f"interval {interval}, growth {growth:g}, backoff {backoff:g}; step {number}, scale {before:g}, "
        )
        given += f"scaled gradients {rows[number - 1]}"
        for what, one, other, why in zip(STEP_SAYS, right, got, STEP_WHY, strict=True):
            shown = f"{what} {other}"
            ask.expect(one == other, given=given, expected=f"{what} {one}", came=shown, why=why)
    last = wanted[-1][2]
    ask.expect(
        came["scaled"] == [6 * last, 3 * last, last],
        given=f"a loss of 6 and the scale {last}",
        expected=f"{6 * last}, and a gradient {last} times as large",
        came=came["scaled"][:2],
        why="By the chain rule, every gradient gets the factor of the loss.",
    )


@check("loss_scale", points=1, title="steps that are good, and some with an inf")
def with_inf(ask: Ask) -> None:
    _played(ask, bad=math.inf * ask.random.choice([-1, 1]), interval=ask.random.randint(3, 4), steps=12)


@check("loss_scale", points=1, title="steps with a nan")
def with_nan(ask: Ask) -> None:
    _played(ask, bad=math.nan, interval=ask.random.randint(2, 3), steps=9)


def _timed(ask: Ask, count: int) -> list[Event]:
    start = float(2 ** ask.random.randint(6, 12))
    true = [float(ask.random.randint(1, 9)) for _ in range(count)]
    came, events = ask.on_device(DEVICE, TIMED, count=count, sizes=[g * start for g in true], start=start)
    ask.expect(
        came == [True, true],
        given=f"{count} gradients times {start}",
        expected=f"True and {true[:3]}…",
        came=came,
        why="Speed counts only where the division is right.",
    )
    found: list[Event] = events
    return found


def _waits(events: list[Event]) -> int:
    """How often the host stood still."""
    return sum(e.name == "D2H" or e.category == "sync" for e in events)


@check("loss_scale", points=1, title="the host waits once, however many gradients")
def waits_once(ask: Ask) -> None:
    waits = {count: _waits(_timed(ask, count)) for count in (3, ask.random.randint(8, 14))}
    ask.expect(
        set(waits.values()) == {1},
        given=f"{' and '.join(map(str, waits))} gradients",
        expected="one read of the device in a step",
        came=list(waits.values()),
        why="At each read the host waits until the queue is empty; at none it cannot know.",
    )


@check("loss_scale", points=1, title="look and division within the device time on the scale")
def look_is_cheap(ask: Ask) -> None:
    ask.device_ms = ms = DEVICE.ms(_timed(ask, 24))
    ask.expect(
        ms <= TARGET_MS,
        given="24 gradients on an idle device",
        expected=f"at most {TARGET_MS} ms",
        came=f"{ms:.3f} ms",
        why="One launch for each of them is 24 times 44 µs; lists go in one launch.",
    )


# --- Task 6 ----------------------------------------------------------------------------------------------

MASTER = """
import torch
some = [torch.nn.Parameter(torch.tensor(v, device="npu:0").half()) for v in starts]
places = [p.data_ptr() for p in some]
kept = {}
for row, lr in zip(rows, rates):
    for p, g in zip(some, row):
        p.grad = None if g is None else torch.tensor(g, device="npu:0").half()
    master_step(some, kept, lr, scale) if scale != 1.0 else master_step(some, kept, lr)
result = {
    "weights": [p.tolist() for p in some],
    "same": [p.data_ptr() for p in some] == places and all(p.requires_grad and p.is_leaf for p in some),
    "dtypes": sorted({str(p.dtype) for p in some}),
    "kept": len(kept) > 0,
}
"""


def _learned(ask: Ask, setting: dict[str, Any], wanted: list[list[float]], why: str) -> bool:
    """Whether something was kept in `state` by steps that did what they should."""
    came = ask.run(MASTER, **{"scale": 1.0, **setting})
    rows, rates = setting["rows"], sorted(set(setting["rates"]), reverse=True)
    given = f"{setting['starts']}, {len(rows)} steps with lr {', then '.join(f'{r:g}' for r in rates)}"
    given += f", the last {rows[-1]}"
    given += f", scale {setting['scale']:g}" if "scale" in setting else ""
    ask.expect(
        came["same"] and came["dtypes"] == ["torch.float16"],
        given=given,
        expected="the same float16 parameters in the same memory",
        came=came["dtypes"] if came["same"] else "parameters in another place",
        why="The network computes with these tensors; a new one would never reach it.",
    )
    ask.expect(
        ask.close(came["weights"], wanted, rtol=1e-3, atol=1e-4),
        given=given,
        expected=wanted,
        came=came["weights"],
        why=why,
    )
    return bool(came["kept"])


@check("master_sgd", points=1, title="many small updates")
def small_updates(ask: Ask) -> None:
    steps = ask.random.randint(80, 120)
    starts = [[ask.random.choice([1.0, -1.0, 2.0]) for _ in range(2)] for _ in range(2)] + [[1.0]]
    slopes = [[ask.random.choice([-1.0, 0.5, 1.0]) for _ in range(2)], [1.0, -1.0], [2.0]]
    courses = {
        "Each is rounded away in float16; their sum is not small.": [1e-4] * 2 * steps,
        "Each step has a lr of its own, as a schedule gives it.": [1e-4] * steps + [5e-5] * steps,
    }
    for why, rates in courses.items():
        wanted = [
            [w - sum(rates) * g for w, g in zip(weights, row, strict=True)]
            for weights, row in zip(starts, slopes, strict=True)
        ]
        rows = [slopes] * len(rates)
        kept = _learned(ask, {"starts": starts, "rows": rows, "rates": rates}, wanted, why)
    ask.expect(
        kept,
        given="an empty state at the first step",
        expected="what the next step needs, in state",
        came="a state that is empty still",
        why="state is saved with a checkpoint; what is kept elsewhere is lost, or mixed up with another's.",
    )


@check("master_sgd", points=1, title="gradients that a scale divides to almost nothing")
def scaled_gradients(ask: Ask) -> None:
    scale, lr = 2.0 ** ask.random.randint(27, 30), 2.0**20
    slopes = [float(ask.random.randint(1, 6)), -float(ask.random.randint(1, 6))]
    wanted = [[1.0 - 3 * lr * g / scale for g in slopes]]
    why = "Divided in float16 they are 0 or lose digits; in float32 they are not."
    _learned(
        ask, {"starts": [[1.0, 1.0]], "rows": [[slopes]] * 3, "rates": [lr] * 3, "scale": scale}, wanted, why
    )


@check("master_sgd", points=1, title="parameters without a gradient")
def without_gradient(ask: Ask) -> None:
    still, g = round(ask.random.uniform(1, 2) * 8) / 8, float(ask.random.randint(1, 4))
    rows = [[None, [g]], [None, [-g / 2]], [None, [g]]]
    why = "A frozen layer, or one that this batch did not use, has no gradient."
    wanted = [[still], [1.0 - 0.125 * 1.5 * g]]
    _learned(ask, {"starts": [[still], [1.0]], "rows": rows, "rates": [0.125] * 3}, wanted, why)


# --- Task 7 ----------------------------------------------------------------------------------------------

PREDICT = """
times = [forward_us(rows, sizes, half, launch, rates) for rows, sizes, half in cases]
result = [[type(t).__name__, None if t is None else float(t)] for t in times]
"""


def _predicted(ask: Ask, cases: list[list[Any]], why: str) -> None:
    launch = round(ask.random.uniform(8, 60), 1)
    rates = {
        "float32": round(ask.random.uniform(30, 70), 1),
        "float16": round(ask.random.uniform(150, 300), 1),
    }
    came = ask.run(PREDICT, cases=cases, launch=launch, rates=rates)
    for (batch, widths, half), (kind, us) in zip(cases, came, strict=True):
        queued, done = 0.0, 0.0
        for k, n in pairwise(widths):
            # Casts that take no time on the device are launches and no more.
            queued += launch * (1 + (2 if half else 0) + (1 if half and not done else 0))
            work = 2 * batch * k * n / (rates["float16" if half else "float32"] * 1e6)
            done = max(done, queued) + work
        right = us is not None and math.isclose(us, done, rel_tol=1e-3)
        reason = f"The value is right, its type is not: float() makes one of {kind}." if right else why
        ask.expect(
            right and kind == "float",
            given=f"batch {batch}, widths {widths}, autocast {half}, launches of {launch} µs, {rates}",
            expected=f"{done:.1f} µs",
            came=None if us is None else f"{us:.1f} µs, a {kind}",
            why=RETURNS_NOTHING if us is None else reason,
        )


def _widths(ask: Ask, sizes: list[int]) -> list[int]:
    return [ask.random.choice(sizes) for _ in range(ask.random.randint(3, 5))]


@check("forward_us", points=1, title="small layers")
def small_layers(ask: Ask) -> None:
    sizes = _widths(ask, [32, 64, 128])
    sizes[1] = sizes[0]  # what makes a layer the first one is its place
    cases = [[ask.random.randint(8, 64), sizes, half] for half in (True, False)]
    _predicted(ask, cases, "The host is the slow one: it is launches that count, and casts are launches.")


@check("forward_us", points=1, title="large layers")
def large_layers(ask: Ask) -> None:
    cases = [[ask.random.randint(4000, 9000), _widths(ask, [4096, 8192]), half] for half in (True, False)]
    _predicted(ask, cases, "The device is the slow one: launches hide behind the product before them.")


@check("forward_us", points=1, title="small and large layers in one network")
def mixed_layers(ask: Ask) -> None:
    cases = []
    for half in (True, False, True, False):
        widths = [32, 4096, 8192, 64, 64, 64, 4096, 4096][: ask.random.randint(5, 8)]
        cases.append([ask.random.randint(500, 3000), widths, half])
    _predicted(ask, cases, "Behind a long product the small ones wait in the queue, launched already.")
