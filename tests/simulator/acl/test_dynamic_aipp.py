"""AIPP set at run time gives what static AIPP gives, picture by picture, and refuses what does not fit."""

from __future__ import annotations

import acl
import npusim
import numpy as np
import pytest
from atc.cli import main
from click.testing import CliRunner
from onnx import TensorProto, helper, save

H2D, D2H = 1, 2
BATCH, SIDE = 2, 16
STATIC = """aipp_op {{ aipp_mode: static input_format: {kind} src_image_size_w: 20 src_image_size_h: 18
crop: true load_start_pos_w: 2 load_start_pos_h: 2 crop_size_w: 14 crop_size_h: 12
padding: true left_padding_size: 1 right_padding_size: 1 top_padding_size: 4 bottom_padding_size: 0
csc_switch: {csc} rbuv_swap_switch: true
matrix_r0c0: 256 matrix_r0c1: 10 matrix_r0c2: 359 matrix_r1c0: 256 matrix_r1c1: -88 matrix_r1c2: -183
matrix_r2c0: 256 matrix_r2c1: 454 matrix_r2c2: 0 input_bias_0: 0 input_bias_1: 128 input_bias_2: 128
output_bias_0: 1 output_bias_1: 2 output_bias_2: 3
mean_chn_0: 104 mean_chn_1: 117 mean_chn_2: 123 min_chn_0: 0.5
var_reci_chn_0: 0.5 var_reci_chn_1: 0.25 var_reci_chn_2: 2.0 }}"""
DYNAMIC = "aipp_op { aipp_mode: dynamic related_input_rank: 0 max_src_image_size: 4096 }"
KINDS = {"YUV420SP_U8": (1, 3), "XRGB8888_U8": (2, 8), "RGB888_U8": (3, 6)}


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """Converts a model that gives its input back, with AIPP: the id of the loaded model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0

    def make(config, *options, shape=(BATCH, 3, SIDE, SIDE)):
        tensors = [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(shape)) for n in "xy"]
        graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "neg", tensors[:1], tensors[1:])
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "m.onnx")
        (tmp_path / "aipp.cfg").write_text(config)
        line = ["--model=m.onnx", "--framework=5", "--output=m", "--soc_version=Ascend310P3"]
        done = CliRunner().invoke(main, [*line, "--insert_op_conf=aipp.cfg", *options])
        assert done.exit_code == 0, done.output
        model, ret = acl.mdl.load_from_file("m.om")
        assert ret == 0, acl.get_recent_err_msg()
        return model

    return make


def dataset(model, pictures):
    """The datasets of a model whose first input holds pictures; the address of the output."""
    desc = acl.mdl.create_desc()
    assert acl.mdl.get_desc(desc, model) == 0
    given, made = acl.mdl.create_dataset(), acl.mdl.create_dataset()
    for number in range(acl.mdl.get_num_inputs(desc)):
        size = acl.mdl.get_input_size_by_index(desc, number)
        ptr, _ = acl.rt.malloc(size, 0)
        if number == 0:
            assert acl.rt.memcpy(ptr, size, acl.util.numpy_to_ptr(pictures), pictures.nbytes, H2D) == 0
        acl.mdl.add_dataset_buffer(given, acl.create_data_buffer(ptr, size))
    size = acl.mdl.get_output_size_by_index(desc, 0)
    out, _ = acl.rt.malloc(size, 0)
    acl.mdl.add_dataset_buffer(made, acl.create_data_buffer(out, size))
    return desc, given, made, out


def result(ptr, shape=(BATCH, 3, SIDE, SIDE)):
    """The output."""
    back = np.zeros(shape, np.float32)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), back.nbytes, ptr, back.nbytes, D2H) == 0
    return back


def parameters(fmt, csc, batch=BATCH):
    """The static configuration, as parameters."""
    aipp = acl.mdl.create_aipp(batch)
    calls = [
        acl.mdl.set_aipp_input_format(aipp, fmt),
        acl.mdl.set_aipp_src_image_size(aipp, 20, 18),
        acl.mdl.set_aipp_csc_params(
            aipp, csc, 256, 10, 359, 256, -88, -183, 256, 454, 0, 1, 2, 3, 0, 128, 128
        ),
        acl.mdl.set_aipp_rbuv_swap_switch(aipp, 1),
        acl.mdl.set_aipp_ax_swap_switch(aipp, 0),
    ]
    for number in range(batch):
        calls += [
            acl.mdl.set_aipp_crop_params(aipp, 1, 2, 2, 14, 12, number),
            acl.mdl.set_aipp_padding_params(aipp, 1, 4, 0, 1, 1, number),
            acl.mdl.set_aipp_dtc_pixel_mean(aipp, 104, 117, 123, 0, number),
            acl.mdl.set_aipp_dtc_pixel_min(aipp, 0.5, 0, 0, 0, number),
            acl.mdl.set_aipp_pixel_var_reci(aipp, 0.5, 0.25, 2.0, 1.0, number),
        ]
    assert calls == [0] * len(calls)
    return aipp


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("csc", [0, 1])
def test_dynamic_is_as_static(convert, kind, csc):
    """The same settings, given at conversion or at run time, give the same values."""
    fmt, pixel = KINDS[kind]
    pictures = np.random.default_rng(1).integers(0, 256, BATCH * 20 * 18 * pixel // 2, dtype=np.uint8)
    model = convert(STATIC.format(kind=kind, csc="true" if csc else "false"))
    assert acl.mdl.get_aipp_type(model, 0) == (1, 0xFFFFFFFF, 0)
    _, given, made, out = dataset(model, pictures)
    assert acl.mdl.execute(model, given, made) == 0, acl.get_recent_err_msg()
    wanted = result(out)
    model = convert(DYNAMIC)
    desc, given, made, out = dataset(model, pictures)
    assert acl.mdl.get_input_index_by_name(desc, "ascend_dynamic_aipp_data") == (1, 0)
    assert acl.mdl.get_aipp_type(model, 0) == (2, 1, 0)
    assert acl.mdl.get_aipp_type(model, 1)[0] == 3
    assert acl.mdl.get_aipp_data_size(BATCH) == (acl.mdl.get_input_size_by_index(desc, 1), 0)
    aipp = parameters(fmt, csc)
    assert acl.mdl.set_input_aipp(model, given, 1, aipp) == 0
    assert acl.mdl.execute(model, given, made) == 0, acl.get_recent_err_msg()
    assert (result(out) == wanted).all()
    assert acl.mdl.set_aipp_by_input_index(model, given, 0, aipp) == 0
    assert acl.mdl.destroy_aipp(aipp) == 0


def test_each_picture_has_its_own_numbers(convert):
    """Mean and crop of one picture leave the other alone."""
    model = convert(DYNAMIC)
    pictures = np.full(BATCH * SIDE * SIDE * 3, 100, np.uint8)
    _, given, made, out = dataset(model, pictures)
    aipp = acl.mdl.create_aipp(BATCH)
    assert acl.mdl.set_aipp_input_format(aipp, 3) == 0
    assert acl.mdl.set_aipp_src_image_size(aipp, SIDE, SIDE) == 0
    assert acl.mdl.set_aipp_dtc_pixel_mean(aipp, 40, 0, 0, 0, 1) == 0
    assert acl.mdl.set_input_aipp(model, given, 1, aipp) == 0
    assert acl.mdl.execute(model, given, made) == 0
    found = result(out)
    assert (found[0] == -100).all()
    assert (found[1, 0] == -60).all()
    assert (found[1, 1:] == -100).all()


def test_dynamic_aipp_with_batches(convert):
    """With gears of the batch, parameters are for the largest and the gear decides what runs."""
    model = convert(
        DYNAMIC, "--input_shape=x:-1,3,16,16", "--dynamic_batch_size=1,2", shape=("n", 3, SIDE, SIDE)
    )
    pictures = np.full(BATCH * SIDE * SIDE * 3, 50, np.uint8)
    desc, given, made, out = dataset(model, pictures)
    aipp = acl.mdl.create_aipp(BATCH)
    assert acl.mdl.set_aipp_input_format(aipp, 3) == 0
    assert acl.mdl.set_aipp_src_image_size(aipp, SIDE, SIDE) == 0
    assert acl.mdl.set_input_aipp(model, given, 1, aipp) == 0
    gear, ret = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")
    assert (gear, ret) == (2, 0)
    for batch in (2, 1):
        assert acl.mdl.set_dynamic_batch_size(model, given, gear, batch) == 0
        assert acl.mdl.execute(model, given, made) == 0, acl.get_recent_err_msg()
        assert (result(out)[:batch] == -50).all()


def test_what_does_not_fit_is_refused(convert):
    """Runs without parameters, wrong inputs, sizes, crops, batches and numbers each have their code."""
    model = convert(DYNAMIC)
    _, given, made, _ = dataset(model, np.zeros(BATCH * SIDE * SIDE * 3, np.uint8))
    assert acl.mdl.execute(model, given, made) == 145014
    aipp = parameters(3, 0)
    assert acl.mdl.set_input_aipp(model, given, 0, aipp) == 145015
    assert acl.mdl.set_aipp_by_input_index(model, given, 1, aipp) == 145015
    assert acl.mdl.set_input_aipp(99, given, 1, aipp) == 145003
    assert acl.mdl.set_input_aipp(model, given, 1, parameters(3, 0, batch=1)) == 100000
    assert acl.mdl.set_aipp_crop_params(aipp, 1, 10, 2, 14, 12, 1) == 0
    assert acl.mdl.set_input_aipp(model, given, 1, aipp) == 0
    assert acl.mdl.execute(model, given, made) == 100000
    assert "leaves the picture 1" in acl.get_recent_err_msg()
    assert acl.mdl.set_aipp_crop_params(aipp, 1, 2, 2, 12, 12, 1) == 0
    assert acl.mdl.set_input_aipp(model, given, 1, aipp) == 0
    assert acl.mdl.execute(model, given, made) == 100000
    assert acl.mdl.set_aipp_src_image_size(aipp, 400, 400) == 0
    assert acl.mdl.set_input_aipp(model, given, 1, aipp) == 0
    assert acl.mdl.execute(model, given, made) == 100000
    for ret in (
        acl.mdl.set_aipp_input_format(aipp, 9),
        acl.mdl.set_aipp_src_image_size(aipp, 0, 4),
        acl.mdl.set_aipp_crop_params(aipp, 1, 0, 0, 4, 4, 2),
        acl.mdl.set_aipp_padding_params(aipp, 1, 33, 0, 0, 0, 0),
        acl.mdl.set_aipp_rbuv_swap_switch(aipp, 2),
        acl.mdl.set_aipp_ax_swap_switch(aipp, 1),
        acl.mdl.set_aipp_dtc_pixel_mean(aipp, 40000, 0, 0, 0, 0),
        acl.mdl.set_aipp_pixel_var_reci(aipp, 1e9, 0, 0, 0, 0),
        acl.mdl.set_aipp_input_format(7, 1),
        acl.mdl.destroy_aipp(7),
    ):
        assert ret == 100000
    assert acl.mdl.create_aipp(0) == 0
