"""The rules: each looks for one fault, and plays the profile without it."""

from __future__ import annotations

from collections import Counter
from statistics import median_low
from typing import TYPE_CHECKING

from npu_advice.advice import Advice
from npu_advice.fusion import written_out
from npu_advice.pricing import in_half_precision
from npu_advice.what_if import device_time, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from npu_advice.profile import Call, Profile

US = 1000
PERCENT = 100
SMALL_READ = 4096  # bytes: a loss, a metric, a tensor that was printed
LEAST = 0.005  # share of a step that is worth a change
FUSED_LAUNCHES = 16  # what a fused optimizer launches beside one addition a parameter, at most
GROWTH = 4  # times that the batch may grow in the what-if
LARGER_TASK = 1.5  # a task of a batch twice as large may take twice this: what leaves L2 costs more
IDLE_SHARE = 0.3  # of a step, from which on the host is the one to look at
LOADER_SHARE = 0.05  # of a step before the first copy of it
PLACES = 3
TURNS = frozenset({"Transpose", "TransData"})
PRODUCTS = ("MatMul", "Conv", "Attention")


def advise(profile: Profile, soc: str | None = None) -> list[Advice]:
    """All advice for a profile, the largest promise first.

    The promises do not add up: each is for its change alone.

    Args:
        profile: what was read.
        soc: the chip, for what the cost model has to price; None: NPUSIM_SOC, or its default.

    Raises:
        npusim.UnknownChipError: no chip is called so.
    """
    rules: tuple[Callable[[Profile], Advice | None], ...] = (
        host_reads,
        synchronised,
        compiled,
        waiting_copies,
        data_loading,
        optimizer_by_parameter,
        fusible,
        turned_twice,
        lambda profile: full_precision(profile, soc),
        larger_batch,
    )
    found = [advice for rule in rules if (advice := rule(profile)) is not None]
    least = step_ns(profile) * LEAST
    return sorted((a for a in found if a.promise >= least), key=lambda a: (-a.promise, a.rule))


def step_ns(profile: Profile) -> int:
    """Nanoseconds of a step, as the recorded ones play together."""
    return play(profile.calls) // profile.steps


def _gain(profile: Profile, changed: Iterable[Call]) -> int:
    return (play(profile.calls) - play(changed)) // profile.steps


def _stand_in(profile: Profile) -> Call:
    """A small kernel, for what a change adds."""
    kernels = [call for call in profile.calls if call.kind == "kernel"]
    if not kernels:
        return profile.calls[0]
    typical = median_low(sorted(call.host for call in kernels))
    small = median_low(sorted(call.duration for call in kernels))
    return kernels[0]._replace(
        name="Add", gap=0, host=typical, lag=0, duration=small, op=None, optimizer="", waits=False
    )


def _places(calls: Iterable[Call]) -> tuple[str, ...]:
    """The lines of the training that the calls come from, the commonest first."""
    return tuple(line for line, _ in Counter(filter(None, map(_line, calls))).most_common(PLACES))


def _line(call: Call) -> str:
    """The innermost line that belongs neither to PyTorch nor to torch_npu."""
    stack = call.op.stack if call.op is not None else ""
    for frame in stack.replace("\r", "").replace("\n", "").split(";"):
        path = frame.strip().replace("\\", "/")
        if path and not any(f"/{package}/" in path for package in ("torch", "torch_npu", "torchvision")):
            return path
    return ""


def _text(ns: float) -> str:
    return f"{ns / US:,.0f} µs"


def host_reads(profile: Profile) -> Advice | None:
    """`.item()`, `print(tensor)`, `float(loss)`: the host reads a number and waits for the device."""
    found = [c for c in profile.calls if c.waits and c.name == "D2H" and c.nbytes <= SMALL_READ]
    if not found:
        return None
    keep = _stand_in(profile)
    changed = [keep._replace(gap=c.gap) if c in found else c for c in profile.calls]
    count = len(found) / profile.steps
    return Advice(
        "host_reads",
        f"{count:g} times a step the host reads a number from the device and waits until all is done",
        "no .item(), float() or print() of a tensor in the loop: add losses up on the device "
        "(total += loss.detach()) and read them once after it, or every hundred steps",
        _gain(profile, changed),
        _places(found),
    )


def synchronised(profile: Profile) -> Advice | None:
    """`torch.npu.synchronize()` in the loop."""
    found = [c for c in profile.calls if c.kind == "sync"]
    if len(found) < profile.steps:
        return None
    return Advice(
        "synchronised",
        f"{len(found) / profile.steps:g} times a step the host waits for the whole device",
        "no torch.npu.synchronize() in the loop; measure with events, or around many steps",
        _gain(profile, [c for c in profile.calls if c not in found]),
    )


def compiled(profile: Profile) -> Advice | None:
    """Operators are compiled within the recorded steps: shapes that were not met before."""
    found = [c for c in profile.calls if c.kind == "compile"]
    if not found:
        return None
    return Advice(
        "compiled",
        f"{len(found) / profile.steps:g} operators are compiled in a step, for shapes not met before",
        "torch_npu.npu.set_compile_mode(jit_compile=False), which takes ready binaries; or few shapes: "
        "pad or crop to a handful of sizes",
        _gain(profile, [c for c in profile.calls if c not in found]),
    )


def waiting_copies(profile: Profile) -> Advice | None:
    """Copies to the device from pageable memory: the host waits for each."""
    found = [c for c in profile.calls if c.waits and c.name == "H2D"]
    if not found:
        return None
    changed = [c._replace(waits=False) if c.name == "H2D" else c for c in profile.calls]
    return Advice(
        "waiting_copies",
        f"{len(found) / profile.steps:g} copies a step from pageable memory, and the host waits for each",
        "DataLoader(..., pin_memory=True), and batch.to('npu', non_blocking=True)",
        _gain(profile, changed),
        _places(found),
    )


def data_loading(profile: Profile) -> Advice | None:
    """The host does something else for long before the first copy of a step: it loads data."""
    firsts: dict[int, int] = {}
    for place, call in enumerate(profile.calls):
        if call.step not in firsts and call.name == "H2D":
            firsts[call.step] = place
    places = set(firsts.values())
    gap = sum(profile.calls[place].gap for place in places)
    if gap < LOADER_SHARE * play(profile.calls):
        return None
    changed = [c._replace(gap=0) if i in places else c for i, c in enumerate(profile.calls)]
    return Advice(
        "data_loading",
        f"{_text(gap / profile.steps)} of a step pass before its data is there",
        "DataLoader(..., num_workers=N): processes that load while the device computes; decode less, "
        "or before",
        _gain(profile, changed),
    )


def optimizer_by_parameter(profile: Profile) -> Advice | None:
    """An optimizer that goes over its parameters one by one."""
    found = [c for c in profile.calls if c.optimizer]
    if not found:
        return None
    name = found[0].optimizer
    counts = Counter(c.op.name for c in found if c.op is not None)
    repeated = [count for count in counts.values() if count > profile.steps]
    parameters = min(repeated, default=0) // profile.steps
    if any(key.startswith("aten::_f") for key in counts):  # _foreach_..., _fused_...: it is fused already
        return None
    kept = (parameters + FUSED_LAUNCHES) * profile.steps
    if kept >= len(found):
        return None
    # what is left takes as long on the device as before, in fewer launches
    last = _stand_in(profile)._replace(duration=sum(c.duration for c in found) // kept)
    changed = [c for c in profile.calls if not c.optimizer] + [last] * kept
    return Advice(
        "optimizer_by_parameter",
        f"{name} launches {len(found) / profile.steps:g} operators a step, for {parameters} parameters "
        "one by one",
        f"torch_npu.optim.NpuFused{name}, which updates all parameters together; "
        f"or {name}(..., foreach=True)",
        _gain(profile, changed),
        _places(found),
    )


def fusible(profile: Profile) -> Advice | None:
    """What is written out of small operators, and exists as one."""
    changed, names, first = written_out(profile.calls)
    if not names:
        return None
    fixes = "; ".join(dict.fromkeys(name.fix for name in names))
    counts = Counter(name.title for name in names)
    each = ", ".join(f"{title} {count / profile.steps:g} times" for title, count in counts.items())
    return Advice(
        "fusible",
        f"written out of small operators in each step: {each}",
        fixes,
        _gain(profile, changed),
        _places(first),
    )


def turned_twice(profile: Profile) -> Advice | None:
    """A tensor is turned, and turned back, with nothing but work on single elements or rows between."""
    pairs = _pairs(profile.calls)
    if not pairs:
        return None
    calls = [profile.calls[i] for pair in pairs for i in pair]
    gone = {i for pair in pairs for i in pair}
    return Advice(
        "turned_twice",
        f"{len(pairs) / profile.steps:g} times a step a tensor is turned and turned back, "
        f"{_text(sum(c.duration for c in calls) / profile.steps)} on the device",
        "stay in one layout: work along the dimension where it lies, a convolution of 1 x 1 in the place of "
        "a Linear, and no .contiguous() after a permute that nobody needs",
        _gain(profile, [c for i, c in enumerate(profile.calls) if i not in gone]),
        _places(calls),
    )


def _pairs(calls: Sequence[Call]) -> list[tuple[int, int]]:
    """Turns that the next turn undoes, with no product between them, which may need its operand turned."""
    pairs = []
    open_turn: int | None = None
    for place, call in enumerate(calls):
        if call.name in TURNS:
            if open_turn is not None and _undoes(calls[open_turn], call):
                pairs.append((open_turn, place))
                open_turn = None
            else:
                open_turn = place
        elif any(word in call.name for word in PRODUCTS):
            open_turn = None
    return pairs


def _undoes(one: Call, other: Call) -> bool:
    a, b = one.shapes[:1], other.shapes[:1]
    return bool(a and b) and a != b and sorted(a[0]) == sorted(b[0]) and one.step == other.step


def full_precision(profile: Profile, soc: str | None = None) -> Advice | None:
    """Products in float32, which the Cube does at a quarter of its speed."""
    changed, before, after = in_half_precision(profile.calls, soc)
    if not before:
        return None
    share = PERCENT * before / max(device_time(profile.calls), 1)
    return Advice(
        "full_precision",
        f"products in float32 take {share:.0f} % of the device's time",
        f"torch.autocast('npu', dtype=torch.bfloat16), or float16 with a GradScaler: "
        f"{_text(before / profile.steps)} of products become {_text(after / profile.steps)}, casts included",
        _gain(profile, changed),
    )


def larger_batch(profile: Profile) -> Advice | None:
    """The device idles while the host launches: let each launch do more."""
    total = play(profile.calls)
    busy = sum(c.duration for c in profile.calls)
    if total - busy < IDLE_SHARE * total:
        return None
    times = 2
    while times < GROWTH and play(_grown(profile, times * 2)) * 2 < times * play(_grown(profile, times)) * 3:
        times *= 2
    gain = (total - play(_grown(profile, times)) // times) // profile.steps
    return Advice(
        "larger_batch",
        f"the device has nothing to do for {PERCENT * (total - busy) / total:.0f} % of a step: the host "
        "launches too slowly for tasks this small",
        f"a batch {times} times as large, with a learning rate scaled by {times} and warmed up; "
        "the promise is for as many samples as a step has now",
        gain,
    )


def _grown(profile: Profile, times: int) -> list[Call]:
    """The calls with a batch so many times as large."""
    longer = times * LARGER_TASK
    return [
        c._replace(duration=round(c.duration * (longer if c.kind == "kernel" else times)))
        for c in profile.calls
    ]
