"""Options of atc that change what a model takes and gives: half inputs, other outputs, AIPP beside gears."""

from __future__ import annotations

import acl
import npusim
import numpy as np
import pytest
from atc.cli import main
from click.testing import CliRunner
from onnx import TensorProto, helper, save


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """Converts x -> Relu 'act' -> Neg 'last' -> y: the console's text, or the loaded model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    shape = ["n", 3, "h", "w"]
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="act"),
        helper.make_node("Neg", ["a"], ["y"], name="last"),
    ]
    tensors = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in "xy"]
    graph = helper.make_graph(nodes, "two", tensors[:1], tensors[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "m.onnx")

    def make(*options):
        line = ["--model=m.onnx", "--framework=5", "--output=m", "--soc_version=Ascend310P3", *options]
        done = CliRunner().invoke(main, line)
        if done.exit_code:
            return done.output
        assert acl.init() == 0
        assert acl.rt.set_device(0) == 0
        model, ret = acl.mdl.load_from_file("m.om")
        assert ret == 0, acl.get_recent_err_msg()
        desc = acl.mdl.create_desc()
        assert acl.mdl.get_desc(desc, model) == 0
        return model, desc

    yield make
    if acl._state.State.initialised:
        acl.finalize()


def datasets(desc, array):
    """Datasets with an input, and the output's memory."""
    sets, pointers = [], []
    for side in ("input", "output"):
        made = acl.mdl.create_dataset()
        for i in range(getattr(acl.mdl, f"get_num_{side}s")(desc)):
            size = getattr(acl.mdl, f"get_{side}_size_by_index")(desc, i)
            ptr, _ = acl.rt.malloc(size, 0)
            acl.mdl.add_dataset_buffer(made, acl.create_data_buffer(ptr, size))
            pointers.append((ptr, size))
        sets.append(made)
    ptr, size = pointers[0]
    assert acl.rt.memcpy(ptr, size, acl.util.numpy_to_ptr(array), array.nbytes, 1) == 0
    return sets, pointers[-1]


X = np.linspace(-2, 2, 3 * 4 * 4, dtype=np.float16).reshape(1, 3, 4, 4)


def test_half_inputs_and_another_output(convert):
    """An input of --input_fp16_nodes takes halves; --out_nodes gives a node's output."""
    model, desc = convert("--input_shape=x:1,3,4,4", "--input_fp16_nodes=x", "--out_nodes=act:0")
    assert acl.mdl.get_input_data_type(desc, 0) == 1
    assert acl.mdl.get_input_size_by_index(desc, 0) == X.nbytes
    assert acl.mdl.get_output_name_by_index(desc, 0) == "a"
    (given, made), (ptr, size) = datasets(desc, X)
    assert acl.mdl.execute(model, given, made) == 0, acl.get_recent_err_msg()
    back = np.zeros(X.shape, np.float32)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), size, ptr, size, 2) == 0
    assert (back == np.maximum(X, 0)).all()


def test_each_output_may_have_its_own_type(convert):
    """--output_type names nodes of --out_nodes; the others keep the model's type."""
    model, desc = convert("--input_shape=x:1,3,4,4", "--out_nodes=act:0;last:0", "--output_type=last:0:FP16")
    assert [acl.mdl.get_output_data_type(desc, i) for i in range(2)] == [0, 1]
    (given, made), (ptr, size) = datasets(desc, X.astype(np.float32))
    assert size == X.nbytes
    assert acl.mdl.execute(model, given, made) == 0, acl.get_recent_err_msg()
    back = np.zeros(X.shape, np.float16)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), size, ptr, size, 2) == 0
    assert (back == -np.maximum(X, 0)).all()


def test_nodes_that_are_not_there(convert):
    """Unknown nodes, outputs and inputs are refused with what was given."""
    assert "Opname [nowhere] specified in [--out_nodes]" in convert(
        "--input_shape=x:1,3,4,4", "--out_nodes=nowhere:0"
    )
    assert "1 output(s)" in convert("--input_shape=x:1,3,4,4", "--out_nodes=act:1")
    assert "[y]" in convert("--input_shape=x:1,3,4,4", "--input_fp16_nodes=y")


def test_static_aipp_beside_gears_of_images(convert, tmp_path):
    """Static AIPP without crop and padding takes the gear's size; with them it is refused."""
    text = "aipp_op {{ aipp_mode: static input_format: RGB888_U8 mean_chn_0: 10 {} }}"
    (tmp_path / "aipp.cfg").write_text(text.format("crop: true"))
    options = ["--input_shape=x:1,3,-1,-1", "--dynamic_image_size=4,4;8,8", "--insert_op_conf=aipp.cfg"]
    assert "E10009" in convert(*options)
    (tmp_path / "aipp.cfg").write_text(text.format(""))
    model, desc = convert(*options)
    pictures = np.full((4, 4, 3), 30, np.uint8)
    (given, made), (ptr, _) = datasets(desc, pictures)
    index, ret = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")
    assert ret == 0
    assert acl.mdl.set_dynamic_hw_size(model, given, index, 4, 4) == 0
    assert acl.mdl.execute(model, given, made) == 0, acl.get_recent_err_msg()
    back = np.zeros((3, 4, 4), np.float32)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), back.nbytes, ptr, back.nbytes, 2) == 0
    assert (back[0] == -20).all()
    assert (back[1:] == -30).all()
