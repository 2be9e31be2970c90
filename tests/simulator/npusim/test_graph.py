"""What the graph compiler fuses, and what a compiled graph takes."""

import npusim
import pytest
from calibration.fit import scores
from calibration.networks import NETWORKS, Builder, densenet121, mobilenet_v2, resnet18, resnet50
from calibration.published import rows

CHIP = npusim.find_chip("Ascend310P3")


def names(nodes):
    """The operators' types."""
    return [node.op.name for node in nodes]


def test_convolution_normalisation_and_rectifier_become_one():
    """Conv, BN, ReLU and the residual's Add run as one kernel, behind the input's format conversion."""
    b = Builder()
    x = b.image(2, 32)
    y = b.conv(x, 16, 3, act=None)
    y = b.act(b.add("BNInference", "elementwise", [y], b.shape(y), weights=[(16,), (16,)]), "Relu")
    fused = npusim.fuse(b.nodes)
    assert names(fused)[0] == "TransData"
    block = npusim.fuse(resnet18(1))
    assert "Conv2DAddRelu" in names(block)
    assert "Relu" not in names(block)
    assert len(block) < len(resnet18(1)) - 20


def test_fusion_stops_where_somebody_else_reads():
    """A result with two readers stays a result."""
    b = Builder()
    x = b.value((64, 64))
    y = b.linear(x, 64)
    b.binary("Mul", b.act(y, "Relu"), y)
    assert names(npusim.fuse(b.nodes)) == ["MatMulV2", "ReluMul"]


def test_joins_are_written_in_place_for_one_image():
    """Channel joins cost nothing at batch 1, where the pieces lie one behind the other.

    DenseNet's do at 8.
    """
    assert "ConcatD" not in names(npusim.fuse(densenet121(1)))
    assert "ConcatD" in names(npusim.fuse(densenet121(8)))


def test_aipp_takes_the_conversion_away():
    """With AIPP images enter as bytes and no TransData is needed."""
    assert "TransData" in names(npusim.fuse(resnet18(1)))
    assert "TransData" not in names(npusim.fuse(resnet18(1), aipp=True))


def test_small_channels_help_the_first_convolution():
    """enable_small_channel pads three channels to 4 instead of 16."""
    plain, small = (npusim.fuse(resnet18(8), aipp=True, small_channel=s) for s in (False, True))
    assert npusim.graph_costs(CHIP, small)[0].cube < npusim.graph_costs(CHIP, plain)[0].cube


def test_a_graph_beats_its_operators_one_by_one():
    """Compiled, a network takes less than its operators launched one by one."""
    nodes = mobilenet_v2(1)
    eager = sum(npusim.cost(CHIP, node.op).duration for node in nodes)
    compiled = sum(cost.duration for cost in npusim.graph_costs(CHIP, npusim.fuse(nodes)))
    assert compiled < eager


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_larger_batches_take_longer(network):
    """Twice the images never take less time, and never more than a little over twice the time."""
    build = NETWORKS[network]
    times = [npusim.execution_ns(CHIP, npusim.fuse(build(n))) for n in (1, 2, 8)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("network", "macs"),
    [
        ("VGG16", 15.5e9),
        ("Resnet18", 1.82e9),
        ("Resnet50", 4.1e9),
        ("MobileNetV2", 0.30e9),
        ("Densenet121", 2.87e9),
    ],
)
def test_the_networks_are_the_published_ones(network, macs):
    """Multiply-adds of a network agree with the literature, within the padding and what is left out."""
    from npusim.products import factors

    total = 0
    for node in NETWORKS[network](1):
        found = factors(node.op)
        if found is not None:
            _, weight, _, (_, m, _, n, _), _ = found
            weight = weight.shape
            inner = 1
            for d in weight[1:] if node.op.kind == "conv2d" else weight[:1]:
                inner *= d
            groups = int((node.op.attrs or {}).get("groups", 1))
            total += m * inner * (weight[0] if groups > 1 else n)
    assert total == pytest.approx(macs, rel=0.06)


@pytest.mark.slow
def test_accuracy_on_the_published_throughputs():
    """Median error at most 15 %, nine rows in ten within 35 %, rank correlation at least 0.97."""
    found = scores(rows())
    assert found["rows"] == 124
    assert found["median_abs_rel_error"] <= 0.15
    assert found["within_35_percent"] >= 0.90
    assert found["spearman"] >= 0.97


def test_a_quantised_network_is_faster():
    """ResNet-50 in int8 beats half precision."""
    half, int8 = npusim.fuse(resnet50(8)), npusim.fuse(resnet50(8, "int8"))
    assert npusim.execution_ns(CHIP, int8) < npusim.execution_ns(CHIP, half)


def head_split(tokens, heads=12, size=64):
    """A product, its rows dealt out to heads by a transposition, and a product on each head."""
    joint = npusim.TensorSpec((2, tokens, heads * size), "float16")
    weight = npusim.TensorSpec((heads * size, heads * size), "float16")
    split = npusim.TensorSpec((2, tokens, heads, size), "float16")
    turned = npusim.TensorSpec((2, heads, tokens, size), "float16")
    square = npusim.TensorSpec((2, heads, tokens, tokens), "float16")
    return [
        npusim.GraphNode(npusim.Op("MatMulV2", "matmul", [joint, weight], [joint]), ["x", "w"], ["y"], ["w"]),
        npusim.GraphNode(npusim.Op("Reshape", "view", [joint], [split]), ["y"], ["s"]),
        npusim.GraphNode(npusim.Op("TransposeD", "transpose", [split], [turned]), ["s"], ["t"]),
        npusim.GraphNode(npusim.Op("BatchMatMulV2", "matmul", [turned, turned], [square]), ["t", "t"], ["z"]),
    ]


def test_whole_fractals_are_transposed_in_place():
    """Rows in multiples of 16 stay in the Cube's format: no conversion."""
    assert names(npusim.fuse(head_split(384))) == ["MatMulV2", "TransposeD", "BatchMatMulV2"]


def test_broken_fractals_are_converted_around_a_transposition():
    """197 rows are no whole fractals: the transposition works on ND, with one conversion on either side."""
    nodes = npusim.fuse(head_split(197))
    assert names(nodes) == ["MatMulV2", "TransData", "TransposeD", "TransData", "BatchMatMulV2"]
    formats = [(node.op.inputs[0].fmt, node.op.outputs[0].fmt) for node in nodes[1:4]]
    assert formats == [("FRACTAL_NZ", "ND"), ("ND", "ND"), ("ND", "FRACTAL_NZ")]
    written = {name for node in nodes for name in node.writes}
    assert all(name in written | {"x", "w"} for node in nodes for name in node.reads)
    chip = npusim.find_chip("Ascend310P3")
    assert npusim.execution_ns(chip, nodes) > npusim.execution_ns(chip, npusim.fuse(head_split(208)))


def test_short_runs_are_slow_to_move():
    """As many bytes take longer to transpose in rows of 32 bytes than in rows of 512."""
    chip = npusim.find_chip("Ascend310P3")
    short, long = (
        npusim.cost(
            chip,
            npusim.Op(
                "TransposeD",
                "transpose",
                [npusim.TensorSpec((a, b, row), "float16")],
                [npusim.TensorSpec((b, a, row), "float16")],
            ),
        ).duration
        for a, b, row in ((512, 512, 16), (128, 128, 256))
    )
    assert short > long
