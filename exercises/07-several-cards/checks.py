"""Hidden checks of "Several cards". They run in the grader; only probes enter the learner's kernel."""

import math
from typing import Any

from camp.checks import Ask, check

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
            return {"meetings": len(handed), "away": [], "came": [home[number] for number in range(members)]}
        if home or any(shape != last[0] for shape in last):
            return {"meetings": len(handed), "away": sorted(home), "came": None}
        handed.append(sum(one.gave[-1] for one in crew))
"""


def _met(ask: Ask, came: dict[str, Any], given: str) -> bool:
    """Whether all ranks came to the same meetings."""
    ask.expect(
        came["came"] is not None,
        given=given,
        expected="every rank at every all_reduce, with tensors of the same shapes",
        came=f"at meeting {came['meetings'] + 1} ranks {came['away']} are away, or the shapes differ",
        why="Whoever goes to a meeting alone waits for HCCL_EXEC_TIMEOUT, and the job ends with EI0002.",
    )
    return came["came"] is not None


# --- Task 1 ----------------------------------------------------------------------------------------------

PLACE = "result = list(place_of(dict(environ)))"


def _placed(ask: Ask, environ: dict[str, str], wanted: list[int], why: str) -> None:
    came = ask.run(PLACE, environ={"PATH": "/bin", **environ})
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
    also = {**environ, "RANK_SIZE": "1", "DEVICE_ID": "0"}
    _placed(ask, also, [rank, card, servers * cards], "Where torchrun's names are there, they count.")


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
    _placed(ask, {"RANK_SIZE": "8"}, [0, 0, 1], "Some servers set RANK_SIZE for everybody.")


# --- Task 2 ----------------------------------------------------------------------------------------------

DEAL = "result = [[[int(i) for i in deal(n, r, size, epoch)] for r in range(size)] for epoch in epochs]"


def _dealt(ask: Ask, n: int, size: int) -> None:
    hands = ask.run(DEAL, n=n, size=size, epochs=[ask.random.randint(0, 50)])[0]
    each = math.ceil(n / size)
    given = f"{n} photographs on {size} ranks"
    lengths = [len(hand) for hand in hands]
    ask.expect(
        lengths == [each] * size,
        given=given,
        expected=f"{each} for every rank",
        came=lengths,
        why="Whoever has a batch more waits in his last step for the others, who are done.",
    )
    times = [sum(hand.count(i) for hand in hands) for i in range(n)]
    extra = each * size - n
    most = 1 + math.ceil(extra / n)
    ask.expect(
        min(times) >= 1 and max(times) <= most and sum(times) == each * size,
        given=given,
        expected=f"every photograph dealt, {extra} of them again",
        came=f"dealt {min(times)} to {max(times)} times, {sum(times)} in all",
        why="All ranks shuffle alike, and each takes what the others leave.",
    )


@check("deal", points=1, title="every photograph, the same number for every rank")
def deals_all(ask: Ask) -> None:
    size = ask.random.choice([3, 4, 8])
    _dealt(ask, size * ask.random.randint(5, 9), size)
    _dealt(ask, size * ask.random.randint(5, 9) + ask.random.randint(1, size - 1), size)


@check("deal", points=1, title="more ranks than photographs")
def deals_few(ask: Ask) -> None:
    n = ask.random.randint(1, 3)
    _dealt(ask, n, ask.random.choice([7, 8, 16]))


@check("deal", points=1, title="another order in each epoch, the same when asked again")
def deals_anew(ask: Ask) -> None:
    n, size, epoch = ask.random.randint(60, 90), ask.random.choice([2, 4]), ask.random.randint(0, 9)
    first, second, again = ask.run(DEAL, n=n, size=size, epochs=[epoch, epoch + 1, epoch])
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
    ask.expect(
        first[0] != sorted(first[0]),
        given=given,
        expected="a shuffled order",
        came=first[0][:8],
        why="Photographs lie in the order in which the bridges were built.",
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
        ask.expect(
            all(g is not None and ask.close(g, w, rtol=1e-4) for g, w in zip(grads, wanted, strict=True)),
            given=f"{given}, rank {rank}",
            expected=wanted,
            came=grads,
            why=why,
        )


def _row(ask: Ask) -> list[float | None]:
    return [float(ask.random.randint(-9, 9)) for _ in SHAPES]


@check("average_gradients", points=2, title="the mean on every rank")
def mean_of_gradients(ask: Ask) -> None:
    for size in (2, ask.random.randint(3, 8)):
        _averaged(ask, [_row(ask) for _ in range(size)], "The sum over all ranks, divided by their number.")
    _averaged(ask, [_row(ask)], "One rank alone keeps its gradients.")


@check("average_gradients", points=1, title="a branch that a rank's photographs did not reach")
def absent_gradients(ask: Ask) -> None:
    values = [_row(ask) for _ in range(ask.random.randint(3, 5))]
    values[ask.random.randrange(len(values))][1] = None
    values[0][2] = None
    _averaged(ask, values, "A rank without a gradient counts as zero, and is counted.")


@check("average_gradients", points=1, title="gradients that are not contiguous")
def turned_gradients(ask: Ask) -> None:
    values = [_row(ask) for _ in range(ask.random.randint(2, 4))]
    _averaged(ask, values, "What is brought to the meeting must come back into grad.", turned=True)


# --- Task 4 ----------------------------------------------------------------------------------------------

RATES = "result = [float(rate_at(step, base, size, warmup)) for step in steps]"


def _rates(ask: Ask, steps: list[int], base: float, size: int, warmup: int) -> None:
    came = ask.run(RATES, steps=steps, base=base, size=size, warmup=warmup)
    for step, rate in zip(steps, came, strict=True):
        part = 1.0 if step >= warmup else step / warmup
        wanted = base * (1 + (size - 1) * part)
        ask.expect(
            ask.close(rate, wanted, rtol=1e-6),
            given=f"step {step}, base {base}, {size} cards, warm-up {warmup}",
            expected=wanted,
            came=rate,
            why=f"From {base} in step 0 in equal parts to {base * size:g} in step {warmup}, then level.",
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
    return [type(came).__name__, float(came)]
result = _job(_part, len(held))
"""
)


def _losses(ask: Ask, held: list[list[float]], why: str) -> dict[str, Any]:
    came: dict[str, Any] = ask.run(LOSS, held=held)
    given = f"sums and counts of the ranks {held}"
    if _met(ask, came, given):
        wanted = sum(total for total, _ in held) / sum(count for _, count in held)
        for rank, (kind, value) in enumerate(came["came"]):
            ask.expect(
                kind == "float" and ask.close(value, wanted, rtol=1e-4),
                given=f"{given}, rank {rank}",
                expected=f"{wanted:.5f}, a float",
                came=f"{value}, a {kind}",
                why=why,
            )
    return came


@check("loss_of_all", points=1, title="ranks with as many photographs each")
def even_losses(ask: Ask) -> None:
    held = [[round(ask.random.uniform(5, 90), 2), 10] for _ in range(ask.random.randint(2, 8))]
    _losses(ask, held, "The mean of all, the same on every rank.")


@check("loss_of_all", points=1, title="ranks with few photographs, or none")
def uneven_losses(ask: Ask) -> None:
    held = [[round(ask.random.uniform(50, 90), 2), ask.random.randint(30, 40)] for _ in range(3)]
    held += [[round(ask.random.uniform(20, 40), 2), 2], [0.0, 0]]
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

FAULT = "result = [int(rank) for rank in at_fault({int(rank): text for rank, text in logs.items()})]"
LATE = (
    "[ERROR] 2026-11-21-04:40:51 (PID:{pid}, Device:{rank}, RankID:{rank}) ERR02200 DIST call hccl api "
    "failed.\n"
    "{code}: Failed to wait for a remote rank. RuntimeError: HcclBroadcast(rank={rank}), error code is 9\n"
)


def _blamed(ask: Ask, others: dict[int, str], size: int, code: str, why: str) -> None:
    logs = {
        str(rank): f"step {ask.random.randint(80, 99)}\n"
        + others.get(rank, LATE.format(pid=ask.random.randint(1000, 9999), rank=rank, code=code))
        for rank in range(size)
    }
    came = ask.run(FAULT, logs=logs)
    wanted = sorted(others)
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
    why = "Those who waited were there; the fault is with those who did not come."
    first, second = ask.random.sample(range(8), 2)
    _blamed(ask, {first: died}, 8, "EI0002", why)
    _blamed(ask, {first: home, second: died}, 8, "EI0002", why)
    _blamed(ask, {second: home}, 12, "EI0006", "EI0006 is the wait at the first meeting.")


@check("at_fault", points=1, title="jobs in which nobody waited in vain")
def nobody_waited(ask: Ask) -> None:
    logs = {str(rank): "epoch 9 loss 0.2\ntraining finished\n" for rank in range(ask.random.randint(2, 8))}
    came = ask.run(FAULT, logs=logs)
    ask.expect(came == [], given="logs of a good training", expected=[], came=came, why="Nobody is at fault.")
