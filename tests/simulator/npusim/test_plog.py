"""The process's log."""

import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import npusim
import pytest
from npusim.plog import ERROR, INFO, LogSettings, Plog, module_of

LINE = re.compile(
    r"^\[(DEBUG|INFO|WARNING|ERROR)\] [A-Z]+\(\d+,[^)]+\):\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} "
    r"\[\w+\.py:\d+\] \d+ .+$"
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder that the log is sent to."""
    monkeypatch.delenv("ASCEND_GLOBAL_LOG_LEVEL")
    monkeypatch.setenv("ASCEND_PROCESS_LOG_PATH", str(tmp_path))
    return tmp_path


def lines(root: Path):
    """All lines that were logged."""
    return [
        line for path in sorted(root.glob("debug/plog/plog-*.log")) for line in path.read_text().splitlines()
    ]


def test_an_error_leaves_its_line(root):
    """A device that does not exist leaves one line with code, name and the position of the raise."""
    with pytest.raises(npusim.InvalidDeviceError):
        npusim.node().device(99)
    (line,) = lines(root)
    assert LINE.match(line)
    assert "107001" in line
    assert "ACL_ERROR_RT_INVALID_DEVICEID" in line
    assert "[machine.py:" in line


def test_threads_share_one_file(root):
    """However many threads meet their first error at once, there is one file of whole lines."""
    node = npusim.node()
    start = threading.Barrier(8)

    def fail():
        start.wait()
        for _ in range(20):
            with pytest.raises(npusim.InvalidDeviceError):
                node.device(99)

    threads = [threading.Thread(target=fail) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(root.glob("debug/plog/*"))) == 1
    found = lines(root)
    assert len(found) == 160
    assert all(LINE.match(line) for line in found)


def test_codes_are_logged_by_the_module_that_they_are_of():
    """ACL_ERROR_RT codes by RUNTIME, ACL_ERROR_GE codes by GE, AscendCL's own by ASCENDCL."""
    names = {code: npusim.errors[code].name for code in npusim.errors if isinstance(code, int)}
    for code, name in names.items():
        if code in {500002, 500003}:  # a failure of GE or RUNTIME, which AscendCL tells
            assert module_of(code) == "ASCENDCL"
        elif name.startswith("ACL_ERROR_RT"):
            assert module_of(code) == "RUNTIME", (code, name)
        elif name.startswith("ACL_ERROR_GE"):
            assert module_of(code) == "GE", (code, name)
    for code in (100000, 148052, 200000, 500001):
        assert module_of(code) == "ASCENDCL"


def test_the_file_is_called_as_on_the_real_machine(root):
    """plog-<pid>_<year to millisecond>.log in debug/plog."""
    with pytest.raises(npusim.OutOfMemoryError):
        npusim.node().device(0).memory.allocate(1 << 50)
    (path,) = root.glob("debug/plog/*")
    assert re.fullmatch(r"plog-\d+_\d{17}\.log", path.name)
    assert "[caching_allocator.py:" in path.read_text()


def test_a_fault_names_its_kernel(root):
    """A device fault leaves the kernel's name, which is what a learner searches for."""
    stream = npusim.node().device(0).default_stream
    stream.fail("The aicore execution is abnormal.", code=507015, task="MyAdd")
    assert "fault kernel_name=MyAdd" in lines(root)[0]
    assert "507015" in lines(root)[0]


def test_without_errors_there_is_no_file(root):
    """A program that does nothing wrong leaves nothing."""
    npusim.node().device(0).synchronize()
    assert list(root.iterdir()) == []


def test_levels(root, monkeypatch):
    """Level 1 logs each launch; level 4 logs nothing, not even errors."""
    x = npusim.TensorSpec((4,), "float16")
    for level, expected in (("1", 1), ("3", 0)):
        monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", level)
        npusim.reset()
        before = len(lines(root))
        npusim.node().device(0).default_stream.launch(npusim.Op("Add", "elementwise", [x], [x]))
        assert len(lines(root)) - before == expected
    monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", "4")
    npusim.reset()
    before = len(lines(root))
    with pytest.raises(npusim.InvalidDeviceError):
        npusim.node().device(99)
    assert len(lines(root)) == before


@pytest.mark.parametrize("name", ["ASCEND_SLOG_PRINT_TO_STDOUT", "ASCEND_LOG_PRINT_TO_STDOUT"])
def test_printing_replaces_the_file(root, monkeypatch, capsys, name):
    """With the variable set, old name or new, lines are printed and no file is made."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(npusim.InvalidDeviceError):
        npusim.node().device(99)
    assert LINE.match(capsys.readouterr().out.strip())
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASCEND_GLOBAL_LOG_LEVEL", "5"),
        ("ASCEND_GLOBAL_LOG_LEVEL", "x"),
        ("ASCEND_SLOG_PRINT_TO_STDOUT", "yes"),
    ],
)
def test_wrong_settings_are_named(monkeypatch, name, value):
    """A wrong value is named with what the variable accepts."""
    monkeypatch.setenv(name, value)
    with pytest.raises(npusim.EnvironmentVariableError, match=f"{name}='{value}'.* set it to 0"):
        npusim.node()


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path, monkeypatch):
    """Where the folder cannot be made the program goes on, and gets its own error."""
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("ASCEND_GLOBAL_LOG_LEVEL")
    monkeypatch.setenv("ASCEND_PROCESS_LOG_PATH", str(tmp_path / "file"))
    for _ in range(2):
        with pytest.raises(npusim.InvalidDeviceError):
            npusim.node().device(99)


def test_lines_are_single_and_exact(tmp_path):
    """Line breaks become spaces; the time is written to the microsecond."""
    moment = datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC)
    log = Plog(LogSettings(INFO, root=str(tmp_path)), clock=lambda: moment)
    log.write(ERROR, "GE", "first\n  second")
    log.write(0, "GE", "not wanted")
    log.close()
    (line,) = lines(tmp_path)
    assert ":2026-01-31-09:30:00.123.456 [test_plog.py:" in line
    assert line.endswith(" first second")
    assert next(tmp_path.glob("debug/plog/*")).name.endswith("_20260131093000123.log")


def test_modules_have_levels_of_their_own(root, monkeypatch):
    """ASCEND_MODULE_LOG_LEVEL goes before the global level, for the modules that it names."""
    monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", "1")
    monkeypatch.setenv("ASCEND_MODULE_LOG_LEVEL", "GE=4:RUNTIME=2")
    log = npusim.node().log
    for component in ("GE", "RUNTIME", "HCCL"):
        for level in range(4):
            log.write(level, component, f"{component} {level}")
    said = [line.rsplit(" ", 2)[-2:] for line in lines(root)]
    assert said == [["RUNTIME", "2"], ["RUNTIME", "3"], ["HCCL", "1"], ["HCCL", "2"], ["HCCL", "3"]]
    assert not npusim.node().logs_launches


def test_the_work_path_holds_logs_too(tmp_path, monkeypatch):
    """Without a path for logs they go to `log` in ASCEND_WORK_PATH."""
    monkeypatch.delenv("ASCEND_GLOBAL_LOG_LEVEL")
    monkeypatch.setenv("ASCEND_WORK_PATH", str(tmp_path))
    with pytest.raises(npusim.InvalidDeviceError):
        npusim.node().device(99)
    assert len(lines(tmp_path / "log")) == 1


def test_a_wrong_environment_leaves_its_line(root, monkeypatch):
    """What keeps the machine from starting, and what is read in part only, can be found in the log."""
    monkeypatch.setenv("NPUSIM_SOC", "Ascend999")
    with pytest.raises(npusim.UnknownChipError):
        npusim.node()
    monkeypatch.delenv("NPUSIM_SOC")
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", "3,1")
    with pytest.warns(RuntimeWarning):
        npusim.node()
    first, second = lines(root)
    assert LINE.match(first)
    assert "NPUSIM_SOC" in first
    assert "ASCEND_RT_VISIBLE_DEVICES='3,1' is only read up to '1'" in second


def test_a_failure_at_the_very_end_stays_quiet(tmp_path):
    """An object that fails while Python is going down leaves no traceback: there is nothing to write with."""
    code = (
        "import npusim\nclass Last:\n    def __del__(self, npusim=npusim):\n"
        "        npusim.NpusimError('too late')\nnpusim.node()\nlast = Last()\nlast.itself = last"
    )
    env = {**os.environ, "ASCEND_PROCESS_LOG_PATH": str(tmp_path), "ASCEND_GLOBAL_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
