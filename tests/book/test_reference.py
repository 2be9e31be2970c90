"""The reference pages: tables hold all there is, plots are drawn, and what the prose claims is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import npusim
import pytest
from explorables import calibration_plot, chips, reference
from npusim.constants import memory_bandwidth

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Visit


@pytest.fixture(scope="module")
def points() -> list[calibration_plot.Point]:
    """Every published throughput with the model's."""
    return calibration_plot.points()


def rows_of(shown: reference.Markdown) -> list[list[str]]:
    """The cells of a table's body."""
    lines = shown.text.splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_every_chip_is_in_the_table_once() -> None:
    """All chips of the simulator, each with every column, those that a learner may meet first."""
    rows = rows_of(chips.chip_table())
    assert sorted(row[0] for row in rows) == sorted(npusim.chip_names())
    assert {len(row) for row in rows} == {len(chips.COLUMNS)}
    assert rows[0][0] == "Ascend310"


def test_a_chips_row_says_what_the_simulator_says() -> None:
    """Cores, clock, peak, memory and L2 of the 910B3, with a star at the bandwidth that nobody prints."""
    row = next(row for row in rows_of(chips.chip_table()) if row[0] == "Ascend910B3")
    assert row[1:5] == ["20+40", "1.80", "294.9", "64 GiB"]
    assert row[5].endswith("\\*")
    assert row[6] == "192"


def test_what_no_source_tells_is_a_question_mark() -> None:
    """A chip without known memory, bandwidth and L2 shows no invented figure."""
    row = next(row for row in rows_of(chips.chip_table()) if row[0] == "Ascend035")
    assert row[4:7] == ["?", "?", "?"]


def test_every_constant_is_in_the_table_with_its_source() -> None:
    """Name, value, kind, source and derivation of each constant of the model, in its order."""
    rows = rows_of(calibration_plot.constants_table())
    assert [row[0] for row in rows] == [f"`{name}`" for name in npusim.CONSTANTS]
    for row, constant in zip(rows, npusim.CONSTANTS.values(), strict=True):
        assert re.match(r"[\d.,]+", row[1])
        assert row[2] == constant.kind
        assert constant.source in row[3]


def test_a_plot_takes_the_pages_colours_and_has_words() -> None:
    """No colour of its own is left in the drawing; it is named, described and under the page's size."""
    shown = chips.chip_plot().text
    assert not re.search(r"#(0[1-9])\1{2}\b", shown)
    assert "var(--camp-ink)" in shown
    assert 'role="img"' in shown
    assert "<desc>Ascend310: 11 TFLOP/s, 51 GB/s." in shown
    assert "<metadata>" not in shown
    assert len(shown) < 200_000


def test_the_calibration_plot_shows_every_point(points: list[calibration_plot.Point]) -> None:
    """No published figure and no prediction lies beyond the axes."""
    assert all(60 < value < 25_000 for p in points for value in (p.published, p.predicted))
    shown = calibration_plot.calibration_plot(points).text
    assert f"<desc>{len(points)} points" in shown


def test_the_weak_points_are_as_the_page_says(points: list[calibration_plot.Point]) -> None:
    """What the section on weakness claims in words: change the words with the model."""
    patches = [p.error for p in points if p.network.startswith("ViT-B/32") and p.batch >= 4]
    assert (round(min(patches), 2), round(max(patches), 2)) == (0.39, 0.77)
    assert all(p.error < -0.1 for p in points if p.network == "Resnet50")
    held_out = sorted(abs(p.error) for p in points if p.group == "held out")
    assert held_out[len(held_out) // 2] == pytest.approx(1 / 8, abs=0.01)
    assert sum(error > 0.35 for error in held_out) / len(held_out) == pytest.approx(1 / 3, abs=0.04)
    assert {p.soc[:9] for p in points} == {"Ascend310"}
    assert npusim.CONSTANTS["host_launch_ns"].value == 44_000
    assert npusim.CONSTANTS["overlap"].value == 0.9


def test_a_filter_box_is_labelled() -> None:
    """The field has a label and a place that tells how many rows are left; text is escaped."""
    shown = reference.filter_box("Show <these>", 'a "b"').text
    assert "<label>Show &lt;these&gt; <input" in shown
    assert 'placeholder="a &quot;b&quot;"' in shown
    assert 'role="status"' in shown


def test_the_chips_ratios_are_as_the_page_says() -> None:
    """Operations per byte of the chips in the plot: the ends of their range, and the row of the 910s."""
    ratio = {
        name: round(1000 * chips.peak_tflops(chip) / memory_bandwidth(chip))
        for name in chips.MET
        for chip in [npusim.find_chip(name)]
    }
    assert min(ratio.items(), key=lambda item: item[1]) == ("Ascend310B1", 98)
    assert max(ratio.items(), key=lambda item: item[1])[0] == "Ascend310P3"
    assert ratio["Ascend310P3"] == pytest.approx(340, abs=1)
    assert {value for name, value in ratio.items() if name.startswith("Ascend910")} == {256}


@pytest.mark.slow
@pytest.mark.browser
def test_a_table_can_be_filtered(visit: Callable[..., Visit]) -> None:
    """Words in the field above the table leave the rows that hold them all, and an empty field leaves all."""
    seen = visit()
    page = seen.open("part5/chips.html")
    rows = page.locator(".cell_output table.table tbody tr:visible")
    every = rows.count()
    assert every == len(npusim.chip_names())
    field = page.get_by_label("Show chips with")
    field.fill("310p")
    assert {name[:10] for name in rows.locator("td:first-child").all_inner_texts()} == {"Ascend310P"}
    assert page.locator(".camp-filter .found").inner_text() == f"{rows.count()} of {every}"
    field.fill("no such chip")
    assert rows.count() == 0
    field.fill("")
    assert rows.count() == every
    assert seen.complaints == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("term", "found"), [("Ascend310P3", "Chips"), ("cube_efficiency", "How device time is made")]
)
def test_search_finds_what_is_in_the_tables(visit: Callable[..., Visit], term: str, found: str) -> None:
    """The site's search looks into tables that a cell made."""
    page = visit().open(f"search.html?q={term}")
    page.locator("ul.search li").first.wait_for()
    page.wait_for_function("document.querySelector('.search-summary').innerText.match(/found|finished/i)")
    assert found in " ".join(page.locator("ul.search li > a").all_inner_texts())
