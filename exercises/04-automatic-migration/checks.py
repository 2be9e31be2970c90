"""Hidden checks of "Automatic migration". They run in the grader; only probes enter the learner's kernel."""

import ast
from typing import Any

from camp.checks import Ask, check

# --- Task 1 ----------------------------------------------------------------------------------------------

ADD = "result = add_import(script)"
FIRST = "import torch_npu"
SECOND = "from torch_npu.contrib import transfer_to_npu"
DOCSTRING = '"""Train {name}.\n\nimport torch first, says a line of this text.\n"""\n'


def _script(ask: Ask, imports: list[str], remark: str = "") -> str:
    """A script with a docstring, an import from the future, a remark, and these imports of PyTorch."""
    name = ask.random.choice(["leaves", "seeds", "roots", "petals"])
    lines = ask.random.sample(["import argparse", "import os", "import math", "import time"], 2)
    rest = f"\n\ndef main():\n    import torch.cuda.amp\n    print('{name}')  # import torch\n\n\nmain()\n"
    text = DOCSTRING.format(name=name) + "from __future__ import annotations\n" + "\n".join(lines) + "\n"
    return text + remark + "\n".join(imports) + "\n" + rest


def _takes_cuda(node: ast.stmt) -> bool:
    """Whether a statement takes something out of torch.cuda."""
    if not isinstance(node, ast.ImportFrom):
        return False
    module = node.module or ""
    return module.split(".")[:2] == ["torch", "cuda"] or (
        module == "torch" and any(a.name == "cuda" for a in node.names)
    )


def _migrated(ask: Ask, script: str) -> None:
    """The result is Python, has the two lines in front of CUDA's names, and nothing else changed."""
    came = ask.run(ADD, script=script)
    try:
        compile(came, "script", "exec", dont_inherit=True)
        body = ast.parse(came).body
    except (SyntaxError, TypeError, ValueError) as error:
        ask.expect(
            holds=False,
            given=script,
            expected="Python source",
            came=f"{type(error).__name__}: {error}",
            why="The docstring and __future__ stay first, and a statement may have several lines.",
        )
        return
    found = [ast.unparse(node) for node in body]
    ask.expect(
        found.count(FIRST) == 1
        and found.count(SECOND) == 1
        and found.index(FIRST) < found.index(SECOND)
        and ast.get_docstring(ast.parse(came)) == ast.get_docstring(ast.parse(script)),
        given=script,
        expected=f"{FIRST}, then {SECOND}, once each, behind the docstring",
        came=came,
        why="Both are statements at the outermost level; text in a docstring or a remark imports nothing.",
    )
    late = next((i for i, node in enumerate(body) if _takes_cuda(node)), len(body))
    ask.expect(
        found.index(SECOND) < late,
        given=script,
        expected="the migration before anything is taken out of torch.cuda",
        came=came,
        why="What was taken out of torch.cuda before it was replaced stays CUDA's, and finds no card.",
    )
    drop = {i for n, t in zip(body, found, strict=True) if t in {FIRST, SECOND} for i in (n.lineno,)}
    kept = [line for number, line in enumerate(came.splitlines(), 1) if number not in drop]
    ask.expect(
        kept == script.splitlines(),
        given=script,
        expected="all other lines as they were",
        came=came,
        why="Her colleagues go on using the same source on GPUs.",
    )


@check("add_import", points=1, title="a script that begins with PyTorch itself")
def plain_script(ask: Ask) -> None:
    _migrated(ask, _script(ask, ["import torch", "from torch import nn"]))
    _migrated(ask, _script(ask, ["import torch", "from torch import nn"], f"# TODO: {SECOND}\n"))


@check("add_import", points=1, title="scripts that take names out of CUDA early")
def early_names(ask: Ask) -> None:
    first = ask.random.choice(
        ["from torch.cuda.amp import GradScaler", "from torch.cuda import is_available"]
    )
    _migrated(ask, _script(ask, [first, "import torch"]))
    _migrated(ask, _script(ask, ["import torch.nn as nn", "from torch import (\n    cuda,\n    optim,\n)"]))


@check("add_import", points=1, title="a script that is migrated already")
def migrated_already(ask: Ask) -> None:
    script = _script(ask, ["import torch", FIRST, SECOND, "from torch.cuda.amp import autocast"])
    came = ask.run(ADD, script=script)
    ask.expect(came == script, given=script, expected="the same script", came=came, why="Once is enough.")


# --- Task 2 ----------------------------------------------------------------------------------------------

DTYPE = """
from types import SimpleNamespace
def card(capability, supported):
    def get_device_capability(device=None):
        return tuple(capability) if capability else None
    def is_bf16_supported(including_emulation=True):
        return supported
    return SimpleNamespace(
        get_device_capability=get_device_capability, is_bf16_supported=is_bf16_supported,
        is_available=lambda: True,
    )
result = [str(amp_dtype(card(*one))) for one in cards]
"""


def _chosen(ask: Ask, cards: list[tuple[list[int] | None, bool, str]], why: str) -> None:
    came = ask.run(DTYPE, cards=[[capability, supported] for capability, supported, _ in cards])
    for (capability, supported, wanted), got in zip(cards, came, strict=True):
        ask.expect(
            got == f"torch.{wanted}",
            given=f"capability {capability and tuple(capability)}, is_bf16_supported() {supported}",
            expected=wanted,
            came=got,
            why=why,
        )


@check("amp_dtype", points=1, title="NPUs with bfloat16 and without")
def npus(ask: Ask) -> None:
    cards: list[tuple[list[int] | None, bool, str]] = [(None, True, "bfloat16"), (None, False, "float16")]
    ask.random.shuffle(cards)
    _chosen(ask, cards, "No capability says nothing about bfloat16: a 910B has it, a 910A has not.")


@check("amp_dtype", points=1, title="GPUs before and after 8.0")
def gpus(ask: Ask) -> None:
    old = [[7, 0], [7, 5], [6, 1]]
    new = [[8, 0], [8, 6], [8, 9], [9, 0], [10, 0], [12, 1]]
    cards: list[tuple[list[int] | None, bool, str]] = [(c, True, "float16") for c in old]
    cards += [(c, True, "bfloat16") for c in new]
    ask.random.shuffle(cards)
    _chosen(ask, cards, "Her colleagues' GPUs choose as before; an emulated type is slower than float16.")


# --- Task 3 ----------------------------------------------------------------------------------------------

MEAN = """
import torch
class Ranks:
    ReduceOp = torch.distributed.ReduceOp
    def get_backend(self, group=None):
        return backend
    def get_world_size(self, group=None):
        return len(others) + 1
    def get_rank(self, group=None):
        return 0
    def is_initialized(self):
        return True
    def all_reduce(self, tensor, op=torch.distributed.ReduceOp.SUM, group=None, async_op=False):
        seen.append([tensor.device.type, str(tensor.dtype)])
        tensor += sum(others)
        if op == torch.distributed.ReduceOp.AVG:
            tensor /= len(others) + 1
seen = []
mean = mean_over_ranks(value, Ranks())
result = {"seen": seen, "kind": type(mean).__name__, "mean": float(mean)}
"""


def _reduced(ask: Ask, backend: str, where: str) -> dict[str, Any]:
    others = [round(ask.random.uniform(0, 1), 3) for _ in range(ask.random.randint(1, 7))]
    value = round(ask.random.uniform(0, 1), 3)
    came: dict[str, Any] = ask.run(MEAN, backend=backend, others=others, value=value)
    ask.expect(
        came["seen"] == [[where, "torch.float32"]],
        given=f"a group of {len(others) + 1} with the backend {backend}",
        expected=f"one all_reduce of a float32 tensor on {where}",
        came=came["seen"],
        why="NCCL and HCCL reach the memory of cards only; gloo and MPI reach the host's.",
    )
    return {**came, "wanted": (value + sum(others)) / (len(others) + 1)}


@check("mean_over_ranks", points=1, title="on the card with the backends of cards")
def on_cards(ask: Ask) -> None:
    for backend in ("hccl", "nccl"):
        _reduced(ask, backend, "npu")


@check("mean_over_ranks", points=1, title="on the host with the backends of hosts")
def on_hosts(ask: Ask) -> None:
    for backend in ("gloo", "mpi"):
        _reduced(ask, backend, "cpu")


@check("mean_over_ranks", points=1, title="the mean, as a number")
def mean_is_right(ask: Ask) -> None:
    came = _reduced(ask, "hccl", "npu")
    ask.expect(
        came["kind"] == "float" and ask.close(came["mean"], came["wanted"], rtol=1e-4),
        given="a group with the backend hccl",
        expected=f"{came['wanted']:.6f}, a float",
        came=f"{came['mean']}, a {came['kind']}",
        why="Each process counts once.",
    )


# --- Task 4 ----------------------------------------------------------------------------------------------

PREPARE = """
import torch
images = torch.tensor(pixels, dtype=torch.uint8)
if last:
    images = images.contiguous(memory_format=torch.channels_last)
kept = images.clone()
x = prepare(images, torch.device(device) if as_device else device)
result = {
    "shape": list(x.shape), "dtype": str(x.dtype), "device": x.device.type, "values": x.cpu().tolist(),
    "plain": x.is_contiguous(), "last": x.is_contiguous(memory_format=torch.channels_last),
    "kept": torch.equal(images, kept) and images.dtype == torch.uint8,
}
"""


def _prepared(ask: Ask, device: str, *, as_device: bool, last: bool = False) -> dict[str, Any]:
    """Ask, and expect what holds for every device."""
    n, h, w = ask.random.randint(2, 3), ask.random.randint(2, 4), ask.random.randint(2, 4)
    pixels = [
        [[[ask.random.randint(0, 255) for _ in range(w)] for _ in range(h)] for _ in range(3)]
        for _ in range(n)
    ]
    came: dict[str, Any] = ask.run(PREPARE, pixels=pixels, device=device, as_device=as_device, last=last)
    given = f"{n} images of 3 x {h} x {w} for {f'torch.device({device!r})' if as_device else repr(device)}"
    where = "cpu" if device == "cpu" else "npu"
    ask.expect(
        [came["shape"], came["dtype"], came["device"]] == [[n, 3, h, w], "torch.float32", where],
        given=given,
        expected=f"float32 of the same shape on {where}",
        came=[came["shape"], came["dtype"], came["device"]],
        why="Channels-last is an order in memory; the shape stays (n, 3, height, width).",
    )
    wanted = [[[[p / 255 for p in row] for row in plane] for plane in image] for image in pixels]
    ask.expect(
        came["kept"] and ask.close(came["values"], wanted, rtol=1e-3, atol=1e-4),
        given=given,
        expected="the pixels divided by 255, and the given images as they were",
        came=came["values"] if came["kept"] else "given images that were changed",
        why="The network was trained on 0 to 1; and the loader may hand out the same images again.",
    )
    return came


@check("prepare", points=1, title="plain order on the NPU, whatever it is called")
def plain_on_npu(ask: Ask) -> None:
    for device, as_device in (("cuda", True), ("cuda:0", False), ("npu:0", True), ("cuda", False)):
        came = _prepared(ask, device, as_device=as_device)
        ask.expect(
            came["plain"],
            given=f"device {device!r}",
            expected="a contiguous tensor",
            came="another order in memory",
            why="The NPU has no channels-last; each operator would have to put the images in order again.",
        )


@check("prepare", points=1, title="plain order on the NPU for images that came in another")
def made_plain(ask: Ask) -> None:
    came = _prepared(ask, "cuda", as_device=False, last=True)
    ask.expect(
        came["plain"],
        given="images whose channels are last in memory",
        expected="a contiguous tensor",
        came="another order in memory",
        why="Decoders give pixels with their channels together, and moving keeps the order.",
    )


@check("prepare", points=1, title="channels-last elsewhere")
def last_elsewhere(ask: Ask) -> None:
    for as_device in (False, True):
        came = _prepared(ask, "cpu", as_device=as_device)
        ask.expect(
            came["last"],
            given="device 'cpu'",
            expected="channels-last",
            came="another order in memory",
            why="The same source still serves processors and GPUs, where this order is the fast one.",
        )


# --- Task 5 ----------------------------------------------------------------------------------------------

EXPORT = """
import os, tempfile, torch
torch.manual_seed(seed)
nn = torch.nn
net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.ReLU(), nn.Linear(4, 2))
net = net.to(device)
with torch.no_grad():
    net[1].running_mean += 0.25
net.train(training)
if frozen:
    net[1].eval()
def state(module):
    return {name: t.detach().cpu().tolist() for name, t in module.state_dict().items()}
before, modes = state(net), [m.training for m in net.modules()]
net[4].bias.requires_grad_(not frozen)
trained = [p.requires_grad for p in net.parameters()]
path = os.path.join(tempfile.mkdtemp(), "net.pt")
export(net, torch.tensor(rows).to(device), path)
loaded = torch.jit.load(path)
with torch.no_grad():
    x = torch.tensor(others)
    answers = [loaded(x).tolist(), loaded(x).tolist()] if all(
        t.device.type == "cpu" for t in loaded.state_dict().values()) else []
w = {name: torch.tensor(values) for name, values in before.items()}
hidden = x @ w["0.weight"].T + w["0.bias"]
hidden = (hidden - w["1.running_mean"]) / (w["1.running_var"] + 1e-5).sqrt() * w["1.weight"] + w["1.bias"]
result = {
    "places": sorted({t.device.type for t in loaded.state_dict().values()}),
    "answers": answers,
    "wanted": (hidden.clamp(min=0) @ w["4.weight"].T + w["4.bias"]).tolist(),
    "own_places": sorted({t.device.type for t in net.state_dict().values()}),
    "unchanged": state(net) == before,
    "modes": modes == [m.training for m in net.modules()],
    "trained": trained == [p.requires_grad for p in net.parameters()],
}
"""


def _exported(
    ask: Ask, device: str = "cuda", *, training: bool = True, frozen: bool = False
) -> dict[str, Any]:
    def rows(count: int) -> list[list[float]]:
        return [[round(ask.random.uniform(-2, 2), 2) for _ in range(3)] for _ in range(count)]

    seed = ask.random.randint(0, 999)
    came: dict[str, Any] = ask.run(
        EXPORT, seed=seed, device=device, training=training, frozen=frozen, rows=rows(4), others=rows(6)
    )
    return came


@check("export", points=1, title="the file needs no NPU")
def needs_no_npu(ask: Ask) -> None:
    came = _exported(ask)
    ask.expect(
        came["places"] == ["cpu"],
        given="a network on the NPU",
        expected="every tensor in the file on cpu",
        came=came["places"],
        why="A trace keeps the device on which it was made.",
    )


@check("export", points=1, title="the file holds the network as it is in evaluation")
def as_in_evaluation(ask: Ask) -> None:
    came = _exported(ask)
    ask.expect(
        came["answers"]
        and all(ask.close(answer, came["wanted"], rtol=1e-2, atol=1e-3) for answer in came["answers"]),
        given="six rows, asked twice, of a network with BatchNorm1d and Dropout in training",
        expected=came["wanted"],
        came=came["answers"],
        why="In training, dropout is random and batch norm takes the batch's own mean; a trace keeps that.",
    )


@check("export", points=1, title="the training goes on as if nothing had happened")
def training_goes_on(ask: Ask) -> None:
    for training, frozen in ((True, False), (True, True), (False, False)):
        came = _exported(ask, training=training, frozen=frozen)
        ask.expect(
            came["own_places"] == ["npu"] and came["unchanged"] and came["modes"] and came["trained"],
            given=f"a network in {'training' if training else 'evaluation'}"
            + (" with a frozen batch norm" if frozen else ""),
            expected="the same device, values and modes afterwards, and the same parameters in training",
            came={
                "device": came["own_places"],
                "same values": came["unchanged"],
                "same modes": came["modes"],
                "same parameters trained": came["trained"],
            },
            why="The optimizer holds these tensors, and each layer has a mode of its own.",
        )


# --- Task 6 ----------------------------------------------------------------------------------------------

LOAD = """
import torch
class Wrapped(torch.nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module
class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.module = torch.nn.Linear(2, 1)
net = Own() if own else torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
net = net.to("cuda")
state = {name: torch.tensor(values) for name, values in weights.items()}
kept = dict(state)
try:
    load_weights(Wrapped(net) if wrapped else net, state)
    error = ""
except Exception as caught:
    error = type(caught).__name__
result = {
    "error": error,
    "state": {name: t.cpu().tolist() for name, t in net.state_dict().items()},
    "kept": list(state) == list(kept) and all(state[n] is kept[n] for n in kept),
}
"""


def _weights(ask: Ask, *, own: bool) -> dict[str, Any]:
    def number() -> float:
        return round(ask.random.uniform(-4, 4) * 8) / 8

    if own:
        return {"module.weight": [[number(), number()]], "module.bias": [number()]}
    return {
        "0.weight": [[number(), number()]],
        "0.bias": [number()],
        "1.weight": [number()],
        "1.bias": [number()],
        "1.running_mean": [number()],
        "1.running_var": [2.5],
        "1.num_batches_tracked": 7,
    }


def _loaded(ask: Ask, *, own: bool, wrapped: bool, prefixed: bool) -> None:
    weights = _weights(ask, own=own)
    state = {f"module.{name}": values for name, values in weights.items()} if prefixed else weights
    came = ask.run(LOAD, own=own, wrapped=wrapped, weights=state)
    ask.expect(
        came["kept"] and came["state"] == weights,
        given=f"the names {list(state)[:2]} and {'a wrapped' if wrapped else 'a bare'} network",
        expected=weights,
        came=came["error"] or came["state"],
        why="A wrapper puts one prefix before all names; the network's own names are none of its business.",
    )


@check("load_weights", points=1, title="weights of a wrapper into a bare network, and as they are")
def into_bare(ask: Ask) -> None:
    _loaded(ask, own=False, wrapped=False, prefixed=True)
    _loaded(ask, own=False, wrapped=False, prefixed=False)


@check("load_weights", points=1, title="weights into a wrapped network")
def into_wrapped(ask: Ask) -> None:
    _loaded(ask, own=False, wrapped=True, prefixed=False)
    _loaded(ask, own=False, wrapped=True, prefixed=True)


@check("load_weights", points=1, title="a network with a layer called module")
def own_module(ask: Ask) -> None:
    for wrapped in (False, True):
        for prefixed in (False, True):
            _loaded(ask, own=True, wrapped=wrapped, prefixed=prefixed)


@check("load_weights", points=1, title="weights that do not fit are told")
def not_silent(ask: Ask) -> None:
    weights = _weights(ask, own=False)
    dropped = ask.random.choice(["0.bias", "1.running_mean", "0.weight"])
    less = {f"module.{name}": values for name, values in weights.items() if name != dropped}
    for state, what in ((less, f"no {dropped}"), ({**weights, "2.weight": [1.0]}, "a 2.weight too many")):
        came = ask.run(LOAD, own=False, wrapped=False, weights=state)
        ask.expect(
            came["error"],
            given=f"weights with {what}",
            expected="an error",
            came="none",
            why="A layer that keeps its random values costs accuracy, and nobody sees where.",
        )
