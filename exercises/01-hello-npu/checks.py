"""Hidden checks of "Hello, NPU". They run in the grader; only the probes enter the learner's kernel."""

from typing import Any

from camp.checks import Ask, check
from npusim.replay import READ, Event, Timed

DEVICE = Timed()


def _stops(events: list[Event]) -> int:
    """How often the host copied something from the device, or waited for it."""
    return sum(
        e.name == "D2H" or e.category == "sync" or (e.waits and e.category == "kernel") for e in events
    )


# --- Task 1 ----------------------------------------------------------------------------------------------

MOVE = """
import torch
given = {name: torch.tensor(values, dtype=getattr(torch, dtype)) for name, dtype, values in columns}
kept = dict(given)
moved = to_device(given, torch.device(device) if as_device else device)
result = {
    "kind": type(moved).__name__,
    "names": list(moved),
    "devices": [str(t.device) if type(t) is torch.Tensor else type(t).__name__ for t in moved.values()],
    "dtypes": [str(t.dtype) for t in moved.values()],
    "values": [t.cpu().tolist() for t in moved.values()],
    "same_dict": moved is given,
    "given_names": list(given),
    "given_kept": all(given.get(name) is kept[name] for name in kept),
    "given_devices": [str(t.device) for t in given.values()],
}
"""


def _columns(ask: Ask) -> list[list[Any]]:
    """A batch as data: name, dtype and values of each column, in an order that is not alphabetical."""
    rows = ask.random.randint(2, 5)
    floats = [[round(ask.random.uniform(-9, 9), 2) for _ in range(3)] for _ in range(rows)]
    columns: list[list[Any]] = [
        ["x", "float32", floats],
        ["label", "int64", [ask.random.randint(0, 9) for _ in range(rows)]],
        ["half", "float16", [float(ask.random.randint(-9, 9)) for _ in range(rows)]],
        ["mask", "bool", [ask.random.random() < 0.5 for _ in range(rows)]],
    ]
    ask.random.shuffle(columns)
    return columns


@check("move_data", points=1, title="names, dtypes and values survive the way to the NPU")
def values_survive(ask: Ask) -> None:
    columns = _columns(ask)
    names, dtypes = [c[0] for c in columns], [f"torch.{c[1]}" for c in columns]
    came = ask.run(MOVE, columns=columns, device="npu:0", as_device=False)
    given = f"a batch with the columns {', '.join(names)}"
    ask.expect(
        came["names"] == names, given=given, expected=names, came=came["names"], why="Keep names and order."
    )
    ask.expect(
        set(came["devices"]) == {"npu:0"},
        given=given,
        expected="every tensor on npu:0",
        came=dict(zip(names, came["devices"], strict=True)),
        why="Operators of the NPU read only its own memory; Tensor.to returns the copy that lies there.",
    )
    ask.expect(
        came["dtypes"] == dtypes,
        given=given,
        expected=dict(zip(names, dtypes, strict=True)),
        came=dict(zip(names, came["dtypes"], strict=True)),
        why="Moving copies bytes. A label that became a float is no longer a label to a loss function.",
    )
    for name, values, back in zip(names, [c[2] for c in columns], came["values"], strict=True):
        same = back == values if name in {"label", "mask"} else ask.close(back, values, rtol=1e-3)
        ask.expect(
            same, given=f"the column {name}", expected=values, came=back, why="A copy changes no value."
        )


@check("move_data", points=1, title="the batch goes to the device that was asked for")
def goes_where_told(ask: Ask) -> None:
    columns = _columns(ask)
    for device, as_device in (("cpu", False), ("cpu", True), ("npu:0", True)):
        came = ask.run(MOVE, columns=columns, device=device, as_device=as_device)
        ask.expect(
            set(came["devices"]) == {device},
            given=f"device={f'torch.device({device!r})' if as_device else repr(device)}",
            expected=f"every tensor on {device}",
            came=came["devices"],
            why="The caller chooses the device: the same script also runs on a laptop, or on the next card.",
        )


@check("move_data", points=1, title="the caller's batch stays as it was")
def batch_is_kept(ask: Ask) -> None:
    came = ask.run(MOVE, columns=_columns(ask), device="npu:0", as_device=False)
    ask.expect(
        came["kind"] == "dict" and not came["same_dict"],
        given="a dict",
        expected="a new dict",
        came="the dict that was passed in" if came["same_dict"] else came["kind"],
        why="The caller still owns the batch on the host, for instance to use it again in the next epoch.",
    )
    ask.expect(
        came["given_kept"] and set(came["given_devices"]) == {"cpu"},
        given="a batch on the host",
        expected="the same tensors in it afterwards, on cpu",
        came=dict(zip(came["given_names"], came["given_devices"], strict=True)),
        why="Host memory and device memory are two; filling one must not empty the other.",
    )


# --- Task 2 ----------------------------------------------------------------------------------------------

PLACE = """
import torch
torch.manual_seed(seed)
net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
net.register_buffer("scale", torch.tensor(scale))
def state(module):
    return {name: t.detach().cpu().tolist() for name, t in torch.nn.Module.state_dict(module).items()}
before = state(net)
dtypes = {name: str(t.dtype) for name, t in net.state_dict().items()}
placed, optimizer = place(net, lr, device)
result = {
    "before": before,
    "after": state(placed),
    "dtypes": dtypes,
    "dtypes_after": {name: str(t.dtype) for name, t in placed.state_dict().items()},
    "devices": {
        name: str(t.device) if type(t) is torch.Tensor else type(t).__name__
        for name, t in torch.nn.Module.state_dict(placed).items()
    },
}
"""

STEP = (
    PLACE
    + """
extras = ("momentum", "weight_decay")
x = torch.tensor(rows).to(placed[0].weight.device)
placed(x).square().sum().backward()
names = [name for name, p in placed.named_parameters()]
result = {
    "kind": isinstance(optimizer, torch.optim.SGD),
    "optimizer": type(optimizer).__name__,
    "extras": [f"{k}={g[k]}" for g in optimizer.param_groups for k in extras if g.get(k)],
    "weights": {name: p.detach().cpu().tolist() for name, p in placed.named_parameters()},
    "grads": {name: p.grad.cpu().tolist() for name, p in placed.named_parameters()},
}
optimizer.step()
result["stepped"] = {name: p.detach().cpu().tolist() for name, p in placed.named_parameters()}
"""
)


def _lr(ask: Ask) -> float:
    return ask.random.choice([0.5, 0.375, 0.125, 0.0625])  # never the 0.25 of the public check


def _flat(values: Any) -> list[float]:
    return [n for v in values for n in _flat(v)] if isinstance(values, list) else [values]


@check("place_model", points=1, title="every parameter and buffer is on the NPU, with its own values")
def whole_network_moves(ask: Ask) -> None:
    came = ask.run(PLACE, seed=ask.random.randint(0, 999), scale=[2.0, 3.0], lr=_lr(ask), device="npu:0")
    left = [name for name, device in came["devices"].items() if device != "npu:0"]
    ask.expect(
        not left,
        given="a network with two Linear layers, a BatchNorm1d and a buffer of its own",
        expected="every entry of its state_dict on npu:0",
        came=f"still on the host: {', '.join(left)}",
        why="One tensor left in host memory stops the first operator that reads it, parameter or not.",
    )
    changed = [
        n for n, values in came["before"].items() if not ask.close(_flat(came["after"].get(n)), _flat(values))
    ]
    ask.expect(
        not changed,
        given="a network",
        expected="the same weights after the move",
        came=f"other values in {', '.join(changed)}",
        why="Moving is a copy; a network that was trained before must not start anew.",
    )


@check("place_model", points=1, title="the optimizer trains the network that was placed")
def optimizer_trains_it(ask: Ask) -> None:
    lr = _lr(ask)
    rows = [[round(ask.random.uniform(-2, 2), 2) for _ in range(3)] for _ in range(6)]
    came = ask.run(STEP, seed=ask.random.randint(0, 999), scale=[1.0], lr=lr, device="npu:0", rows=rows)
    ask.expect(
        came["kind"],
        given=f"lr={lr}",
        expected="a torch.optim.SGD",
        came=came["optimizer"],
        why="Another optimizer changes the weights by other amounts, and keeps more in the device's memory.",
    )
    ask.expect(
        not came["extras"],
        given=f"lr={lr}",
        expected="neither momentum nor weight decay",
        came=f"an SGD with {', '.join(came['extras'])}",
        why="Nobody asked for it; on the device the script shall train as it did on the host.",
    )
    for name, weights in came["weights"].items():
        grads = _flat(came["grads"][name])
        wanted = [w - lr * g for w, g in zip(_flat(weights), grads, strict=True)]
        ask.expect(
            ask.close(_flat(came["stepped"][name]), wanted, rtol=1e-3, atol=1e-4),
            given=f"one step with lr={lr} on {name}",
            expected=wanted,
            came=_flat(came["stepped"][name]),
            why="It changes the tensors that it was given: the placed network's, by lr times their gradient.",
        )


@check("place_model", points=1, title="the network goes to the device that was asked for, in its own dtype")
def placed_where_told(ask: Ask) -> None:
    for device in ("cpu", "npu:0"):
        came = ask.run(PLACE, seed=1, scale=[1.0, 2.0], lr=_lr(ask), device=device)
        ask.expect(
            came["dtypes_after"] == came["dtypes"],
            given=f"a float32 network and device={device!r}",
            expected="the same dtypes as before",
            came=sorted(set(came["dtypes_after"].values())),
            why="float16 halves the memory and costs three digits; that is a decision of its own.",
        )
        ask.expect(
            set(came["devices"].values()) == {device},
            given=f"device={device!r}",
            expected=f"all of it on {device}",
            came=sorted(set(came["devices"].values())),
            why="The caller chooses the device: the same script also runs on a laptop, or on the next card.",
        )


# --- Task 3 ----------------------------------------------------------------------------------------------

LIVE_ERRORS = """
import torch
host, device = torch.ones(n, n), torch.ones(n, n, device="npu:0")
actions = {
    "matmul": lambda: host @ device,
    "add": lambda: device + host,
    "cat": lambda: torch.cat([device, host]),
    "linear": lambda: torch.nn.functional.linear(device, host),
    "numpy": lambda: device.numpy(),
}
result = []
for name in names:
    try:
        actions[name]()
        result.append([name, "no error", ""])
    except Exception as error:
        result.append([name, triage(error), f"{type(error).__name__}: {error}"])
"""

TOLD_ERRORS = """
import torch
kinds = {"RuntimeError": RuntimeError, "KeyError": KeyError, "TypeError": TypeError,
         "OutOfMemoryError": torch.OutOfMemoryError}
result = [triage(kinds[kind](text)) for kind, text in errors]
"""


# What torch_npu on a card says; sources: its troubleshooting pages, its caching allocator, and for 507015
# tilelang-ascend, issue 82.
ON_A_CARD = (
    "Expected all tensors to be on the same device. Expected NPU tensor, please check whether the input "
    "tensor device is correct.\n"
    "[ERROR] 2024-08-18-22:37:51 (PID:53741, Device:{card}, RankID:-1) ERR01002 OPS invalid type"
)
TWO_CARDS = (
    "Expected all tensors to be on the same device, but found at least two devices, npu:{card} and npu:0!"
)
TO_NUMPY = (
    "can't convert npu:{card} device type tensor to numpy. "
    "Use Tensor.cpu() to copy the tensor to host memory first."
)
FULL_CARD = (
    "NPU out of memory. Tried to allocate {want} GiB (NPU {card}; {total} GiB total capacity; "
    "27.47 GiB already allocated; 27.47 GiB current active; 1.32 GiB free; 28.55 GiB reserved in total by "
    "PyTorch)"
)
LATE = (
    "{call}:torch_npu/csrc/core/npu/NPUStream.cpp:{line} NPU function error: {waits}, error code is 507015\n"
    "[ERROR] 2025-03-11-09:12:44 (PID:{line}, Device:{card}, RankID:-1) ERR00100 PTA call acl api failed\n"
    "[Error]: The aicore execution is abnormal.\n        Rectify the fault based on "
    "the error information in the ascend log."
)
AT_ONCE = (
    "{call}:torch_npu/csrc/core/npu/sys_ctrl/npu_sys_ctrl.cpp:{line} NPU function error: {asks}, "
    "error code is {code}\n[ERROR] 2025-03-11-09:12:44 (PID:{line}, Device:{card}, RankID:-1) ERR00100 PTA "
    "call acl api failed"
)
SHAPES = "mat1 and mat2 shapes cannot be multiplied ({m}x{n} and {k}x{m})"
NO_IMPORT = (
    "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, "
    "vulkan, mps, meta, hpu, mtia, privateuseone device type at start of device string: npu"
)
FULL_HOST = (
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
    "allocate {bytes} bytes. Error code 12 (Cannot allocate memory)"
)
IN_PLACE = (
    "one of the variables needed for gradient computation has been modified by an "
    "inplace operation: [npuFloatType [{m}, {n}]], which is output 0 of AddBackward0, is at version 1; "
    "expected version 0 instead."
)


def _told(ask: Ask, errors: list[tuple[str, str, str, str]]) -> None:
    """Hand exceptions over as data, and compare what the learner calls them."""
    came = ask.run(TOLD_ERRORS, errors=[[kind, text] for kind, text, _, _ in errors])
    for (kind, text, wanted, why), answer in zip(errors, came, strict=True):
        ask.expect(answer == wanted, given=f"{kind}({text!r})", expected=wanted, came=answer, why=why)


@check("read_error", points=1, title="errors caught from the device")
def live_errors(ask: Ask) -> None:
    names = ["matmul", "add", "cat", "linear", "numpy"]
    ask.random.shuffle(names)
    for name, answer, message in ask.run(LIVE_ERRORS, n=ask.random.randint(2, 6), names=names):
        ask.expect(
            answer == ("host" if name == "numpy" else "mixed"),
            given=message,
            expected="host" if name == "numpy" else "mixed",
            came=answer,
            why="NumPy follows addresses of the host, and this one belongs to the device."
            if name == "numpy"
            else "One tensor lay in host memory and one in the device's.",
        )


@check("read_error", points=1, title="the same errors from another card, another operator, another size")
def told_errors(ask: Ask) -> None:
    card, want = ask.random.randint(1, 7), f"{ask.random.randint(2, 30)}.{ask.random.randint(0, 9)}0"
    full = FULL_CARD.format(card=card, want=want, total=ask.random.choice(["29.50", "60.96", "61.28"]))
    same = "torch_npu words it this way for its own operators; the first half of the sentence is the same."
    errors = [
        ("RuntimeError", ON_A_CARD.format(card=card), "mixed", same),
        ("RuntimeError", TWO_CARDS.format(card=card), "mixed", "Two cards are two devices as well."),
        ("TypeError", TO_NUMPY.format(card=card), "host", "The card's number varies."),
        (
            "OutOfMemoryError",
            full,
            "memory",
            "Sizes and card vary; whose memory is full stands at the start.",
        ),
    ]
    for call, waits in (
        ("npuSynchronizeDevice", "AclrtSynchronizeDeviceWithTimeout"),
        ("synchronize", "AclrtSynchronizeStreamWithTimeout"),
        ("copy_between_host_and_device_opapi", "aclrtSynchronizeStream(copy_stream)"),
    ):
        late = LATE.format(call=call, waits=waits, card=card, line=ask.random.randint(100, 999))
        errors.append(("RuntimeError", late, "late", "Whoever waited is named; the code is the kernel's."))
    _told(ask, errors)


@check("read_error", points=1, title="errors that only look alike")
def look_alikes(ask: Ask) -> None:
    m, n = ask.random.randint(2, 64), ask.random.randint(2, 64)
    host = FULL_HOST.format(bytes=m * n * 10**12)
    not_moved = "The shapes do not fit; moving a tensor would not help."
    not_device = "It is the host that ran out of memory here, not the device."
    no_import = "torch_npu was not imported, so PyTorch does not know the word; no tensors have met yet."
    overwritten = "Autograd misses a tensor that was overwritten; all are on one device."
    errors = [
        ("RuntimeError", SHAPES.format(m=m, n=n, k=n + 1), "other", not_moved),
        ("RuntimeError", NO_IMPORT, "other", no_import),
        ("RuntimeError", host, "other", not_device),
        ("RuntimeError", IN_PLACE.format(m=m, n=n), "other", overwritten),
        ("KeyError", "npu:0", "other", "A dict has no such key; no device took part."),
    ]
    for call, asks, code in (
        ("SetDevice", "aclrtSetDevice(device)", 107001),
        ("Initialize", "at_npu::native::AclSetCompileopt(aclCompileOpt::ACL_PRECISION_MODE)", 500001),
    ):
        line, card = ask.random.randint(100, 999), ask.random.randint(0, 7)
        text = AT_ONCE.format(call=call, asks=asks, code=code, line=line, card=card)
        errors.append(("RuntimeError", text, "other", "This call failed itself, at once; no kernel ran."))
    _told(ask, errors)


# --- Task 4 ----------------------------------------------------------------------------------------------

LAYER = """
import torch
layer = Standardise(mean, std)
for device in devices:
    layer = layer.to(device)
x = torch.tensor(rows).to(devices[-1])
begin()
y = layer(x)
end()
result = {
    "device": str(y.device) if type(y) is torch.Tensor else type(y).__name__,
    "dtype": str(y.dtype),
    "values": y.detach().cpu().tolist(),
    "trained": [name for name, p in torch.nn.Module.named_parameters(layer) if p.requires_grad],
}
"""


def _table(ask: Ask) -> dict[str, list[Any]]:
    columns = ask.random.randint(2, 4)
    return {
        "mean": [round(ask.random.uniform(-5, 5), 1) for _ in range(columns)],
        "std": [ask.random.choice([0.5, 2.0, 4.0, 8.0]) for _ in range(columns)],
        "rows": [[round(ask.random.uniform(-9, 9), 1) for _ in range(columns)] for _ in range(3)],
    }


def _standardised(table: dict[str, list[Any]]) -> list[list[float]]:
    return [
        [(x - m) / s for x, m, s in zip(row, table["mean"], table["std"], strict=True)]
        for row in table["rows"]
    ]


@check("repair", points=1, title="the numbers are right on the NPU")
def standardises(ask: Ask) -> None:
    table = _table(ask)
    came, _ = ask.on_device(DEVICE, LAYER, devices=["npu:0"], **table)
    ask.expect(
        came["dtype"] == "torch.float32"
        and ask.close(came["values"], _standardised(table), rtol=1e-4, atol=1e-5),
        given=table,
        expected=_standardised(table),
        came=came["values"] if came["dtype"] == "torch.float32" else came["dtype"],
        why="Each column has its own mean and deviation, in float32 like x.",
    )


@check("repair", points=1, title="the table stays on the NPU")
def stays_on_device(ask: Ask) -> None:
    came, events = ask.on_device(DEVICE, LAYER, devices=["npu:0"], **_table(ask))
    ask.expect(
        came["device"] == "npu:0",
        given="x on npu:0",
        expected="the result on npu:0",
        came=came["device"],
        why="The next layer's weights are in the device's memory, so its input has to be there too.",
    )
    ask.expect(
        _stops(events) == 0,
        given="x on npu:0",
        expected="no copy from the device to the host",
        came=f"{_stops(events)} of them in one call",
        why="Every batch would wait for the slow way to the host and back, and the device would idle.",
    )


@check("repair", points=1, title="the layer goes wherever its network goes")
def goes_along(ask: Ask) -> None:
    for devices in (["cpu"], ["npu:0", "cpu"], ["cpu", "npu:0"]):
        table = _table(ask)
        came, _ = ask.on_device(DEVICE, LAYER, devices=devices, **table)
        given = f"a layer moved to {' and then to '.join(devices)}"
        ask.expect(
            came["device"] == devices[-1],
            given=given,
            expected=f"its result on {devices[-1]}",
            came=f"one on {came['device']}",
            why="Checkpoints are loaded on the host and moved later; know no device by heart.",
        )
        ask.expect(
            ask.close(came["values"], _standardised(table), rtol=1e-4, atol=1e-5),
            given=f"{given}, and {table}",
            expected=_standardised(table),
            came=came["values"],
            why="A move changes no number: each column has its own mean and deviation, wherever it is.",
        )


@check("repair", points=1, title="training leaves mean and deviation alone")
def nothing_trained(ask: Ask) -> None:
    came, _ = ask.on_device(DEVICE, LAYER, devices=["npu:0"], **_table(ask))
    ask.expect(
        not came["trained"],
        given="a new layer",
        expected="no parameter that is trained",
        came=came["trained"],
        why="What the optimizer holds, it changes; after the first step the mean would be no mean any more.",
    )


# --- Task 5 ----------------------------------------------------------------------------------------------

TRAIN = """
import torch
net = torch.nn.Linear(1, 1)
with torch.no_grad():
    net.weight.fill_(weight)
    net.bias.fill_(bias)
net = net.to("npu:0")
optimizer = torch.optim.SGD(net.parameters(), lr=lr)
data = [(torch.tensor(x).to("npu:0"), torch.tensor(y).to("npu:0")) for x, y in batches]
begin()
mean = train(net, optimizer, data)
end()
result = {
    "kind": "float" if type(mean) is float else f"{type(mean).__module__}.{type(mean).__name__}",
    "mean": float(mean),
    "weights": [net.weight.item(), net.bias.item()],
}
"""


def _task(ask: Ask, steps: int) -> dict[str, Any]:
    """A line to fit: start, learning rate, and batches of differing size."""
    batches = []
    for _ in range(steps):
        xs = [round(ask.random.uniform(-2, 2), 2) for _ in range(ask.random.randint(3, 6))]
        batches.append([[[x] for x in xs], [[round(3 * x - 1 + ask.random.uniform(-1, 1), 2)] for x in xs]])
    return {"weight": 0.5, "bias": round(ask.random.uniform(-1, 1), 2), "lr": 0.1, "batches": batches}


def _by_hand(task: dict[str, Any]) -> tuple[float, list[float]]:
    """Mean loss and final weights of the training, computed here without PyTorch."""
    w, b, losses = task["weight"], task["bias"], []
    for xs, ys in task["batches"]:
        errors = [(w * x + b - y, x) for [x], [y] in zip(xs, ys, strict=True)]
        losses.append(sum(e * e for e, _ in errors) / len(errors))
        w, b = (
            w - task["lr"] * sum(2 * e * x for e, x in errors) / len(errors),
            b - task["lr"] * sum(2 * e for e, _ in errors) / len(errors),
        )
    return sum(losses) / len(losses), [w, b]


def _trained_right(ask: Ask, task: dict[str, Any], came: dict[str, Any]) -> None:
    """Speed counts only where the training is right."""
    wanted = _by_hand(task)[1]
    ask.expect(
        ask.close(came["weights"], wanted, rtol=1e-3, atol=1e-4),
        given=f"Linear(1, 1) and {len(task['batches'])} batches",
        expected=f"weight and bias {wanted}",
        came=came["weights"],
        why="Each batch gives one step, from gradients of its own only: zero_grad, backward, step.",
    )


@check("keep_on_device", points=1, title="the network learns what it should")
def trains(ask: Ask) -> None:
    task = _task(ask, 5)
    came, _ = ask.on_device(DEVICE, TRAIN, **task)
    _trained_right(ask, task, came)


@check("keep_on_device", points=1, title="the mean loss comes back as a number")
def mean_loss(ask: Ask) -> None:
    task = _task(ask, 5)
    came, _ = ask.on_device(DEVICE, TRAIN, **task)
    wanted = _by_hand(task)[0]
    ask.expect(came["kind"] == "float", given="5 batches", expected="a Python float", came=came["kind"])
    ask.expect(
        ask.close(came["mean"], wanted, rtol=1e-3, atol=1e-4),
        given="5 batches",
        expected=f"the mean of the five losses, {wanted:.6f}",
        came=f"{came['mean']:.6f}",
        why="Each step's loss counts once.",
    )


@check("keep_on_device", points=1, title="the device is read once, however many steps there are")
def reads_once(ask: Ask) -> None:
    stops = {}
    for steps in (4, 9):
        task = _task(ask, steps)
        came, events = ask.on_device(DEVICE, TRAIN, **task)
        _trained_right(ask, task, came)
        stops[steps] = _stops(events)
    ask.expect(
        stops[4] == stops[9],
        given="4 batches, then 9",
        expected="as many reads of the device, and waits for it, in both",
        came=f"{stops[4]} with 4 batches, {stops[9]} with 9",
        why="At each of them the host waits for an empty queue, and then the device waits for the host.",
    )


# The optimizer ends each step by having a large buffer sent to the device, which keeps it busy for longer
# than the host takes to queue the small operators of the next step: the overlap that a read at every step
# destroys. A copy, because it takes the device long and the grader's processor little; arithmetic does not.
TIMED = """
import torch
class LargeStep(torch.optim.SGD):
    def step(self, closure=None):
        super().step(closure)
        for _ in range(sends):
            large.copy_(sent, non_blocking=True)

sent = torch.zeros(1024, 1024).pin_memory()
large = torch.zeros(1024, 1024, device="npu:0")
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
with torch.no_grad():
    for layer, values in zip((net[0], net[2]), weights):
        layer.weight.copy_(torch.tensor(values))
        layer.bias.zero_()
net = net.to("npu:0")
optimizer = LargeStep(net.parameters(), lr=lr)
data = [(torch.tensor(x).to("npu:0"), torch.tensor(y).to("npu:0")) for x, y in batches]
begin()
train(net, optimizer, data)
end()
result = [p.cpu().tolist() for p in net.parameters()]
"""

SAVED = 0.5
"""Share of the time lost to reading at every step that has to be saved; stated in the task's docstring."""
SENDS = 5
SENT_BYTES = 4 << 20
PRODUCTS = 4  # of a step: two forward, at least two backward (the first layer's weight, the second layer's)


def _two_layers(ask: Ask, steps: int) -> dict[str, Any]:
    """Weights, and batches of four rows of two numbers each with one to be learnt."""

    def number() -> float:
        return round(ask.random.uniform(-1, 1), 2)

    weights = [[[number(), number()] for _ in range(3)], [[number() for _ in range(3)]]]
    batches = []
    for _ in range(steps):
        rows = [[number(), number()] for _ in range(4)]
        batches.append([rows, [[a - b] for a, b in rows]])
    return {"weights": weights, "batches": batches, "lr": 0.1, "sends": SENDS}


def _trained(task: dict[str, Any]) -> list[Any]:
    """Weights and biases of both layers after one step of SGD a batch, computed here without PyTorch."""
    (w, [v]), lr = ([[list(row) for row in layer] for layer in task["weights"]], task["lr"])
    b, c = [0.0] * 3, 0.0
    for rows, wanted in task["batches"]:
        dw, db, dv, dc = [[0.0, 0.0] for _ in w], [0.0] * 3, [0.0] * 3, 0.0
        for x, [y] in zip(rows, wanted, strict=True):
            hidden = [max(0.0, w[j][0] * x[0] + w[j][1] * x[1] + b[j]) for j in range(3)]
            slope = 2 * (sum(v[j] * hidden[j] for j in range(3)) + c - y) / len(rows)
            dc += slope
            for j in range(3):
                dv[j] += slope * hidden[j]
                back = slope * v[j] if hidden[j] > 0 else 0.0
                db[j] += back
                dw[j] = [dw[j][i] + back * x[i] for i in range(2)]
        w = [[w[j][i] - lr * dw[j][i] for i in range(2)] for j in range(3)]
        b, v, c = [b[j] - lr * db[j] for j in range(3)], [v[j] - lr * dv[j] for j in range(3)], c - lr * dc
    return [w, b, [v], [c]]


def _read_at_every_step(events: list[Event]) -> list[Event]:
    """The same work, had the host read a number after each step."""
    found, sent = [], 0
    for event in events:
        found.append(event)
        sent += event.name == "H2D" and event.nbytes == SENT_BYTES
        if sent == SENDS:
            found.append(READ)
            sent = 0
    return found


@check("keep_on_device", points=1, title="the device is kept busy")
def device_time(ask: Ask) -> None:
    steps = 6
    task = _two_layers(ask, steps)
    came, events = ask.on_device(DEVICE, TIMED, **task)
    wanted = _trained(task)
    ask.expect(
        ask.close(came, wanted, rtol=1e-3, atol=1e-4),
        given=f"{steps} batches",
        expected=f"the weights of {steps} steps of SGD, {wanted}",
        came=f"others, {came}",
        why="Speed counts only where the training is right.",
    )
    sent = sum(e.name == "H2D" and e.nbytes == SENT_BYTES for e in events)
    products = sum(e.kind == "matmul" for e in events)
    ask.expect(
        sent == SENDS * steps and products >= PRODUCTS * steps,
        given=f"{steps} batches",
        expected=f"{steps} steps of the optimizer and {PRODUCTS * steps} matrix products on the device",
        came=f"{sent // SENDS} steps and {products} products",
        why="The training is the device's work; what was done elsewhere, or not at all, is not fast.",
    )
    bare = [e._replace(waits=False) for e in events if e.name != "D2H" and e.category != "sync"]
    ms, fast, slow = DEVICE.ms(events), DEVICE.ms(bare), DEVICE.ms(_read_at_every_step(bare))
    ask.device_ms = ms
    ask.expect(
        slow - ms >= SAVED * (slow - fast),
        given=f"{steps} batches; {slow:.3f} ms when every step is read, {fast:.3f} ms when none is",
        expected=f"at most {slow - SAVED * (slow - fast):.3f} ms, half of the difference saved",
        came=f"{ms:.3f} ms",
        why="While the host waits for a number, no new work is queued, and the device idles.",
    )


# --- Task 6 ----------------------------------------------------------------------------------------------

MEASURE = """
import torch
x, total = (torch.ones(rows, 1024, device="npu:0") for _ in range(2))
calls = 0
def add():  # into memory that is there: fresh memory costs the grader's processor more than the sum itself
    torch.add(x, x, out=total)

def work():
    global calls
    calls += 1
    for _ in range(pattern[calls - 1] if calls <= len(pattern) else pattern[(calls - 1) % 2 - 2]):
        add()

for _ in range(3):
    add()
begin()
ms = device_ms(work, repeats)
end()
kind = "float" if type(ms) is float else f"{type(ms).__module__}.{type(ms).__name__}"
result = {"kind": kind, "ms": float(ms)}
"""
ROWS = 2048


def _measured(
    ask: Ask, pattern: list[int], repeats: int, additions: float, words: tuple[str, str]
) -> list[Event]:
    """Ask what work() costs that queues additions by a pattern, `additions` of them in the mean."""
    given, why = words
    came, events = ask.on_device(DEVICE, MEASURE, rows=ROWS, pattern=pattern, repeats=repeats)
    added = [e for e in events if e.category == "kernel" and e.outputs and e.outputs[0].shape == (ROWS, 1024)]
    ask.expect(came["kind"] == "float", given=given, expected="a Python float", came=came["kind"])
    ask.expect(
        len(added) >= additions,
        given=given,
        expected="its additions on the device",
        came=f"{len(added)} of them",
        why="What was not called cannot have been measured.",
    )
    one, alone = DEVICE.ms(added[:1] * 10) / 10, DEVICE.ms(added[:1])
    wanted = additions * one
    # Who waits for the device before each call also measures one launch; that is a fair way to measure.
    launch = max(0.0, alone - one)
    ask.expect(
        0.8 * wanted <= came["ms"] <= 1.2 * wanted + launch,
        given=given,
        expected=f"{wanted:.5f} ms within 20 %",
        came=f"{came['ms']:.5f} ms",
        why=why,
    )
    return added


@check("measure", points=1, title="steady work")
def steady_work(ask: Ask) -> None:
    adds, repeats = ask.random.randint(2, 4), ask.random.randint(4, 7)
    words = (
        f"work() that queues {adds} additions, repeats={repeats}",
        "One call, in milliseconds of the device's clock; a wall clock sees how fast the host queues.",
    )
    _measured(ask, [adds, adds], repeats, adds, words)


@check("measure", points=1, title="a slow first call")
def slow_first_call(ask: Ask) -> None:
    repeats = ask.random.randint(4, 7)
    words = (
        f"work() that queues 30 additions at its first call and 2 at every other, repeats={repeats}",
        "The first call loads and prepares; that cost comes once and does not belong to the mean.",
    )
    _measured(ask, [30, 2, 2], repeats, 2, words)


@check("measure", points=1, title="work that varies from call to call")
def varying_work(ask: Ask) -> None:
    few, many = 1, ask.random.randint(6, 8)
    repeats = 2 * ask.random.randint(2, 4)
    words = (
        f"work() that queues {few} and {many} additions in turn, repeats={repeats}",
        "The mean is over all calls that were measured, as many as were asked for.",
    )
    added = _measured(ask, [few, many], repeats, (few + many) / 2, words)
    queued = repeats // 2 * (few + many)
    ask.expect(
        len(added) >= queued,
        given=f"repeats={repeats}",
        expected=f"at least {repeats} calls of work(), which queue {queued} additions",
        came=f"{len(added)} additions",
        why="Every repeat is a call that is measured.",
    )
