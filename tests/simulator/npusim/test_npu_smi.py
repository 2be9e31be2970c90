"""npu-smi, and the state that processes share for it."""

import json
import os
import subprocess
import sys

import npusim
import pytest
from npusim import npu_smi
from npusim.shared_state import ProcessState, Publisher, running, runtime_folder

MIB = 1 << 20
ELSEWHERE = """
import os, sys, npusim
node = npusim.node()
node.device(1).hbm.malloc(100 << 20)
print(os.getpid(), flush=True)
sys.stdin.readline()
os._exit(0) if "die" in sys.argv else None
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A runtime folder of this test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("NPUSIM_SHARE_STATE", "1")
    return runtime_folder()


@pytest.fixture
def other(folder):  # noqa: ARG001 - the processes inherit its folder
    """Starts other processes that hold 100 MiB on NPU 1; ends them."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", ELSEWHERE, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_another_process_is_seen_and_seen_to_go(other):
    """What a process holds on a device is shown while it lives, and gone when it ends, in whatever way."""
    for arguments in ((), ("die",)):
        process, pid = other(*arguments)
        (state,) = running()
        assert (state.pid, state.memory) == (pid, {1: 100 * MIB})
        code, text = npu_smi.run(["info"])
        assert code == 0
        row = next(line for line in text.splitlines() if f" {pid} " in line)
        assert row.split("|")[1].split() == ["1", "0"]
        assert row.split("|")[-2].strip() == "100"
        process.communicate("\n")
        assert running() == []
        assert f" {pid} " not in npu_smi.run(["info"])[1]


def test_a_killed_process_leaves_nothing(folder, other):
    """A process that could not tidy up is not shown, and its files are taken away."""
    process, _ = other()
    process.kill()
    process.wait()
    assert running() == []
    assert list(folder.glob("*")) == []


def test_a_damaged_file_is_taken_away_with_a_warning(folder, capsys):
    """Damage is no crash: one warning, and the next change of the process shows it again."""
    npusim.node().device(0)
    path = folder / f"{os.getpid()}.json"
    infinite = '{"memory": {"0": 1e999}, "busy": {}, "name": "p", "soc": "Ascend910B3"}'
    for damage in ("{", "[]", '{"memory": 3}', "\x00\x01", infinite, "[" * 100_000):
        path.write_text(damage)
        assert npu_smi.run(["info"])[0] == 0
        warning = capsys.readouterr().err
        assert str(path) in warning
        assert warning.count("\n") == 1
        assert not path.exists()
    npusim.node().device(0).hbm.malloc(MIB)
    assert json.loads(path.read_text())["memory"] == {"0": MIB}


def test_the_machine_takes_its_files_away(folder):
    """Reset and the end of the process leave no files."""
    npusim.node().device(0)
    assert {path.suffix for path in folder.iterdir()} == {".json", ".lock"}
    npusim.reset()
    assert list(folder.iterdir()) == []


def test_sharing_can_be_turned_off(folder, monkeypatch):
    """NPUSIM_SHARE_STATE=0 writes nothing."""
    monkeypatch.setenv("NPUSIM_SHARE_STATE", "0")
    npusim.node().device(0).hbm.malloc(MIB)
    assert not folder.exists()


def test_where_nothing_can_be_written_nothing_breaks(tmp_path):
    """A folder that cannot be made only means that the process is not shown."""
    (tmp_path / "file").write_text("")
    Publisher(tmp_path / "file" / "folder").publish("Ascend910B3", {0: 1}, {0: 1})
    assert running(tmp_path / "file" / "folder") == []


@pytest.mark.parametrize(("soc", "width"), [("Ascend910B3", 98), ("Ascend310P3", 106), ("Ascend310B4", 106)])
def test_the_table_is_rectangular(soc, width):
    """Every line is as wide as the first, whatever is shown in it."""
    chip = npusim.find_chip(soc)
    processes = [ProcessState(1234567, "a_program_with_a_very_long_name", soc, {0: 5 * MIB}, {0: 100})]
    for shown in ([], processes):
        lines = npu_smi.info_table(chip, 2, shown).splitlines()
        assert {len(line) for line in lines} == {width}
        assert all(line[0] in "+|" for line in lines)


def test_memory_of_the_table():
    """HBM chips show what the driver keeps as used, of the whole capacity."""
    chip = npusim.find_chip("Ascend910B3")
    text = npu_smi.info_table(chip, 1, [ProcessState(1, "python3", chip.soc, {0: 100 * MIB}, {0: 7})])
    assert "3213 / 65536" in text
    assert "| 7           0    / 0" in text
    assert "910B3" in text
    assert "No running processes found in NPU 0" not in text
    assert "No running processes found in NPU 0" in npu_smi.info_table(chip, 1, [])


def fields(*arguments):
    """What a command prints: names and values; every line is laid out as the driver prints it."""
    code, text = npu_smi.run(["info", *arguments])
    assert code == 0
    lines = [line for line in text.splitlines() if line]
    for line in lines:
        name, value = line[1:].split(": ", 1)
        assert line == f"\t{name.rstrip():<30} : {value}"
    return dict(line[1:].split(":", 1) for line in lines)


def values(*arguments):
    """The same without blanks."""
    return {name.strip(): value.strip() for name, value in fields(*arguments).items()}


def test_a_list_of_devices():
    """-l counts the devices, and lists each with its chips."""
    text = npu_smi.run(["info", "-l"])[1]
    assert text.splitlines()[:4] == [
        "\tTotal Count                    : 8",
        "",
        "\tNPU ID                         : 0",
        "\tChip Count                     : 1",
    ]
    assert text.count("NPU ID") == 8


@pytest.mark.parametrize(
    ("soc", "device"),
    [("Ascend910B3", "0xD802"), ("Ascend910A", "0xD801"), ("Ascend310P3", "0xD500"), ("Ascend310B4", "NA")],
)
def test_a_board(monkeypatch, soc, device):
    """-t board: the fields of the driver's, in its order; with -c, the chip whose name atc wants."""
    monkeypatch.setenv("NPUSIM_SOC", soc)
    found = values("-t", "board", "-i", "0")
    assert list(found) == [
        *("NPU ID", "Product Name", "Model", "Manufacturer", "Serial Number", "Software Version"),
        *("Firmware Version", "Compatibility", "Board ID", "PCB ID", "BOM ID", "PCIe Bus Info", "Slot ID"),
        *("Class ID", "PCI Vendor ID", "PCI Device ID", "Subsystem Vendor ID", "Subsystem Device ID"),
        "Chip Count",
    ]
    assert (found["PCI Vendor ID"], found["PCI Device ID"]) == ("0x19E5", device)
    chip = values("-t", "board", "-i", "0", "-c", "0")
    assert list(chip)[:5] == ["NPU ID", "Chip ID", "Chip Type", "Chip Name", "Chip Version"]
    assert f"Ascend{chip['Chip Name']}" == soc


def test_usages(monkeypatch):
    """-t usages: HBM chips show both memories, as the 910B's driver; a 310P its DDR and its Vector cores."""
    found = values("-t", "usages", "-i", "0")
    assert list(found) == [
        *("NPU ID", "Chip Count", "DDR Capacity(MB)", "DDR Usage Rate(%)", "DDR Hugepages Total(page)"),
        *("DDR Hugepages Usage Rate(%)", "HBM Capacity(MB)", "HBM Usage Rate(%)", "Aicore Usage Rate(%)"),
        *("Aivector Usage Rate(%)", "Aicpu Usage Rate(%)", "Ctrlcpu Usage Rate(%)"),
        *("DDR Bandwidth Usage Rate(%)", "HBM Bandwidth Usage Rate(%)", "Chip ID"),
    ]
    assert (found["DDR Capacity(MB)"], found["HBM Capacity(MB)"]) == ("0", "65536")
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    found = values("-t", "usages", "-i", "0")
    assert found["DDR Capacity(MB)"] == "21534"
    assert found["Aicore Usage Rate(%)"] == "0"
    assert "HBM Capacity(MB)" not in found


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["set", "-t", "reset"], "'set' is not simulated"),
        (["info", "-t", "health", "-i", "0"], "not simulated"),
        (["info", "-t", "board"], "names no device"),
        (["info", "-t", "board", "-i", "8"], "NPU 0 to 7"),
        (["info", "-t", "board", "-i", "x"], "names no device"),
        (["info", "-t", "board", "-i", "0", "-c", "3"], "each NPU has chip 0"),
        (["info", "-x"], "not simulated"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line(arguments, says):
    """Unknown commands, topics and devices get one line and exit code 1."""
    code, text = npu_smi.run(arguments)
    assert code == 1
    assert says in text
    assert "\n" not in text


def test_help_version_and_wrong_settings(monkeypatch):
    """Help and version work; a wrong setting is named."""
    assert npu_smi.run([])[1].startswith("usage: npu-smi")
    assert npu_smi.VERSION in npu_smi.run(["-v"])[1]
    monkeypatch.setenv("NPUSIM_SOC", "Ascend000")
    code, text = npu_smi.run(["info"])
    assert code == 1
    assert "NPUSIM_SOC" in text


@pytest.mark.usefixtures("folder")
def test_the_command_runs():
    """`python -m npusim.npu_smi info` prints the table."""
    out = subprocess.run(
        [sys.executable, "-m", "npusim.npu_smi", "info"],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert "910B3" in out.stdout


@pytest.mark.usefixtures("folder")
def test_a_reader_that_has_seen_enough_is_no_error():
    """`npu-smi info | head -1` ends without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "npusim.npu_smi", "info"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, env=dict(os.environ))
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
