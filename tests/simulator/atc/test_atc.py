"""The command `atc`: what it writes, what it prints, what it refuses with which code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from atc.cli import main
from atc.command_line import FAILED
from atc.flags import CHOICES, NOT_SIMULATED
from atc.shapes import parse_input_shape
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from npusim.om import HEADER_BYTES, MAGIC, OmError, pack, unpack

SPEC = importlib.util.spec_from_file_location("models", Path(__file__).parent.parent / "models.py")
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with three models, made current."""
    monkeypatch.chdir(tmp_path)
    models.linear("linear.onnx")
    models.image("image.onnx")
    models.unknown("unknown.onnx")
    return tmp_path


def atc(*options, model="linear.onnx", shape="x:2,4", **more):
    """Run atc; `more` replaces or (None) removes an option."""
    given = {
        "model": model,
        "framework": "5",
        "output": "out",
        "soc_version": "Ascend310P3",
        "input_shape": shape,
    }
    given.update(more)
    line = [f"--{name}={value}" for name, value in given.items() if value is not None]
    return CliRunner().invoke(main, [*line, *options])


def definition(name="out.om"):
    """What an OM file describes."""
    return unpack(Path(name).read_bytes()).definition


@pytest.mark.usefixtures("place")
def test_a_model_is_converted_with_the_real_console_lines():
    """Two lines frame a successful run; the file has the real magic and a header of 256 bytes."""
    result = atc()
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "ATC start working now, please wait for a moment.",
        "...",
        "ATC run success, welcome to the next use.",
    ]
    data = Path("out.om").read_bytes()
    assert int.from_bytes(data[:4], "little") == MAGIC
    assert int.from_bytes(data[4:8], "little") == HEADER_BYTES
    assert data.index(b"out") < HEADER_BYTES
    found = definition()
    assert found["inputs"] == [
        {"name": "x", "dtype": "float32", "shape": [2, 4], "format": "NCHW", "size": 32}
    ]
    assert found["outputs"][0]["shape"] == [2, 3]


@pytest.mark.usefixtures("place")
def test_the_same_conversion_gives_the_same_bytes():
    """Nothing of the day or the machine is in an OM file."""
    atc()
    first = Path("out.om").read_bytes()
    atc()
    assert Path("out.om").read_bytes() == first


@pytest.mark.usefixtures("place")
def test_fusion_is_reported():
    """A convolution takes the activation behind it, and fusion_result.json says so."""
    assert atc(model="image.onnx", shape="x:1,3,16,16").exit_code == 0
    assert "Conv2DRelu" in [op["type"] for op in definition()["ops"]]
    report = json.loads(Path("fusion_result.json").read_text())
    assert report[0]["ub_fusion"]["TbeConv2DReluFusionPass"] == {"effect_times": "1", "match_times": "1"}


@pytest.mark.usefixtures("place")
def test_gears_are_compiled_each_and_an_input_for_them_is_added():
    """A dynamic batch has one graph a gear and the extra input of the real tool."""
    assert atc("--dynamic_batch_size=1,4", shape="x:-1,4").exit_code == 0
    found = definition()
    assert [t["name"] for t in found["inputs"]] == ["x", "ascend_mbatch_shape_data"]
    assert [(g["choice"], g["outputs"][0]["shape"]) for g in found["gears"]] == [([1], [1, 3]), ([4], [4, 3])]
    assert found["inputs"][0]["size"] == 4 * 4 * 4


@pytest.mark.usefixtures("place")
def test_image_gears_fix_height_and_width():
    """--dynamic_image_size stands for the last two dimensions."""
    assert atc("--dynamic_image_size=8,8;16,12", model="image.onnx", shape="x:1,3,-1,-1").exit_code == 0
    assert [g["inputs"][0]["shape"] for g in definition()["gears"]] == [[1, 3, 8, 8], [1, 3, 16, 12]]


@pytest.mark.usefixtures("place")
def test_weights_are_rounded_to_half_unless_told_otherwise():
    """force_fp16 is the default: what runs later has the precision of the Cube."""
    atc()
    assert definition()["half"] is True
    atc("--precision_mode=must_keep_origin_dtype")
    assert definition()["half"] is False


@pytest.mark.usefixtures("place")
def test_an_offline_model_can_be_read_as_json():
    """--mode=1 writes what the file describes."""
    atc()
    result = CliRunner().invoke(main, ["--mode=1", "--om=out.om", "--json=out.json"])
    assert result.exit_code == 0, result.output
    assert json.loads(Path("out.json").read_text()) == definition()


REFUSED = {
    "no model": ({"model": None}, "E10054", "[--model] of ATC is empty"),
    "a model that is not there": ({"model": "no.onnx"}, "E10001", "cannot be read"),
    "a file that is no model": ({"model": __file__}, "E10041", "no ONNX model"),
    "no chip": ({"soc_version": None}, "E10054", "[--soc_version] of ATC is empty"),
    "an unknown chip": ({"soc_version": "Ascend310P9"}, "E10001", "nearest known ones"),
    "TensorFlow": ({"framework": "3"}, "E10055", "TensorFlow"),
    "no framework": ({"framework": None}, "E10007", "[--framework] is required"),
    "an input that is none": ({"shape": "z:1,4"}, "E10016", "[z]"),
    "a shape without a colon": ({"shape": "1,4"}, "E10002", "has no colon"),
    "a shape of words": ({"shape": "x:a,b"}, "E10002", "no list of integers"),
    "no shape for a free dimension": ({"shape": ""}, "E10001", "give its sizes"),
    "a shape of three dimensions": ({"shape": "x:1,2,4"}, "E10049", "has 2 dimensions"),
    "a shape that does not fit": ({"shape": "x:1,5"}, "E19999", "do not fit"),
    "channels that no filter is for": (
        {"model": "image.onnx", "shape": "x:1,4,16,16"},
        "E50059",
        "x has 4 channels, the filter is for 3",
    ),
    "a size of zero": ({"shape": "x:0,4"}, "E10011", "no size"),
    "-1 without gears": ({"shape": "x:-1,4"}, "E10011", "holds -1"),
    "gears without -1": ({"options": ["--dynamic_batch_size=1,2"]}, "E10031", "no dimension is -1"),
    "gears of any dimensions without -1": (
        {"options": ["--dynamic_dims=1;2"]},
        "E10040",
        "no dimension is -1",
    ),
    "batch gears elsewhere": (
        {"shape": "x:1,-1", "options": ["--dynamic_batch_size=1,2"]},
        "E10018",
        "only the batch",
    ),
    "image gears elsewhere": (
        {"shape": "x:-1,4", "options": ["--dynamic_image_size=1,2;3,4", "--input_format=NCHW"]},
        "E10019",
        "only height and width",
    ),
    "an image gear of one number": (
        {"model": "image.onnx", "shape": "x:1,3,-1,-1", "options": ["--dynamic_image_size=8,8;9"]},
        "E10020",
        "2 are needed",
    ),
    "gears of several lengths": (
        {"shape": "x:-1,4", "options": ["--dynamic_dims=1;2,3"]},
        "E10037",
        "1 are needed",
    ),
    "gears that are too long": (
        {"shape": "x:-1,4", "options": ["--dynamic_dims=1,2;2,3"]},
        "E10046",
        "1 are",
    ),
    "gears that are too short": ({"shape": "x:-1,-1", "options": ["--dynamic_dims=1;2"]}, "E10045", "2 are"),
    "a gear of zero": ({"shape": "x:-1,4", "options": ["--dynamic_batch_size=0,2"]}, "E10038", "from 1"),
    "an output that is none": ({"options": ["--out_nodes=no:0"]}, "E10016", "[no]"),
    "a half input that is none": ({"options": ["--input_fp16_nodes=no"]}, "E10016", "[no]"),
    "two precisions": (
        {"options": ["--precision_mode=force_fp16", "--precision_mode_v2=fp16"]},
        "E10056",
        "give one",
    ),
    "one gear": ({"shape": "x:-1,4", "options": ["--dynamic_batch_size=1"]}, "E10035", "1 gears"),
    "gears of words": ({"shape": "x:-1,4", "options": ["--dynamic_batch_size=a,b"]}, "E10001", "integers"),
    "a gear twice": ({"shape": "x:-1,4", "options": ["--dynamic_batch_size=2,2"]}, "E10039", "twice"),
    "two kinds of gears": (
        {"shape": "x:-1,4", "options": ["--dynamic_batch_size=1,2", "--dynamic_dims=1;2"]},
        "E10009",
        "exclude each other",
    ),
    "too many gears": (
        {"shape": "x:-1,4", "options": ["--dynamic_batch_size=" + ",".join(map(str, range(1, 102)))]},
        "E10036",
        "101 gears",
    ),
    "an operator that nobody knows": (
        {"model": "unknown.onnx", "shape": "x:1"},
        "E19010",
        "[my.ops::1::Frobnicate]",
    ),
    "a precision of a later chip": (
        {"options": ["--precision_mode_v2=cube_hif8"]},
        "E10055",
        "not simulated",
    ),
    "a tuner that is gone": ({"options": ["--auto_tune_mode=RL,GA"]}, "E10001", "AOE"),
    "an option of another tool": ({"options": ["--input_hint_shape=x:1"]}, "E10055", "no option"),
    "an output of a type that is none": ({"options": ["--output_type=FP8"]}, "E10001", "[FP8] is none"),
    "a type for a node that is none": ({"options": ["--output_type=no:0:FP16"]}, "E10016", "[no]"),
    "a type for a node that is no output": (
        {"model": "image.onnx", "shape": "x:1,3,16,16", "options": ["--output_type=c:0:FP16"]},
        "E10001",
        "name it in --out_nodes",
    ),
    "a type without an output's number": ({"options": ["--output_type=y:FP16"]}, "E10001", "index behind it"),
    "an option that is not simulated": (
        {"options": ["--compression_optimize_conf=x"]},
        "E10055",
        "not simulated",
    ),
    "a place that cannot be written": ({"output": "linear.onnx/x"}, "E10001", "cannot be written"),
    "a name with a blank": ({"output": "a b"}, "E10001", "file name"),
    "a mode that is not simulated": ({"options": ["--mode=6"]}, "E10055", "--mode=6 is not simulated"),
}


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_converted_has_its_code_and_says_why(what):
    """The console of a failure: the real line, the code with the reason, a solution; no file, no success."""
    change, code, reason = REFUSED[what]
    change = dict(change)
    result = atc(*change.pop("options", ()), **change)
    lines = result.output.splitlines()
    assert result.exit_code == 255, result.output
    assert lines[1:3] == ["...", FAILED]
    assert lines[3].startswith(f"{code}: [PID: ")
    assert reason in lines[3]
    assert lines[4].startswith("        Solution: ")
    assert not Path("out.om").exists()


WRONG_VALUES = {
    "--framework=7": "E10007",
    "--framework=onnx": "E10007",
    "--log=loud": "E10010",
    "--mode=9": "E10001",
    "--op_select_implmode=fast": "E10001",
    "--precision_mode=exact": "E10001",
    "--precision_mode_v2=fp17": "E10001",
    "--disable_reuse_memory=yes": "E10006",
    "--sparsity=2": "E10006",
    "--raw_ge_options_ignore_unsupported=perhaps": "E10003",
}


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("option", WRONG_VALUES)
def test_values_that_an_option_does_not_have_end_the_run_before_it_begins(option):
    """A code and the value; the real tool reads all options before it looks at any model."""
    result = atc(option, model="no.onnx")
    lines = result.output.splitlines()
    assert result.exit_code == 255
    assert lines[1] == FAILED
    assert lines[2].startswith(f"{WRONG_VALUES[option]}: [PID: ")
    assert f"[{option.partition('=')[2]}]" in lines[2]


UNREADABLE = {
    "--nonsense=1": "ERROR: unknown command line flag 'nonsense'",
    "--output": "ERROR: flag '--output' is missing its argument",
    "model.onnx": "ERROR: Non-option parameter: model.onnx",
    "--dynamic=1": "ERROR: unknown command line flag 'dynamic'",
}


@pytest.mark.parametrize("word", UNREADABLE)
def test_what_is_no_option_is_told_on_the_standard_error(word):
    """As on the real command line: a line of its own, then the console of a failure without a code."""
    result = CliRunner().invoke(main, ["--framework=5", word])
    assert result.exit_code == 255
    assert result.stderr.splitlines() == [UNREADABLE[word]]
    assert result.stdout.splitlines()[1:3] == [FAILED, "E19999: Inner Error!"]


@pytest.mark.usefixtures("place")
def test_options_may_be_written_as_getopt_reads_them():
    """One dash, dashes for underscores, a beginning that only one option has, a value behind a blank."""
    line = (
        "-model linear.onnx --framework 5 --out=no --output out --soc-version=Ascend310P3 -input_shape x:2,4"
    )
    result = CliRunner().invoke(main, [*line.split(), "--precision_mode_v=origin"])
    assert result.exit_code == 255  # --out: --output, --output_type or --out_nodes
    result = CliRunner().invoke(main, [*line.replace("--out=no", "").split(), "--precision_mode_v=origin"])
    assert result.exit_code == 0, result.output
    assert definition()["half"] is False


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", NOT_SIMULATED)
def test_an_option_that_is_not_simulated_may_be_given_its_default(name):
    """What changes nothing is taken; every other value is refused by name."""
    default = NOT_SIMULATED[name]
    if default:
        assert atc(f"--{name}={default}").exit_code == 0
    others = [value for value in CHOICES.get(name, ("true", "1")) if value != default]
    lines = atc(f"--{name}={others[0]}").output.splitlines()
    assert lines[3].startswith("E10055: "), lines
    assert f"--{name} is not simulated" in lines[3]


@pytest.mark.usefixtures("place")
def test_the_newer_option_for_precision_does_what_the_older_does():
    """Origin keeps float32, fp16 is the default."""
    for newer, half in (("fp16", True), ("mixed_float16", True), ("origin", False)):
        assert atc(f"--precision_mode_v2={newer}").exit_code == 0
        assert definition()["half"] is half


def test_names_with_colons_are_read():
    """TensorFlow-born names hold a colon; the last one separates."""
    assert parse_input_shape("serving_x:0:1,3; y:2") == {"serving_x:0": (1, 3), "y": (2,)}


SMALL = {"name": "m", "soc": "Ascend310P3", "inputs": [], "outputs": [], "ops": []}


@given(st.binary(max_size=2000))
def test_random_bytes_are_no_model(data):
    """Whatever a file holds, reading it ends in an error code."""
    with pytest.raises(OmError):
        unpack(data)


@given(st.data())
def test_a_damaged_model_is_told(data):
    """One changed byte, or a lost end, is found wherever it is (but for the fields that are only text)."""
    good = pack(SMALL, b"graph" * 20)
    assert unpack(good).graph == b"graph" * 20
    if data.draw(st.booleans()):
        bad = good[: data.draw(st.integers(0, len(good) - 1))]
    else:
        at = data.draw(st.integers(HEADER_BYTES, len(good) - 1))
        bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    with pytest.raises(OmError) as caught:
        unpack(bad)
    assert caught.value.code == 145006
