"""The reference pages: tables hold all there is, plots are drawn, and what the prose claims is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import npusim
import pytest
from calibration.published import rows
from explorables import calibration_plot, chips, error_codes, faithful, reference
from npusim.constants import memory_bandwidth
from scoreboard import torch_npu_names

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
    large = [p.error for p in points if p.network.endswith("at 384") and p.batch == 1]
    assert [round(error, 2) for error in large] == [0.38, 0.41]
    vision = [p for p in points if p.network.startswith("ViT-B") and p.group == "held out"]
    assert round(max(p.error for p in vision if p.batch == 4), 2) == 0.46
    assert all(p.error > 0 for p in vision if p.batch == 1)
    assert all(p.error < 0 for p in points if p.network == "Resnet50")
    halves = [p for p in points if p.network == "ResNet-50"]
    assert all((p.error < -0.1) == (p.batch >= 8) for p in halves)
    held_out = sorted(abs(p.error) for p in points if p.group == "held out")
    assert held_out[len(held_out) // 2] == pytest.approx(1 / 8, abs=0.01)
    assert sum(error > 0.35 for error in held_out) / len(held_out) == pytest.approx(1 / 9, abs=0.01)
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
    results = page.locator(".camp-search-page .camp-results li")
    results.first.wait_for()
    assert found in results.first.inner_text()


# --- error codes, and how faithful the simulation is ------------------------------------------------------


def test_every_error_code_is_in_the_table_with_an_anchor() -> None:
    """All codes of the one error table, each with what it means and what to do, and a name to link to."""
    rows = rows_of(error_codes.code_table())
    assert [row[0] for row in rows] == [f"[{code}]{{#{error_codes.anchor(code)}}}" for code in npusim.errors]
    assert len({error_codes.anchor(code) for code in npusim.errors}) == len(npusim.errors)
    assert all(row[1] and row[2] for row in rows)
    row = next(row for row in rows if row[0].startswith("[507015]"))
    assert row[1].endswith(" `ACL_ERROR_RT_AICORE_EXCEPTION`")
    assert "ASCEND\\_LAUNCH\\_BLOCKING" in row[2]


def test_pages_link_to_codes_that_exist() -> None:
    """A link to a code's anchor names a code of the table."""
    known = {error_codes.anchor(code) for code in npusim.errors}
    book = Path(calibration_plot.__file__).parents[1]
    linked = {
        found
        for page in sorted(book.glob("part*/*.md"))
        for found in re.findall(r"\(#(code-\w+)\)", page.read_text(encoding="utf-8"))
    }
    assert linked
    assert linked <= known


def test_signs_of_markdown_are_taken_as_they_stand() -> None:
    """A message with a bar, a star or a bracket breaks no table and sets nothing in italics."""
    assert reference.plain("a |b| *c*\n <d> [e]") == r"a \|b\| \*c\* \<d\> \[e\]"


def test_names_in_a_sentence_stay_code() -> None:
    """What stands between backticks is set as code, signs and all; a backtick alone is a backtick."""
    assert reference.sentence("`a | *b*` takes\n *c*") == r"`a | *b*` takes \*c\*"
    assert reference.sentence("one ` alone") == r"one \` alone"


def test_the_figures_need_no_earlier_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a fresh clone the page computes what is quick, and names the command for what is not."""
    monkeypatch.setattr(faithful, "BOARD", tmp_path)
    monkeypatch.setattr(faithful, "rows", lambda: rows()[:8])
    shown = {row[0]: row[1:] for row in rows_of(faithful.scoreboard())}
    operators = shown["Operators of PyTorch's own test database, with gradients"]
    assert operators[0] == "not measured on this machine"
    assert "make scoreboard" in operators[1]
    counts = npusim.provenance_counts()
    assert f"{counts['derived']} derived" in shown["Constants of the cost model"][0]


def test_the_figures_show_an_earlier_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What `make scoreboard` found is shown, number by number."""
    monkeypatch.setattr(faithful, "BOARD", tmp_path)
    monkeypatch.setattr(faithful, "rows", lambda: rows()[:8])
    found = '{"native": 5, "fallback": 4, "refused": 3, "wrong": 2, "total": 14}'
    (tmp_path / "op_db.json").write_text(found, encoding="utf-8")
    assert "5 native, 4 fallback, 3 refused, 2 wrong, of 14" in faithful.scoreboard().text


def test_every_missing_name_is_told_with_a_reason() -> None:
    """The table holds each public name of torch_npu that does not resolve, once, and why."""
    rows = rows_of(faithful.missing_names())
    told = [name for row in rows for name in re.findall(r"`([^`]+)`", row[0])]
    names = torch_npu_names.names()
    missing = [name.removeprefix("torch_npu.") for name in names if not torch_npu_names.resolves(name)]
    assert sorted(told) == sorted(missing)
    assert all(row[1] and row[1] != "not written down" for row in rows)


def test_tests_are_told_in_their_own_words(tmp_path: Path) -> None:
    """The first sentence of each test is a line below its file's subject; what is no test is left out."""
    (tmp_path / "test_wide_things.py").write_text(
        'def helper():\n    """No."""\n\n\ndef test_a():\n    """It *holds*.\n\n    More."""\n',
        encoding="utf-8",
    )
    assert [held.holds for held in faithful.sentences(tmp_path)] == ["It *holds*."]
    assert "**chips**" in faithful.held_by_tests("npusim").text
