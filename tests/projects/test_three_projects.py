"""The three projects of the assignment on automatic migration: on the CPU as they are, and by the import.

Nothing of ours is loaded where they run as they are.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PROJECTS = Path(__file__).parents[2] / "exercises" / "04-automatic-migration" / "projects"
IMPORTS = "import torch\nimport torch_npu\nfrom torch_npu.contrib import transfer_to_npu\n"
LOSS = re.compile(r"loss ([\d.]+)")


def run_all(folder, *, autoload):
    """What each of the projects in a folder prints, by its name."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = [str(folder / "zoom"), str(folder / "letters"), f"{folder / 'leaves'}::--port {port}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environment["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "1" if autoload else "0"
    command = [sys.executable, str(Path(__file__).with_name("run_many.py")), *given]
    subprocess.run(command, env=environment, check=True, timeout=300)
    return {path.parent.name: path.read_text() for path in folder.glob("*/printed.txt")}


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory):
    """What each prints as it is."""
    folder = tmp_path_factory.mktemp("cpu") / "projects"
    return run_all(shutil.copytree(PROJECTS, folder), autoload=False)


@pytest.fixture(scope="module")
def by_import(tmp_path_factory):
    """What each prints with the two lines of the automatic migration in its script; the library stays."""
    folder = shutil.copytree(PROJECTS, tmp_path_factory.mktemp("import") / "projects")
    for script in folder.glob("*/train.py"):
        script.write_text(script.read_text().replace("import torch\n", IMPORTS, 1))
    return run_all(folder, autoload=True)


@pytest.mark.parametrize("name", ["leaves", "zoom", "letters"])
def test_trains_on_the_cpu_as_it_is_and_on_the_npu_by_the_import(name, on_cpu, by_import):
    """A project learns on the CPU without a line of ours, and to the same losses on the NPU by two lines."""
    assert on_cpu[name].endswith("exit 0\n"), on_cpu[name][-3000:]
    assert by_import[name].endswith("exit 0\n"), by_import[name][-3000:]
    assert "device cpu" in on_cpu[name]
    assert "device npu:0" in by_import[name]
    reference = [float(text) for text in LOSS.findall(on_cpu[name])]
    assert reference[-1] < 0.8 * reference[0]
    tolerance = 5e-3 if name == "leaves" else 1e-4  # half precision has three digits
    assert [float(text) for text in LOSS.findall(by_import[name])] == pytest.approx(reference, rel=tolerance)
