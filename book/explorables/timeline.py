"""Host, streams and copies on one clock: what four batches take under eight ways to write the loop.

The bars are the records of the simulated device, made by running the loop when the page is built. Shapes and
bytes are enough for that, so no values are computed. Plain JavaScript (`timeline.js`) shows the run that is
chosen: so it moves with no kernel behind it.
"""

from __future__ import annotations

import json
from itertools import pairwise
from itertools import product as choices
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import npusim
from npusim.machine import Node
from npusim.settings import Settings

from explorables.reference import Html

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCHES = 4
WIDTH = 4096
ROWS = {"small, 64 rows": 64, "medium, 1024 rows": 1024, "large, 4096 rows": 4096}
STREAMS = ("one", "two: copies on their own")
COPIES = ("non_blocking=True", "blocking")
READS = ("after the last batch", "after each batch")
SCRIPT = Path(__file__).with_suffix(".js")
HOST, FIRST = 0, 1
NS = 1000


class Bar(NamedTuple):
    """Something that takes time: `row` 0 is the host, 1 the default stream, 2 the other; times in µs."""

    row: int
    start: float
    duration: float
    text: str
    kind: str


def run(rows: int, *, streams: int, blocking: bool, read_each: bool) -> Sequence[npusim.Record]:
    """The loop on a simulated device of its own: copy a batch in, two products, read a number.

    Returns:
        What the device and the host did.
    """
    node = Node(Settings({"NPUSIM_SHARE_STATE": "0"}))
    device = node.device(0)
    main = device.default_stream
    side = device.create_stream() if streams > 1 else main
    weight = npusim.TensorSpec((WIDTH, WIDTH), "float16")
    batch = npusim.TensorSpec((rows, WIDTH), "float16")
    product = npusim.Op("MatMulV2", "matmul", [batch, weight], [batch])
    for number in range(BATCHES):
        side.copy("H2D", batch.nbytes, asynchronous=not blocking)
        if side is not main:
            copied = device.create_event()
            node.spend("host_query_ns")  # the host's call, as in torch_npu
            copied.record(side)
            copied.wait(main)
        main.launch(product)
        main.launch(product)
        if read_each or number == BATCHES - 1:
            main.copy("D2H", 2, asynchronous=False)
    return node.records[:]


def bars(records: Sequence[npusim.Record]) -> list[Bar]:
    """The records as bars from time 0 on; the host is either calling or waiting."""
    found: list[Bar] = []
    origin = records[0].launched
    streams = {0: FIRST}
    launch = int(npusim.CONSTANTS["host_launch_ns"].value)
    calls = [r for r in records if r.category in {"kernel", "copy"}]
    counts = {"MatMulV2": 0, "H2D": 0}
    for record, after in pairwise([*calls, None]):
        if record is None:
            break
        row = streams.setdefault(record.stream, FIRST + 1)
        text, kind = record.name, "work"
        if record.name in counts:
            batch = counts[record.name] // (1 if record.name == "H2D" else 2) + 1
            counts[record.name] += 1
            text = f"copy {batch}" if record.name == "H2D" else f"product {batch}"
        if record.category == "copy":
            kind = "copy"
            text = "read" if record.name == "D2H" else text
        called = record.launched - origin
        found.append(Bar(HOST, called / NS, launch / NS, f"launches {text}", "launch"))
        free = after.launched - origin if after else record.end - origin
        if free > called + launch:
            found.append(
                Bar(HOST, (called + launch) / NS, (free - called - launch) / NS, f"waits for {text}", "wait")
            )
        found.append(Bar(row, (record.start - origin) / NS, record.duration / NS, text, kind))
    marks = [r for r in records if r.category == "event_record"]
    return found + [Bar(FIRST + 1, (r.start - origin) / NS, 0.0, "event", "event") for r in marks]


def frames() -> dict[str, list[Bar]]:
    """The bars of every way to write the loop, by its choices joined with "|"."""
    found = {}
    for size, streams, copies, reads in choices(ROWS, STREAMS, COPIES, READS):
        records = run(
            ROWS[size],
            streams=1 + STREAMS.index(streams),
            blocking=copies == "blocking",
            read_each=reads == READS[1],
        )
        found[f"{size}|{streams}|{copies}|{reads}"] = bars(records)
    return found


def _choice(name: str, words: str, values: Sequence[str], start: int = 0) -> str:
    options = "".join(
        f"<option{' selected' if i == start else ''}>{value}</option>" for i, value in enumerate(values)
    )
    return f'<label>{words}<select data-choice="{name}">{options}</select></label>'


def _packed(every: dict[str, list[Bar]]) -> str:
    data: dict[str, Any] = {
        name: [[b.row, round(b.start, 1), round(b.duration, 1), b.text, b.kind] for b in found]
        for name, found in every.items()
    }
    return json.dumps(data, separators=(",", ":"))


def stream_timeline() -> Html:
    """The explorable: choose how the loop is written, and move through its time."""
    lanes = "".join(
        f'<div class="lane"><span class="what">{name}</span><div class="track"></div></div>'
        for name in ("host", "stream 0", "stream 1")
    )
    return Html(
        '<div class="camp-live camp-timeline"><form class="controls">'
        + _choice("size", "batches", list(ROWS), 1)
        + _choice("streams", "streams", STREAMS)
        + _choice("copies", "copies", COPIES)
        + _choice("reads", "a number is read", READS)
        + '</form><p class="told" aria-live="polite"></p>'
        f'<div class="lanes" role="img" aria-label="Timeline">{lanes}</div>'
        '<form class="controls moment"><label>moment<span class="row"><input type="range" min="0" max="100" '
        'step="1" value="30"><output></output></span></label></form>'
        '<p class="note" aria-live="polite"></p>'
        f'<script type="application/json">{_packed(frames())}</script></div>'
        f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
    )
