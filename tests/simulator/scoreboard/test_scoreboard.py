"""The scoreboard: what it counts is what is there, and its files hold what readers rely on."""

import json
import re

import npusim
import pytest
from calibration import fit
from calibration.published import rows
from scoreboard import _board, acl_names, constants, cost_model, torch_npu_names


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Collects what a script writes, by name, in a folder of the test's own."""
    found = {}

    def write(name, figures):
        path = _board.write(name, figures, tmp_path / "scoreboard")
        found[name] = json.loads(path.read_text(encoding="utf-8"))

    for script in (constants, cost_model, torch_npu_names, acl_names):
        monkeypatch.setattr(script, "write", write)
    return found


def test_constants_are_counted_by_kind(written):
    """The counts add up to the table, and a table without a gap ends in success."""
    assert constants.main() == 0
    counts = written["constants"]
    assert list(counts) == ["published", "derived", "fitted", "unsourced"]
    assert sum(counts.values()) == len(npusim.CONSTANTS)
    assert counts["unsourced"] == 0


def test_an_unsourced_constant_is_a_failure(written, monkeypatch):
    """A constant that loses its source is counted, and the command fails."""
    name = "cube_efficiency"
    monkeypatch.setitem(npusim.CONSTANTS, name, npusim.CONSTANTS[name]._replace(source=" "))
    assert constants.main() == 1
    assert written["constants"]["unsourced"] == 1


def test_the_cost_model_is_scored_on_every_row(written, monkeypatch):
    """All rows of the table count; the figures are shares and a correlation."""
    assert cost_model.rows is rows
    monkeypatch.setattr(cost_model, "rows", lambda: rows()[:6])  # one network, to be quick
    assert cost_model.main() == 0
    scores = written["cost_model"]
    assert list(scores) == ["median_abs_rel_error", "within_35_percent", "spearman", "rows"]
    assert scores["rows"] == 6
    assert 0 < scores["median_abs_rel_error"] < 1
    assert 0 < scores["within_35_percent"] <= 1
    assert -1 <= scores["spearman"] <= 1


def test_a_model_that_is_exact_scores_full_marks(monkeypatch):
    """Predicting what was published gives no error, every row within the band, and the same order."""
    monkeypatch.setattr(fit, "predict", lambda row: row.fps)
    scores = fit.scores(rows())
    assert (scores["median_abs_rel_error"], scores["within_35_percent"]) == (0, 1)
    assert scores["spearman"] == pytest.approx(1)


def test_names_are_counted(written, monkeypatch):
    """Present and missing add up to the total of the table."""
    monkeypatch.setattr("sys.argv", ["torch_npu_names.py"])
    assert torch_npu_names.main() == 0
    counts = written["torch_npu_names"]
    assert list(counts) == ["present", "missing", "total"]
    assert counts["present"] + counts["missing"] == counts["total"] == len(torch_npu_names.names())
    assert counts["present"] > 0


def test_the_missing_names_can_be_listed(written, monkeypatch, capsys):
    """With --missing every name that does not resolve stands on a line of its own."""
    monkeypatch.setattr("sys.argv", ["torch_npu_names.py", "--missing"])
    monkeypatch.setattr(torch_npu_names, "names", lambda: ["torch_npu.npu.synchronize", "torch_npu.npu.none"])
    torch_npu_names.main()
    assert capsys.readouterr().out.splitlines()[0] == "torch_npu.npu.none"
    assert written["torch_npu_names"] == {"present": 1, "missing": 1, "total": 2}


def test_the_table_of_names_is_sound():
    """Dotted Python names of torch_npu, each once; remarks and empty lines are no names."""
    names = torch_npu_names.names()
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"torch_npu(\.\w+)+", name) for name in names)
    assert {"torch_npu.npu.synchronize", "torch_npu.npu_format_cast"} <= set(names)


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("torch_npu.npu.synchronize", True),
        ("torch_npu.npu.Event.elapsed_time", True),
        ("torch_npu.npu.no_such_thing", False),
        ("torch_npu.npu.synchronize.no_such_thing", False),
        ("no_such_package.name", False),
    ],
)
def test_a_name_resolves_or_not(name, there):
    """What `import` and a dot reach is present; nothing else is."""
    assert torch_npu_names.resolves(name) is there


def test_what_is_written_is_told_in_one_line(tmp_path, capsys):
    """A script says in one line what it wrote, and makes the folder that it writes to."""
    path = _board.write("name", {"a": 1, "b": 0.5}, tmp_path / "new" / "folder")
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1, "b": 0.5}
    assert capsys.readouterr().out == "name: a 1, b 0.5\n"


def test_names_of_acl_are_counted(written, monkeypatch):
    """The functions that public samples call are counted, those that are not simulated among the missing."""
    monkeypatch.setattr("sys.argv", ["acl_names.py"])
    assert acl_names.main() == 0
    counts = written["acl_names"]
    assert counts["present"] + counts["missing"] == counts["total"]
    assert not acl_names.resolves("acl.media.no_such_function")
    assert acl_names.resolves("acl.mdl.execute")
