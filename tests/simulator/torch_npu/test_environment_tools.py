"""Helpers that tell of the environment, limit it, or work beside the training loop."""

import os
import subprocess
import sys
import threading

import pytest
import torch
import torch_npu
from scoreboard.torch_npu_names import names, reason, resolves
from torch import nn
from torch_npu.utils import FlopsCounter, collect_env, reset_thread_affinity, save_async, set_thread_affinity
from torch_npu.utils.profiler import Profile


@pytest.mark.slow
def test_every_missing_name_has_a_reason_and_four_in_five_are_there():
    """Of torch_npu's public names at least 80 % resolve; for each of the rest a reason is written down."""
    every = names()
    missing = [name for name in every if not resolves(name)]
    assert len(missing) <= len(every) / 5
    assert [name for name in missing if not reason(name)] == []


def test_flops_are_counted_between_start_and_stop():
    """2·m·n·k for a product, its backward pass as well; a pause is traversed and not recorded."""
    counter = FlopsCounter()
    x = torch.randn(8, 16, device="npu", requires_grad=True)
    w = torch.randn(16, 4, device="npu")
    product = 2 * 8 * 16 * 4
    counter.start()
    (x @ w).sum().backward()
    counter.pause()
    x @ w
    assert counter.get_flops() == [2 * product, 3 * product]
    counter.resume()
    counter.stop()
    x @ w
    assert counter.get_flops() == [0, 0]


def test_core_limits_are_checked_and_remembered():
    """A stream has its device's limit until it gets its own; too many cores are refused."""
    every = torch.npu.get_device_limit(0)
    stream = torch.npu.Stream()
    torch.npu.set_stream_limit(stream, cube_num=4)
    assert torch.npu.get_stream_limit(stream) == every | {"cube_core_num": 4}
    torch.npu.reset_stream_limit(stream)
    assert torch.npu.get_stream_limit(stream) == every
    with pytest.raises(RuntimeError, match="cube_num must be between 1 and"):
        torch.npu.set_device_limit(0, cube_num=every["cube_core_num"] + 1)
    with pytest.raises(AssertionError, match="Invalid device id"):
        torch.npu.get_device_limit(99)
    with pytest.raises(AssertionError, match="stream cannot be None"):
        torch.npu.set_stream_limit(None)


def test_determinism_for_part_of_a_network():
    """Between the two calls algorithms are deterministic, in backward too; gradients pass unchanged."""
    x = torch.ones(3, device="npu", requires_grad=True)
    inside = torch.npu.enable_deterministic_with_backward(x * 2)
    assert torch.are_deterministic_algorithms_enabled()
    out = torch.npu.disable_deterministic_with_backward(inside * 3)
    assert not torch.are_deterministic_algorithms_enabled()
    out.sum().backward()
    assert x.grad.tolist() == [6.0] * 3
    assert not torch.are_deterministic_algorithms_enabled()


def test_saving_in_the_background_keeps_the_values_of_the_call(tmp_path):
    """What the program changes after save_async is not in the file."""
    model = nn.Linear(2, 1).npu()
    before = model.weight.detach().cpu().clone()
    path = tmp_path / "model.pt"
    save_async(model.state_dict(), path)
    with torch.no_grad():
        model.weight.zero_()
    for thread in threading.enumerate():
        if thread.name == "save_async":
            thread.join()
    assert torch.equal(torch.load(path)["weight"].cpu(), before)
    assert torch.load(path)["weight"].device.type == "npu"
    with pytest.raises(FileNotFoundError, match="Parent directory"):
        save_async({}, tmp_path / "none" / "model.pt")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not bind threads to cores")
def test_thread_affinity_is_set_and_reset():
    """A pair binds the thread to those cores; a range that is none is refused."""
    given = os.sched_getaffinity(0)
    core = min(given)
    try:
        set_thread_affinity([core, core])
        assert os.sched_getaffinity(0) == {core}
    finally:
        reset_thread_affinity()
    assert os.sched_getaffinity(0) == given
    with pytest.raises(ValueError, match="Invalid core range"):
        set_thread_affinity([3, 1])


def test_a_report_says_that_the_device_is_simulated():
    """The report of a bug cannot be taken for one from a server."""
    info = collect_env.SystemEnv(*[None] * len(collect_env.SystemEnv._fields))
    text = collect_env.pretty_str(info._replace(cann_version=collect_env.get_cann_version(), os="Debian"))
    assert "OS: Debian" in text
    assert "\nCANN:\n8.1.RC1 (simulated)\n" in text
    assert "GCC version: Could not collect" in text
    assert text.endswith("[pip] Could not collect\n[conda] Could not collect")


def test_a_report_without_torch_npu(monkeypatch):
    """A report of a machine without it says so, and lists the packages with their tool."""
    monkeypatch.setattr(collect_env, "TORCH_NPU_AVAILABLE", False)
    monkeypatch.setattr(collect_env.site, "getsitepackages", list)
    assert collect_env.get_torch_npu_version() == "N/A"
    assert collect_env.get_torch_npu_install_path() == ""
    info = collect_env.SystemEnv(*[None] * len(collect_env.SystemEnv._fields))
    text = collect_env.pretty_str(
        info._replace(pip_version="pip3", pip_packages="a==1\nb==2", conda_packages="")
    )
    assert text.endswith("libraries:\n[pip3] a==1\n[pip3] b==2\n[conda] No relevant packages")


def test_a_profile_of_one_step_ends_the_program(tmp_path):
    """Profile records the step that was asked for, writes it and ends the program."""
    profile = Profile(start_step=2, save_path=str(tmp_path / "prof"), profile_type="TORCH")
    profile.start()
    profile.end()
    profile.start()
    torch.ones(2, device="npu") + 1
    with pytest.raises(SystemExit):
        profile.end()
    assert len(list((tmp_path / "prof").glob("torch_prof_*.json"))) == 1
    with pytest.raises(RuntimeError, match="must be called after end"):
        profile.end()


def test_checks_of_hardware_find_it_sound():
    """A simulated device passes the stress test; a test that does not exist warns."""
    assert torch.npu.stress_detect() == 0
    assert torch.npu.check_uce_in_memory(0) == 0
    with pytest.warns(UserWarning, match="should be `aic` or `hccs`"):
        assert torch.npu.stress_detect("all") == 1


def test_the_overflow_flag_is_refused_where_values_show_it():
    """On a 910B an overflow gives inf: the flag is refused, with the way to check."""
    with pytest.raises(RuntimeError, match="please use npu_check_overflow"):
        torch.npu.get_npu_overflow_flag()
    with pytest.warns(UserWarning, match="is useless"):
        torch.npu.clear_npu_overflow_flag()
    assert torch_npu.npu.utils.npu_check_overflow(torch.tensor([1.0, float("inf")]).npu())


_SATURATION = """
import torch, torch_npu
x = torch.full((2,), 60000.0, dtype=torch.float16, device="npu")
assert not torch.npu.get_npu_overflow_flag()
assert (x * 2).tolist() == [65504.0] * 2
assert torch.npu.get_npu_overflow_flag()
assert torch_npu.npu.utils.npu_check_overflow(1.0)
assert not torch.npu.get_npu_overflow_flag()
assert torch.full((2,), float("-inf"), device="npu").add(1).isinf().all()
assert not torch.npu.get_npu_overflow_flag()
"""


@pytest.mark.slow
@pytest.mark.parametrize("setting", [{"INF_NAN_MODE_FORCE_DISABLE": "1"}, {"NPUSIM_SOC": "Ascend910A"}])
def test_saturation_cuts_what_overflows_and_sets_the_flag(setting):
    """In saturation mode float16 stops at 65504 and the flag is set until it is cleared; inf given stays."""
    subprocess.run([sys.executable, "-c", _SATURATION], env=os.environ | setting, check=True, timeout=60)


@pytest.mark.slow
def test_saturation_cuts_casts_that_overflow():
    """A cast to float16 stops at 65504 in saturation mode, with both variables or FORCE_DISABLE alone."""
    program = (
        "import torch; x = torch.full((2,), 1e6, device='npu'); y = torch.zeros(2, device='npu').half();"
        "y.copy_(x); assert torch.npu.get_npu_overflow_flag(); torch.npu.clear_npu_overflow_flag();"
        "assert x.half().tolist() == y.tolist() == [65504.0] * 2; assert torch.npu.get_npu_overflow_flag()"
    )
    setting = {"INF_NAN_MODE_ENABLE": "0", "INF_NAN_MODE_FORCE_DISABLE": "1"}
    subprocess.run([sys.executable, "-c", program], env=os.environ | setting, check=True, timeout=60)


@pytest.mark.slow
def test_saturation_may_be_asked_for_after_the_import():
    """A program that sets the variable between import and the first use of a device gets saturation mode."""
    program = (
        "import os, torch, torch_npu; os.environ['INF_NAN_MODE_FORCE_DISABLE'] = '1';"
        "x = torch.tensor([40000.0]).half().npu(); assert (x + x).item() == 65504.0;"
        "assert not torch_npu.npu.utils.is_support_inf_nan(); assert torch.npu.get_npu_overflow_flag()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.slow
def test_inf_nan_mode_is_not_switched_off_by_mistake():
    """INF_NAN_MODE_ENABLE=0 alone is refused on a 910B, with the variable that does it, as on a server."""
    program = "import torch; torch.ones(1, device='npu')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"INF_NAN_MODE_ENABLE": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert "please export INF_NAN_MODE_FORCE_DISABLE=1" in done.stderr


def test_paths_made_and_removed(tmp_path):
    """PathManager makes and removes files and folders, twice without harm; what cannot be is one error."""
    from torch_npu.utils._path_manager import PathManager

    folder, file = tmp_path / "a" / "b", tmp_path / "a" / "b" / "f"
    for _ in range(2):
        PathManager.make_dir_safety(str(folder))
        PathManager.create_file_safety(str(file))
    assert file.is_file()
    PathManager.check_directory_path_readable(str(folder))
    (tmp_path / "link").symlink_to(folder)
    with pytest.warns(UserWarning, match="is a symbolic link"):
        PathManager.check_directory_path_writeable(str(tmp_path / "link"))
    with pytest.raises(RuntimeError, match="The path does not exist"):
        PathManager.check_directory_path_readable(str(tmp_path / "no"))
    for call, path, words in (
        (PathManager.make_dir_safety, file / "c", "Failed to make directory"),
        (PathManager.create_file_safety, file / "c", "Failed to create file"),
        (PathManager.remove_file_safety, folder, "Failed to remove file"),
        (PathManager.remove_path_safety, file, "Failed to remove path"),
    ):
        with pytest.raises(RuntimeError, match=rf"{words}.*\n.*ERR00010 PTA system call failed"):
            call(str(path))
    for _ in range(2):
        PathManager.remove_file_safety(str(file))
        PathManager.remove_path_safety(str(tmp_path / "a"))
    assert not folder.exists()
