"""`ais_bench` runs a model as an application does and prints the real tool's lines, in device time."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import npusim
import numpy as np
import pytest
from ais_bench.__main__ import main
from atc.cli import main as atc
from click.testing import CliRunner

SPEC = importlib.util.spec_from_file_location("models", Path(__file__).parent.parent / "models.py")
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a model for the chip in use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    models.linear("m.onnx")
    line = "--model=m.onnx --framework=5 --output=m --soc_version=Ascend310P3"
    assert CliRunner().invoke(atc, [*line.split(), "--input_shape=x:2,4"]).exit_code == 0
    gears = [
        *line.replace("--output=m", "--output=g").split(),
        "--input_shape=x:-1,4",
        "--dynamic_batch_size=1,8",
    ]
    assert CliRunner().invoke(atc, gears).exit_code == 0
    yield tmp_path
    npusim.reset()


def bench(*line):
    """Run the tool."""
    npusim.reset()
    return CliRunner().invoke(main, line)


@pytest.mark.usefixtures("place")
def test_the_summary_has_the_lines_of_the_real_tool():
    """Latencies, compute time and throughput, which is the batch by the mean compute time."""
    result = bench("--model", "m.om", "--loop", "5", "--batchsize", "2")
    assert result.exit_code == 0, result.output
    line = next(text for text in result.output.splitlines() if "throughput" in text)
    found = re.fullmatch(
        r"\[INFO\] throughput 1000\*batchsize.mean\(2\)/NPU_compute_time.mean\(([\d.]+)\): ([\d.]+)", line
    )
    assert float(found[2]) == pytest.approx(2000 / float(found[1]), rel=1e-2)
    assert re.search(r"\[INFO\] NPU_compute_time \(ms\): min = [\d.]+, max = [\d.]+, mean = ", result.output)
    assert bench("--model", "m.om", "--loop", "5", "--batchsize", "2").output == result.output


def test_outputs_are_those_of_the_model(place):
    """An input file goes in, an output file comes out."""
    x = np.ones((2, 4), np.float32)
    np.save("x.npy", x)
    result = bench("--model", "m.om", "--input", "x.npy", "--output", "out", "--outfmt", "NPY")
    assert result.exit_code == 0, result.output
    made = np.load(place / "out" / "pure_infer_data_0.npy")
    np.testing.assert_allclose(made, np.maximum(x @ (np.arange(12).reshape(4, 3) - 4), 0), rtol=1e-3)


@pytest.mark.usefixtures("place")
def test_a_larger_gear_does_more_in_a_run():
    """Eight at a time give more throughput than one at a time."""

    def rate(batch):
        result = bench("--model", "g.om", "--dymBatch", str(batch), "--loop", "2")
        assert result.exit_code == 0, result.output
        return float(re.search(r"throughput .*: ([\d.]+)", result.output)[1])

    assert rate(8) > 3 * rate(1)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("--model", "no.om"), "error code 145002"),
        (("--model", "m.onnx"), "error code 145006"),
        (("--model", "m.om", "--device", "99"), "error code 107001"),
        (("--model", "m.om", "--input", "no.npy"), "cannot be read"),
        (("--model", "m.om", "--input", "m.om,m.om"), "gives 2 files"),
        (("--model", "m.om", "--input", "m.onnx"), "takes 32"),
        (("--model", "g.om"), "error code 145013"),
        (("--model", "g.om", "--dymHW", "1"), "no pair of numbers"),
        (("--model", "m.om", "--loop", "0"), "Invalid value for '--loop'"),
    ],
)
def test_what_cannot_be_run_is_one_line(line, message):
    """Each mistake ends with exit code 1 or 2 and says what it was."""
    import acl

    result = bench(*line)
    if acl._state.State.initialised:
        acl.finalize()
    assert result.exit_code in {1, 2}
    assert message in result.output


@pytest.mark.slow
def test_msprof_writes_what_an_application_did(place):
    """`msprof` around a run leaves the vendor's files; around something without a device it says so."""
    code = "from msprof.cli import main; main()"
    command = [sys.executable, "-c", code, "--output=prof"]
    done = subprocess.run(
        [*command, f"--application={sys.executable} -m ais_bench --model m.om --loop 2"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (place / "prof").iterdir()
    assert folder.name.startswith("PROF_000001_")
    tables = sorted(p.name.rpartition("_")[0] for p in (folder / "mindstudio_profiler_output").glob("*.csv"))
    assert "op_summary" in tables
    assert "task_time" in tables
    done = subprocess.run(
        [*command, f"--application={sys.executable} -c 1"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "used no device" in done.stderr
