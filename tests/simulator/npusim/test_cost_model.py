"""The cost model: its laws, its causes, its sources."""

import re

import npusim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from npusim.constants import CONSTANTS, KINDS, memory_bandwidth, provenance_counts
from npusim.cost_model import copy_ns, memory_ns
from npusim.products import required

CHIPS = [
    npusim.find_chip(name)
    for name in ("Ascend910B3", "Ascend910A", "Ascend310P3", "Ascend310B4", "Ascend310")
]
chips = st.sampled_from(CHIPS)
sizes = st.integers(1, 3000)


def spec(*shape, dtype="float16", fmt="ND"):
    """An operand."""
    return npusim.TensorSpec(shape, dtype, fmt)


def matmul(m, k, n, dtype="float16"):
    """A matrix product."""
    return npusim.Op(
        "MatMulV2", "matmul", [spec(m, k, dtype=dtype), spec(k, n, dtype=dtype)], [spec(m, n, dtype=dtype)]
    )


def conv(batch, channels, size, out, groups=1):
    """A 3x3 convolution that keeps the size."""
    k = 3
    image, weight = spec(batch, channels, size, size), spec(out, channels // groups, k, k)
    return npusim.Op("Conv2D", "conv2d", [image, weight], [spec(batch, out, size, size)])


def elementwise(*shape, name="Add", dtype="float16"):
    """An element-wise operator on two operands."""
    x = spec(*shape, dtype=dtype)
    return npusim.Op(name, "elementwise", [x, x], [x])


def product(op):
    """The sizes of the matrix product that an operator amounts to: batch, m, k, n."""
    return required(op)[3][:4]


def ns(chip, op):
    """Its duration."""
    return npusim.cost(chip, op).duration


def test_no_constant_is_unsourced():
    """Every constant has a kind, a source and a derivation; none is left over."""
    counts = provenance_counts()
    assert counts["unsourced"] == 0
    assert sum(counts.values()) == len(CONSTANTS)
    for constant in CONSTANTS.values():
        assert constant.kind in KINDS
        assert len(constant.source) > 8
        assert constant.derivation
        assert constant.unit


def test_the_count_of_unsourced_constants_can_fail(monkeypatch):
    """A constant without a source is counted."""
    monkeypatch.setitem(CONSTANTS, "made_up", npusim.Constant("made_up", 1.0, "1", "published", " ", "none"))
    assert provenance_counts()["unsourced"] == 1


@given(chips, sizes, sizes, sizes, st.tuples(*[st.integers(0, 500)] * 3))
def test_a_larger_product_is_never_faster(chip, m, k, n, more):
    """More rows, columns or inner elements never take less time."""
    assert ns(chip, matmul(m, k, n)) <= ns(chip, matmul(m + more[0], k + more[1], n + more[2]))


@given(chips, st.integers(1, 5_000_000), st.integers(0, 1_000_000), st.sampled_from(["Add", "Gelu", "Exp"]))
def test_more_elements_are_never_faster(chip, count, more, name):
    """A longer vector never takes less time."""
    assert ns(chip, elementwise(count, name=name)) <= ns(chip, elementwise(count + more, name=name))


@settings(max_examples=60)
@given(
    chips,
    st.integers(1, 16),
    st.integers(1, 200),
    st.tuples(st.integers(1, 40), st.integers(1, 200)),
    st.tuples(st.integers(0, 3), st.integers(0, 64)),
)
def test_a_larger_convolution_is_never_faster(chip, batch, channels, sizes, more):
    """More images, channels or filters never take less time."""
    (size, out), (images, wider) = sizes, more
    small = ns(chip, conv(batch, channels, size, out))
    assert small <= ns(chip, conv(batch + images, channels + wider, size, out + wider))


@given(
    chips,
    st.sampled_from(["softmax", "normalization", "transpose", "reduce", "optimizer", "copy", "aicpu"]),
    st.sampled_from(["float16", "float32", "int8"]),
    st.sampled_from(["ND", "FRACTAL_NZ"]),
    *[st.integers(1, 400)] * 3,
    st.integers(0, 400),
)
def test_more_rows_are_never_faster(chip, kind, dtype, fmt, batch, rows, columns, more):  # noqa: PLR0913, PLR0917
    """Whatever works on rows of one length takes no less time for more of them, in every format and type."""

    def took(count):
        before = npusim.TensorSpec((count, rows, columns), dtype, fmt)
        after = npusim.TensorSpec((rows, count, columns), dtype) if kind == "transpose" else before
        return npusim.cost(chip, npusim.Op("Op", kind, [before], [after])).duration

    assert took(batch) <= took(batch + more)


@given(chips, st.sampled_from(["H2D", "D2H", "D2D"]), st.integers(0, 1 << 30), st.integers(0, 1 << 30))
def test_longer_copies_are_never_faster(chip, kind, nbytes, more):
    """A copy of more bytes takes no less time, and keeps the memory busy for no less."""
    assert copy_ns(chip, kind, nbytes) <= copy_ns(chip, kind, nbytes + more)
    assert memory_ns(chip, kind, nbytes) <= memory_ns(chip, kind, nbytes + more)
    assert memory_ns(chip, kind, nbytes) <= copy_ns(chip, kind, nbytes)


@given(chips, sizes, sizes, sizes)
def test_padding_never_helps(chip, m, k, n):
    """The product padded to whole fractals takes at least as long."""
    up = [-(-d // 16) * 16 for d in (m, k, n)]
    assert ns(chip, matmul(m, k, n)) <= ns(chip, matmul(*up))


def attention(*shape, dtype="float16", keys=None):
    """Attention of heads: batch, heads, rows, width of a head; `keys` where there are more of them."""
    q, k = (npusim.TensorSpec((*shape[:2], rows, shape[3]), dtype) for rows in (shape[2], keys or shape[2]))
    return npusim.Op("FlashAttentionScore", "attention", [q, k, k], [q])


heads = st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 900), st.integers(1, 200))


@given(chips, heads, st.tuples(*[st.integers(0, 40)] * 4), st.sampled_from(["float16", "float32"]))
def test_more_attention_is_never_faster(chip, shape, more, dtype):
    """More pictures, heads, rows or wider heads never take less time; nor do rows padded to fractals."""
    small = ns(chip, attention(*shape, dtype=dtype))
    assert small <= ns(chip, attention(*(a + b for a, b in zip(shape, more, strict=True)), dtype=dtype))
    padded = (*shape[:2], *(-(-d // 16) * 16 for d in shape[2:]))
    assert small <= ns(chip, attention(*padded, dtype=dtype))


@given(chips, st.integers(64, 2048))
def test_one_row_of_attention_takes_its_bytes(chip, keys):
    """A single query reads keys and values once, so it moves no more than 16 queries do."""
    one, many = (npusim.cost(chip, attention(4, 8, rows, 128, keys=keys)) for rows in (1, 16))
    assert one.load <= many.load


@given(
    chips, sizes, sizes, sizes, st.tuples(*[st.integers(0, 500)] * 3), st.sampled_from(["int8", "float16"])
)
def test_a_larger_product_of_fractals_is_never_faster(chip, m, k, n, more, dtype):  # noqa: PLR0913, PLR0917
    """The same in the Cube's format, whose fractals are 32 int8 wide."""

    def took(m, k, n):
        specs = [npusim.TensorSpec(shape, dtype, "FRACTAL_NZ") for shape in ((m, k), (k, n), (m, n))]
        return ns(chip, npusim.Op("MatMulV2", "matmul", specs[:2], specs[2:]))

    assert took(m, k, n) <= took(m + more[0], k + more[1], n + more[2])


@given(
    chips, st.sampled_from(["transpose", "softmax", "elementwise"]), st.integers(1, 5000), st.integers(1, 600)
)
def test_padded_rows_never_help(chip, kind, rows, columns):
    """Rows and columns padded to 16 and 32 take at least as long, also to transpose."""
    small, large = (
        npusim.TensorSpec(shape, "float16")
        for shape in ((rows, columns), (-(-rows // 16) * 16, -(-columns // 32) * 32))
    )
    assert ns(chip, npusim.Op("Op", kind, [small], [small])) <= ns(
        chip, npusim.Op("Op", kind, [large], [large])
    )


worked_on = ["elementwise", "reduce", "normalization", "softmax", "optimizer", "copy", "concat"]


@given(
    chips,
    st.sampled_from(worked_on),
    st.sampled_from(["ND", "NCHW", "NC1HWC0", "FRACTAL_NZ"]),
    st.tuples(st.integers(1, 4), *[st.integers(1, 200)] * 3),
    st.tuples(st.integers(0, 4), *[st.integers(0, 60)] * 3),
)
def test_larger_tensors_are_never_faster(chip, kind, fmt, shape, more):
    """Growing in any dimension never saves time, in any format: what pads a format is worked on."""
    small, large = (
        npusim.TensorSpec(sizes, "float16", fmt)
        for sizes in (shape, tuple(a + b for a, b in zip(shape, more, strict=True)))
    )
    assert ns(chip, npusim.Op("Op", kind, [small], [small])) <= ns(
        chip, npusim.Op("Op", kind, [large], [large])
    )


@given(chips, st.integers(1, 64), st.integers(1, 64), st.integers(1, 64))
def test_a_product_within_a_fractal_costs_a_whole_one(chip, m, k, n):
    """The Cube does 16 x 16 x 16 at a time: 1 to 16 rows keep it busy for as long."""
    whole = npusim.cost(chip, matmul(-(-m // 16) * 16, -(-k // 16) * 16, -(-n // 16) * 16))
    assert npusim.cost(chip, matmul(m, k, n)).cube == whole.cube


@given(chips, sizes, sizes, sizes)
def test_no_product_beats_the_peak(chip, m, k, n):
    """The Cube is never credited with more than its peak."""
    peak = 2 * 16**3 * chip.cubes * chip.clock_mhz / 1000  # operations a nanosecond
    assert 2 * m * k * n <= (npusim.cost(chip, matmul(m, k, n)).cube + 1) * peak


@given(chips, st.integers(1, 10_000_000))
def test_no_operator_beats_the_memory(chip, count):
    """What does not fit into L2 takes at least the time of its bytes at peak bandwidth."""
    op = elementwise(count)
    beyond = 3 * 2 * count - chip.l2_bytes
    assert ns(chip, op) * memory_bandwidth(chip) >= beyond


def test_int8_is_twice_as_fast_on_the_cube_and_float_four_times_slower():
    """The Cube's rates by type: 16x32x16 for int8, 16x16x16 for halves, a quarter of that for floats."""
    chip = npusim.find_chip("Ascend910B3")
    half = npusim.cost(chip, matmul(4096, 4096, 4096)).cube
    assert npusim.cost(chip, matmul(4096, 4096, 4096, "int8")).cube == pytest.approx(half / 2, rel=0.01)
    assert npusim.cost(chip, matmul(4096, 4096, 4096, "float32")).cube == pytest.approx(half * 4, rel=0.01)


def test_the_tail_wave_shows():
    """One row of fractals more than the cores share evenly makes one core, and so all, work a row longer."""
    chip = npusim.find_chip("Ascend910B3")
    even = npusim.cost(chip, matmul(16 * 20 * 4, 4096, 16))
    more = npusim.cost(chip, matmul(16 * (20 * 4 + 1), 4096, 16))
    assert even.blocks == 20
    assert more.cube == pytest.approx(even.cube * 5 / 4, rel=0.01)


def test_a_depthwise_convolution_wastes_the_cube():
    """Groups of one channel share a fractal of 16.

    The Cube is busier than for its share of the full convolution.
    """
    chip = npusim.find_chip("Ascend310P3")
    full, depthwise = (
        npusim.cost(chip, conv(8, 256, 28, 256)),
        npusim.cost(chip, conv(8, 256, 28, 256, groups=256)),
    )
    assert full.cube / 256 * 4 < depthwise.cube < full.cube


def test_small_operators_are_all_overhead():
    """An operator on one element takes the task's overhead and hardly more."""
    for chip in CHIPS:
        overhead = CONSTANTS["task_overhead_ns"].value
        assert overhead <= ns(chip, elementwise(1)) < 2 * overhead


def test_wide_types_and_hard_functions_take_longer():
    """32-bit elements take longer than halves, Gelu longer than Add."""
    chip = npusim.find_chip("Ascend910B3")
    assert ns(chip, elementwise(1 << 24)) < ns(chip, elementwise(1 << 24, dtype="float32"))
    assert ns(chip, elementwise(1 << 18)) < ns(chip, elementwise(1 << 18, name="Gelu"))


def test_units():
    """Products run on the AI Core.

    Element-wise work on the vector cores of a chip that has them; aicpu apart.
    """
    split, joined = npusim.find_chip("Ascend910B3"), npusim.find_chip("Ascend310P3")
    assert npusim.cost(split, matmul(64, 64, 64)).unit == "AI_CORE"
    assert npusim.cost(split, elementwise(64)).unit == "AI_VECTOR_CORE"
    assert npusim.cost(joined, elementwise(64)).unit == "AI_CORE"
    slow = npusim.cost(split, npusim.Op("Unique", "aicpu", [spec(1000)], [spec(1000)]))
    assert slow.unit == "AI_CPU"
    assert slow.duration > 10 * ns(split, elementwise(1000))


def test_views_are_free():
    """A view takes no time and no core."""
    found = npusim.cost(CHIPS[0], npusim.Op("Reshape", "view", [spec(8, 8)], [spec(64)]))
    assert (found.duration, found.blocks) == (0, 0)


@pytest.mark.parametrize(
    ("inputs", "outputs", "sizes"),
    [
        ([spec(8, 32), spec(32, 64)], [spec(8, 64)], (1, 8, 32, 64)),  # mm
        ([spec(64), spec(8, 32), spec(32, 64)], [spec(8, 64)], (1, 8, 32, 64)),  # addmm: the bias comes first
        ([spec(8, 32), spec(64, 32)], [spec(8, 64)], (1, 8, 32, 64)),  # linear: a transposed weight
        ([spec(4, 8, 32), spec(32, 64)], [spec(4, 8, 64)], (1, 32, 32, 64)),  # a batch by one matrix
        ([spec(4, 8, 32), spec(4, 32, 64)], [spec(4, 8, 64)], (4, 8, 32, 64)),  # bmm
        ([spec(8, 32), spec(32)], [spec(8)], (1, 8, 32, 1)),  # mv
        ([spec(32), spec(32)], [spec()], (1, 1, 32, 1)),  # dot
    ],
)
def test_sizes_follow_from_shapes(inputs, outputs, sizes):
    """The product's sizes are found whatever the order and transposition of the operands."""
    assert product(npusim.Op("MatMulV2", "matmul", inputs, outputs)) == sizes


def test_convolutions_follow_from_shapes():
    """Groups, backward passes, transposed and 1-d convolutions are recognised by their shapes."""
    plain = conv(2, 32, 14, 64)
    assert product(plain) == (1, 2 * 14 * 14, 32 * 9, 64)
    assert product(conv(2, 32, 14, 32, groups=32)) == (2, 2 * 14 * 14, 16 * 9, 16)
    image, weight, out = plain.inputs[0], plain.inputs[1], plain.outputs[0]
    backward = npusim.Op("Conv2DBackprop", "conv2d", [out, image, weight], [image, weight, spec(64)])
    assert product(backward) == (2, 2 * 14 * 14, 32 * 9, 64)
    assert required(backward)[:2] == (image, weight)
    transposed = npusim.Op("Conv2D", "conv2d", [out, spec(64, 32, 3, 3)], [image])
    assert product(transposed) == (1, 2 * 14 * 14, 64, 32 * 9)
    line = npusim.Op("Conv2D", "conv2d", [spec(2, 16, 100), spec(8, 16, 3)], [spec(2, 8, 98)])
    assert product(line) == (1, 2 * 98, 48, 8)


@pytest.mark.parametrize(
    "op",
    [
        npusim.Op("MatMulV2", "matmul"),
        npusim.Op("MatMulV2", "matmul", [spec(3, 4)], [spec(3, 4)]),
        npusim.Op("MatMulV2", "matmul", [spec(3, 4), spec(5, 6)], [spec(7, 8)]),
        npusim.Op("MatMulV2", "matmul", [spec(0, 4), spec(4, 6)], [spec(0, 6)]),
        npusim.Op("Conv2D", "conv2d", [spec(3), spec(3)], [spec(3)]),
        npusim.Op("Conv2D", "conv2d", [spec(0, 3, 8, 8), spec(4, 3, 3, 3)], [spec(0, 4, 8, 8)]),
        npusim.Op("Odd", "a kind nobody knows", [spec(3, dtype="strange")], [spec(3)]),
        npusim.Op("Pool", "pool", [spec(1, 1, 4, 4)], [spec(1, 1, 2, 2)]),
        npusim.Op("Flash", "attention", [spec(1, 2, 8, 16)] * 3, [spec(1, 2, 8, 16)]),
        npusim.Op("Empty", "elementwise"),
    ],
)
def test_odd_operators_still_cost_something(op):
    """Shapes that make no product, no elements and unknown kinds cost the overhead and raise nothing."""
    for chip in CHIPS:
        assert ns(chip, op) >= CONSTANTS["task_overhead_ns"].value


def test_flash_attention_beats_its_parts():
    """Attention in one kernel keeps the scores on the chip: faster than product, softmax and product."""
    chip = npusim.find_chip("Ascend910B3")
    q, s = spec(8, 16, 1024, 64), spec(8, 16, 1024, 1024)
    parts = [
        npusim.Op("BatchMatMulV2", "matmul", [q, spec(8, 16, 64, 1024)], [s]),
        npusim.Op("SoftmaxV2", "softmax", [s], [s]),
        npusim.Op("BatchMatMulV2", "matmul", [s, q], [q]),
    ]
    fused = npusim.Op("FlashAttentionScore", "attention", [q, q, q], [q])
    assert ns(chip, fused) < sum(ns(chip, op) for op in parts)


def test_formats_pad():
    """NC1HWC0 pads channels to 32 bytes, FRACTAL_NZ the last two dimensions, FRACTAL_Z filters."""
    from npusim.op import padded_bytes

    assert padded_bytes(spec(1, 3, 4, 4, fmt="NC1HWC0")) == 16 * 16 * 2
    assert padded_bytes(spec(1, 3, 4, 4, fmt="NC1HWC0", dtype="int8")) == 32 * 16
    assert padded_bytes(spec(17, 20, fmt="FRACTAL_NZ")) == 32 * 32 * 2
    assert padded_bytes(spec(20, 3, 3, 3, fmt="FRACTAL_Z")) == 32 * 16 * 9 * 2
    assert padded_bytes(spec(17, 20)) == 17 * 20 * 2


def test_every_documented_constant_is_used():
    """No constant stands in the table that the model does not read."""
    from pathlib import Path

    folder = Path(npusim.__file__).parent
    text = "".join(p.read_text() for p in folder.glob("*.py") if p.name != "constants.py")
    text += re.sub(r"(?s)_ROWS = .*?\n\)\n", "", (folder / "constants.py").read_text())
    for name in CONSTANTS:
        what = name.partition(".")[0]
        unit, _, figure = what.rpartition("_")  # the media units' figures are read by unit
        by_unit = f'"{unit}"' in text and f'}}_{figure}"' in text
        assert f'"{what}"' in text or by_unit, name


@pytest.mark.parametrize("fmt", ["ND", "FRACTAL_NZ"])
def test_a_row_less_than_a_fractal_is_not_padded_twice(fmt):
    """A product of few rows never takes longer than one of more: padding is counted once."""
    chip = npusim.find_chip("Ascend910B3")

    def duration(rows):
        left, right, out = (
            npusim.TensorSpec(s, "float16", fmt) for s in ((rows, 2048), (4, 2048), (rows, 4))
        )
        op = npusim.Op("MatMulV2", "matmul", [left, right], [out], {"transpose_b": True})
        return npusim.cost(chip, op).duration

    times = [duration(rows) for rows in (1, 2, 4, 8, 16, 32, 64)]
    assert times == sorted(times)


def test_a_changed_constant_counts_at_once(monkeypatch):
    """Rates are kept for each chip; changing a constant, and changing it back, makes new ones."""
    chip, op = npusim.find_chip("Ascend910B3"), matmul(512, 512, 512)
    before = ns(chip, op)
    slower = CONSTANTS["cube_efficiency"]._replace(value=0.1)
    with monkeypatch.context() as patch:
        patch.setitem(CONSTANTS, "cube_efficiency", slower)
        assert ns(chip, op) > before
    assert ns(chip, op) == before
    assert ns(chip._replace(soc="of another clock", clock_mhz=900), op) > before
