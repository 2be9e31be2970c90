"""Hidden checks of "Several cards". They run in the grader; only probes enter the learner's kernel."""

import itertools
import math
from typing import Any

from camp.checks import RETURNS_NOTHING, Ask, check

# A job whose ranks are played in turn: each as far as a meeting whose outcome is not known, then all again.
JOB = """
import torch as _torch
class _Stop(BaseException):
    pass
class _Member:
    ReduceOp = _torch.distributed.ReduceOp
    def __init__(self, number, members, handed):
        self.number, self.members, self.handed, self.gave = number, members, handed, []
    def get_rank(self, _group=None):
        return self.number
    def get_world_size(self, _group=None):
        return self.members
    def is_initialized(self):
        return True
    def barrier(self, group=None):
        pass
    def all_reduce(self, given, op=_torch.distributed.ReduceOp.SUM, group=None, async_op=False):
        if given.device.type != "npu":
            raise RuntimeError(f"No backend type associated with device type {given.device.type}")
        if not given.is_contiguous():
            raise RuntimeError("Tensors must be contiguous")
        turn = len(self.gave)
        self.gave.append(given.detach().clone())
        if turn == len(self.handed):
            raise _Stop
        share = self.members if op == _torch.distributed.ReduceOp.AVG else 1
        with _torch.no_grad():
            given.copy_(self.handed[turn] / share)
def _job(part, members):
    handed = []
    for _ in range(1000):
        crew, home = [_Member(number, members, handed) for number in range(members)], {}
        for one in crew:
            try:
                home[one.number] = part(one)
            except _Stop:
                continue
        last = [list(one.gave[-1].shape) for one in crew if one.number not in home]
        if len(home) == members:
            return {"meetings": len(handed), "fault": "", "came": [home[number] for number in range(members)]}
        if home:
            return {"meetings": len(handed), "fault": f"ranks {sorted(home)} are away", "came": None}
        if any(shape != last[0] for shape in last):
            return {"meetings": len(handed), "fault": f"the ranks bring shapes {last}", "came": None}
        handed.append(sum(one.gave[-1] for one in crew))
"""


def _met(ask: Ask, came: dict[str, Any], given: str) -> bool:
    """Whether all ranks came to the same meetings."""
    ask.expect(
        came["came"] is not None,
        given=given,
        expected="every rank at every all_reduce, with tensors of the same shapes",
        came=f"at meeting {came['meetings'] + 1} {came['fault']}",
        why="Whoever goes to a meeting alone waits for HCCL_EXEC_TIMEOUT, and the job ends with EI0002."
        if "away" in came["fault"]
        else "All ranks bring as much: what one rank does not have is brought as zeros.",
    )
    return came["came"] is not None


# --- Task 1 ----------------------------------------------------------------------------------------------

PLACE = """
_place = place_of(dict(environ))
result = list(_place) if isinstance(_place, (tuple, list)) else repr(_place)
"""


def _placed(ask: Ask, environ: dict[str, str], wanted: list[int], why: str) -> None:
    came = ask.run(PLACE, environ={"PATH": "/bin", **environ})
    if came == "None":
        why = RETURNS_NOTHING
    elif [str(value) for value in came] == [str(value) for value in wanted]:
        why = "The environment holds text; a rank, a card and a size are ints."
    ask.expect(
        came == wanted and all(type(value) is int for value in came),
        given=environ,
        expected=tuple(wanted),
        came=came,
        why=why,
    )


@check("place_of", points=1, title="torchrun on several servers")
def by_torchrun(ask: Ask) -> None:
    servers, cards = ask.random.randint(2, 6), ask.random.choice([4, 8])
    server, card = ask.random.randint(1, servers - 1), ask.random.randint(0, cards - 1)
    rank = server * cards + card
    environ = {"RANK": str(rank), "LOCAL_RANK": str(card), "WORLD_SIZE": str(servers * cards)}
    _placed(ask, environ, [rank, card, servers * cards], "LOCAL_RANK is the card of this server.")
    for also in ({"RANK_SIZE": "1", "DEVICE_ID": "0"}, {"RANK_ID": "0", "RANK_SIZE": "1", "DEVICE_ID": "0"}):
        both = {**environ, **also}
        _placed(ask, both, [rank, card, servers * cards], "Where torchrun's names are there, they count.")


@check("place_of", points=1, title="the launcher on some of the cards")
def by_launcher(ask: Ask) -> None:
    first, size = ask.random.randint(2, 4), ask.random.randint(2, 4)
    rank = ask.random.randint(0, size - 1)
    environ = {"RANK_ID": str(rank), "DEVICE_ID": str(first + rank), "RANK_SIZE": str(size)}
    _placed(ask, environ, [rank, first + rank, size], "DEVICE_ID is the card, RANK_ID the number in the job.")


@check("place_of", points=1, title="no launcher")
def by_nobody(ask: Ask) -> None:
    card = ask.random.randint(1, 7)
    _placed(ask, {}, [0, 0, 1], "One process, on the first card.")
    _placed(ask, {"DEVICE_ID": str(card)}, [0, card, 1], "One process, on the card that DEVICE_ID names.")
    _placed(ask, {"RANK_SIZE": "8"}, [0, 0, 1], "RANK_SIZE alone proves no launcher.")


# --- Task 2 ----------------------------------------------------------------------------------------------

DEAL = """
def _hand(came):
    return None if came is None else [int(i) for i in came]
result = [[_hand(deal(n, r, size, epoch)) for r in range(size)] for epoch in epochs]
"""


MANY_DISTANCES = 6
"""Of 14 or more steps from photograph to photograph, how many differ at the least; shuffled, most do."""


def _hands(ask: Ask, n: int, size: int, epochs: list[int]) -> list[list[list[int]]]:
    """By epoch and rank, what was dealt; that it is something and the same number for all."""
    dealt: list[list[list[int]]] = ask.run(DEAL, n=n, size=size, epochs=epochs)
    each = math.ceil(n / size)
    for epoch, hands in zip(epochs, dealt, strict=True):
        given = f"{n} photograph{'s' * (n > 1)} on {size} ranks, epoch {epoch}"
        nothing = any(hand is None for hand in hands)
        ask.expect(not nothing, given=given, expected="a list", came=None, why=RETURNS_NOTHING)
        lengths = [len(hand) for hand in hands]
        if len(set(lengths)) > 1:
            why = "Whoever has a batch more waits in his last step for the others, who are done."
        elif lengths[0] < each:
            why = f"{size} ranks with {lengths[0]} each have {size * lengths[0]}: round up, not down."
        else:
            why = f"{size} ranks with {each} each are enough: one less would leave photographs out."
        wanted = f"{each} for every rank"
        ask.expect(lengths == [each] * size, given=given, expected=wanted, came=lengths, why=why)
    return dealt


def _dealt(ask: Ask, n: int, size: int) -> None:
    epoch = ask.random.randint(0, 50)
    hands = _hands(ask, n, size, [epoch])[0]
    given = f"{n} photograph{'s' * (n > 1)} on {size} ranks, epoch {epoch}"
    dealt = {i for hand in hands for i in hand}
    missing, strange = sorted(set(range(n)) - dealt), sorted(dealt - set(range(n)))
    ask.expect(
        not missing,
        given=given,
        expected="every photograph dealt",
        came=f"{len(missing)} that nobody has: {missing[:5]}",
        why="All ranks shuffle alike, and each takes what the others leave.",
    )
    ask.expect(
        not strange,
        given=given,
        expected=f"numbers from 0 to {n - 1}",
        came=strange[:5],
        why=f"They are called 0 to {n - 1}; fill up with some of them.",
    )


@check("deal", points=1, title="every photograph, the same number for every rank")
def deals_all(ask: Ask) -> None:
    size = ask.random.choice([3, 4, 8])
    _dealt(ask, size * ask.random.randint(5, 9), size)
    _dealt(ask, size * ask.random.randint(5, 9) + ask.random.randint(1, size - 1), size)


@check("deal", points=1, title="more ranks than photographs")
def deals_few(ask: Ask) -> None:
    size = ask.random.choice([8, 12, 16])
    for n in (1, ask.random.randint(2, 3), size - 1):
        _dealt(ask, n, size)


@check("deal", points=1, title="another order in each epoch, the same when asked again")
def deals_anew(ask: Ask) -> None:
    n, size, epoch = 4 * ask.random.randint(15, 22), ask.random.choice([2, 4]), ask.random.randint(0, 9)
    first, second, again = _hands(ask, n, size, [epoch, epoch + 1, epoch])
    given = f"{n} photographs on {size} ranks, epochs {epoch} and {epoch + 1}"
    ask.expect(
        first == again,
        given=given,
        expected="the same hands when an epoch is asked for again",
        came="other hands",
        why="A rank that is started again after a fault must take the same photographs.",
    )
    ask.expect(
        [sorted(hand) for hand in first] != [sorted(hand) for hand in second],
        given=given,
        expected="other photographs for the ranks",
        came="the same in both epochs",
        why="A rank that always sees the same photographs averages less well; use the epoch to shuffle.",
    )
    apart = {after - before for before, after in itertools.pairwise(first[0])}
    ask.expect(
        len(apart) >= MANY_DISTANCES,
        given=given,
        expected="a shuffled order",
        came=f"{first[0][:8]} and so on for rank 0",
        why="That is no shuffling. Photographs lie in the order in which the bridges were built: whoever "
        "takes neighbours, or one in so many, has bridges of one age together.",
    )


# --- Task 3 ----------------------------------------------------------------------------------------------

GRADIENTS = (
    JOB
    + """
def _part(member):
    net = _torch.nn.ParameterList([_torch.nn.Parameter(_torch.zeros(*shape)) for shape in shapes]).npu()
    for weight, value in zip(net, values[member.number]):
        if value is not None:
            grad = _torch.arange(weight.numel(), dtype=_torch.float32, device="npu") + value
            grad = grad.reshape(weight.shape)
            weight.grad = grad.t().contiguous().t() if turned else grad
    average_gradients(net, member)
    return [None if weight.grad is None else weight.grad.cpu().flatten().tolist() for weight in net]
result = _job(_part, len(values))
"""
)
SHAPES = [[3, 2], [2, 4], [1, 5]]


def _averaged(ask: Ask, values: list[list[float | None]], why: str, *, turned: bool = False) -> None:
    came = ask.run(GRADIENTS, values=values, shapes=SHAPES, turned=turned)
    given = f"{len(values)} ranks, first entries of the gradients {values}"
    if not _met(ask, came, given):
        return
    wanted = []
    for number, shape in enumerate(SHAPES):
        of_ranks = [row[number] for row in values]
        count = sum(value is not None for value in of_ranks)
        base = sum(value for value in of_ranks if value is not None)
        wanted.append([(base + count * i) / len(values) for i in range(shape[0] * shape[1])])
    for rank, grads in enumerate(came["came"]):
        for number, (g, w) in enumerate(zip(grads, wanted, strict=True)):
            ask.expect(
                g is not None and ask.close(g, w, rtol=1e-4),
                given=f"{given}, each counting on by 1; parameter {number} on rank {rank}",
                expected=w,
                came=g,
                why=why,
            )


def _row(ask: Ask) -> list[float | None]:
    return [float(ask.random.randint(-9, 9)) for _ in SHAPES]


@check("average_gradients", points=2, title="the mean on every rank")
def mean_of_gradients(ask: Ask) -> None:
    why = "The sum over all ranks, divided once by their number."
    for size in (2, ask.random.randint(3, 8)):
        _averaged(ask, [_row(ask) for _ in range(size)], why)
    _averaged(ask, [_row(ask)], "One rank alone keeps its gradients.")


@check("average_gradients", points=1, title="a branch that a rank's photographs did not reach")
def absent_gradients(ask: Ask) -> None:
    values = [_row(ask) for _ in range(ask.random.randint(3, 5))]
    values[ask.random.randrange(len(values))][1] = None
    values[0][2] = None
    _averaged(ask, values, "A rank without a gradient counts as zero, and is counted.")


@check("average_gradients", points=1, title="gradients that are not contiguous")
def turned_gradients(ask: Ask) -> None:
    values = [_row(ask) for _ in range(ask.random.randint(3, 4))]
    _averaged(ask, values, "What is brought to the meeting must come back into grad.", turned=True)


# --- Task 4 ----------------------------------------------------------------------------------------------

RATES = """
_rates = [rate_at(step, base, size, warmup) for step in steps]
result = [None if _rate is None else float(_rate) for _rate in _rates]
"""


def _rates(ask: Ask, steps: list[int], base: float, size: int, warmup: int) -> None:
    came = ask.run(RATES, steps=steps, base=base, size=size, warmup=warmup)
    for step, rate in zip(steps, came, strict=True):
        part = 1.0 if step >= warmup else step / warmup
        wanted = base * (1 + (size - 1) * part)
        why = f"Without a warm-up it is {base * size:g} from step 0 on."
        if warmup:
            why = f"From {base} in step 0 in equal parts to {base * size:g} in step {warmup}, then level."
        ask.expect(
            ask.close(rate, wanted, rtol=1e-6),
            given=f"step {step}, base {base}, {'1 card' if size == 1 else f'{size} cards'}, warm-up {warmup}",
            expected=wanted,
            came=rate,
            why=RETURNS_NOTHING if rate is None else why,
        )


@check("rate_at", points=1, title="after the warm-up")
def full_rate(ask: Ask) -> None:
    base, size, warmup = ask.random.choice([0.1, 0.05, 0.02]), ask.random.choice([2, 4, 8]), 50
    _rates(ask, [warmup, warmup + 1, 10 * warmup], base, size, warmup)


@check("rate_at", points=1, title="during the warm-up")
def rate_grows(ask: Ask) -> None:
    base, size, warmup = ask.random.choice([0.1, 0.05]), ask.random.choice([4, 8]), ask.random.randint(20, 90)
    _rates(ask, [0, 1, warmup // 3, warmup - 1], base, size, warmup)


@check("rate_at", points=1, title="no warm-up, and one card")
def rate_stays(ask: Ask) -> None:
    base = ask.random.choice([0.1, 0.3])
    _rates(ask, [0, 1, 99], base, 8, 0)
    _rates(ask, [0, 3, 99], base, 1, 10)


# --- Task 5 ----------------------------------------------------------------------------------------------

LOSS = (
    JOB
    + """
def _part(member):
    came = loss_of_all(*held[member.number], member)
    return [type(came).__name__, None if came is None else float(came)]
result = _job(_part, len(held))
"""
)


def _losses(ask: Ask, held: list[list[float]], why: str) -> dict[str, Any]:
    came: dict[str, Any] = ask.run(LOSS, held=held)
    given = f"sums and counts of the ranks {held}"
    if _met(ask, came, given):
        wanted = sum(total for total, _ in held) / sum(count for _, count in held)
        for rank, (kind, value) in enumerate(came["came"]):
            right = ask.close(value, wanted, rtol=1e-4)
            reason = (
                f"The value is right; a {kind} is no float, and .item() makes one of it." if right else why
            )
            ask.expect(
                right and kind == "float",
                given=f"{given}, rank {rank}",
                expected=f"{wanted:.5f}, a float",
                came=None if value is None else f"{value}, a {kind}",
                why=RETURNS_NOTHING if value is None else reason,
            )
    return came


@check("loss_of_all", points=1, title="ranks with as many photographs each")
def even_losses(ask: Ask) -> None:
    held = [[round(ask.random.uniform(5, 90), 2), 10] for _ in range(ask.random.randint(2, 8))]
    _losses(ask, held, "The mean of all, the same on every rank.")
    held = [[round(ask.random.uniform(5e4, 9e4), 2), 20_000] for _ in range(4)]
    _losses(ask, held, "Sums of many photographs pass 65504, float16's largest number; float32 holds them.")


@check("loss_of_all", points=1, title="ranks with few photographs, or none")
def uneven_losses(ask: Ask) -> None:
    held = [[round(ask.random.uniform(5e4, 9e4), 2), ask.random.randint(30_000, 40_000)] for _ in range(3)]
    held += [[round(ask.random.uniform(200, 400), 2), 20], [0.0, 0]]
    ask.random.shuffle(held)
    _losses(ask, held, "Every photograph counts once, whichever card had it; a rank without any comes too.")


@check("loss_of_all", points=1, title="one meeting")
def one_meeting(ask: Ask) -> None:
    held = [[round(ask.random.uniform(5, 90), 2), 10] for _ in range(4)]
    came = ask.run(LOSS, held=held)
    ask.expect(
        came["meetings"] == 1,
        given="four ranks",
        expected="one all_reduce on each",
        came=came["meetings"],
        why="A meeting costs its start, however little is brought to it.",
    )


# --- Task 6 ----------------------------------------------------------------------------------------------

FAULT = """
_ranks = at_fault({int(rank): text for rank, text in logs})
result = None if _ranks is None else [int(rank) for rank in _ranks]
"""
LATE = (
    "[ERROR] 2026-11-21-04:40:51 (PID:{pid}, Device:{rank}, RankID:{rank}) ERR02200 DIST call hccl api "
    "failed.\n"
    "{code}: Failed to wait for a remote rank. RuntimeError: HcclBroadcast(rank={rank}), error code is 9\n"
)


def _blamed(ask: Ask, others: dict[int, str], size: int, code: str, why: str) -> None:
    logs = [
        [
            rank,
            f"step {ask.random.randint(80, 99)}\n"
            + others.get(rank, LATE.format(pid=ask.random.randint(1000, 9999), rank=rank, code=code)),
        ]
        for rank in reversed(range(size))
    ]
    came = ask.run(FAULT, logs=logs)
    wanted = sorted(others)
    if came is None:
        why = RETURNS_NOTHING
    elif sorted(came) == wanted:
        why = "These are the ranks; the list is to be sorted, in whatever order the logs come."
    ask.expect(
        came == wanted,
        given=f"{size} logs, of which {size - len(others)} say {code}",
        expected=wanted,
        came=came,
        why=why,
    )


@check("at_fault", points=1, title="ranks that died, and ranks that went home")
def absent_ranks(ask: Ask) -> None:
    died = "Traceback (most recent call last):\nValueError: image file is truncated\n"
    home = "training finished\n"
    full = (
        "[ERROR] 2026-11-21-04:10:02 (PID:4711, Device:3, RankID:3) ERR02200 DIST call hccl api failed.\n"
        "EI0007: Failed to allocate resource [DeviceMemory] with info [size: 209715200].\n"
    )
    why = "Those who waited were there; the fault is with those who did not come."
    first, second = ask.random.sample(range(8), 2)
    _blamed(ask, {first: died}, 8, "EI0002", why)
    _blamed(ask, {first: home, second: died}, 8, "EI0002", why)
    _blamed(
        ask, {first: full}, 8, "EI0002", "Only EI0002 and EI0006 say that a rank waited; EI0007 does not."
    )
    _blamed(ask, {second: home}, 12, "EI0006", "EI0006 is the wait at the first meeting.")


@check("at_fault", points=1, title="jobs in which nobody waited in vain")
def nobody_waited(ask: Ask) -> None:
    logs = [[rank, "epoch 9 loss 0.2\ntraining finished\n"] for rank in range(ask.random.randint(2, 8))]
    came = ask.run(FAULT, logs=logs)
    why = RETURNS_NOTHING if came is None else "Nobody waited in vain, so nobody is at fault."
    ask.expect(came == [], given="logs of a good training", expected=[], came=came, why=why)
