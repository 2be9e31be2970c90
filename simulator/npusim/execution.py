"""Running a compiled graph on a stream: one call of the host, then operator after operator on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.constants import number
from npusim.exceptions import WrongStreamError
from npusim.graph import graph_costs
from npusim.records import Detailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npusim.chips import Chip
    from npusim.graph import Node
    from npusim.records import Record, Task
    from npusim.stream import Stream


def graph_tasks(chip: Chip, nodes: Sequence[Node]) -> list[Task]:
    """What a compiled graph makes the chip do, in steady state.

    Args:
        chip: where it runs.
        nodes: the graph as `npusim.fuse` leaves it.
    """
    graph = tuple(nodes)
    listed = [node.op for node in graph if node.op.kind != "view"]
    return [
        Detailed(
            (graph, place),
            op.name,
            op.kind,
            found.unit,
            found.blocks,
            found.duration,
            tuple(op.inputs),
            tuple(op.outputs),
            0,
            found,
            0,
            1,
            found.memory,
        )
        for place, (op, found) in enumerate(zip(listed, graph_costs(chip, graph), strict=True))
    ]


def run_graph(stream: Stream, tasks: Sequence[Task]) -> list[Record]:
    """Give a compiled graph to a stream; the host goes on at once.

    The whole graph is one launch: the call's overhead is spent on the device before its first operator.

    Returns:
        What each of its operators did.

    Raises:
        WrongStreamError: the stream was destroyed.
    """
    if not stream.alive:
        raise WrongStreamError(f"stream {stream.id} was destroyed; create another before using it.")
    device = stream.device
    node = device.node
    called = node.host.now
    ready = max(called, stream.tail)
    if node.cost_model:
        node.host.now = called + stream.launch_ns
        ready = max(node.host.now, ready + int(number("model_execute_ns")))
    made = []
    for task in tasks:
        start, duration = ready, task.duration if node.cost_model else 0
        if device.shared and duration:
            start, duration = device.place(task, task.blocks, ready)
        ready = start + duration
        device.busy += duration
        made.append(node.records.add("kernel", task, device.index, stream.id, called, start, duration))
    stream.tail = ready
    if node.launch_blocking:
        node.host.wait_until(ready)
    return made
