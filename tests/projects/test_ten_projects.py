"""Ten CUDA projects, as one finds them, run on the NPU: by the tool, by the import, with the CPU run's loss.

Each project runs first as it was, on the CPU, where nothing of ours is loaded.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from ms_fmk_transplt import gpu2npu, left

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PROJECTS = sorted(path.parent.name for path in HERE.glob("cuda/*/train.py"))
IMPORTS = "import torch\nimport torch_npu\nfrom torch_npu.contrib import transfer_to_npu\n"
# how far a loss may be from the CPU's: sums are taken in another order, and half precision has three digits
HALF = {"classification", "ddp_apex"}
LOSS = re.compile(r"loss (-?[\d.]+)")


def run_all(folders, *, autoload):
    """What the project in each folder prints, by its name."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = [f"{f}::--port {port}" if name == "ddp_apex" else str(f) for name, f in folders.items()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environment["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "1" if autoload else "0"
    command = [sys.executable, str(HERE / "run_many.py"), *given]
    subprocess.run(command, env=environment, check=True, timeout=600)
    return {name: (folder / "printed.txt").read_text() for name, folder in folders.items()}


def copied(name, folder):
    """A copy of a project."""
    return shutil.copytree(HERE / "cuda" / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory):
    """What each project prints where it runs as it was."""
    folder = tmp_path_factory.mktemp("cpu")
    return run_all({name: copied(name, folder) for name in PROJECTS}, autoload=False)


@pytest.fixture(scope="module")
def by_import(tmp_path_factory):
    """What each prints with the two lines of the automatic migration."""
    folder = tmp_path_factory.mktemp("import")
    folders = {name: copied(name, folder) for name in PROJECTS}
    for place in folders.values():
        script = place / "train.py"
        script.write_text(script.read_text().replace("import torch\n", IMPORTS, 1))
    return run_all(folders, autoload=True)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The folder of each that the tool wrote."""
    folder, folders = tmp_path_factory.mktemp("tool"), {}
    for name in PROJECTS:
        out = folder / f"{name}_out"
        out.mkdir()
        source = copied(name, folder)
        done = CliRunner().invoke(gpu2npu.main, ["-i", str(source), "-o", str(out), "-v", "2.1.0"])
        assert done.exit_code == 0, done.output
        (folders[name],) = (path.parent for path in out.rglob("train.py"))
    return folders


@pytest.fixture(scope="module")
def by_tool(converted):
    """What each prints, converted."""
    return run_all(converted, autoload=True)


def losses(printed):
    """The losses that a project printed."""
    assert printed.endswith("exit 0\n"), printed[-3000:]
    found = [float(text) for text in LOSS.findall(printed)]
    assert len(found) >= 2, printed
    return found


def agrees(name, printed, reference):
    """Asserts that a project ran on the NPU, and that its losses are the CPU's."""
    near = {"rel": 0.03, "abs": 0.01} if name in HALF else {"rel": 1e-3, "abs": 1e-4}
    assert losses(printed) == pytest.approx(losses(reference), **near)
    assert "device npu:0" in printed, printed


def test_there_are_ten():
    """Ten projects, each file of which has under 150 lines."""
    assert len(PROJECTS) == 10
    for path in (HERE / "cuda").rglob("*.py"):
        assert len(path.read_text().splitlines()) < 150


@pytest.mark.parametrize("name", PROJECTS)
def test_runs_as_it_was(name, on_cpu):
    """On the CPU a project runs without a line of ours, and learns."""
    assert "device cpu" in on_cpu[name], on_cpu[name][-3000:]
    found = losses(on_cpu[name])
    assert min(found[1:]) < found[0]


@pytest.mark.parametrize("name", PROJECTS)
def test_runs_by_the_import(name, on_cpu, by_import):
    """With the import of transfer_to_npu as its only change, a project trains on the NPU as on the CPU."""
    agrees(name, by_import[name], on_cpu[name])


@pytest.mark.parametrize("name", PROJECTS)
def test_runs_by_the_tool(name, on_cpu, by_tool):
    """Converted by pytorch_gpu2npu.sh, a project trains on the NPU as on the CPU."""
    agrees(name, by_tool[name], on_cpu[name])


@pytest.mark.parametrize("name", PROJECTS)
def test_little_of_cuda_is_left(name, converted):
    """The linter finds CUDA in a project, and at most half of it where the tool has been."""
    before = CliRunner().invoke(left.main, [str(HERE / "cuda" / name)]).output.count("train.py:")
    after = CliRunner().invoke(left.main, [str(converted[name])]).output.count("train.py:")
    assert before > 0
    assert after <= before / 2
