"""The explorables: the whole stack is in the drawing, and what moves needs no kernel."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import npusim
import pytest
import torch
import torch_npu  # noqa: F401  teaches PyTorch the device
from explorables import cube_core, launch, scaling, stack, timeline

if TYPE_CHECKING:
    from explorables.reference import Html

IN_ITS_LAYER = {
    "language": {"AscendCL"},
    "service": {
        *{"AOL", "NN library", "BLAS library", "AOE", "OPAT", "SGAT", "GDAT", "AMCT"},
        "Framework Adaptor",
    },
    "compilation": {"Graph Compiler", "TBE"},
    "execution": {"Runtime", "Graph Executor", "DVPP", "AIPP", "HCCL"},
    "base": {"SVM", "VM", "HDC"},
}


def test_every_component_is_in_its_layer() -> None:
    """The five layers, top to bottom, hold exactly the components of CANN's architecture picture."""
    found = {layer.key: {component.name for component in layer.components} for layer in stack.LAYERS}
    assert found == IN_ITS_LAYER
    assert list(found) == list(IN_ITS_LAYER)


def test_parts_are_inside_their_component() -> None:
    """The libraries belong to AOL, the four tuners to AOE, and nothing else to anything."""
    inside = {component.name: component.inside for component in stack.COMPONENTS if component.inside}
    libraries = dict.fromkeys(("NN library", "BLAS library"), "AOL")
    assert inside == libraries | dict.fromkeys(("OPAT", "SGAT", "GDAT", "AMCT"), "AOE")


@pytest.mark.parametrize("component", stack.COMPONENTS, ids=lambda component: component.name)
def test_every_component_is_explained(component: stack.Component) -> None:
    """Each has a Chinese name, says what it does, where one meets it and which chapter works with it."""
    assert re.search(r"[\u4e00-\u9fff]", component.chinese)
    assert component.does.endswith(".")
    assert component.met.endswith(".")
    assert component.chapter


@pytest.mark.parametrize("component", stack.COMPONENTS, ids=lambda component: component.name)
def test_the_drawing_highlights_one_component_and_its_layer(component: stack.Component) -> None:
    """Exactly one box and one layer are marked, and the text for the blind names the component."""
    drawing = stack.stack_map(component.name)
    marked = re.findall(r'class="box(?: group)? on" data-pick="(\d+)"', drawing)
    assert [stack.COMPONENTS[int(number)].name for number in marked] == [component.name]
    assert len(re.findall(r'class="layer \w+ on"', drawing)) == 1
    assert f"highlighted: {component.name}" in drawing


def test_an_unknown_component_is_refused() -> None:
    """A misspelt name is an error that lists the names, not a drawing without a highlight."""
    with pytest.raises(KeyError, match="no component 'ASCENDCL': choose from"):
        stack.stack_map("ASCENDCL")


def test_list_and_pictures_agree() -> None:
    """Entry number n of the list shows picture number n, and the tie is made in the browser."""
    picker, shown = stack.stack_explorer().children
    assert len(picker.options) == len(shown.children) == len(stack.COMPONENTS)
    for (label, _), page, component in zip(picker.options, shown.children, stack.COMPONENTS, strict=True):
        assert label.strip() == component.name
        assert f"highlighted: {component.name}" in page.value


def test_the_slider_shows_what_was_measured() -> None:
    """Each frame holds its own size, time and share of the peak: 2·n³ operations in that time."""
    slider, shown = launch.launch_explorer({16: 4.0, 1024: 10.0}, peak_tflops=294.9).children
    assert [label for label, _ in slider.options] == ["16 \u00d7 16", "1024 \u00d7 1024"]
    small, large = (frame.value for frame in shown.children)
    assert "4.00 µs" in small
    assert "1 multiplication of" in small
    assert "10.0 µs" in large
    assert "215 TFLOP/s" in large  # 2 * 1024**3 / 10 µs
    assert "72.8 %" in large
    assert "262,144 multiplications" in large


def test_bars_stay_inside_their_track() -> None:
    """A share above the peak, which a wrong constant would give, does not draw beyond the frame."""
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", launch.frame(4096, 1.0, 1.0, 1.0))]
    assert widths == [100.0, 100.0]


# --- learning rate and cards -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> dict[int, list[list[float]]]:
    """The losses of each rule, by the number of cards."""
    return {cards: [scaling.train(cards, rule) for rule in scaling.RULES] for cards in scaling.CARDS}


def test_with_one_card_the_rules_are_one(trained: dict[int, list[list[float]]]) -> None:
    """Nothing is scaled, nothing warms up."""
    one, grown, warmed = trained[1]
    assert one == grown == warmed
    assert one[-1] < 0.2 * one[0]


def test_the_old_rate_falls_behind_and_the_grown_one_does_not(trained: dict[int, list[list[float]]]) -> None:
    """After two epochs, up to eight cards: as far as one card only with the grown rate."""
    after = {cards: [row[2] for row in rows] for cards, rows in trained.items()}
    assert after[1][0] < after[4][0] < after[8][0] < after[16][0]
    assert after[8][0] > 2 * after[1][0]
    for cards in (2, 4, 8):
        assert after[cards][1] == pytest.approx(after[1][0], rel=0.1)


def test_the_rate_cannot_grow_for_ever(trained: dict[int, list[list[float]]]) -> None:
    """With 32 cards the grown rate is too long a step; the page says that it runs away."""
    assert "rate \u00d7 cards: runs away" in scaling.frame(32, trained[32])
    assert scaling.rate(8, scaling.RULES[2], 0) == scaling.RATE
    assert scaling.rate(8, scaling.RULES[2], scaling.WARM_UP) == 8 * scaling.RATE


def test_frames_show_their_cards(trained: dict[int, list[list[float]]]) -> None:
    """Each frame has a curve a rule, inside the picture, and the figures of its number of cards."""
    for cards, rows in trained.items():
        text = scaling.frame(cards, rows)
        assert f"{16 * cards} samples a step, {64 // cards} steps an epoch" in text
        points = re.findall(r'polyline points="([^"]+)"', text)
        assert len(points) == len(scaling.RULES)
        heights = [float(pair.split(",")[1]) for line in points for pair in line.split()]
        assert 0 <= min(heights) <= max(heights) <= scaling.HEIGHT


# --- the Cube's core and the timeline, whose script chooses among the simulator's figures -----------------


def packed(shown: Html) -> Any:
    """The figures that a page carries for its script."""
    found = re.search(r'<script type="application/json">(.*?)</script>', shown.text, flags=re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture(scope="module")
def core() -> Any:
    """All that the explorable of the core carries."""
    return packed(cube_core.core_explorer())


@pytest.mark.parametrize("dtype", cube_core.TYPES)
def test_every_frame_of_the_core_is_what_the_simulator_charges(core: Any, dtype: str) -> None:
    """Time and cores of each frame are those of the cost model, at the place where the script looks."""
    fields = list(cube_core.Frame.__dataclass_fields__)
    for row in core["chips"]:
        chip = npusim.find_chip(row["name"])
        sizes = list(itertools.product(cube_core.SIZES, repeat=3))
        assert len(row["frames"][dtype]) == len(sizes)
        for values, size in zip(row["frames"][dtype], sizes, strict=True):
            shown = dict(zip(fields, values, strict=True))
            cost = npusim.cost(chip, cube_core.matmul(*size, dtype))
            assert shown["ns"] == cost.duration
            assert shown["total"] == round(cost.duration * chip.clock_mhz / 1000)
            assert shown["cube"] == round(cost.cube * chip.clock_mhz / 1000)
            assert shown["cores"] == cost.blocks


def test_the_script_of_the_core_names_the_figures_in_their_order() -> None:
    """What Python writes by position, the script reads by position."""
    script = cube_core.SCRIPT.read_text(encoding="utf-8")
    names = re.search(r"const names = \[(.*?)\]", script, flags=re.DOTALL)
    assert names
    assert re.findall(r'"(\w+)"', names[1]) == list(cube_core.Frame.__dataclass_fields__)


def test_no_buffer_of_the_core_overflows(core: Any) -> None:
    """L1, L0A, L0B, L0C and UB hold no more than the chip's table says, and L0C is never empty."""
    fields = list(cube_core.Frame.__dataclass_fields__)
    places = [fields.index(name) for name in ("l1", "l0a", "l0b", "l0c", "ub")]
    for chip in core["chips"]:
        for frames in chip["frames"].values():
            for values in frames:
                held = [values[place] for place in places]
                assert all(used <= room for used, room in zip(held, chip["room"], strict=True)), values
                assert held[3] > 0


@pytest.fixture(scope="module")
def runs() -> dict[str, list[timeline.Bar]]:
    """The bars of every way to write the loop."""
    return timeline.frames()


def test_every_choice_of_the_timeline_has_a_run(runs: dict[str, list[timeline.Bar]]) -> None:
    """Three sizes, and two of each: number of streams, kinds of copies, times of reading."""
    wanted = itertools.product(timeline.ROWS, timeline.STREAMS, timeline.COPIES, timeline.READS)
    assert set(runs) == {"|".join(way) for way in wanted}
    assert set(packed(timeline.stream_timeline())) == set(runs)


def test_bars_of_one_lane_do_not_overlap(runs: dict[str, list[timeline.Bar]]) -> None:
    """A stream does one thing after another, and the host too."""
    for found in runs.values():
        for lane in range(3):
            bars = sorted((b.start, b.start + b.duration) for b in found if b.row == lane and b.duration)
            assert all(before[1] <= after[0] + 1e-6 for before, after in itertools.pairwise(bars))


def test_the_timeline_shows_what_its_page_says(runs: dict[str, list[timeline.Bar]]) -> None:
    """Two streams help a loop that does not read; reading after each batch undoes it; small ones wait."""

    def done(size: str, streams: int, reads: int) -> float:
        way = "|".join((size, timeline.STREAMS[streams], timeline.COPIES[0], timeline.READS[reads]))
        return max(bar.start + bar.duration for bar in runs[way])

    small, medium, _ = timeline.ROWS
    assert done(medium, 1, 0) < 0.7 * done(medium, 0, 0)
    assert done(medium, 1, 1) == done(medium, 0, 1)
    assert done(small, 1, 0) == pytest.approx(done(small, 0, 0), rel=0.01)


@pytest.mark.parametrize("read_each", [False, True])
@pytest.mark.parametrize("streams", [1, 2])
def test_the_timeline_is_the_loop_in_pytorch(
    monkeypatch: pytest.MonkeyPatch, streams: int, *, read_each: bool
) -> None:
    """The loop as its page prints it makes the device do the same: at the same times."""
    monkeypatch.setattr(timeline, "WIDTH", 64)
    weight = torch.ones(64, 64, dtype=torch.float16, device="npu:0")
    batches = [torch.ones(16, 64, dtype=torch.float16).pin_memory() for _ in range(timeline.BATCHES)]
    side = torch.npu.Stream() if streams > 1 else torch.npu.current_stream()
    torch.npu.synchronize()
    before = len(npusim.node().records)
    for number, batch in enumerate(batches, start=1):
        with torch.npu.stream(side):
            x = batch.to("npu:0", non_blocking=True)
        if streams > 1:
            torch.npu.current_stream().wait_event(side.record_event())
        z = (x @ weight) @ weight
        if read_each or number == timeline.BATCHES:
            z[0, 0].item()
    found = [r for r in npusim.node().records[before:] if r.category in {"kernel", "copy"}]
    wanted = [
        r
        for r in timeline.run(16, streams=streams, blocking=False, read_each=read_each)
        if r.category in {"kernel", "copy"}
    ]
    assert [(r.category, r.start - found[0].launched, r.duration) for r in found] == [
        (r.category, r.start - wanted[0].launched, r.duration) for r in wanted
    ]


def test_the_core_shows_what_its_page_says() -> None:
    """What the chapter asks the reader to try comes out as it says: change the words with the model."""
    chip = npusim.find_chip("Ascend910B3")

    def shown(m: int, k: int, n: int, dtype: str = "float16") -> dict[str, int]:
        return vars(cube_core.frame(chip, m, k, n, dtype))

    def longest(found: dict[str, int]) -> str:
        return max(("mte2", "mte1", "cube", "out", "mte3", "memory"), key=lambda name: found[name])

    one, sixteen, seventeen = (shown(m, 4096, 4096) for m in (1, 16, 17))
    assert seventeen["total"] < 1.05 * sixteen["total"]
    assert longest(sixteen) in {"mte2", "memory"}
    assert one["total"] > 0.9 * sixteen["total"]
    assert longest(one) == "memory"
    assert longest(shown(4096, 16, 4096)) == "mte3"
    half, single = shown(1024, 1024, 1024), shown(1024, 1024, 1024, "float32")
    assert single["cube"] == pytest.approx(4 * half["cube"], rel=0.01)
    assert single["mte2"] == pytest.approx(2 * half["mte2"], rel=0.01)
    relu = npusim.TensorSpec((10**9,), "float16")
    assert 4e6 < npusim.cost(chip, npusim.Op("Relu", "elementwise", [relu], [relu])).duration < 4.5e6
