"""AIPP: settings are read as ATC reads them, and pictures become what a written-out reference says."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from acl._aipp import prepare
from atc.aipp import fit, read
from atc.cli import main
from atc.errors import AtcError
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from npusim.om import unpack

SPEC = importlib.util.spec_from_file_location("models", Path(__file__).parent.parent / "models.py")
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)

YUV = """
aipp_op {
    aipp_mode: static
    related_input_rank: 0
    input_format: YUV420SP_U8     # as DVPP leaves it
    csc_switch: true
    src_image_size_w: 8
    src_image_size_h: 6
    crop: true
    load_start_pos_w: 2
    load_start_pos_h: 0
    crop_size_w: 4
    crop_size_h: 4
    matrix_r0c0: 256  matrix_r0c1: 0    matrix_r0c2: 359
    matrix_r1c0: 256  matrix_r1c1: -88  matrix_r1c2: -183
    matrix_r2c0: 256  matrix_r2c1: 454  matrix_r2c2: 0
    input_bias_0: 0 input_bias_1: 128 input_bias_2: 128
    mean_chn_0: 104 mean_chn_1: 117 mean_chn_2: 123
    var_reci_chn_0: 0.5 var_reci_chn_1: 0.25 var_reci_chn_2: 1
}
"""


def settings(tmp_path, text, shape, fmt="NCHW"):
    """Settings from a file, fitted to a model's input."""
    path = tmp_path / "aipp.cfg"
    path.write_text(text)
    (found,) = read(path)
    return fit(path, found, shape, fmt)


def test_a_yuv_picture_becomes_the_reference(tmp_path):
    """Crop, colours, mean and scale of each pixel as the guide's formulas say."""
    found = settings(tmp_path, YUV, (1, 3, 4, 4))
    assert found["bytes"] == 8 * 6 * 3 // 2
    raw = np.random.default_rng(0).integers(0, 256, found["bytes"], dtype=np.uint8)
    made = prepare(memoryview(raw), found, 1, "NCHW")[0]
    matrix = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
    mean, scale = (104, 117, 123), (0.5, 0.25, 1)
    for y in range(4):
        for x in range(4):
            luma = int(raw[y * 8 + x + 2])
            at = 48 + (y // 2) * 8 + (x + 2) // 2 * 2
            inside = (luma, int(raw[at]) - 128, int(raw[at + 1]) - 128)
            for channel in range(3):
                value = sum(m * v for m, v in zip(matrix[channel], inside, strict=True)) >> 8
                expected = (min(max(value, 0), 255) - mean[channel]) * scale[channel]
                assert made[channel, y, x] == pytest.approx(expected)


def test_rgb_can_be_swapped_scaled_and_padded(tmp_path):
    """R and B change places before everything else; padding is added last."""
    text = """aipp_op { aipp_mode: static input_format: RGB888_U8 rbuv_swap_switch: true
        src_image_size_w: 2 src_image_size_h: 1 padding: true left_padding_size: 1 top_padding_size: 2
        padding_value: 9 min_chn_0: 1.5 var_reci_chn_2: 2.0 }"""
    found = settings(tmp_path, text, (1, 3, 3, 3))
    raw = np.array([10, 20, 30, 40, 50, 60], dtype=np.uint8)
    made = prepare(memoryview(raw), found, 1, "NCHW")[0]
    assert made[:, 2, 1].tolist() == [28.5, 20, 20]
    assert made[:, 2, 2].tolist() == [58.5, 50, 80]
    assert (made[:, :2] == 9).all()
    assert (made[:, 2, 0] == 9).all()


BAD = {
    "an unknown mode": ("aipp_op { aipp_mode: often input_format: RGB888_U8 }", "none of static, dynamic"),
    "dynamic without a size": ("aipp_op { aipp_mode: dynamic }", "max_src_image_size"),
    "no format": ("aipp_op { aipp_mode: static }", "is none of"),
    "an unknown setting": ("aipp_op { aipp_mode: static colour: red }", "'colour'"),
    "a word for a number": ("aipp_op { crop_size_w: wide }", "is no number"),
    "a number for a switch": ("aipp_op { crop: 1 }", "neither true nor false"),
    "no brace": ("aipp_op { aipp_mode: static", "closing brace"),
    "no block": ("aipp_mode: static", "outside of aipp_op"),
    "another block": ("other { }", "belongs"),
    "nothing": ("", "no aipp_op"),
    "signs": ("aipp_op { ??? }", "not understood"),
    "odd sizes": (YUV.replace("load_start_pos_w: 2", "load_start_pos_w: 1"), "must be even"),
    "a crop that leaves the picture": (
        YUV.replace("load_start_pos_w: 2", "load_start_pos_w: 6"),
        "leaves the picture",
    ),
    "a crop of another size": (YUV.replace("crop_size_w: 4", "crop_size_w: 6"), "the model takes 4x4"),
    "grey for a colour model": (YUV.replace("YUV420SP_U8", "YUV400_U8"), "gives 1 channels"),
}


@pytest.mark.parametrize("what", BAD)
def test_wrong_settings_are_told(tmp_path, what):
    """E10052 with the file and the reason, for each mistake."""
    text, reason = BAD[what]
    with pytest.raises(AtcError) as caught:
        settings(tmp_path, text, (1, 3, 4, 4))
    assert caught.value.name == "E10052"
    assert reason in str(caught.value)


@given(st.text(alphabet="aipp_op{}: \n#crop0123-.truefalse", max_size=200))
def test_random_settings_end_in_a_code(tmp_path_factory, text):
    """Whatever stands in the file, reading it ends in settings or in E10052."""
    path = tmp_path_factory.getbasetemp() / "fuzz.cfg"
    path.write_text(text)
    with contextlib.suppress(AtcError):
        assert read(path)


def test_a_model_with_aipp_takes_bytes(tmp_path, monkeypatch):
    """The converted model's input is a picture of bytes, of AIPP's size, and needs no TransData."""
    monkeypatch.chdir(tmp_path)
    models.image("m.onnx")
    Path("aipp.cfg").write_text(YUV)
    line = "--model=m.onnx --framework=5 --output=m --soc_version=Ascend310P3 --insert_op_conf=aipp.cfg"
    result = CliRunner().invoke(main, [*line.split(), "--input_shape=x:2,3,4,4"])
    assert result.exit_code == 0, result.output
    found = unpack(Path("m.om").read_bytes()).definition
    tensor = found["inputs"][0]
    assert (tensor["dtype"], tensor["shape"], tensor["size"]) == ("uint8", [2, 6, 8, 3], 2 * 72)
    assert "TransData" not in [op["type"] for op in found["ops"]]
