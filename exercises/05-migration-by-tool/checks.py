"""Hidden checks of "Migration by tool". They run in the grader; only probes enter the learner's kernel."""

import csv
import io
from typing import Any

from camp.checks import Ask, check
from npusim.replay import Timed

# --- Task 1 ----------------------------------------------------------------------------------------------

COMMAND = """
try:
    result = tool_command(*given, **named)
except ValueError:
    result = "ValueError"
"""
NAMES = ("reader", "bird songs", "kanji", "maps-2")
TOOL = "pytorch_gpu2npu.sh"


def _options(words: list[str]) -> dict[str, str]:
    """Pairs of option and value; an odd word is an option without one."""
    return dict(zip(words[::2], [*words[1::2], ""], strict=False))


def _call(ask: Ask, given: list[str], named: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """Ask for a call; its part before `distributed` must say what is wanted. Returns what follows that."""
    came = ask.run(COMMAND, given=given, named=named)
    words = came if isinstance(came, list) else []
    at = words.index("distributed") if "distributed" in words[1::2] else len(words)
    ask.expect(
        words[:1] == [TOOL] and at == 7 and _options(words[1:at]) == wanted,
        given=f"{given} {named or ''}",
        expected=[TOOL, *(word for pair in wanted.items() for word in pair)],
        came=came,
        why="Each argument is an entry of its own, as it was given and without quotes; the tool's own come "
        "before distributed.",
    )
    return words[at:]


def _paths(ask: Ask) -> list[tuple[str, str]]:
    """Three projects, each with a folder for its result that is written in another way."""
    names = [f"{name} {ask.random.randint(10, 99)}" for name in ask.random.sample(NAMES, 3)]
    forms = ("/data/{}", "/srv/{}_out", "../{}")
    return [(f"/srv/{name}", form.format(name)) for name, form in zip(names, forms, strict=True)]


@check("tool_command", points=1, title="calls for one card")
def one_card(ask: Ask) -> None:
    for version, (project, output) in zip(("2.1.0", "1.11.0", "2.6.0"), _paths(ask), strict=True):
        wanted = {"-i": project, "-o": output, "-v": version}
        rest = _call(ask, [project, output, version], {}, wanted)
        ask.expect(
            not rest,
            given="no script to start",
            expected="no distributed",
            came=rest,
            why="It would start one process a card, for a script that knows of one.",
        )


@check("tool_command", points=1, title="calls for several cards")
def several_cards(ask: Ask) -> None:
    project, output = _paths(ask)[2]
    main, model = f"{project}/run.py", ask.random.choice(["net", "self.model", "student"])
    wanted = {"-i": project, "-o": output, "-v": "2.1.0"}
    for named, variable in (({"main": main, "model": model}, model), ({"main": main}, "model")):
        rest = _call(ask, [project, output, "2.1.0"], named, wanted)
        options = _options(rest[1:])
        options.setdefault("-t", "model")  # the tool's own default
        ask.expect(
            options == {"-m": main, "-t": variable},
            given=named,
            expected=f"distributed -m {main} -t {variable}",
            came=rest,
            why="-m here is the script to start; before distributed it would mean something else.",
        )


@check("tool_command", points=1, title="results inside the project are refused, those beside it are not")
def not_inside(ask: Ask) -> None:
    name = ask.random.choice(NAMES)
    for project, output, refused in (
        (f"/srv/{name}", f"/srv/{name}/out", True),
        (name, f"{name}/a/b", True),
        (f"./{name}", name, True),
        (f"/srv/{name}/", f"/srv/x/../{name}/out", True),
        (name, f"{name}_msft", False),
        (f"/srv/{name}/code", f"/srv/{name}", False),
    ):
        came = ask.run(COMMAND, given=[project, output, "2.1.0"], named={})
        ask.expect(
            (came == "ValueError") == refused,
            given=f"project {project!r}, output {output!r}",
            expected="ValueError" if refused else "a call",
            came=came,
            why="A path is its parts, not its letters; the same folder has several spellings.",
        )


# --- Task 2 ----------------------------------------------------------------------------------------------

WORK = """
came = work_list(report)
result = {file: [list(pair) for pair in rows] for file, rows in came.items()}
"""
APIS = (
    "torch.nn.DataParallel",
    "flash_attn.flash_attn_func",
    "apex.optimizers.FusedLAMB",
    "torch.cuda.nvtx.range_push",
    "cupy.asarray",
)
TIPS = ("use torch_npu", "remove it, or write it anew", 'say "npu"', "first this\nthen that", "")
Row = dict[str, str]


def _rows(ask: Ask, files: list[str]) -> list[Row]:
    """Rows of a report, as the columns of its file name them, not in the order of lines."""
    rows = []
    for file in files:
        for line in ask.random.sample([2, 7, 9, 10, 35, 100, 104, 1200], 4):
            end = line + ask.random.randint(0, 3)
            rows.append(
                {
                    "File": file,
                    "Start Line": str(line),
                    "End Line": str(end),
                    "OP": ask.random.choice(APIS),
                    "Tips": ask.random.choice(TIPS[:2]),
                }
            )
    ask.random.shuffle(rows)
    return rows


def _report(
    rows: list[Row], columns: tuple[str, ...] = ("File", "Start Line", "End Line", "OP", "Tips")
) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _listed(ask: Ask, rows: list[Row], report: str, why: str) -> None:
    wanted: dict[str, list[list[Any]]] = {}
    for row in rows:
        pair = [int(row["Start Line"]), row["OP"]]
        if pair not in wanted.setdefault(row["File"], []):
            wanted[row["File"]].append(pair)
    wanted = {file: sorted(pairs) for file, pairs in wanted.items()}
    came = ask.run(WORK, report=report)
    ask.expect(came == wanted, given=report, expected=wanted, came=came, why=why)


@check("work_list", points=1, title="reports with a byte order mark, lines as numbers")
def as_written(ask: Ask) -> None:
    rows = _rows(ask, ["train.py", "net/blocks.py"])
    _listed(ask, rows, "\ufeff" + _report(rows), "Line 100 comes after line 9, and the mark is no letter.")


@check("work_list", points=1, title="tips with commas, quotes and line breaks, and other columns")
def odd_tips(ask: Ask) -> None:
    rows = _rows(ask, ["a b.py", "数据.py"])
    for row, tip in zip(rows, TIPS, strict=False):
        row["Tips"] = tip
    columns = ("Tips", "OP", "End Line", "File", "Start Line")
    _listed(
        ask, rows, _report(rows, columns), "Quotes keep a cell together, and the header names the columns."
    )


@check("work_list", points=1, title="entries that are there twice count once")
def once(ask: Ask) -> None:
    rows = _rows(ask, ["train.py"])
    twice = [*rows, {**rows[0], "End Line": "9999"}, {**rows[1], "OP": "cupy.zeros"}]
    _listed(ask, twice, _report(twice), "A line and a name are one piece of work, in the order of both.")


# --- Task 3 ----------------------------------------------------------------------------------------------

SETTINGS = "result = finish_settings(text)"


def _finished(ask: Ask, pairs: list[tuple[str, str]], why: str) -> None:
    ask.random.shuffle(pairs)
    text, wanted = ("\n".join(part) for part in zip(*pairs, strict=True))
    came = ask.run(SETTINGS, text=text)
    lines = came.split("\n") if isinstance(came, str) else []
    ask.expect(
        len(lines) == len(pairs), given=text, expected=wanted, came=came, why="Every line stays a line."
    )
    for (line, right), got in zip(pairs, lines, strict=True):
        ask.expect(got == right, given=repr(line), expected=right, came=repr(got), why=why)


@check("finish_settings", points=1, title="words of settings and of shell scripts")
def words(ask: Ask) -> None:
    n = ask.random.randint(1, 7)
    pairs = [
        (f"device: cuda:{n}", f"device: npu:{n}"),
        (f"  train: {{device: 'cuda', rank: {n}}}", f"  train: {{device: 'npu', rank: {n}}}"),
        (f"torchrun t.py --device=cuda:{n} --backend=nccl", f"torchrun t.py --device=npu:{n} --backend=hccl"),
        (f"CUDA_VISIBLE_DEVICES={n} python t.py", f"ASCEND_RT_VISIBLE_DEVICES={n} python t.py"),
        (f"export CUDA_LAUNCH_BLOCKING={n % 2}", f"export ASCEND_LAUNCH_BLOCKING={n % 2}"),
        (f"nvidia-smi | head -{n}", f"npu-smi info | head -{n}"),
        (f'echo "$CUDA_VISIBLE_DEVICES" cuda {n}', f'echo "$ASCEND_RT_VISIBLE_DEVICES" npu {n}'),
        ("backend=nccl", "backend=hccl"),
    ]
    _finished(ask, pairs, "The table in the task's text says what becomes of it.")


@check("finish_settings", points=1, title="words that are parts of others")
def parts(ask: Ask) -> None:
    name = ask.random.choice(["leaf", "signs", "maps"])
    lines = [
        f"data: /data/cuda/{name}",
        f"data: cuda/{name}",
        f"name: barracuda_{name}",
        f"image: {name}-cuda:11",
        "export CUDA_HOME=/usr/local/cuda-11.8",
        f"log: nccl.{name}.txt",
        f"cuda_{name}: 1",
        "NCCL_DEBUG=INFO",
        f"out: {name}.cuda",
        "MY_CUDA_VISIBLE_DEVICES=0",
    ]
    _finished(ask, [(line, line) for line in lines], "Something touches the word, so it is a part of a name.")


@check("finish_settings", points=1, title="remarks")
def remarks(ask: Ask) -> None:
    n = ask.random.randint(0, 7)
    pairs = [
        (f"# device: cuda:{n}", f"# device: cuda:{n}"),
        (f"device: cuda:{n} # was cuda:0", f"device: npu:{n} # was cuda:0"),
        (f"\tbackend: nccl\t# nccl, {n}", f"\tbackend: hccl\t# nccl, {n}"),
        (f"tag: run#{n} cuda", f"tag: run#{n} npu"),
        ("", ""),
    ]
    _finished(ask, pairs, "Remarks are for people, and a # within a word begins none.")


# --- Task 4 ----------------------------------------------------------------------------------------------

STEPS = """
import torch
weight = torch.nn.Parameter(torch.tensor(start, device="npu:0"))
optimizer = make_optimizer(iter([weight]), lr, **named)
for gradient in gradients:
    weight.grad = torch.tensor(gradient, device="npu:0")
    optimizer.step()
result = {
    "weight": weight.detach().cpu().tolist(),
    "kind": [cls.__name__ for cls in type(optimizer).__mro__ if cls.__module__.startswith("torch_npu")],
    "own": type(optimizer).__name__,
}
"""


def _adam_w(start: list[float], gradients: list[list[float]], lr: float, decay: float) -> list[float]:
    """AdamW by hand (Loshchilov and Hutter): the decay apart from the moments."""
    weights, m, v = list(start), [0.0] * len(start), [0.0] * len(start)
    for t, gradient in enumerate(gradients, 1):
        for i, g in enumerate(gradient):
            m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g * g
            weights[i] -= lr * decay * weights[i]
            weights[i] -= lr * (m[i] / (1 - 0.9**t)) / ((v[i] / (1 - 0.999**t)) ** 0.5 + 1e-8)
    return weights


def _stepped(ask: Ask, named: dict[str, float]) -> tuple[dict[str, Any], list[float]]:
    start = [round(ask.random.uniform(2, 5), 1) for _ in range(3)]
    gradients = [[round(ask.random.uniform(-1, 1), 1) for _ in range(3)] for _ in range(3)]
    lr = ask.random.choice([0.5, 0.25])
    came: dict[str, Any] = ask.run(STEPS, start=start, gradients=gradients, lr=lr, named=named)
    return came, _adam_w(start, gradients, lr, named.get("weight_decay", 0.0))


@check("make_optimizer", points=1, title="a fused optimizer of the NPU")
def fused(ask: Ask) -> None:
    came, _ = _stepped(ask, {"weight_decay": 0.25})
    ask.expect(
        came["own"].startswith("NpuFused") and came["kind"],
        given="parameters on an NPU",
        expected="a fused optimizer of torch_npu.optim",
        came=came["own"],
        why="One launch for many parameters was why Jonas took apex; the others launch some for each.",
    )


@check("make_optimizer", points=2, title="steps with weight decay")
def with_decay(ask: Ask) -> None:
    decay = ask.random.choice([0.25, 0.5])
    came, wanted = _stepped(ask, {"weight_decay": decay})
    ask.expect(
        ask.close(came["weight"], wanted, rtol=1e-3, atol=1e-3),
        given=f"three steps with weight_decay={decay}",
        expected=wanted,
        came=came["weight"],
        why="apex's FusedAdam has adam_w_mode=True: the decay acts on the weights, not on the gradients.",
    )


@check("make_optimizer", points=1, title="steps without weight decay")
def without_decay(ask: Ask) -> None:
    came, wanted = _stepped(ask, {})
    ask.expect(
        ask.close(came["weight"], wanted, rtol=1e-4, atol=1e-4),
        given="three steps, weight_decay not given",
        expected=wanted,
        came=came["weight"],
        why="apex's default is 0; that of another class may differ.",
    )


# --- Task 5 ----------------------------------------------------------------------------------------------

DEVICE = Timed()
ATTEND = """
import torch
q, k, v = (torch.tensor(x, dtype=getattr(torch, dtype)).to("npu:0") for x in (queries, keys, values))
begin()
came = attention(q, k, v, causal)
end()
result = {
    "shape": list(came.shape), "dtype": str(came.dtype), "device": came.device.type,
    "values": came.float().cpu().tolist(),
}
"""
Nested = list[list[list[list[float]]]]


def _attended(q: Nested, k: Nested, v: Nested, *, causal: bool) -> list[float]:
    """Attention by hand, over (batch, length, heads, width); the result as one list."""
    from math import exp, sqrt

    out = []
    for qs, ks, vs in zip(q, k, v, strict=True):
        for i, row in enumerate(qs):
            for head, query in enumerate(row):
                last = i + len(ks) - len(qs) if causal else len(ks) - 1
                scores = [
                    sum(a * b for a, b in zip(query, key[head], strict=True)) / sqrt(len(query))
                    for key in ks[: last + 1]
                ]
                parts = [exp(s - max(scores)) for s in scores]
                out += [
                    sum(p * vs[j][head][d] for j, p in enumerate(parts)) / sum(parts)
                    for d in range(len(query))
                ]
    return out


def _flat(values: Any) -> list[float]:
    return [n for v in values for n in _flat(v)] if isinstance(values, list) else [values]


def _attention(ask: Ask, sizes: tuple[int, int], dtype: str, *, causal: bool) -> None:
    heads, width = ask.random.choice([2, 3]), 16

    def numbers(length: int) -> Nested:
        return [
            [
                [[ask.random.randint(-16, 16) / 8 for _ in range(width)] for _ in range(heads)]
                for _ in range(length)
            ]
            for _ in range(2)
        ]

    q, k, v = numbers(sizes[0]), numbers(sizes[1]), numbers(sizes[1])
    came, events = ask.on_device(DEVICE, ATTEND, queries=q, keys=k, values=v, dtype=dtype, causal=causal)
    given = f"{sizes[0]} queries, {sizes[1]} keys, {heads} heads of {width}, {dtype}, causal={causal}"
    form = [[2, sizes[0], heads, width], f"torch.{dtype}", "npu"]
    ask.expect(
        [came["shape"], came["dtype"], came["device"]] == form,
        given=given,
        expected=form,
        came=[came["shape"], came["dtype"], came["device"]],
        why="The layer behind it takes the result as it took flash_attn's.",
    )
    kernels = sorted({e.name for e in events if e.category == "kernel"})
    ask.expect(
        any(e.kind == "attention" for e in events),
        given=given,
        expected="one fused operator, FlashAttentionScore",
        came=f"the kernels {', '.join(kernels)}" if kernels else "no kernel on the device",
        why="Single operators write all scores to memory and read them again; the fused one does not.",
    )
    wanted = _attended(q, k, v, causal=causal)
    tolerance = 0.02 if dtype == "float16" else 0.06
    ask.expect(
        ask.close(_flat(came["values"]), wanted, rtol=0.02, atol=tolerance),
        given=given,
        expected=wanted[:4],
        came=_flat(came["values"])[:4],
        why="The operator scales by 1.0, shows every key, and takes layout and mask as it is told.",
    )


@check("attention", points=1, title="without a mask")
def full(ask: Ask) -> None:
    _attention(ask, (5, 5), "float16", causal=False)
    _attention(ask, (3, 7), "bfloat16", causal=False)


@check("attention", points=1, title="causal, as many keys as queries")
def causal_square(ask: Ask) -> None:
    _attention(ask, (6, 6), "float16", causal=True)


@check("attention", points=1, title="causal, the last queries of a longer text")
def causal_tail(ask: Ask) -> None:
    _attention(ask, (2, 7), "float16", causal=True)
