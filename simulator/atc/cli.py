"""The command `atc`."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from npusim import UnknownChipError, find_chip, node
from npusim.om import OmError, pack, unpack
from npusim.plog import LEVELS

from atc.command_line import EXIT_CODE, FAILED, AtcCommand
from atc.errors import AtcError, invalid
from atc.flags import FRAMEWORK_NEEDED, GONE, NOT_SIMULATED, WITHOUT_EFFECT, check_simulated, check_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim import Chip

    from atc.model import Job

SUCCESS = "ATC run success, welcome to the next use."
FRAMEWORKS = {"0": "Caffe", "1": "MindIR", "3": "TensorFlow"}
HALF_MODES = {
    "": True,
    "force_fp16": True,
    "cube_fp16in_fp32out": True,
    "allow_fp32_to_fp16": True,
    "allow_mix_precision": True,
    "allow_mix_precision_fp16": True,
    "must_keep_origin_dtype": False,
    "force_fp32": False,
}
MODES_V2 = {
    "": "",
    "fp16": "force_fp16",
    "origin": "must_keep_origin_dtype",
    "cube_fp16in_fp32out": "cube_fp16in_fp32out",
    "mixed_float16": "allow_mix_precision_fp16",
}
FORMATS = ("NCHW", "NHWC", "ND", "NCDHW", "NDHWC")


def _more_options(command: Callable[..., None]) -> Callable[..., None]:
    """Every other option of the real tool, so that a command line from elsewhere is read."""
    for name in (*WITHOUT_EFFECT, *NOT_SIMULATED, *GONE):
        command = click.option(f"--{name}", name, default=None, hidden=True)(command)
    return command


@click.command(
    cls=AtcCommand, context_settings={"help_option_names": ["-h", "--help"], "allow_extra_args": True}
)
@click.option("--mode", default="0", help="0: convert a model; 1: write an offline model as JSON.")
@click.option("--model", default="", help="The ONNX file.")
@click.option("--framework", default="-1", help="The model's framework: 5 ONNX.")
@click.option("--output", default="", help="Path of the offline model, without .om.")
@click.option("--soc_version", default="", help="The chip, for example Ascend310P3.")
@click.option(
    "--input_shape", default="", help='Shapes of inputs: "name:1,3,224,224;name2:1,10"; -1 for a gear.'
)
@click.option("--input_format", default="NCHW", help="NCHW, NHWC, ND, NCDHW or NDHWC.")
@click.option("--dynamic_batch_size", default="", help='Batch gears: "1,2,4,8".')
@click.option("--dynamic_image_size", default="", help='Image gears: "224,224;416,416".')
@click.option("--dynamic_dims", default="", help='Gears of any dimensions: "1,224;8,448".')
@click.option("--precision_mode", default=None, help="force_fp16 (default), must_keep_origin_dtype, ...")
@click.option("--precision_mode_v2", default=None, help="fp16, origin, ...: the newer --precision_mode.")
@click.option(
    "--output_type",
    default="",
    help='FP32, FP16, UINT8 or INT8 for all outputs, or "node:0:FP16;node2:0:FP32".',
)
@click.option("--enable_small_channel", default="0", help="1: pad a first convolution's channels to 4 only.")
@click.option("--insert_op_conf", default="", help="File of AIPP settings.")
@click.option("--input_fp16_nodes", default="", help='Inputs that are given as float16: "name1;name2".')
@click.option("--out_nodes", default="", help='What the model gives back: "node1:0;node2:0".')
@click.option("--log", default="null", help="Level of the log: null, debug, info, warning, error.")
@click.option("--om", default="", help="With --mode=1: the offline model.")
@click.option("--json", "json_path", default="", help="With --mode=1: the JSON file to write.")
@click.option("--weight", default="", hidden=True)
@click.option("--singleop", default="", help="A JSON file of single operators, instead of a model.")
@_more_options
def main(**given: Any) -> None:
    """Convert a model into an offline model for an Ascend chip."""
    try:
        check_values(given)
    except AtcError as error:
        _fail(error)
    try:
        _run(given)
    except (AtcError, OmError) as error:
        click.echo("...")
        _fail(error)
    click.echo("...")
    click.echo(SUCCESS)


def _run(given: dict[str, Any]) -> None:
    check_simulated(given)
    if given["singleop"]:
        _single_ops(given)
    elif given["mode"] == "1":
        _to_json(given["om"], given["json_path"])
    else:
        _convert(_job(given), given)


def _fail(error: AtcError | OmError) -> None:
    """The console of a failed run, in the real layout."""
    name = error.name if isinstance(error, AtcError) else "E10001"
    text = str(error).removeprefix(f"{name}: ")
    solution = error.solution if isinstance(error, AtcError) else "Give the output of atc."
    now = datetime.now().astimezone()
    stamp = f"{now:%Y-%m-%d-%H:%M:%S}.{now.microsecond // 1000:03d}.{now.microsecond % 1000:03d}"
    click.echo(FAILED)
    click.echo(f"{name}: [PID: {os.getpid()}] {stamp} {text}")
    click.echo(f"        Solution: {solution}")
    raise SystemExit(EXIT_CODE)


def _job(given: dict[str, Any]) -> Job:
    from atc.model import Job

    _check_framework(given["framework"])
    _need(given, "soc_version", "output", "model")
    chip = _chip(given["soc_version"])
    mode = _precision(given)
    for name, known in (("input_format", FORMATS), ("enable_small_channel", ("0", "1"))):
        if given[name] not in known:
            raise invalid(f"--{name}", given[name], f"only {', '.join(known)} are taken")
    name = Path(given["output"]).name.removesuffix(".om")
    if not re.fullmatch(r"[\w.-]+", name):
        raise invalid("--output", given["output"], "a file name holds letters, digits, '_', '-' and '.' only")
    return Job(
        Path(given["model"]),
        name,
        chip,
        given["input_shape"],
        given["dynamic_batch_size"],
        given["dynamic_image_size"],
        given["dynamic_dims"],
        given["input_format"],
        HALF_MODES[mode],
        given["output_type"],
        given["enable_small_channel"] == "1",
        Path(given["insert_op_conf"]) if given["insert_op_conf"] else None,
        tuple(filter(None, (n.strip() for n in given["input_fp16_nodes"].split(";")))),
        given["out_nodes"],
    )


def _need(given: dict[str, Any], *names: str) -> None:
    for name in names:
        if not given[name]:
            raise AtcError("E10054", f"The required parameter [--{name}] of ATC is empty", f"Give --{name}.")


def _precision(given: dict[str, Any]) -> str:
    """The precision mode, in the words of the older option."""
    old, new = given["precision_mode"] or "", given["precision_mode_v2"] or ""
    if old and new:
        raise AtcError("E10056", "--precision_mode and --precision_mode_v2 cannot be given both; give one")
    return MODES_V2[new] or str(old)


def _chip(soc_version: str) -> Chip:
    try:
        chip = find_chip(soc_version)
    except UnknownChipError as error:
        raise invalid("--soc_version", soc_version, str(error)) from None
    if chip.soc != soc_version:
        raise invalid("--soc_version", soc_version, f"the value is [{chip.soc}] exactly")
    return chip


def _single_ops(given: dict[str, Any]) -> None:
    """--singleop: an OM file for each operator, into the folder --output."""
    from atc.single_op import compile_op, read

    _need(given, "output", "soc_version")
    for name in ("model", "insert_op_conf", "input_shape"):
        if given[name]:
            raise AtcError("E10047", f"--singleop and --{name} exclude each other")
    chip = _chip(given["soc_version"])
    folder = Path(given["output"])
    for single in read(Path(given["singleop"])):
        definition, graph = compile_op(single, chip)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{single.name}.om").write_bytes(pack(definition, graph))
        except OSError as error:
            raise invalid("--output", folder, f"it cannot be written: {error.strerror}") from None
        node().log.write(LEVELS.index("INFO"), "GE", f"operator {single.name} converted for {chip.soc}")


def _check_framework(number: str) -> None:
    if number == "-1":
        raise AtcError("E10007", FRAMEWORK_NEEDED, "Give --framework=5 with an ONNX model.")
    if number in FRAMEWORKS:
        raise AtcError(
            "E10055",
            f"--framework={number} ({FRAMEWORKS[number]}) is not simulated; export the model to ONNX",
        )


def _convert(job: Job, given: dict[str, Any]) -> None:
    from atc.model import compile_model

    definition, graph = compile_model(job)
    target = Path(given["output"]).with_name(f"{job.name}.om")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(pack(definition, graph))
        Path("fusion_result.json").write_text(
            json.dumps(_fusions(definition), indent=1) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise invalid("--output", given["output"], f"it cannot be written: {error.strerror}") from None
    node().log.write(LEVELS.index("INFO"), "GE", f"model {job.name} converted for {job.chip.soc}")


def _fusions(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """fusion_result.json: how often each fusion was applied."""
    counts: dict[str, int] = {}
    for op in definition["ops"]:
        match = re.match(r"(Conv2D|BatchMatMulV2|MatMulV2)(?=[A-Z]\w)", op["type"])
        if match is not None:
            name = f"Tbe{op['type']}FusionPass"
            counts[name] = counts.get(name, 0) + 1
    passes = {name: {"effect_times": str(n), "match_times": str(n)} for name, n in sorted(counts.items())}
    return [{"graph_fusion": {}, "session_and_graph_id": "0_0", "ub_fusion": passes}]


def _to_json(om: str, target: str) -> None:
    for option, value in (("om", om), ("json", target)):
        if not value:
            raise AtcError("E10004", f"Value for parameter [--{option}] is empty", f"Give --{option}.")
    try:
        data = Path(om).read_bytes()
    except OSError as error:
        raise invalid("--om", om, f"the file cannot be read: {error.strerror}") from None
    definition = unpack(data, om).definition
    text = json.dumps(definition, ensure_ascii=False, indent=2) + "\n"
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise invalid("--json", target, f"it cannot be written: {error.strerror}") from None
