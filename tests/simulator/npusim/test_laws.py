"""More work is never faster, for every class of operator and in every dimension; nor is padding."""

import npusim
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from npusim import Op, TensorSpec

CHIPS = [
    npusim.find_chip(name)
    for name in ("Ascend910B3", "Ascend910A", "Ascend310P3", "Ascend310B4", "Ascend310", "Hi3796CV300ES")
]
DTYPES = ("float16", "float32", "int8", "int64")


def matmul(sizes, dtype, fmt):
    """A product with a bias."""
    m, k, n = sizes
    fmt = "FRACTAL_NZ" if fmt == "NC1HWC0" and dtype != "int8" else "ND"
    left, right, out = (TensorSpec(shape, dtype, fmt) for shape in ((m, k), (k, n), (m, n)))
    return Op("MatMulV2", "matmul", [left, right, TensorSpec((n,), dtype)], [out])


def batched(sizes, dtype, _fmt):
    """A product of each pair of a batch."""
    b, m, k, n = sizes
    left, right, out = (TensorSpec(shape, dtype) for shape in ((b, m, k), (b, k, n), (b, m, n)))
    return Op("BatchMatMulV2", "matmul", [left, right], [out])


def convolution(sizes, dtype, fmt):
    """A convolution in groups of some channels and filters; one group where the first size is 1."""
    groups, channels, filters, batch, size, window = sizes
    image = TensorSpec((batch, groups * channels, size, size), dtype, fmt)
    weight = TensorSpec((groups * filters, channels, window, window), dtype)
    out = TensorSpec((batch, groups * filters, size, size), dtype, fmt)
    return Op("Conv2D", "conv2d", [image, weight], [out], {"groups": groups})


def gradients(sizes, dtype, fmt):
    """A convolution's backward pass."""
    channels, filters, batch, size, window = sizes
    # of different kinds of sizes, so that the filters are not taken for a picture
    image = TensorSpec((batch, channels, 16 * size, 16 * size), dtype, fmt)
    weight = TensorSpec((filters, channels, window, window), dtype)
    out = TensorSpec((batch, filters, 16 * size, 16 * size), dtype, fmt)
    return Op("Conv2DBackprop", "conv2d", [out, image, weight], [image, weight])


def cross_attention(sizes, dtype, _fmt):
    """Attention to other keys."""
    batch, heads, rows, width, keys = sizes
    query, key = (TensorSpec((batch, heads, count, width), dtype) for count in (rows, keys))
    return Op("FlashAttentionScore", "attention", [query, key, key], [query])


def reduction(sizes, dtype, fmt):
    """A sum over the last dimension."""
    rows, columns, depth = sizes
    return Op(
        "ReduceSum",
        "reduce",
        [TensorSpec((rows, columns, depth), dtype, fmt)],
        [TensorSpec((rows, columns), dtype)],
    )


def mean_of_a_batch(sizes, dtype, _fmt):
    """A mean over the first dimension, in another type."""
    rows, columns = sizes
    return Op(
        "ReduceMean", "reduce", [TensorSpec((rows, columns), dtype)], [TensorSpec((columns,), "float32")]
    )


def lookup(sizes, dtype, _fmt):
    """Rows of a table."""
    rows, columns, count = sizes
    table, places = TensorSpec((rows, columns), dtype), TensorSpec((count,), "int64")
    return Op("GatherV2", "gather", [table, places], [TensorSpec((count, columns), dtype)])


def noise(sizes, dtype, _fmt):
    """Random numbers and a mask, from nothing."""
    return Op("Dropout", "random", [], [TensorSpec(sizes, dtype), TensorSpec(sizes, "bool")])


def with_bias(sizes, dtype, fmt):
    """An addition of one row to all."""
    return Op(
        "Add",
        "elementwise",
        [TensorSpec(sizes, dtype, fmt), TensorSpec(sizes[-1:], dtype)],
        [TensorSpec(sizes, dtype, fmt)],
    )


def outer_sum(sizes, dtype, _fmt):
    """A column plus a row."""
    rows, columns = sizes
    return Op(
        "Add",
        "elementwise",
        [TensorSpec((rows, 1), dtype), TensorSpec((1, columns), dtype)],
        [TensorSpec((rows, columns), dtype)],
    )


def cast(sizes, dtype, fmt):
    """The same in another type."""
    return Op("Cast", "elementwise", [TensorSpec(sizes, dtype, fmt)], [TensorSpec(sizes, "float32", fmt)])


def joined(sizes, dtype, fmt):
    """Two pieces joined."""
    rows, first, second, depth = sizes
    pieces = [TensorSpec((rows, columns, depth), dtype, fmt) for columns in (first, second)]
    return Op("ConcatV2", "concat", pieces, [TensorSpec((rows, first + second, depth), dtype, fmt)])


def parted(sizes, dtype, fmt):
    """A tensor cut in two."""
    made = joined(sizes, dtype, fmt)
    return Op("SplitV", "copy", made.outputs, made.inputs)


def turned(sizes, dtype, _fmt):
    """A matrix transposed, to a square one among others."""
    rows, columns = sizes
    return Op("Transpose", "transpose", [TensorSpec(sizes, dtype)], [TensorSpec((columns, rows), dtype)])


def heads(sizes, dtype, _fmt):
    """Rows dealt out to heads, as many as rows among others."""
    batch, rows, count, width = sizes
    return Op(
        "Transpose",
        "transpose",
        [TensorSpec(sizes, dtype)],
        [TensorSpec((batch, count, rows, width), dtype)],
    )


def turned_cube(sizes, dtype, _fmt):
    """Three dimensions, said to be turned so that the last moves."""
    first, second, third = sizes
    return Op(
        "Transpose",
        "transpose",
        [TensorSpec(sizes, dtype)],
        [TensorSpec((first, third, second), dtype)],
        {"perm": (0, 2, 1)},
    )


def converted(sizes, dtype, _fmt):
    """Rows to fractals."""
    return Op("TransData", "transpose", [TensorSpec(sizes, dtype)], [TensorSpec(sizes, dtype, "FRACTAL_NZ")])


def pooled(sizes, dtype, fmt):
    """The mean of each picture."""
    batch, channels, height, width = sizes
    return Op(
        "GlobalAveragePool",
        "pool",
        [TensorSpec(sizes, dtype, fmt)],
        [TensorSpec((batch, channels, 1, 1), dtype, fmt)],
        {"window": min(height, width)},
    )


def layer_norm(sizes, dtype, _fmt):
    """Rows normalised, with their means and deviations."""
    x, weight, row = (
        TensorSpec(sizes, dtype),
        TensorSpec(sizes[-1:], dtype),
        TensorSpec((*sizes[:-1], 1), "float32"),
    )
    return Op("LayerNormV3", "normalization", [x, weight, weight], [x, row, row])


def optimizer(sizes, _dtype, _fmt):
    """A list of parameters, with their gradients and both moments, updated."""
    rows, columns, count = sizes
    listed = [TensorSpec((rows, columns), "float32")] * count
    return Op("ApplyAdamW", "optimizer", listed * 4, listed)


def softmax(sizes, dtype, fmt):
    """Rows to shares."""
    x = TensorSpec(sizes, dtype, fmt)
    return Op("SoftmaxV2", "softmax", [x], [x])


CLASSES = {
    matmul: 3,
    batched: 4,
    convolution: 6,
    gradients: 5,
    cross_attention: 5,
    reduction: 3,
    mean_of_a_batch: 2,
    lookup: 3,
    noise: 3,
    with_bias: 2,
    outer_sum: 2,
    cast: 4,
    joined: 4,
    parted: 4,
    turned: 2,
    heads: 4,
    turned_cube: 3,
    converted: 3,
    pooled: 4,
    layer_norm: 2,
    optimizer: 3,
    softmax: 3,
}
MOST = {2: 1000, 3: 200, 4: 60, 5: 40, 6: 24}


@pytest.mark.parametrize("make", CLASSES, ids=lambda make: make.__name__)
@settings(max_examples=40)
@given(data=st.data())
def test_more_is_never_faster(make, data):
    """An operator that grows in one dimension or in several takes no less time, on any chip, in any type."""
    rank = CLASSES[make]
    sizes = data.draw(st.tuples(*[st.integers(1, MOST[rank])] * rank))
    more = data.draw(st.tuples(*[st.sampled_from([0, 0, 1, 1, 2, 15, 16, 33])] * rank))
    dtype, fmt = data.draw(st.sampled_from(DTYPES)), data.draw(st.sampled_from(["ND", "NCHW", "NC1HWC0"]))
    chip = data.draw(st.sampled_from(CHIPS))
    if make is heads:  # where rows and heads are as many as a head is wide, shapes do not tell what moved
        assume(sizes[3] not in sizes[:3])
    larger = tuple(a + b for a, b in zip(sizes, more, strict=True))
    before, after = (npusim.cost(chip, make(given, dtype, fmt)).duration for given in (sizes, larger))
    assert before <= after


@pytest.mark.parametrize("make", CLASSES, ids=lambda make: make.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_padding_never_helps(make, data):
    """An operator whose sizes are padded to 16, or to 32, takes no less time."""
    rank, unit = CLASSES[make], data.draw(st.sampled_from([16, 32]))
    sizes = data.draw(st.tuples(*[st.integers(1, MOST[rank])] * rank))
    padded = tuple(-(-size // unit) * unit for size in sizes)
    dtype, chip = data.draw(st.sampled_from(DTYPES)), data.draw(st.sampled_from(CHIPS))
    before, after = (npusim.cost(chip, make(given, dtype, "ND")).duration for given in (sizes, padded))
    assert before <= after


@pytest.mark.parametrize("count", [12, 64, 88])
def test_a_square_is_turned_like_its_neighbours(count):
    """A transposition to a square shape moves elements one by one, as those of one row less and more do."""
    chip = CHIPS[0]
    times = [npusim.cost(chip, turned((64, columns), "float16", "ND")).duration for columns in (63, 64, 65)]
    assert times == sorted(times)
    assert times[2] - times[0] < 0.2 * times[1]
    rows = [
        npusim.cost(chip, heads((8, n, count, 200), "float16", "ND")).duration for n in (count, count + 1)
    ]
    assert rows == sorted(rows)


def test_the_permutation_decides_where_shapes_do_not():
    """With "perm", a shape that comes out as it went in is known to keep its rows, or not to."""
    chip, x = CHIPS[0], TensorSpec((96, 96, 96), "float16")
    kept, moved = (
        npusim.cost(chip, Op("Transpose", "transpose", [x], [x], {"perm": perm})).duration
        for perm in ((1, 0, 2), (0, 2, 1))
    )
    assert kept < moved


def test_a_mask_is_read_by_every_head():
    """A mask that all heads share is loaded for each of them; a bias once for its columns."""
    chip, mask = CHIPS[0], TensorSpec((2, 1, 512, 512), "float16")
    few, many = (
        npusim.cost(
            chip,
            Op(
                "FlashAttentionScore", "attention", [TensorSpec((2, n, 512, 64), "float16")] * 3 + [mask], [q]
            ),
        ).load
        for n, q in (
            (4, TensorSpec((2, 4, 512, 64), "float16")),
            (32, TensorSpec((2, 32, 512, 64), "float16")),
        )
    )
    assert many > few


def test_a_residual_is_no_backward_pass():
    """A convolution with a residual behind it costs about what it does with a bias, not what gradients do."""
    image, weight, out = (
        TensorSpec(shape, "float16") for shape in ((8, 64, 28, 28), (128, 64, 3, 3), (8, 128, 28, 28))
    )
    plain, biased, residual, backward = (
        npusim.cost(CHIPS[0], Op("Conv2D", "conv2d", inputs, outputs)).duration
        for inputs, outputs in (
            ([image, weight], [out]),
            ([image, weight, TensorSpec((128,), "float16")], [out]),
            ([image, weight, out], [out]),
            ([out, image, weight], [image, weight]),
        )
    )
    assert plain <= biased <= residual < 1.2 * plain < backward


shapes = st.lists(st.sampled_from([0, 1, 2, 3, 7, 16, 33]), max_size=5).map(tuple)
specs = st.builds(
    TensorSpec,
    shapes,
    st.sampled_from(["float16", "int8", "int4", "strange", "complex64"]),
    st.sampled_from(["ND", "NCHW", "NC1HWC0", "FRACTAL_NZ", "FRACTAL_Z", "odd"]),
)
attributes = st.sampled_from([None, {"groups": 3}, {"window": 3}, {"fused": 2}, {"perm": (1, 0)}])


@given(
    st.sampled_from(CHIPS),
    st.sampled_from([*npusim.OP_KINDS, "odd"]),
    st.lists(specs, max_size=4),
    st.lists(specs, max_size=3),
    attributes,
)
def test_whatever_it_is_costs_something(chip, kind, inputs, outputs, attrs):
    """No operator, however odd, makes the model fail: whole nanoseconds, 0 or more, of each unit too."""
    found = npusim.cost(chip, Op("Odd", kind, inputs, outputs, attrs))
    times = (found.duration, found.blocks, *found[3:])
    assert all(isinstance(time, int) and time >= 0 for time in times)
