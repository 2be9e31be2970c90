"""The vendor's msprobe works on the simulated device: dumps, their comparison, the first overflow."""

import csv
import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("msprobe", reason="there is msprobe for Linux only")
pytestmark = pytest.mark.slow

# One process for all dumps, a step each: what takes the time is importing the tool.
TRAININGS = """
import sys
import torch
from torch import nn
from msprobe.pytorch import PrecisionDebugger

debugger = PrecisionDebugger(config_path=sys.argv[1])
for device, fault in [("cpu", ""), ("npu:0", ""), ("npu:0", "eps"), ("npu:0", "overflow")]:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, eps=0.1 if fault == "eps" else 1e-5), nn.ReLU(), nn.Flatten(),
        nn.Linear(288, 64), nn.LayerNorm(64), nn.Linear(64, 10),
    )
    pictures, labels = torch.rand(4, 3, 8, 8), torch.tensor([1, 2, 3, 4])
    if fault == "overflow":
        net, pictures = net.half(), pictures.half()
        net[4].weight.data.mul_(1e5)
    net = net.to(device)
    debugger.start(net)
    loss = nn.functional.cross_entropy(net(pictures.to(device)).float(), labels.to(device))
    loss.backward()
    debugger.stop()
    debugger.step()
"""
COMMANDS = """
import sys
from msprobe.msprobe import main

root = sys.argv[1]
for number in (1, 2):
    folders = ["-tp", f"{root}/step{number}", "-gp", f"{root}/step0", "-o", f"{root}/{number}"]
    sys.argv = ["msprobe", "compare", *folders]
    main()
sys.argv = ["msprobe", "compare", *folders[:4], "-o", f"{root}/sheet", "--xlsx"]
main()
sys.argv = ["msprobe", "overflow_check", "-i", f"{root}/step3", "-o", f"{root}/overflow"]
main()
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder with four dumps, two comparisons (1: sound, 2: a wrong eps) and the overflow check."""
    root = tmp_path_factory.mktemp("msprobe")
    config = root / "config.json"
    settings = {"dump_path": str(root), "rank": [], "step": [], "level": "mix"}
    wanted = {"scope": [], "list": [], "data_mode": ["all"]}
    config.write_text(json.dumps({"task": "statistics", **settings, "statistics": wanted}))
    _run(TRAININGS, config)
    _run(COMMANDS, root)
    return root


def _run(program, argument):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, str(argument)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _compared(folder):
    (table,) = folder.glob("compare_result_*.csv")
    return list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines()))


def _error(row):
    """The largest of a row's relative errors, in per cent; 0 where there is none to compute."""
    values = [row[name].rstrip("%") for name in ("MaxRelativeErr", "MeanRelativeErr", "NormRelativeErr")]
    return max(0.0 if value in {"N/A", "unsupported"} else float(value) for value in values)


def test_the_same_training_dumps_the_same_on_both(results):
    """Statistics of the NPU run match those of the CPU run, forward and backward, API by API."""
    rows = _compared(results / "1")
    names = {row["NPU Name"] for row in rows}
    assert "Functional.conv2d.0.forward.output.0" in names
    assert "Module.0.Conv2d.parameters_grad.0.weight" in names
    assert all(row["Bench Name"] == row["NPU Name"] for row in rows)
    assert max(_error(row) for row in rows) < 0.1


def test_a_planted_fault_is_found_at_its_layer(results):
    """With a wrong eps in the batch norm, the first outputs that differ are the batch norm's."""
    outputs = [row for row in _compared(results / "2") if ".forward." in row["NPU Name"]]
    apart = [r["NPU Name"] for r in outputs if ".output." in r["NPU Name"] and _error(r) > 1]
    assert apart[0] == "Functional.batch_norm.0.forward.output.0"
    assert "Module.1.BatchNorm2d.forward.0.output.0" in apart
    assert not any("conv2d" in name.lower() for name in apart)


def test_the_comparison_opens_in_a_spreadsheet(results):
    """The comparison as a spreadsheet has the rows and columns of the table."""
    import openpyxl

    (path,) = (results / "sheet").glob("compare_result_*.xlsx")
    sheet = openpyxl.load_workbook(path).active
    rows = _compared(results / "2")
    assert [cell.value for cell in sheet[1]] == list(rows[0])
    assert [cell.value for cell in sheet["A"]][1:] == [row["NPU Name"] for row in rows]


def test_the_first_overflow_is_named(results):
    """The overflow check names the first API whose output is not finite while its inputs are."""
    (found,) = (results / "overflow").glob("anomaly_analyze_*.json")
    nodes = json.loads(found.read_text())["rank_0"]
    assert nodes[0]["op_name"] in {"Functional.linear.0.forward", "Module.4.Linear.forward.0"}
