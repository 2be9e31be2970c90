"""CSV for spreadsheets: nothing that a stranger wrote is computed, and everything comes back."""

import csv
import io

import pytest
from camp.cells import BOM, csv_text, safe
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_become_text(text):
    """A cell that would start a formula is marked as text, and nothing of it is lost."""
    assert safe(text) == "'" + text


@pytest.mark.parametrize("value", [-3, -2.5, 0, None, "Ada", "王小明", "a=b", ""])
def test_others_stay(value):
    """Numbers, negative ones too, and ordinary text stay as they are."""
    assert safe(value) == value


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")), min_size=2)
    )
)
def test_cells_survive(rows):
    """Whatever text the cells hold, a reader gets the same cells back, with the mark before formulas."""
    text = csv_text(["a", "b"], rows, bom=True)
    assert text.startswith(BOM)
    back = list(csv.reader(io.StringIO(text.removeprefix(BOM))))
    assert back == [["a", "b"], *([safe(cell) for cell in row] for row in rows)]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in back for cell in row)
