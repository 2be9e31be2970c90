"""The errors of a broken installation (NPUSIM_FAULT), and a test for each of the common twenty-five."""

import os
import re
import subprocess
import sys
from pathlib import Path

import npusim
import pytest
import torch
import torch.distributed as dist
from npusim import faults
from torch_npu._sim import broken, runtime

TESTS = Path(__file__).parents[1]
STAMP = r"\[ERROR\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d \(PID:\d+, Device:-?\d+, RankID:-?\d+\) "
CANN_STAMP = r"\[PID: \d+\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} "

# Where each of the errors that learners meet most often is provoked.
PROVOKED = {
    1: "torch_npu/test_common_errors_installation.py::test_cann_is_not_there",
    2: "torch_npu/test_common_errors_installation.py::test_python_started_in_the_source_folder",
    3: "torch_npu/test_common_errors_installation.py::test_cann_is_not_there",
    4: "torch_npu/test_common_errors.py::test_the_import_was_forgotten",
    5: "torch_npu/test_common_errors.py::test_cuda_left_in_a_script",
    6: "torch_npu/test_common_errors_installation.py::test_a_chip_that_torch_npu_does_not_know",
    7: "torch_npu/test_common_errors_installation.py::test_the_compiler_misses_a_package",
    8: "torch_npu/test_common_errors_installation.py::test_the_compiler_cannot_start",
    9: "torch_npu/test_common_errors.py::test_a_cpu_tensor_among_npu_tensors",
    10: "torch_npu/test_fallback.py::test_a_fallback_warns_once_and_is_counted",
    11: "torch_npu/test_common_errors.py::test_an_operator_without_a_kernel_that_makes_room_for_its_result",
    12: "torch_npu/test_mixing.py::test_more_memory_than_the_device_has",
    13: "torch_npu/test_common_errors_installation.py::test_an_operator_has_no_binary",
    14: "torch_npu/test_common_errors.py::test_a_kernel_that_failed_is_told_where_the_host_waits",
    15: "torch_npu/test_common_errors.py::test_a_kernel_that_failed_is_told_where_the_host_waits",
    16: "torch_npu/test_hccl.py::test_a_rank_that_leaves_out_a_collective",
    17: "torch_npu/test_hccl.py::test_a_rank_that_never_arrives",
    18: "torch_npu/test_common_errors_installation.py::test_the_last_training_is_still_there",
    19: "torch_npu/test_hccl.py::test_a_port_in_use",
    20: "torch_npu/test_hccl.py::test_a_tensor_that_is_not_contiguous",
    21: "torch_npu/test_transfer_to_npu.py::test_what_it_announces",
    22: "acl/test_rt.py::test_a_thread_without_a_context_is_told_so",
    23: "atc/test_atc.py::test_what_cannot_be_converted_has_its_code_and_says_why",
    24: "atc/test_atc.py::test_what_cannot_be_converted_has_its_code_and_says_why",
    25: "torch_npu/test_amp.py::test_an_overflow_skips_the_step_and_halves_the_scale",
}


@pytest.fixture
def _unused(monkeypatch):
    """A process that has not used a device yet."""
    monkeypatch.setattr(runtime._State, "initialized", False)
    for name in ("queues", "memories"):
        monkeypatch.setattr(runtime, name, runtime._Uninitialized(name))


@pytest.fixture
def plog(tmp_path, monkeypatch):
    """What the process has written to its log."""
    monkeypatch.setenv("ASCEND_PROCESS_LOG_PATH", str(tmp_path))
    monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", "3")

    def text() -> str:
        return "".join(path.read_text() for path in tmp_path.glob("debug/plog/*.log"))

    return text


@pytest.fixture
def with_fault(monkeypatch):
    """Gives the test a machine with a fault, or with none."""

    def build(name: str) -> None:
        monkeypatch.setenv("NPUSIM_FAULT", name)
        npusim.reset()
        runtime.rebuild()

    return build


def python(program: str, folder: Path, **environment: str) -> str:
    """What a program of its own process that fails says to the learner."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def test_each_of_the_twenty_five_is_provoked():
    """There is a test for every one of them."""
    assert list(PROVOKED) == list(range(1, 26))
    for place in PROVOKED.values():
        file, name = place.split("::")
        assert f"def {name}(" in (TESTS / file).read_text()


@pytest.mark.slow
def test_cann_is_not_there(tmp_path):
    """Without set_env.sh, `import torch` cannot load the extension; the error behind says what to source."""
    said = python("import torch", tmp_path, NPUSIM_FAULT="cann_environment")
    inner, outer = said.split("The above exception was the direct cause of the following exception")
    assert re.search(
        r"\nImportError: libhccl\.so: cannot open shared object file: No such file or directory\. Please "
        r"check that the cann package is installed\. Please run 'source set_env\.sh' in the CANN "
        r"installation path\.\n" + STAMP + "ERR00008 PTA resource not found\n",
        inner,
    )
    assert outer.endswith(
        "RuntimeError: Failed to load the backend extension: torch_npu. You can disable extension "
        "auto-loading with TORCH_DEVICE_BACKEND_AUTOLOAD=0.\n"
    )
    assert len(said.splitlines()) < 40


@pytest.mark.slow
def test_after_a_failed_import_it_can_be_tried_again(tmp_path):
    """The same process imports torch_npu once its environment is right."""
    program = (
        "import os, torch\n"
        "try: import torch_npu\n"
        "except ImportError as error: print('compiler package' in str(error))\n"
        "del os.environ['NPUSIM_FAULT']\n"
        "import torch_npu\n"
        "print(torch.ones(2).npu().tolist())\n"
        "raise SystemExit(1)"
    )
    environment = {"TORCH_DEVICE_BACKEND_AUTOLOAD": "0", "NPUSIM_FAULT": "cann_environment"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | environment | {"ASCEND_OPP_PATH": "/opt/opp"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split("\n")[:2] == ["True", "[1.0, 1.0]"]


@pytest.mark.slow
def test_python_started_in_the_source_folder(tmp_path):
    """A folder torch_npu that was not built, found before the installed package, has no _C."""
    (tmp_path / "torch_npu").mkdir()
    (tmp_path / "torch_npu" / "__init__.py").write_text("import torch\nimport torch_npu._C\n")
    said = python("import torch", tmp_path)
    assert "\nModuleNotFoundError: No module named 'torch_npu._C'\n" in said
    assert "RuntimeError: Failed to load the backend extension: torch_npu." in said


@pytest.mark.usefixtures("_unused")
@pytest.mark.parametrize(
    ("fault", "soc"), [("", "Ascend310"), ("", "Ascend910_5591"), ("unsupported_soc", "Ascend310B4")]
)
def test_a_chip_that_torch_npu_does_not_know(fault, soc, with_fault, monkeypatch):
    """The first use of a device names the chip; with a torch_npu that knows it, the session goes on."""
    monkeypatch.setenv("NPUSIM_SOC", soc)
    with_fault(fault)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"^Unsupported soc version: {soc.replace('_', ' ')}$"):
            torch.ones(1, device="npu")
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310B4")
    with_fault("")
    assert torch.ones(1, device="npu").tolist() == [1]


@pytest.mark.usefixtures("_unused")
def test_an_older_chip_is_known_to_an_older_torch_npu(with_fault, monkeypatch):
    """What is too old for the 910B serves a 910A."""
    monkeypatch.setenv("NPUSIM_SOC", "Ascend910A")
    with_fault("unsupported_soc")
    assert torch.ones(1, device="npu").tolist() == [1]


@pytest.mark.usefixtures("_unused")
def test_the_compiler_cannot_start(plog, with_fault, monkeypatch):
    """Where versions are mixed, the first use of a device fails with 500001; the log has CANN's reason."""
    with_fault("cann_versions")
    with pytest.raises(RuntimeError) as caught:
        torch.npu.set_device(0)
    text = str(caught.value)
    assert re.search(
        r"NPU function error: at_npu::native::AclSetCompileopt\(aclCompileOpt::ACL_PRECISION_MODE, "
        r"precision_mode\), error code is 500001\n" + STAMP + "ERR00100 PTA call acl api failed\n",
        text,
    )
    assert "[Error]: The internal ACL of the system is incorrect." in text
    assert re.search("EH9999: " + CANN_STAMP + r".*init runtime platform info failed, SocVersion = Asc", text)
    assert len(text.splitlines()) < 12
    assert "GE(" in plog()
    assert "init runtime platform info failed" in plog()
    monkeypatch.delenv("NPUSIM_FAULT")
    assert (torch.ones(2, device="npu") + 1).tolist() == [2, 2]


def test_the_compiler_misses_a_package(plog, with_fault, monkeypatch):
    """The device can be used, the first operator fails with EH9999, and the log names the package."""
    with_fault("compiler_packages")
    x = torch.ones(2).npu()
    with pytest.raises(RuntimeError) as caught:
        x + 1
    text = str(caught.value)
    assert re.match(
        "EH9999: Inner Error!\nEH9999: " + CANN_STAMP + r"\[Init\]\[Env\]init env failed!\n", text
    )
    assert "build op model failed, result = 500001\n" in text
    assert re.search(STAMP + "ERR00100 PTA call acl api failed$", text)
    assert "No module named 'decorator'" in plog()
    monkeypatch.delenv("NPUSIM_FAULT")
    assert (x + 1).tolist() == [2, 2]


def test_an_operator_has_no_binary(plog, with_fault, monkeypatch):
    """Without the kernels' package every operator fails, with its aclnn call and its types; copies work."""
    with_fault("kernels_package")
    x = torch.ones(2).npu()
    assert x.tolist() == [1, 1]
    with pytest.raises(RuntimeError) as caught:
        torch.arange(3, device="npu")
    text = str(caught.value)
    assert re.match(
        "call aclnnArange failed, detail:EZ9999: Inner Error!\nEZ9999: "
        + CANN_STAMP
        + r"Cannot find bin of op Range, integral key 0/1/\|(int64/ND/)+\.\n",
        text,
    )
    assert "Cannot find binary for op Range.\n" in text
    assert re.search(STAMP + "ERR01100 OPS call acl api failed$", text)
    assert "OP(" in plog()
    assert "Cannot find bin of op Range" in plog()
    with pytest.raises(RuntimeError, match=r"call aclnnAdd failed"), torch.npu.stream(torch.npu.Stream()):
        x + x
    monkeypatch.delenv("NPUSIM_FAULT")
    assert (x + x).tolist() == [2, 2]


def test_the_last_training_is_still_there(plog, with_fault, monkeypatch):
    """The first collective fails with EJ0001 and ERR02200; without the leftover the same group works."""
    with_fault("hccp_busy")
    dist.init_process_group("hccl", store=dist.HashStore(), rank=0, world_size=1)
    try:
        x = torch.ones(2).npu()
        with pytest.raises(RuntimeError) as caught:
            dist.all_reduce(x)
        text = str(caught.value)
        assert "HCCL function error: hcclCommInitRootInfoConfig(" in text
        assert re.search(
            ", error code is 7 \n" + STAMP + r"ERR02200 DIST call hccl api failed\.\nEJ0001: ", text
        )
        assert "Failed to initialize the HCCP process. Reason: Maybe the last training process is run" in text
        assert "Solution: Wait for 10s after killing the last training process and try again." in text
        assert "HCCL(" in plog()
        assert "EJ0001" in plog()
        monkeypatch.delenv("NPUSIM_FAULT")
        dist.all_reduce(x)
        assert x.tolist() == [1, 1]
    finally:
        dist.destroy_process_group()


def test_every_fault_is_provoked_here():
    """A fault that is added needs a test and a way to show itself."""
    mine = Path(__file__).read_text()
    assert all(f'"{name}"' in mine for name in faults.FAULTS)
    assert isinstance(broken.missing_library(), ImportError)
