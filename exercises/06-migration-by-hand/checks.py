"""Hidden checks of "Migration by hand". They run in the grader; only probes enter the learner's kernel."""

from typing import Any

from camp.checks import Ask, check
from npusim.replay import Timed

DEVICE = Timed()

# --- Task 1 ----------------------------------------------------------------------------------------------

PICK = """
from types import SimpleNamespace
def _seen(count):
    return SimpleNamespace(is_available=lambda: count > 0, device_count=lambda: count)
result = []
for cards, wanted in cases:
    stand_in = SimpleNamespace(**{kind: _seen(count) for kind, count in cards.items()})
    try:
        result.append(pick_device(stand_in) if wanted is None else pick_device(stand_in, wanted))
    except ValueError:
        result.append("ValueError")
"""
Cases = list[tuple[dict[str, int], str | None, str]]


def _picked(ask: Ask, cases: Cases, why: str) -> None:
    ask.random.shuffle(cases)
    came = ask.run(PICK, cases=[[cards, wanted] for cards, wanted, _ in cases])
    for (cards, wanted, right), got in zip(cases, came, strict=True):
        asked = "nothing" if wanted is None else repr(wanted)
        ask.expect(got == right, given=f"cards {cards}, {asked} wanted", expected=right, came=got, why=why)


@check("pick_device", points=1, title="what there is, where nothing is wanted")
def what_there_is(ask: Ask) -> None:
    many = ask.random.randint(2, 16)
    cases: Cases = [
        ({"npu": many, "cuda": 0}, None, "npu:0"),
        ({"npu": 1, "cuda": many}, None, "npu:0"),
        ({"npu": 0, "cuda": many}, None, "cuda:0"),
        ({"cuda": 1}, None, "cuda:0"),
        ({"npu": many}, None, "npu:0"),
        ({"cuda": 0}, None, "cpu"),
    ]
    _picked(ask, cases, "An old PyTorch has no attribute npu, and the partners' machine no NPU.")


@check("pick_device", points=1, title="what is wanted, or an error")
def what_is_wanted(ask: Ask) -> None:
    many = ask.random.randint(3, 16)
    last = many - 1
    cases: Cases = [
        ({"npu": many, "cuda": 0}, f"npu:{last}", f"npu:{last}"),
        ({"npu": many, "cuda": 0}, "npu", "npu:0"),
        ({"npu": many, "cuda": many}, f"cuda:{last}", f"cuda:{last}"),
        ({"npu": many}, "cpu", "cpu"),
        ({"npu": many, "cuda": 0}, f"npu:{many}", "ValueError"),
        ({"npu": many}, "cuda", "ValueError"),
        ({"cuda": 1}, "npu:0", "ValueError"),
    ]
    _picked(
        ask, cases, "A card that is not there must be told, and never replaced by another or by the host."
    )


# --- Task 2 ----------------------------------------------------------------------------------------------

ADOPT = """
import torch
class _Scaled(torch.nn.Module):
    def __init__(self, values, depth):
        super().__init__()
        self.label = "scaled"
        self.values = torch.tensor(values)
        self.shift = torch.tensor(shift)
        self.register_buffer("kept", torch.ones(1))
        self.gain = torch.nn.Parameter(torch.tensor(2.0))
        self.inner = _Scaled(values[::-1], depth - 1) if depth else None
    def forward(self, x):
        x = x * self.values * self.gain + self.shift
        return self.inner(x) if self.inner is not None else x
module = _Scaled(values, depth)
before, trained = list(module.state_dict()), [name for name, _ in module.named_parameters()]
given = module(torch.ones(len(values))).tolist()
same = adopt_tensors(module) is module
parts = [part for part in module.modules() if isinstance(part, _Scaled)]
devices, came = [], []
for device in ("npu:0", "cpu", "npu:0"):
    module.to(device)
    devices += sorted({str(t.device) for part in parts for t in (part.values, part.shift)})
    if devices[-1] == device:
        came = module(torch.ones(len(values), device=device)).tolist()
result = {
    "same": same,
    "devices": devices,
    "names": [list(module.state_dict()), [name for name, _ in module.named_parameters()]],
    "before": [before, trained],
    "labels": [part.label for part in parts],
    "given": given,
    "came": came,
    "buffers": sorted(name for name, _ in torch.nn.Module.named_buffers(module)),
}
"""
MOVES = ["npu:0", "cpu", "npu:0"]


def _adopted(ask: Ask, depth: int) -> dict[str, Any]:
    values = [round(ask.random.uniform(0.5, 2), 2) for _ in range(ask.random.randint(2, 5))]
    shift = round(ask.random.uniform(-1, 1), 2)
    came: dict[str, Any] = ask.run(ADOPT, values=values, shift=shift, depth=depth)
    return came


def _follows(ask: Ask, depth: int, where: str) -> None:
    came = _adopted(ask, depth)
    ask.expect(
        came["devices"] == MOVES,
        given=f"{where}, moved to {', '.join(MOVES)}",
        expected=MOVES,
        came=came["devices"],
        why="What is no buffer is not moved. A module knows all modules in it, at any depth.",
    )
    ask.expect(
        came["same"] and ask.close(came["came"], came["given"], rtol=1e-4, atol=1e-4),
        given=f"{where}, called before and after",
        expected=f"the same module, and {came['given']}",
        came=came["came"],
        why="The values stay what they were.",
    )


@check("adopt_tensors", points=1, title="a module's own tensors follow it")
def own_tensors(ask: Ask) -> None:
    _follows(ask, 0, "one module")


@check("adopt_tensors", points=1, title="tensors of modules within modules follow")
def inner_tensors(ask: Ask) -> None:
    _follows(ask, 3, "a module in a module in a module in a module")


@check("adopt_tensors", points=1, title="buffers now, and checkpoints and parameters as before")
def same_names(ask: Ask) -> None:
    came = _adopted(ask, 1)
    ask.expect(
        came["devices"] == MOVES,
        given="a module in a module, moved",
        expected=MOVES,
        came=came["devices"],
        why="Names count only once the tensors follow.",
    )
    buffers = ["inner.kept", "inner.shift", "inner.values", "kept", "shift", "values"]
    ask.expect(
        came["buffers"] == buffers,
        given="a module in a module, its buffers afterwards",
        expected=buffers,
        came=came["buffers"],
        why="A buffer follows however its module is moved: by to, by npu, or with the network around it.",
    )
    ask.expect(
        came["names"] == came["before"] and set(came["labels"]) == {"scaled"},
        given="the names in state_dict() and named_parameters(), before",
        expected=came["before"],
        came=came["names"],
        why="A name more, and no old checkpoint loads; a parameter more, and the optimizer changes it.",
    )


# --- Task 3 ----------------------------------------------------------------------------------------------

RESUME = """
import os, tempfile, torch
x = torch.tensor(rows)
theirs = torch.nn.Linear(len(rows[0]), 1, bias=False)
with torch.no_grad():
    theirs.weight.copy_(torch.tensor([weights]))
sgd = torch.optim.SGD(theirs.parameters(), lr=lr, momentum=momentum)
theirs(x).sum().backward()
sgd.step()
path = os.path.join(tempfile.mkdtemp(), "theirs.pth")
tag, torch.serialization.location_tag = torch.serialization.location_tag, lambda storage: "cuda:0"
torch.save({"model": theirs.state_dict(), "optimizer": sgd.state_dict(), "epoch": epoch}, path)
torch.serialization.location_tag = tag
ours = torch.nn.Linear(len(rows[0]), 1, bias=False).to(device)
own = torch.optim.SGD(ours.parameters(), lr=1.0)
begin_with = resume(ours, own, path)
loaded, where = ours.weight.flatten().tolist(), str(ours.weight.device)
own.zero_grad()
ours(x.to(device)).sum().backward()
own.step()
result = {"epoch": begin_with, "loaded": loaded, "where": where, "next": ours.weight.flatten().tolist()}
"""


def _resumed(ask: Ask, device: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The task, what came, and what is right, by hand."""
    draw = ask.random.uniform
    task: dict[str, Any] = {
        "rows": [[round(draw(-2, 2), 2) for _ in range(4)] for _ in range(3)],
        "weights": [round(draw(-1, 1), 2) for _ in range(4)],
        "lr": round(draw(0.05, 0.3), 3),
        "momentum": round(draw(0.5, 0.95), 2),
        "epoch": ask.random.randint(3, 90),
        "device": device,
    }
    gradient = [sum(column) for column in zip(*task["rows"], strict=True)]
    lr, momentum = task["lr"], task["momentum"]
    loaded = [w - lr * g for w, g in zip(task["weights"], gradient, strict=True)]
    following = [w - lr * (momentum * g + g) for w, g in zip(loaded, gradient, strict=True)]
    right = {"epoch": task["epoch"] + 1, "loaded": loaded, "where": device, "next": following}
    return task, ask.run(RESUME, **task), right


@check("resume", points=1, title="weights and epoch, on whichever device")
def weights_and_epoch(ask: Ask) -> None:
    for device in ("npu:0", "cpu"):
        task, came, right = _resumed(ask, device)
        ask.expect(
            came["where"] == device and ask.close(came["loaded"], right["loaded"], rtol=1e-4, atol=1e-4),
            given=f"a model on {device}, and a file from cuda:0",
            expected=f"{right['loaded']} on {device}",
            came=f"{came['loaded']} on {came['where']}",
            why="The file says where its tensors were; the model says where they go.",
        )
        ask.expect(
            came["epoch"] == right["epoch"],
            given=f"epoch {task['epoch']} in the file",
            expected=right["epoch"],
            came=came["epoch"],
            why="The epoch in the file was finished.",
        )


@check("resume", points=1, title="the next step is the one that would have come")
def next_step(ask: Ask) -> None:
    task, came, right = _resumed(ask, "npu:0")
    ask.expect(
        ask.close(came["next"], right["next"], rtol=1e-3, atol=1e-3),
        given=f"learning rate {task['lr']} and momentum {task['momentum']} in the file, and one step",
        expected=right["next"],
        came=came["next"],
        why="The optimizer's settings and its momenta are in the file, too.",
    )


# --- Task 4 ----------------------------------------------------------------------------------------------

FOUND = "result = [list(one) for one in find_silent(source)]"
Lines = list[tuple[str, list[str]]]


def _searched(ask: Ask, lines: Lines, why: str) -> None:
    """A script of these lines in some order, and what is to be found in each."""
    ask.random.shuffle(lines)
    source, right, number = "import torch\n", [], 2
    for text, whats in lines:
        source += text + "\n"
        right += [[number, what] for what in whats]
        number += text.count("\n") + 1
    came = ask.run(FOUND, source=source)
    ask.expect(came == sorted(right), given=source, expected=sorted(right), came=came, why=why)


@check("find_silent", points=1, title="the question whether a tensor is on CUDA, of whatever and wherever")
def attribute(ask: Ask) -> None:
    x = ask.random.choice(["image", "coat", "row"])
    lines: Lines = [
        (f"if {x}.is_cuda: pass", ["is_cuda"]),
        (f"where = net(\n    {x},\n).is_cuda", ["is_cuda"]),
        (f"both = {x}.is_cuda and net.weight.is_cuda", ["is_cuda", "is_cuda"]),
        (f"print('{x}.is_cuda')  # {x}.is_cuda", []),
        (f"is_cuda = {x}.is_cudart", []),
    ]
    _searched(ask, lines, "The attribute counts, of any expression; a name or a text does not.")


@check("find_silent", points=1, title="functions of torch.cuda that do nothing")
def functions(ask: Ask) -> None:
    names = ["is_available", "device_count", "manual_seed", "manual_seed_all", "empty_cache"]
    one, two, three = ask.random.sample(names, 3)
    lines: Lines = [
        (f"torch.cuda.{one}()", [f"torch.cuda.{one}"]),
        (f"ask = torch.cuda.{two}  # not called", [f"torch.cuda.{two}"]),
        (f"if not torch.cuda.{three}():\n    print('torch.cuda.{one}')", [f"torch.cuda.{three}"]),
        ("torch.cuda.synchronize()", []),
        (f"torch.npu.{one}()", []),
        (f"torch.cuda.{one}_of_mine()", []),
    ]
    _searched(ask, lines, "Those of SILENT count, called or not; what raises is found without a search.")


@check("find_silent", points=1, title='comparisons with "cuda"')
def comparisons(ask: Ask) -> None:
    kind = ask.random.choice(["kind", "family", "place"])
    lines: Lines = [
        (f"fast = {kind} == 'cuda'", ["cuda"]),
        (f"if 'cuda' != {kind}.type: pass", ["cuda"]),
        (f"one = {kind} in ('cuda', 'npu')", []),
        (f"two = {kind} == 'cuda:0'", []),
        (f"three = torch.device('cuda'), {kind} == 'cudart'", []),
        (f"''' {kind} == 'cuda' '''", []),
    ]
    _searched(ask, lines, "== and != with the whole string on either side; a device that is made raises.")


# --- Task 5 ----------------------------------------------------------------------------------------------

REPLACE = """
import sys, types
import numpy
def _old():
    return "old"
def _twin():
    return "twin"
_twin.__name__ = _twin.__qualname__ = "_old"
class _Agrees:
    def __eq__(self, other):
        return True
    __hash__ = None
def _new():
    return "new"
agrees = _Agrees()
for name, known in places.items():
    module = types.ModuleType(name)
    module.numbers = numpy.zeros(3)
    for where in known:
        setattr(module, where, _old)
    module.twin, module.agrees = _twin, agrees
    sys.modules[name] = module
sys.modules["stalls"] = None
count = replace_everywhere(_old, _new)
result = {
    "count": count,
    "found": {
        f"{n}.{w}": "new" if getattr(sys.modules[n], w) is _new else "old"
        for n, known in places.items() for w in known
    },
    "old": _old(),
    "left": all(sys.modules[n].twin is _twin and sys.modules[n].agrees is agrees for n in places),
}
"""


def _replaced(ask: Ask) -> tuple[dict[str, list[str]], dict[str, Any]]:
    words = ask.random.sample(["find", "search", "match", "closest", "lookup", "pick"], 4)
    places = {"fold": words[:1], "fold.ops": words[1:3], "pen": words[2:], "yard": []}
    return places, ask.run(REPLACE, places=places)


@check("replace_everywhere", points=1, title="in every module, under every name")
def every_module(ask: Ask) -> None:
    places, came = _replaced(ask)
    right = {f"{name}.{word}": "new" for name, words in places.items() for word in words}
    ask.expect(
        came["found"] == right,
        given=f"the old one in {places}",
        expected=right,
        came=came["found"],
        why="Everybody who wrote `from ... import ...` has a name of their own for it.",
    )


@check("replace_everywhere", points=1, title="nothing else, and counted")
def nothing_else(ask: Ask) -> None:
    places, came = _replaced(ask)
    names = sum(len(words) for words in places.values())
    ask.expect(
        bool(came["left"]),
        given="another function of the same name, and an object that equals everything",
        expected="both as they were",
        came="one was replaced",
        why="`is` asks whether it is the very object; names and == do not.",
    )
    ask.expect(
        came["old"] == "old",
        given="the old function itself, called afterwards",
        expected="old",
        came=came["old"],
        why="The new one may want to hand on to it, for a branch that it does not have itself.",
    )
    ask.expect(
        came["count"] == names,
        given=f"{names} names in {len(places)} modules",
        expected=names,
        came=came["count"],
        why="The caller wants to know whether anybody was left out.",
    )


# --- Task 6 ----------------------------------------------------------------------------------------------

TRAIN = """
import torch
start, herd = torch.tensor(weight), torch.tensor(coats)
begin()
losses = train(start, herd, steps, target)
end()
result = {
    "losses": [float(loss) for loss in losses],
    "kinds": sorted({type(loss).__name__ for loss in losses}),
    "kept": start.tolist() == torch.tensor(weight).tolist(),
}
"""
MARGIN = 0.1
RATE = 0.05
LIMIT_MS = 40


def _task(ask: Ask, count: int, steps: int, device: str) -> dict[str, Any]:
    draw, features, width = ask.random.gauss, 6, 4
    return {
        "weight": [[round(draw(0, 0.3), 3) for _ in range(features)] for _ in range(width)],
        "coats": [[round(draw(0, 1), 3) for _ in range(features)] for _ in range(count)],
        "steps": steps,
        "target": device,
    }


def _dot(a: list[float], b: list[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def _apart(a: list[float], b: list[float]) -> float:
    return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))


def _losses(task: dict[str, Any]) -> list[float]:
    """The losses, by hand."""
    weight, coats = [list(row) for row in task["weight"]], task["coats"]
    width, count = len(weight), len(coats)
    bank, losses = [[0.0] * width for _ in range(4 * count)], []
    for step in range(task["steps"]):
        out = [[_dot(row, coat) for row in weight] for coat in coats]
        near = [min(bank, key=lambda place, one=one: _apart(one, place)) for one in out]
        over = [_apart(one, place) - MARGIN for one, place in zip(out, near, strict=True)]
        losses.append(sum(max(value, 0.0) for value in over) / count)
        slopes = [
            [2 * (p - q) / count if value > 0 else 0.0 for p, q in zip(one, place, strict=True)]
            for one, place, value in zip(out, near, over, strict=True)
        ]
        for j in range(width):
            for k in range(len(coats[0])):
                weight[j][k] -= RATE * sum(slopes[i][j] * coats[i][k] for i in range(count))
        for i, one in enumerate(out):
            bank[(step * count + i) % len(bank)] = one
    return losses


def _right_losses(ask: Ask, task: dict[str, Any], came: dict[str, Any]) -> None:
    right = _losses(task)
    ask.expect(
        came["kinds"] == ["float"] and ask.close(came["losses"], right, rtol=1e-3, atol=1e-4),
        given=f"{len(task['coats'])} coats, {task['steps']} steps on {task['target']}",
        expected=f"floats {[round(loss, 5) for loss in right]}",
        came=f"{came['kinds']} {[round(loss, 5) for loss in came['losses']]}",
        why="The margin is 0.1, the rate 0.05; the bank gets coats after the step, and has none at first.",
    )
    ask.expect(
        came["kept"],
        given="the first weights",
        expected="as they were",
        came="changed",
        why="The next run begins with them, too.",
    )


@check("train", points=1, title="the losses, on the NPU and on the host")
def losses(ask: Ask) -> None:
    for device in ("npu:0", "cpu"):
        task = _task(ask, ask.random.randint(5, 8), 6, device)
        came, _ = ask.on_device(DEVICE, TRAIN, **task)
        _right_losses(ask, task, came)


def _work(task: dict[str, Any], events: list[Any]) -> int:
    """How many steps have a product forward (coats by weights) and one backward on the device."""
    count, features, width = len(task["coats"]), len(task["coats"][0]), len(task["weight"])
    shapes = [
        sorted(out.shape[-2:])
        for event in events
        if event.category == "kernel" and event.kind == "matmul"
        for out in event.outputs
    ]
    return min(shapes.count(sorted((count, width))), shapes.count(sorted((width, features))))


def _trained(ask: Ask) -> tuple[int, list[Any]]:
    """Ten steps with 64 coats on the NPU, with the right losses: how many ran there, and the events."""
    task = _task(ask, 64, 10, "npu:0")
    came, events = ask.on_device(DEVICE, TRAIN, **task)
    _right_losses(ask, task, came)
    return _work(task, events), events


@check("train", points=1, title="the NPU computes")
def on_the_npu(ask: Ask) -> None:
    steps, _ = _trained(ask)
    ask.expect(
        steps >= 10,
        given="10 steps on npu:0",
        expected="a product forward and one backward in each, on the NPU",
        came=f"{steps} steps with both there",
        why="A training on the host has the right losses as well, and a very slow night.",
    )


@check("train", points=1, title="10 steps in 40 ms of device time")
def in_time(ask: Ask) -> None:
    steps, events = _trained(ask)
    took = ask.device_ms = DEVICE.ms(events)
    ask.expect(
        steps >= 10 and took < LIMIT_MS,
        given="10 steps with 64 coats on npu:0",
        expected=f"all of them on the device, below {LIMIT_MS} ms",
        came=f"{steps} of them there, {took:.1f} ms",
        why="Without a GPU's branch, the library asks the device for a number for each coat, and waits.",
    )
