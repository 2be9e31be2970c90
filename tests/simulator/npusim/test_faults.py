"""A machine that is broken on purpose."""

import re

import npusim
import pytest
from npusim import faults

X = npusim.TensorSpec((2,), "float16")
ADD = npusim.Op("Add", "elementwise", [X, X], [X])


@pytest.mark.parametrize("value", ["nothing", "kernels_package,nothing", "Kernels_Package", "1"])
def test_an_unknown_fault(value):
    """One line names what is not understood, and every fault that there is."""
    with pytest.raises(npusim.EnvironmentVariableError, match="NPUSIM_FAULT") as caught:
        npusim.Settings({"NPUSIM_FAULT": value})
    assert repr(value.rpartition(",")[2]) in str(caught.value)
    assert all(name in str(caught.value) for name in faults.FAULTS)
    assert "\n" not in str(caught.value)


def test_several_faults():
    """Names are separated by commas, blanks around them do not matter, and an empty value asks for none."""
    both = {"NPUSIM_FAULT": "hccp_busy, kernels_package,"}
    assert faults.asked(both) == {"hccp_busy", "kernels_package"}
    assert npusim.Settings(both).faults == {"hccp_busy", "kernels_package"}
    assert npusim.Settings({"NPUSIM_FAULT": ""}).faults == frozenset()
    assert npusim.Settings({}).faults == frozenset()


def test_a_healthy_machine_has_plain_streams():
    """The possibility of faults costs a healthy machine nothing."""
    device = npusim.Node(npusim.Settings({})).device(0)
    assert type(device.default_stream) is npusim.Stream
    assert type(device.create_stream()) is npusim.Stream


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (
            "kernels_package",
            faults.MissingKernelError,
            r"bin of op Add, integral key 0/1/\|(float16/ND/){3}\.",
        ),
        ("compiler_packages", faults.CompilerError, "No module named 'decorator'"),
    ],
)
def test_operators_do_not_run(fault, error, words, monkeypatch):
    """They fail on every stream in CANN's words, take no time, and run as soon as nothing is broken."""
    monkeypatch.setattr(faults.FaultyStream, "wording", None)
    monkeypatch.setenv("NPUSIM_FAULT", fault)
    device = npusim.Node(npusim.Settings({"NPUSIM_FAULT": fault})).device(0)
    for stream in (device.default_stream, device.create_stream()):
        with pytest.raises(error) as caught:
            stream.launch(ADD)
        assert re.search(words, str(caught.value))
        assert stream.tail == 0
        stream.copy("H2D", 1000, asynchronous=True)
    monkeypatch.delenv("NPUSIM_FAULT")
    assert device.default_stream.launch(ADD).duration > 0
