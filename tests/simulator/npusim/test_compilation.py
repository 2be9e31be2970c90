"""Operators that are compiled when they are first met."""

import npusim
import pytest
from npusim.constants import value
from npusim.msprof_tables import api_rows


@pytest.fixture
def machine():
    """A machine whose operators come without binaries."""
    node = npusim.Node(npusim.Settings({"NPUSIM_SHARE_STATE": "0"}))
    node.set_jit_compile(enabled=True)
    return node


def add(rows, dtype="float32"):
    """An addition of that many rows."""
    spec = npusim.TensorSpec((rows, 512), dtype)
    return npusim.Op("Add", "elementwise", [spec, spec], [spec])


def launch_ns(node, op):
    """How long the host was busy with a launch."""
    began = node.host.now
    node.device(0).default_stream.launch(op)
    return node.host.now - began


def test_a_new_shape_or_type_is_compiled_once(machine):
    """The first launch of an operator with its shapes and types costs a compilation, later ones do not."""
    once, always = value("op_compile_ns"), value("host_launch_ns")
    took = [launch_ns(machine, add(rows)) for rows in (64, 64, 65, 64)]
    assert took == [once + always, always, once + always, always]
    assert launch_ns(machine, add(64, "float16")) == once + always
    assert len(machine.compiler) == 3


def test_binaries_are_the_default():
    """Without being asked, no operator is compiled."""
    node = npusim.Node(npusim.Settings({"NPUSIM_SHARE_STATE": "0"}))
    assert launch_ns(node, add(64)) == value("host_launch_ns")


def test_switching_it_on_compiles_what_ran_from_binaries(machine):
    """An operator that ran from a binary is compiled when compilation is switched on, and stays compiled."""
    machine.set_jit_compile(enabled=False)
    launch_ns(machine, add(64))
    machine.set_jit_compile(enabled=True)
    assert launch_ns(machine, add(64)) > value("op_compile_ns")
    machine.set_jit_compile(enabled=False)
    machine.set_jit_compile(enabled=True)
    assert launch_ns(machine, add(64)) == value("host_launch_ns")


def test_the_processors_kernels_come_ready(machine):
    """Operators of the AI CPU are not compiled."""
    spec = npusim.TensorSpec((64,), "float32")
    assert launch_ns(machine, npusim.Op("NonZero", "aicpu", [spec], [spec])) == value("host_launch_ns")


def test_compiling_is_in_the_profile(machine):
    """The tables of the runtime's calls show how often and how long was compiled."""
    for rows in (64, 65, 64):
        launch_ns(machine, add(rows))
    row = next(row for row in api_rows(list(machine.records)) if row[2] == "aclopCompileAndExecuteV2")
    assert (row[1], float(row[3]), row[4]) == ("acl", 2 * value("op_compile_ns") / 1000, "2")


def test_without_the_cost_model_compiling_takes_no_time(machine):
    """Turning the cost model off turns off what compiling costs, too."""
    machine.set_cost_model(enabled=False)
    assert launch_ns(machine, add(64)) == 0
