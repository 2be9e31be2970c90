"""Operator graphs, and what the graph compiler (ATC, GE) fuses in them.

A graph is a list of `Node` in execution order. Values are named; a value that no node makes is an input or a
weight.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from npusim.constants import number
from npusim.cost_model import Cost, cost, operand_bytes
from npusim.op import FRACTAL, Op, TensorSpec
from npusim.rates import hit_share, rates
from npusim.vector import instruction_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from npusim.chips import Chip

# What the compiler appends to a convolution or matrix product in the same kernel, through the Unified Buffer.
EPILOGUES = frozenset(
    {
        "Relu",
        "Relu6",
        "LeakyRelu",
        "Sigmoid",
        "Mul",
        "Muls",
        "Add",
        "BiasAdd",
        "Gelu",
        "HardSwish",
        "Swish",
        "Cast",
    }
)


SMALL_CHANNEL = 4


class Node:
    """An operator with the names of the values it reads and writes.

    Attributes:
        op: what it is.
        reads: names of the inputs, in the order of `op.inputs`.
        writes: names of the outputs, in the order of `op.outputs`.
        weights: those of `reads` that are constants of the model.
    """

    __slots__ = ("op", "reads", "weights", "writes")

    def __init__(
        self, op: Op, reads: Iterable[str], writes: Iterable[str], weights: Iterable[str] = ()
    ) -> None:
        self.op = op
        self.reads = tuple(reads)
        self.writes = tuple(writes)
        self.weights = frozenset(weights)


def fuse(nodes: Iterable[Node], *, aipp: bool = False, small_channel: bool = False) -> list[Node]:
    """What the compiler makes of a graph.

    Reshapes disappear; element-wise operators join the convolution, matrix product or element-wise operator
    before them when nothing else reads its result; images and matrices take the Cube's formats (NC1HWC0,
    FRACTAL_NZ), with a TransData where a graph input comes as NCHW; joins along the channels are written in
    place where they can be.

    Args:
        nodes: the graph, in execution order.
        aipp: images enter as bytes and are converted on the way (`--insert_op_conf`): no TransData.
        small_channel: a first convolution of at most four channels is padded to 4 instead of 16
            (`--enable_small_channel=1`).
    """
    listed = _without_views(list(nodes))
    readers: dict[str, int] = {}
    for node in listed:
        for name in node.reads:
            readers[name] = readers.get(name, 0) + 1
    fused: list[Node] = []
    maker: dict[str, int] = {}
    for node in listed:
        at = _host(node, fused, maker, readers)
        if at is None:
            maker.update(dict.fromkeys(node.writes, len(fused)))
            fused.append(node)
        else:
            fused[at] = _join(fused[at], node)
            maker.update(dict.fromkeys(node.writes, at))
    return _with_formats(_joins(fused, readers), aipp=aipp, small_channel=small_channel)


def _without_views(nodes: list[Node]) -> list[Node]:
    """The graph with each view replaced by what it shows."""
    shown: dict[str, str] = {}
    kept = []
    for node in nodes:
        reads = tuple(shown.get(name, name) for name in node.reads)
        if node.op.kind == "view":
            shown[node.writes[0]] = reads[0]
        else:
            kept.append(Node(node.op, reads, node.writes, node.weights))
    return kept


def _host(node: Node, fused: list[Node], maker: Mapping[str, int], readers: Mapping[str, int]) -> int | None:
    """The operator that an element-wise one can join: the latest of those that made its inputs."""
    if node.op.kind != "elementwise":
        return None
    made = [maker[name] for name in node.reads if name in maker]
    if not made:
        return None
    at = max(made)
    host = fused[at]
    if any(readers[name] > 1 for name in host.writes) or not set(host.writes) & set(node.reads):
        return None
    if host.op.kind in {"conv2d", "matmul"} and node.op.name in EPILOGUES:
        return at
    return at if host.op.kind == "elementwise" else None


def _join(host: Node, node: Node) -> Node:
    """One operator that does both.

    It reads what either reads from elsewhere and writes the second's result.
    """
    extra = [(n, t) for n, t in zip(node.reads, node.op.inputs, strict=True) if n not in host.writes]
    attrs = dict(host.op.attrs or {})
    more = 0 if node.op.name == "Relu" and host.op.kind != "elementwise" else instruction_count(node.op)
    if host.op.kind == "elementwise":
        attrs["instructions"] = instruction_count(host.op) + more
    else:
        attrs["fused"] = int(str(attrs.get("fused", 0))) + more
    op = Op(
        host.op.name + node.op.name,
        host.op.kind,
        [*host.op.inputs, *(t for _, t in extra)],
        node.op.outputs,
        attrs,
    )
    return Node(op, (*host.reads, *(n for n, _ in extra)), node.writes, host.weights | node.weights)


def _joins(nodes: list[Node], readers: Mapping[str, int]) -> list[Node]:
    """Joins become views where their pieces can be written in place.

    Either there is one image, whose pieces lie one behind the other in NC1HWC0, or every piece comes from a
    convolution or a pooling that writes with a stride and serves nobody else.
    """
    makers = {name: node for node in nodes for name in node.writes}
    found = []
    for node in nodes:
        op = node.op
        if op.kind == "concat" and all(t.fmt == "NCHW" and t.shape[1] % FRACTAL == 0 for t in op.inputs):
            made = [makers[name].op.kind if name in makers else "" for name in node.reads]
            strided = all(kind in {"conv2d", "pool"} for kind in made)
            if op.outputs[0].shape[0] == 1 or (strided and all(readers[name] == 1 for name in node.reads)):
                op = Op(op.name, "view", op.inputs, op.outputs, op.attrs)
        found.append(Node(op, node.reads, node.writes, node.weights))
    return _renamed(found)


def _renamed(nodes: list[Node]) -> list[Node]:
    """Pieces of a join in place take its name: whoever touches a piece touches the whole."""
    whole: dict[str, str] = {}
    for node in reversed(nodes):
        if node.op.kind == "view":
            target = whole.get(node.writes[0], node.writes[0])
            whole.update(dict.fromkeys(node.reads, target))
    return [
        Node(
            node.op,
            (whole.get(name, name) for name in node.reads),
            (whole.get(name, name) for name in node.writes),
            node.weights,
        )
        for node in nodes
        if node.op.kind != "view"
    ]


def _with_formats(nodes: list[Node], *, aipp: bool, small_channel: bool) -> list[Node]:
    """Gives images and matrices the Cube's formats, and converts where formats meet.

    Images that enter the graph become NC1HWC0. Matrices are FRACTAL_NZ, except around a transposition that
    fractals cannot follow (rows or columns are no multiples of 16): it works on ND, and what it reads from a
    product and what a product reads from it is converted.
    """
    made = {name for node in nodes for name in node.writes}
    found: list[Node] = []
    converted: set[str] = set()
    plain: set[str] = set()  # values in ND
    both: set[str] = set()  # values that were converted
    for given in nodes:
        node = _converted(given, plain, both, found)
        op = node.op
        inputs, outputs = _operand_formats(node, plain)
        attrs = dict(op.attrs or {})
        for i, (name, spec) in enumerate(zip(node.reads, op.inputs, strict=True)):
            if spec.fmt != "NCHW" or name in made or name in node.weights:
                continue
            if small_channel and op.kind == "conv2d" and spec.shape[1] <= SMALL_CHANNEL:
                attrs["channels"] = SMALL_CHANNEL
            if aipp:
                inputs[i] = spec._replace(dtype="uint8", fmt="ND")
            elif name not in converted:
                converted.add(name)
                trans = Op("TransData", "transpose", [spec], [inputs[i]])
                found.append(Node(trans, [name + ":NCHW"], [name]))
        if op.kind == "conv2d":
            inputs[1] = op.inputs[1]._replace(fmt="FRACTAL_Z")
        made_op = Op(op.name, op.kind, inputs, outputs, attrs or None)
        found.append(Node(made_op, node.reads, node.writes, node.weights))
    return found


def _converted(node: Node, plain: set[str], both: set[str], found: list[Node]) -> Node:
    """A node with its matrices converted to what it works on; appends the conversions to `found`."""
    op = node.op
    as_plain = _is_plain(op)
    if not as_plain and op.kind not in {"matmul", "conv2d"}:
        if plain & set(node.reads):  # everything else follows what it reads
            plain.update(node.writes)
        return node
    if as_plain:
        plain.update(node.writes)
    reads = list(node.reads)
    for i, (name, spec) in enumerate(zip(node.reads, op.inputs, strict=True)):
        nz = _formatted(spec)
        if nz.fmt != "FRACTAL_NZ" or name in node.weights or as_plain == (name in plain):
            continue
        before, after = (nz, spec) if as_plain else (spec, nz)
        reads[i] = f"{name}:{after.fmt}"
        if reads[i] not in both:
            both.add(reads[i])
            found.append(Node(Op("TransData", "transpose", [before], [after]), [name], [reads[i]]))
        if as_plain:
            plain.add(reads[i])
    return Node(op, reads, node.writes, node.weights)


def _is_plain(op: Op) -> bool:
    """Whether a transposition cannot be done in fractals: neither side has whole ones."""
    if op.kind != "transpose":
        return False
    return not any(t.shape[-1] % FRACTAL == t.shape[-2] % FRACTAL == 0 for t in (*op.inputs, *op.outputs))


def _operand_formats(node: Node, plain: set[str]) -> tuple[list[TensorSpec], list[TensorSpec]]:
    op = node.op
    inputs = [t if n in plain else _formatted(t) for n, t in zip(node.reads, op.inputs, strict=True)]
    outputs = [t if n in plain else _formatted(t) for n, t in zip(node.writes, op.outputs, strict=True)]
    return inputs, outputs


def _formatted(spec: TensorSpec) -> TensorSpec:
    if spec.fmt == "NCHW":
        return spec._replace(fmt="NC1HWC0")
    if spec.fmt == "ND" and len(spec.shape) > 1 and spec.dtype in {"float16", "bfloat16", "int8"}:
        return spec._replace(fmt="FRACTAL_NZ")
    return spec


def graph_costs(chip: Chip, nodes: Iterable[Node]) -> list[Cost]:
    """The cost of each operator of a graph that is executed again and again.

    What L2 still holds is followed from operator to operator: an operand is found there unless too many
    other bytes went through since it was last touched (in the previous execution, for weights); a result
    need not go to the memory if it is read again before it is displaced.
    """
    listed = [node for node in nodes if node.op.kind != "view"]
    pairs = zip(listed, _touches(listed), strict=True)
    return [cost(chip, node.op, _cached(chip, node, touches)) for node, touches in pairs]


class _Touch(NamedTuple):
    """One operand of one operator.

    Where it stands in the traffic, and where it was and will be touched again.
    """

    size: float
    since: float | None
    until: float | None


def _touches(nodes: list[Node]) -> list[list[_Touch]]:
    """Each operator's operands, inputs then outputs, in the second of three executions.

    An operator touches all its operands on average when half of its traffic has passed.
    """
    sizes = [[operand_bytes(n.op, t) for t in (*n.op.inputs, *n.op.outputs)] for n in nodes]
    positions: dict[str, list[float]] = {}
    middles: list[float] = []
    passed = 0.0
    for _ in range(3):
        for node, size in zip(nodes, sizes, strict=True):
            traffic = sum(size)
            middles.append(passed + traffic / 2)
            passed += traffic
            for name in dict.fromkeys((*node.reads, *node.writes)):
                positions.setdefault(name, []).append(middles[-1])
    return [
        [
            _touch(positions[name], middle, nbytes)
            for name, nbytes in zip((*node.reads, *node.writes), size, strict=True)
        ]
        for node, size, middle in zip(nodes, sizes, middles[len(nodes) :], strict=False)
    ]


def _touch(where: list[float], middle: float, nbytes: float) -> _Touch:
    i, j = bisect_left(where, middle), bisect_right(where, middle)
    return _Touch(nbytes, middle - where[i - 1] if i else None, where[j] - middle if j < len(where) else None)


def _cached(chip: Chip, node: Node, touches: list[_Touch]) -> float:
    """Bytes of an operator's operands that L2 serves."""
    cached = 0.0
    of_chip = rates(chip)
    for i, touch in enumerate(touches):
        distance = touch.since if i < len(node.reads) else touch.until
        if distance is not None:
            cached += touch.size * hit_share(of_chip, distance)
    return cached


def execution_ns(chip: Chip, nodes: Iterable[Node]) -> int:
    """Nanoseconds of one execution of a compiled graph in steady state, the call's own overhead included."""
    return int(number("model_execute_ns")) + sum(c.duration for c in graph_costs(chip, nodes))
