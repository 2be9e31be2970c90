"""`acl.prof`: what runs between start and stop is written, and a subscriber reads a model's operators."""

from __future__ import annotations

import csv
import os

import acl
import npusim
import numpy as np
import pytest
from atc.cli import main
from click.testing import CliRunner
from onnx import TensorProto, helper, save


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model with two operators, and its datasets: (id, inputs, outputs)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    nodes = [helper.make_node("Exp", ["x"], ["h"]), helper.make_node("Softmax", ["h"], ["y"])]
    shape = [1, 512]
    graph = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "m.onnx")
    line = ["--model=m.onnx", "--framework=5", "--output=m", "--soc_version=Ascend310P3"]
    assert CliRunner().invoke(main, line).exit_code == 0
    number, ret = acl.mdl.load_from_file("m.om")
    assert ret == 0
    sets = []
    for _ in range(2):
        ptr, _ = acl.rt.malloc(2048, 0)
        made = acl.mdl.create_dataset()
        acl.mdl.add_dataset_buffer(made, acl.create_data_buffer(ptr, 2048))
        sets.append(made)
    return number, *sets


def test_a_profile_holds_what_ran_between_start_and_stop(model, tmp_path):
    """Finalize writes PROF_... with the operators of the second of three runs."""
    assert acl.prof.init(str(tmp_path / "out")) == 0
    config = acl.prof.create_config([0], 1, 0, 0x7)
    assert config
    assert acl.mdl.execute(*model) == 0
    assert acl.prof.start(config) == 0
    assert acl.prof.start(config) == 100042
    assert acl.mdl.execute(*model) == 0
    assert acl.prof.stop(config) == 0
    assert acl.prof.stop(config) == 100043
    assert acl.mdl.execute(*model) == 0
    assert acl.prof.finalize() == 0
    assert acl.prof.finalize() == 100043
    assert acl.prof.destroy_config(config) == 0
    (table,) = (tmp_path / "out").glob("PROF_*/mindstudio_profiler_output/op_summary_*.csv")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["OP Type"] for row in rows] == ["Exp", "SoftmaxV2"]


@pytest.mark.usefixtures("model")
def test_a_profile_that_was_not_begun(tmp_path):
    """Start before init, a device that is not there, and a path that is a file are refused."""
    assert acl.prof.create_config([99], 1, 0, 1) == 0
    config = acl.prof.create_config([0], 0xFF, 0, 1)
    assert acl.prof.start(config) == 100043
    (tmp_path / "file").write_text("x")
    assert acl.prof.init(str(tmp_path / "file" / "x")) == 100003
    assert acl.prof.init("p") == 0
    assert acl.prof.init("q") == 100042
    assert acl.prof.finalize() == 0


def test_a_subscriber_reads_each_operator(model):
    """After a run the pipe holds its operators: type, name, times and model."""
    reader, writer = os.pipe()
    try:
        config = acl.prof.create_subscribe_config(1, 0xFF, writer)
        assert acl.prof.model_subscribe(model[0], config) == 0
        assert acl.prof.model_subscribe(model[0], config) == 148046
        assert acl.mdl.execute(*model) == 0
        size, ret = acl.prof.get_op_desc_size()
        assert ret == 0
        data = np.frombuffer(os.read(reader, size * 8), np.uint8).copy()
        ptr = acl.util.numpy_to_ptr(data)
        assert acl.prof.get_op_num(ptr, data.size) == (2, 0)
        assert acl.prof.get_op_type_v2(ptr, data.size, 1) == ("SoftmaxV2", 0)
        length, ret = acl.prof.get_op_name_len(ptr, data.size, 0)
        assert ret == 0
        name, ret = acl.prof.get_op_name(ptr, data.size, 0, length)
        assert name.startswith("Exp")
        assert acl.prof.get_op_name(ptr, data.size, 0, length - 1) == ("", 100000)
        assert acl.prof.get_model_id(ptr, data.size, 0) == model[0]
        begin, end = acl.prof.get_op_start(ptr, data.size, 1), acl.prof.get_op_end(ptr, data.size, 1)
        assert end - begin == acl.prof.get_op_duration(ptr, data.size, 1) > 0
        assert acl.prof.get_op_type_v2(ptr, data.size, 2) == (None, 100000)
        assert acl.prof.model_unsubscribe(model[0]) == 0
        assert acl.prof.model_unsubscribe(model[0]) == 100000
        assert acl.prof.destroy_subscribe_config(config) == 0
        for _ in range(300):  # more than a pipe holds, without a reader: nothing waits
            assert acl.mdl.execute(*model) == 0
    finally:
        os.close(reader)
        os.close(writer)


def test_a_pipe_that_nobody_reads_stops_no_program(model):
    """A full pipe loses operators and does not hold the run."""
    reader, writer = os.pipe()
    try:
        assert acl.prof.model_subscribe(model[0], acl.prof.create_subscribe_config(1, 0xFF, writer)) == 0
        for _ in range(300):
            assert acl.mdl.execute(*model) == 0
    finally:
        os.close(reader)
        os.close(writer)
    assert acl.mdl.execute(*model) == 0


@pytest.mark.usefixtures("model")
def test_steps_and_stamps():
    """Steps are marked with their tag; stamps are refused in one line."""
    step = acl.prof.create_step_info()
    assert acl.prof.get_step_timestamp(step, 0, 0) == 0
    assert acl.prof.get_step_timestamp(step, 5, 0) == 100000
    assert acl.prof.destroy_step_info(step) is None
    assert acl.prof.get_step_timestamp(step, 0, 0) == 100000
    assert acl.prof.create_stamp() == 0
    assert "stamps" in acl.get_recent_err_msg()
    assert acl.prof.mark(0) == 200007
    assert acl.prof.range_start(0) == (0, 200007)
