"""The command that compares the losses of two trainings."""

import csv
import math
from xml.dom import minidom

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from loss_compare.cli import main
from loss_compare.errors import LossFileError
from loss_compare.read import losses
from loss_compare.verdict import compare

CURVE = [2.5 * 0.97**step + 0.1 for step in range(40)]


def log(path, values, form="step {step} | loss: {loss:.6e} | loss scale: 65536.0 | lr 1e-3\n"):
    """Writes a log with a loss in each line."""
    text = "".join(form.format(step=i, loss=v) for i, v in enumerate(values))
    path.write_text("starting\n" + text, encoding="utf-8")
    return path


def run(*arguments):
    """Calls the command."""
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_a_small_error_passes(tmp_path):
    """Losses that differ by less than 2 % in the mean pass with exit code 0, and figures."""
    other = [loss * (1 + 0.01 * (-1) ** i) for i, loss in enumerate(CURVE)]
    done = run(log(tmp_path / "gpu.log", CURVE), log(tmp_path / "npu.log", other))
    assert done.exit_code == 0
    assert "steps 21 to 40" in done.output
    assert "mean relative error    1.000%" in done.output
    assert "PASS" in done.output


def test_curves_that_part_fail_and_the_step_is_named(tmp_path):
    """Losses whose mean relative error is 2 % or more fail with exit code 1 and the step."""
    other = [loss if i < 24 else loss * 1.05 for i, loss in enumerate(CURVE)]
    done = run(log(tmp_path / "gpu.log", CURVE), log(tmp_path / "npu.log", other))
    assert done.exit_code == 1
    assert "the curves part at step 25" in done.output


def test_the_first_steps_do_not_count_unless_asked(tmp_path):
    """The first 20 steps of a longer training do not count; --skip 0 counts them."""
    other = [loss * 2 if i < 5 else loss for i, loss in enumerate(CURVE)]
    files = log(tmp_path / "gpu.log", CURVE), log(tmp_path / "npu.log", other)
    assert run(*files).exit_code == 0
    assert run(*files, "--skip", "0").exit_code == 1


def test_a_loss_that_is_no_number_fails(tmp_path):
    """A nan or inf anywhere fails, names its step, and the plot leaves it out."""
    other = [*CURVE[:3], math.nan, *CURVE[4:]]
    files = log(tmp_path / "gpu.log", CURVE), log(tmp_path / "npu.log", other)
    done = run(*files, "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "the loss of step 4 is nan" in done.output
    assert "nan" not in (tmp_path / "out/loss_compare.svg").read_text()


def test_table_and_plot_open_as_they_are(tmp_path):
    """The table has a BOM, a row a step and the documented columns; the plot is an SVG with three curves."""
    files = log(tmp_path / "gpu.log", CURVE), log(tmp_path / "npu.log", [v * 1.01 for v in CURVE])
    run(*files, "-o", tmp_path / "比对")
    data = (tmp_path / "比对/loss_compare.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    assert list(rows[0]) == ["Step", "Reference Loss", "Loss", "Absolute Error", "Relative Error"]
    assert [row["Step"] for row in rows] == [str(i) for i in range(1, 41)]
    assert float(rows[9]["Relative Error"]) == pytest.approx(0.01, rel=1e-3)
    root = minidom.parse(str(tmp_path / "比对/loss_compare.svg"))  # noqa: S318 - our own
    curves = root.getElementsByTagName("polyline")
    assert [len(curve.getAttribute("points").split()) for curve in curves] == [40, 40, 40]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Epoch: [0][10/50] Time 0.1 (0.2) Loss 6.9078e+00 (7.0) Acc@1 0.10", 6.9078),
        ("iteration 3 | lm loss: 1.034E+01 | loss scale: 1.0 | grad norm: 2.1", 10.34),
        ("{'loss': 0.5, 'epoch': 1}", 0.5),
        ("loss=.25 lr=0.1", 0.25),
    ],
)
def test_usual_logs_are_read(tmp_path, line, found):
    """The loss is found in the lines that usual trainings print; the loss scale is none."""
    path = tmp_path / "train.log"
    path.write_text(line + "\n")
    assert losses(path) == [found]


def test_tables_and_other_forms_are_read(tmp_path):
    """A .csv gives its column loss, in any case; --pattern reads logs of another form."""
    table = tmp_path / "log.csv"
    table.write_text("step,Loss\n1,0.5\n2,nan\n", encoding="utf-8-sig")
    came = losses(table)
    assert came[0] == 0.5
    assert math.isnan(came[1])
    assert losses(log(tmp_path / "a.log", [1.5], "L<{loss}>\n"), r"L<([\d.]+)>") == [1.5]


ODD = {
    "one byte": b"start \xff\nloss: 0.5\nloss: 0.25\n",
    "GBK": "数据 路径\nloss: 0.5\nloss: 0.25\n".encode("gbk"),
    "cut": "loss: 0.5\nloss: 0.25\n损".encode()[:-1],
    "BOM": "loss: 0.5\nloss: 0.25\n".encode("utf-8-sig"),
    "UTF-16": "loss: 0.5\nloss: 0.25\n".encode("utf-16"),
    "NUL": b"loss: 0.5\0\nloss: 0.25\n",
    "CRLF": b"loss: 0.5\r\nloss: 0.25\r\n",
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("suffix", ["log", "csv"])
def test_odd_bytes_cost_no_loss(tmp_path, name, suffix):
    """A log or a table in another encoding, or with broken bytes in it, gives its losses all the same."""
    path = tmp_path / f"损失.{suffix}"
    data = ODD[name]
    if suffix == "csv":
        encoding = "utf-16" if name == "UTF-16" else "utf-8-sig" if name == "BOM" else "ascii"
        rows = "note,loss\n?,0.5\n?,0.25\n".encode(encoding)
        data = rows if name in {"UTF-16", "BOM"} else rows.replace(b"?", data[:6].replace(b"\n", b""))
    path.write_bytes(data)
    assert losses(path) == [0.5, 0.25]
    assert run(path, path).exit_code == 0


@pytest.mark.parametrize(
    ("name", "text", "options", "told"),
    [
        ("a.log", "nothing here", [], "has no line such as 'loss: 0.5'"),
        ("a.csv", "step,acc\n1,2\n", [], "has no column 'loss', only step, acc"),
        ("a.csv", "loss\n", [], "has no rows"),
        ("a.csv", "loss\nhigh\n", [], "the loss 'high' is no number"),
        ("a.log", "loss 1", ["--pattern", "("], "is no regular expression"),
        ("a.log", "loss 1", ["--pattern", "loss"], "has no group"),
        ("a.log", "loss 1", ["--skip", "1"], "1 steps are in both, and 1 of them do not count"),
        ("a.log", "loss nan", [], "the reference's loss of step 1 is nan"),
        ("missing", None, [], "cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_line(tmp_path, name, text, options, told):
    """Without losses, with a pattern that is none, or a reference of nan, it ends with 2 and one line."""
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    done = run(path, path, *options)
    assert done.exit_code == 2
    assert told in done.output
    assert done.output.count("\n") == 1


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=60), st.floats(0.5, 2))
def test_the_error_does_not_depend_on_the_unit(curve, factor):
    """A curve equals itself, and scaling both curves leaves the relative errors as they were."""
    assert compare(curve, curve).mean == 0
    other = [loss * 1.5 for loss in curve]
    scaled = compare([v * factor for v in curve], [v * factor for v in other])
    assert scaled.mean == pytest.approx(compare(curve, other).mean, rel=1e-6)


def test_a_longer_run_is_cut(tmp_path):
    """Where one run has more steps, those of both are compared, and the difference is told."""
    done = run(log(tmp_path / "gpu.log", CURVE), log(tmp_path / "npu.log", CURVE[:30]))
    assert done.exit_code == 0
    assert "40 and 30 steps: the first 30 are compared" in done.output
    with pytest.raises(LossFileError, match="0 steps"):
        compare([], [])
