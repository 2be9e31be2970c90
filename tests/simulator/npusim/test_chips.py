"""The chip table and how the machine chooses from it."""

import contextlib

import npusim
import pytest
from npusim._chip_table import COLUMNS, ROWS


def test_every_chip_is_found_under_its_name():
    """Each of the 45 chips is found by its name, in any case, with or without the prefix."""
    assert len(npusim.chip_names()) == 45
    for name in npusim.chip_names():
        assert npusim.find_chip(name).soc == name
        assert npusim.find_chip(name.upper()).soc == name
    assert npusim.find_chip("310p3").soc == "Ascend310P3"


def test_rows_and_fields_agree():
    """The data module's columns are the fields of Chip, and every row has all of them."""
    assert npusim.Chip._fields == COLUMNS
    assert {len(row) for row in ROWS} == {len(COLUMNS)}


def test_known_figures():
    """The table carries the configuration files' figures.

    A 910B3 has 20 Cubes at 1.8 GHz, 40 vector cores.
    """
    chip = npusim.find_chip("Ascend910B3")
    assert (chip.cubes, chip.vectors, chip.clock_mhz, chip.split) == (20, 40, 1800, True)
    assert (chip.l0a_bytes, chip.l0b_bytes, chip.l0c_bytes) == (65536, 65536, 131072)
    assert chip.memory_bytes == 64 << 30
    assert npusim.find_chip("Ascend310").cubes == 2


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Ascend310B5", "Ascend310B4"),
        ("910b9", "Ascend910B, Ascend910B3"),
        ("Ascend310X", "Ascend310, Ascend310P3, Ascend310B4"),  # equally near: those met most come first
        ("310P", "Ascend310P3"),
        ("", "A"),
    ],
)
def test_an_unknown_chip_names_the_nearest(name, near):
    """An unknown name is answered with the nearest known ones."""
    with pytest.raises(npusim.UnknownChipError, match=near) as caught:
        npusim.find_chip(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("soc", "count", "memory"),
    [
        (None, 8, (64 << 30) - (3113 << 20)),
        ("Ascend310B4", 1, 4 << 30),
        ("Ascend310P3", 1, 21534 << 20),
        ("Ascend910A", 8, 32 << 30),
    ],
)
def test_the_environment_chooses_the_machine(monkeypatch, soc, count, memory):
    """Default: eight 910B3. NPUSIM_SOC chooses another chip, which comes in its usual number."""
    if soc:
        monkeypatch.setenv("NPUSIM_SOC", soc)
    assert npusim.node().device_count == count
    assert npusim.node().device(0).hbm.total == memory


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("2,5", (2, 5)),
        ("7", (7,)),
        ("", ()),  # none
        ("1, 2,3", (1,)),  # read up to the space
        ("1,3,8", (1, 3)),  # 8 is no device
        ("1,2,-1,3", (1, 2)),
        ("0;1", (0,)),
        ("5,2", (5,)),  # not ascending
        ("1,1", (1,)),
        ("9", ()),
        ("two", ()),
        ("1,", (1,)),
    ],
)
def test_visible_devices_are_read_as_the_runtime_does(monkeypatch, value, seen):
    """Ascending numbers with commas, up to the first that is none; indices count from 0 among them."""
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", value)
    settings = npusim.Settings()
    assert settings.visible == seen
    whole = value == ",".join(map(str, seen))
    assert bool(settings.visible_note) != whole
    with contextlib.nullcontext() if whole else pytest.warns(RuntimeWarning, match="only read up to"):
        node = npusim.node()
    assert node.device_count == len(seen)
    assert tuple(node.device(i).physical for i in range(len(seen))) == seen
    with pytest.raises(npusim.InvalidDeviceError, match="107001") as caught:
        node.device(len(seen))
    assert whole or (repr(value) in str(caught.value) and "0 to 7 in ascending order" in str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("index", [8, -1, 1.0, "0", True, None])
def test_a_device_index_out_of_range_is_107001(index):
    """Any index that names no device is refused with the real code."""
    with pytest.raises(npusim.InvalidDeviceError, match="107001") as caught:
        npusim.node().device(index)
    assert caught.value.code == 107001


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("NPUSIM_SOC", "Ascend999", "nearest known"),
        ("NPUSIM_DEVICE_COUNT", "many", "1 to 64"),
        ("NPUSIM_DEVICE_COUNT", "0", "1 to 64"),
        ("NPUSIM_DEVICE_COUNT", "-3", "1 to 64"),
        ("NPUSIM_COST_MODEL", "yes", "0 or 1"),
        ("ASCEND_LAUNCH_BLOCKING", "true", "0 or 1"),
        ("ASCEND_MODULE_LOG_LEVEL", "RUNTIME=7", "level from 0 to 4"),
        ("ASCEND_MODULE_LOG_LEVEL", "RUNTIME=0 GE=1", "no spaces"),
        ("ASCEND_MODULE_LOG_LEVEL", "KITCHEN=1", "a name of RUNTIME, ASCENDCL"),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_accepts(monkeypatch, name, value, says):
    """An environment variable with a wrong value is named, with the value and what it accepts."""
    monkeypatch.setenv(name, value)
    with pytest.raises((npusim.EnvironmentVariableError, npusim.UnknownChipError), match=says) as caught:
        npusim.node()
    assert name in str(caught.value)
    assert value in str(caught.value)
