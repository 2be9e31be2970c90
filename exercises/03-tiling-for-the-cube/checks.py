"""Hidden checks of "Tiling for the Cube". They run in the grader; only probes enter the learner's kernel."""

from typing import Any

import npusim
from camp.checks import Ask, check
from npusim.replay import Event, Timed
from npusim.settings import DEFAULT_SOC

DEPTH = {"float16": 16, "int8": 32, "float32": 4}


def _up(needed: int, grain: int) -> int:
    """The smallest multiple of `grain` that is not smaller than `needed`."""
    return -(-needed // grain) * grain


# --- Task 1 ----------------------------------------------------------------------------------------------

ALIGN = """
import torch
result = [[int(size) for size in aligned(m, k, n, getattr(torch, dtype))] for m, k, n in shapes]
"""


def _aligned(ask: Ask, shapes: list[list[int]], dtype: str, why: str) -> None:
    came = ask.run(ALIGN, shapes=shapes, dtype=dtype)
    for shape, got in zip(shapes, came, strict=True):
        m, k, n = shape
        wanted = [_up(m, 16), _up(k, DEPTH[dtype]), _up(n, 16)]
        ask.expect(got == wanted, given=f"{shape} in {dtype}", expected=wanted, came=got, why=why)


@check("align", points=1, title="sizes that are no whole number of blocks")
def odd_sizes(ask: Ask) -> None:
    shapes = [
        [16 * ask.random.randint(0, 18) + ask.random.randint(1, 15) for _ in range(3)] for _ in range(4)
    ]
    _aligned(ask, [*shapes, [1, 1, 1]], "float16", "The Cube takes whole blocks of 16; the rest is zeros.")


@check("align", points=1, title="sizes that are whole blocks already")
def whole_sizes(ask: Ask) -> None:
    shapes = [[16 * ask.random.randint(1, 30) for _ in range(3)] for _ in range(3)]
    _aligned(ask, shapes, "float16", "What fills its blocks is not padded; one block more is wasted work.")


@check("align", points=1, title="int8 and float32")
def other_types(ask: Ask) -> None:
    shapes = [[ask.random.randint(1, 99), ask.random.randint(1, 299), ask.random.randint(1, 99)]]
    shapes += [[16, 36, 48]]
    _aligned(ask, shapes, "int8", "32 bytes are 32 numbers of int8: only k is deeper, m and n stay at 16.")
    _aligned(ask, shapes, "float32", "The Cube takes 4 floats along k in a cycle; m and n stay at 16.")


# --- Tasks 2 to 4 ----------------------------------------------------------------------------------------

TO_NZ = """
import torch
x = torch.tensor(values).reshape(shape).to(getattr(torch, dtype)).to(device)
packed = to_nz(x)
result = [list(packed.shape), str(packed.dtype), str(packed.device), packed.is_contiguous()]
result.append([int(value) for value in packed.flatten().cpu()])
"""
FROM_NZ = """
import torch
x = torch.tensor(values).reshape(shape).to(getattr(torch, dtype)).to(device)
plain = from_nz(x, m, n)
result = [list(plain.shape), str(plain.dtype), str(plain.device), plain.is_contiguous()]
result.append([int(value) for value in plain.flatten().cpu()])
"""
TO_5HD = """
import torch
x = torch.tensor(values).reshape(shape).to(getattr(torch, dtype)).to(device)
packed = to_5hd(x)
result = [list(packed.shape), str(packed.dtype), str(packed.device), packed.is_contiguous()]
result.append([int(value) for value in packed.flatten().cpu()])
"""


def _numbers(ask: Ask, count: int) -> list[int]:
    """Whole numbers that float16 and int8 both hold, none of them 0."""
    return [ask.random.choice([-1, 1]) * ask.random.randint(1, 99) for _ in range(count)]


def _packed(matrix: list[list[int]], c0: int) -> list[int]:
    """FRACTAL_NZ of one matrix, from its definition."""
    m, n = len(matrix), len(matrix[0])
    return [
        matrix[16 * i + r][c0 * j + c] if 16 * i + r < m and c0 * j + c < n else 0
        for j in range(_up(n, c0) // c0)
        for i in range(_up(m, 16) // 16)
        for r in range(16)
        for c in range(c0)
    ]


def _matrices(values: list[int], batch: int, m: int, n: int) -> list[list[list[int]]]:
    return [[values[(b * m + r) * n : (b * m + r + 1) * n] for r in range(m)] for b in range(batch)]


def _tensor(ask: Ask, came: Any, shape: list[int], values: list[int], setting: dict[str, Any]) -> None:
    """Shape, type, device, memory and values of what came back."""
    given = f"{setting['shape']} in {setting['dtype']} on {setting['device']}"
    ask.expect(
        came[0] == shape,
        given=given,
        expected=f"the shape {shape}",
        came=f"the shape {came[0]}",
        why="Its kernel walks the blocks by the shape: one block too few is lost, one too many is worked on.",
    )
    ask.expect(
        came[1] == f"torch.{setting['dtype']}",
        given=given,
        expected=setting["dtype"],
        came=came[1],
        why="Packing moves bytes and converts none.",
    )
    ask.expect(
        came[2] == setting["device"],
        given=given,
        expected=f"a tensor on {setting['device']}",
        came=came[2],
        why="A way over the host costs more than the packing gains.",
    )
    wrong = next((i for i, (a, b) in enumerate(zip(came[4], values, strict=True)) if a != b), None)
    ask.expect(
        wrong is None,
        given=given,
        expected=values[wrong or 0],
        came=f"{came[4][wrong or 0]} at place {wrong} in memory",
        why="The Cube reads by place: a number at another one is multiplied with the wrong partner.",
    )
    ask.expect(
        came[3],
        given=given,
        expected="one piece of memory",
        came="a view with jumps in it",
        why="What was to become one load of 512 bytes stays sixteen.",
    )


def _pack_matrix(ask: Ask, shape: list[int], dtype: str = "float16", device: str = "cpu") -> None:
    c0 = 32 if dtype == "int8" else 16
    *batch, m, n = shape
    count = batch[0] if batch else 1
    values = _numbers(ask, count * m * n)
    setting = {"shape": shape, "dtype": dtype, "device": device}
    came = ask.run(TO_NZ, values=values, **setting)
    shape = [*batch, _up(n, c0) // c0, _up(m, 16) // 16, 16, c0]
    wanted = [v for x in _matrices(values, count, m, n) for v in _packed(x, c0)]
    _tensor(ask, came, shape, wanted, setting)


@check("pack_matrix", points=1, title="matrices of whole blocks")
def whole_blocks(ask: Ask) -> None:
    rows, columns = ask.random.choice([(2, 3), (3, 2), (2, 4), (4, 3)])
    _pack_matrix(ask, [16 * rows, 16 * columns])


@check("pack_matrix", points=1, title="matrices that need padding")
def padded_blocks(ask: Ask) -> None:
    m, n = ask.random.randint(17, 31), ask.random.randint(33, 47)
    _pack_matrix(ask, [m, n], device="npu:0")
    _pack_matrix(ask, [n, m])


@check("pack_matrix", points=1, title="numbers of int8")
def int8_blocks(ask: Ask) -> None:
    _pack_matrix(ask, [ask.random.randint(17, 40), ask.random.randint(33, 70)], "int8")


@check("pack_matrix", points=1, title="several matrices at once")
def batched(ask: Ask) -> None:
    _pack_matrix(ask, [3, ask.random.randint(17, 30), ask.random.randint(17, 30)])


def _unpack_matrix(ask: Ask, shape: list[int], dtype: str = "float16", device: str = "cpu") -> None:
    c0 = 32 if dtype == "int8" else 16
    *batch, m, n = shape
    count = batch[0] if batch else 1
    values = _numbers(ask, count * m * n)
    packed = [v for x in _matrices(values, count, m, n) for v in _packed(x, c0)]
    blocks = [*batch, _up(n, c0) // c0, _up(m, 16) // 16, 16, c0]
    setting = {"shape": blocks, "dtype": dtype, "device": device}
    came = ask.run(FROM_NZ, values=packed, m=m, n=n, **setting)
    _tensor(ask, came, shape, values, setting)


@check("unpack_matrix", points=1, title="matrices of whole blocks")
def unpacks_whole(ask: Ask) -> None:
    rows, columns = ask.random.choice([(2, 3), (3, 2), (2, 4), (4, 3)])
    _unpack_matrix(ask, [16 * rows, 16 * columns])


@check("unpack_matrix", points=1, title="padding is cut off")
def unpacks_padded(ask: Ask) -> None:
    m, n = ask.random.randint(17, 31), ask.random.randint(33, 47)
    _unpack_matrix(ask, [m, n], device="npu:0")
    _unpack_matrix(ask, [n, m])


@check("unpack_matrix", points=1, title="int8, and several matrices at once")
def unpacks_others(ask: Ask) -> None:
    _unpack_matrix(ask, [ask.random.randint(17, 40), ask.random.randint(33, 70)], "int8")
    _unpack_matrix(ask, [2, ask.random.randint(17, 30), ask.random.randint(17, 30)])


def _pack_images(ask: Ask, shape: list[int], dtype: str, device: str = "cpu") -> None:
    c0 = 32 if dtype == "int8" else 16
    batch, channels, height, width = shape
    values = _numbers(ask, batch * channels * height * width)
    setting = {"shape": shape, "dtype": dtype, "device": device}
    came = ask.run(TO_5HD, values=values, **setting)
    wanted = [
        values[((b * channels + c0 * j + c) * height + y) * width + x] if c0 * j + c < channels else 0
        for b in range(batch)
        for j in range(_up(channels, c0) // c0)
        for y in range(height)
        for x in range(width)
        for c in range(c0)
    ]
    _tensor(ask, came, [batch, _up(channels, c0) // c0, height, width, c0], wanted, setting)


@check("pack_images", points=1, title="pictures of few channels")
def few_channels(ask: Ask) -> None:
    shape = [2, ask.random.choice([1, 3, 4]), ask.random.randint(3, 6), ask.random.randint(7, 9)]
    _pack_images(ask, shape, "float16", "npu:0")


@check("pack_images", points=1, title="more channels than one group holds")
def many_channels(ask: Ask) -> None:
    shape = [2, ask.random.randint(33, 47), ask.random.randint(2, 3), ask.random.randint(4, 5)]
    _pack_images(ask, shape, "float16")


@check("pack_images", points=1, title="pictures in int8")
def int8_pictures(ask: Ask) -> None:
    _pack_images(ask, [1, ask.random.randint(33, 60), ask.random.randint(2, 3), 4], "int8")


# --- Task 5 ----------------------------------------------------------------------------------------------

PREDICT = """
import torch
result = [cube_cycles(m, k, n, getattr(torch, dtype), cores) for m, k, n, dtype, cores in given]
"""


def _cycles(m: int, k: int, n: int, dtype: str, cores: int) -> int:
    rows, depth, columns = _up(m, 16) // 16, _up(k, DEPTH[dtype]) // DEPTH[dtype], _up(n, 16) // 16
    return depth * min(-(-rows // d) * -(-columns // (cores // d)) for d in range(1, cores + 1))


def _predicted(ask: Ask, given: list[list[Any]], why: str) -> None:
    for one, came in zip(given, ask.run(PREDICT, given=given), strict=True):
        wanted = _cycles(*one)
        ask.expect(
            came == wanted, given=f"(m, k, n, type, cores) = {one}", expected=wanted, came=came, why=why
        )


@check("predict", points=1, title="one core, any shape and type")
def one_core(ask: Ask) -> None:
    sizes = [[ask.random.randint(1, 400) for _ in range(3)] for _ in range(3)]
    given = [[*size, dtype, 1] for size, dtype in zip(sizes, DEPTH, strict=True)]
    _predicted(ask, given, "One block in a cycle, padding included.")


@check("predict", points=1, title="shapes that come out even among the cores")
def even_shapes(ask: Ask) -> None:
    down, across = ask.random.choice([(2, 4), (4, 5), (4, 8), (3, 4)])
    m, n = 16 * down * ask.random.randint(2, 9), 16 * across * ask.random.randint(2, 9)
    given = [[m, 16 * ask.random.randint(2, 40), n, "float16", down * across]]
    _predicted(ask, given, "Every core gets the same rectangle of the result, over the whole of k.")


@check("predict", points=2, title="shapes with a tail")
def uneven_shapes(ask: Ask) -> None:
    given = [
        [
            16 * ask.random.choice([7, 11, 13, 17, 19, 23]),
            640,
            16 * ask.random.choice([29, 31, 37, 41]),
            dtype,
            c,
        ]
        for dtype, c in (("float16", 20), ("float16", 24), ("int8", 8), ("float32", 32))
    ]
    why = "The busiest core decides: try every grid of whole blocks, also those that leave a core idle."
    given += [[5 * 16, 16, 5 * 16, "float16", 4], [16, 64, 16, "float16", 20]]
    # Eight by eight for 13 cores: 3 x 4 leaves one of them idle and beats 13 x 1. Then strips alone.
    given += [[8 * 16, 64, 8 * 16, "float16", 13], [960, 64, 16, "float16", 20], [16, 64, 960, "int8", 20]]
    _predicted(ask, given, why)


# --- Task 6 ----------------------------------------------------------------------------------------------

TIMED = Timed()
MEASURE = """
import torch
a, b = torch.ones(m, k, device="npu:0"), torch.ones(k, n, device="npu:0")
begin()
came = reached(a, b, peak)
end()
result = {"kind": type(came).__name__, "came": float(came)}
"""
PRODUCTS = 6
"""Five that are measured and one before them, as the task's docstring says."""


def _product(m: int, k: int, n: int) -> npusim.Op:
    left, right, result = (npusim.TensorSpec(shape, "float32") for shape in ((m, k), (k, n), (m, n)))
    return npusim.Op("MatMulV2", "matmul", [left, right], [result])


def _share(ask: Ask, sizes: tuple[int, int, int], peak: float, why: str) -> None:
    m, k, n = sizes
    came, events = ask.on_device(TIMED, MEASURE, m=m, k=k, n=n, peak=peak)
    seconds = npusim.cost(npusim.find_chip(DEFAULT_SOC), _product(m, k, n)).duration / 1e9
    wanted = 2 * m * k * n / seconds / (peak * 1e12)
    given = f"a product of {m} x {k} x {n} in float32 and a peak of {peak} TFLOP/s"
    ask.expect(came["kind"] == "float", given=given, expected="a Python float", came=came["kind"])
    ran = sum(e.kind == "matmul" and any(out.shape == (m, n) for out in e.outputs) for e in events)
    ask.expect(
        ran >= PRODUCTS,
        given=given,
        expected=f"at least {PRODUCTS} products on the device, five of them measured",
        came=f"{ran} of them",
        why="A prediction is no measurement, and a single product says little: only what ran was measured.",
    )
    ask.expect(
        abs(came["came"] - wanted) <= 0.05 * wanted,
        given=given,
        expected=f"{wanted:.3f} within 5 %",
        came=f"{came['came']:.3f}",
        why=why,
    )


@check("measure", points=2, title="large products, of many rows and of few")
def large_products(ask: Ask) -> None:
    m, n = 16 * ask.random.randint(76, 84), 16 * ask.random.randint(76, 84)
    why = "Two operations for each of m * k * n, in seconds of the device's clock, launches hidden."
    _share(ask, (m, 1280, n), 73.7, why)
    why = "One block of rows against a large table: the memory decides here, and the Cubes mostly wait."
    _share(ask, (ask.random.randint(9, 16), 4096, 4096), 73.7, why)


@check("measure", points=1, title="a matrix that is not square, and another peak")
def other_peak(ask: Ask) -> None:
    peak = ask.random.choice([60.0, 80.0, 88.5, 94.4])
    why = "The two matrices share k: m and k are the left one's sizes, n is the right one's second."
    _share(ask, (640, 16 * ask.random.randint(150, 170), 1280), peak, why)


# --- Task 7 ----------------------------------------------------------------------------------------------

SERVE = """
import torch
torch.manual_seed(seed)
books = torch.randint(-300, 301, (k, n)).float().to(device)
questions = [torch.randint(-300, 301, (k,)).float().to(device) for _ in range(count)]
kept = [q.tolist() for q in questions]
answers = serve(questions, books)
wanted = [(q.cpu() @ books.cpu()).tolist() for q in questions]
result = {
    "kind": type(answers).__name__,
    "shapes": [list(answer.shape) for answer in answers],
    "devices": sorted({str(answer.device) for answer in answers}),
    "wrong": [i for i, (a, w) in enumerate(zip(answers, wanted)) if a.cpu().tolist() != w],
    "kept": kept == [q.tolist() for q in questions],
}
"""
RACE = """
import torch
books = torch.arange(64 * n).reshape(64, n).remainder(7).float().to("npu:0")
questions = [torch.full((64,), 1.0 + i % 5, device="npu:0") for i in range(count)]
serve(questions, books)
begin()
answers = serve(questions, books)
end()
result = [[int(score) for score in answer.tolist()] for answer in answers]
"""


@check("serve", points=1, title="the answers are right")
def right_answers(ask: Ask) -> None:
    for device, count in (("npu:0", ask.random.randint(24, 40)), ("cpu", 3), ("npu:0", 1)):
        k, n = ask.random.randint(20, 70), ask.random.randint(90, 200)
        came = ask.run(SERVE, device=device, count=count, k=k, n=n, seed=ask.random.randint(0, 999))
        given = f"{count} questions of {k} numbers, {n} books, all on {device}"
        ask.expect(came["kind"] == "list", given=given, expected="a list", came=came["kind"])
        ask.expect(
            came["shapes"] == [[n]] * count,
            given=given,
            expected=f"{count} vectors of shape [{n}]",
            came=f"{len(came['shapes'])} answers, the first of shape {came['shapes'][:1]}",
            why="One vector of scores for each question.",
        )
        ask.expect(
            came["devices"] == [device],
            given=given,
            expected=f"answers on {device}",
            came=came["devices"],
            why="The next operator reads them there.",
        )
        ask.expect(
            not came["wrong"],
            given=given,
            expected="each question times the matrix, in the questions' order",
            came=f"other values at {came['wrong'][:5]}",
            why="A product keeps the order of its rows; float16 would keep three digits of each score.",
        )
        ask.expect(
            came["kept"],
            given=given,
            expected="the questions as they were",
            came="others",
            why="They are their owner's memory; what stack returns is a copy.",
        )


def _race(ask: Ask, times: int) -> None:
    """Against one product for each question, in the device time of the events that the grader prices."""
    count, n = ask.random.randint(24, 40), 16 * ask.random.randint(2, 4)
    came, events = ask.on_device(TIMED, RACE, count=count, n=n)
    column = [sum((row * n + c) % 7 for row in range(64)) for c in range(n)]
    wanted = [[(1 + i % 5) * total for total in column] for i in range(count)]
    ask.expect(came == wanted, given=f"{count} questions", expected="right answers", came="others")
    scored = sum(out.numel for e in events if e.kind == "matmul" for out in e.outputs)
    ask.expect(
        scored >= count * n,
        given=f"{count} questions, {n} books",
        expected=f"{count * n} scores computed on the device in this call",
        came=scored,
        why="Answers kept from an earlier call are no answers to new questions.",
    )
    one = _product(1, 64, n)
    alone = [Event("kernel", one.name, one.kind, tuple(one.inputs), tuple(one.outputs))] * count
    ask.device_ms, slow = TIMED.ms(events), TIMED.ms(alone)
    ask.expect(
        ask.device_ms <= slow / times,
        given=f"{count} questions; {1000 * slow:.0f} µs one by one",
        expected=f"at most {1000 * slow / times:.0f} µs of device time",
        came=f"{1000 * ask.device_ms:.0f} µs",
        why="A block has 16 rows whether they are filled or not, and each launch costs the host its time.",
    )


@check("serve", points=1, title="at most half of the device time")
def twice_as_fast(ask: Ask) -> None:
    _race(ask, 2)


@check("serve", points=1, title="at most an eighth of the device time")
def eight_times_as_fast(ask: Ask) -> None:
    _race(ask, 8)
