"""A process in the middle of its work: each kind of live handle and pointer by its name."""

from __future__ import annotations

import io
import json
import tempfile
import threading
from contextlib import chdir
from functools import cache
from pathlib import Path

import acl
import numpy as np
from atc.cli import main
from click.testing import CliRunner
from onnx import TensorProto, helper, save
from PIL import Image

SOC = "Ascend310P3"
ROOM = 4096
ADD = {"op": "Add", "name": "add"} | {
    side: [{"type": "int32", "shape": [4], "format": "ND"}] * count
    for side, count in (("input_desc", 2), ("output_desc", 1))
}


def _convert(folder, *options):
    line = ["--framework=5", f"--soc_version={SOC}", f"--model={folder}/m.onnx", *options]
    done = CliRunner().invoke(main, line)
    assert done.exit_code == 0, done.output


@cache
def files():
    """OM files and pictures, made once: name to bytes."""
    with tempfile.TemporaryDirectory() as name, chdir(name):  # atc leaves a file where it runs
        folder = Path(name)
        tensors = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 3, "h", "w"]) for n in "xy"]
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", tensors[:1], tensors[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        save(model, folder / "m.onnx")
        (folder / "aipp.cfg").write_text("aipp_op { aipp_mode: dynamic max_src_image_size: 3072 }")
        (folder / "add.json").write_text(json.dumps([ADD]))
        _convert(folder, f"--output={folder}/static", "--input_shape=x:1,3,8,8")
        _convert(folder, f"--output={folder}/batch", "--input_shape=x:-1,3,8,8", "--dynamic_batch_size=1,2")
        _convert(
            folder, f"--output={folder}/hw", "--input_shape=x:1,3,-1,-1", "--dynamic_image_size=8,8;16,16"
        )
        _convert(
            folder,
            f"--output={folder}/aipp",
            "--input_shape=x:1,3,8,8",
            f"--insert_op_conf={folder}/aipp.cfg",
        )
        single = ["--singleop", f"{folder}/add.json", "--output", str(folder), "--soc_version", SOC]
        assert CliRunner().invoke(main, single).exit_code == 0
        found = {path.stem: path.read_bytes() for path in folder.glob("*.om")}
    picture = Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3))
    for kind in ("JPEG", "PNG"):
        out = io.BytesIO()
        picture.save(out, kind)
        found[kind] = out.getvalue()
    return found


def _device(data=b"", size=0):
    ptr, ret = acl.media.dvpp_malloc(max(len(data), size))
    assert ret == 0
    if data:
        assert acl.rt.memcpy(ptr, len(data), acl.util.bytes_to_ptr(data), len(data), 1) == 0
    return ptr


def _picture(width=64, height=32, fmt=1):
    desc = acl.media.dvpp_create_pic_desc()
    values = {"data": _device(size=width * height * 3), "size": width * height * 3, "format": fmt}
    values |= {"width": width, "height": height, "width_stride": width, "height_stride": height}
    for name, value in values.items():
        assert getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value) == 0
    return desc


def _batch(count):
    made = acl.media.dvpp_create_batch_pic_desc(count)
    for number in range(count):
        desc = acl.media.dvpp_get_pic_desc(made, number)
        for name in ("data", "size", "format", "width", "height", "width_stride", "height_stride"):
            value = getattr(acl.media, f"dvpp_get_pic_desc_{name}")(_WORK["pic"])
            getattr(acl.media, f"dvpp_set_pic_desc_{name}")(desc, value)
    return made


_WORK = {}  # what is made so far, for the parts that need it


def _model(name):
    data = bytes(bytearray(files()[name]))  # a copy: calls may write where a pointer points
    number, ret = acl.mdl.load_from_mem(acl.util.bytes_to_ptr(data), len(data))
    assert ret == 0, acl.get_recent_err_msg()
    desc = acl.mdl.create_desc()
    assert acl.mdl.get_desc(desc, number) == 0
    sets = []
    for side in ("input", "output"):
        made = acl.mdl.create_dataset()
        for i in range(getattr(acl.mdl, f"get_num_{side}s")(desc)):
            size = getattr(acl.mdl, f"get_{side}_size_by_index")(desc, i)
            acl.mdl.add_dataset_buffer(made, acl.create_data_buffer(_device(size=size), size))
        sets.append(made)
    return number, desc, *sets


def build():
    """AscendCL begun, device 0 in use: live things by name."""
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    w = _WORK
    w.clear()
    w["context"] = acl.rt.create_context(0)[0]
    w["stream"], w["other_stream"] = (acl.rt.create_stream()[0] for _ in range(2))
    w["event"] = acl.rt.create_event()[0]
    w["ptr"] = acl.rt.malloc(ROOM, 0)[0]
    w["host"] = acl.rt.malloc_host(ROOM)[0]
    w["dvpp"] = _device(size=ROOM)
    w["buffer"] = acl.create_data_buffer(w["ptr"], ROOM)
    w["desc"] = acl.create_tensor_desc(3, [4], 2)
    for name in ("static", "batch", "hw", "aipp"):
        w[f"{name}_model"], w[f"{name}_desc"], w[f"{name}_inputs"], w[f"{name}_outputs"] = _model(name)
    w["aipp"] = acl.mdl.create_aipp(1)
    w["om_bytes"] = np.frombuffer(files()["static"], np.uint8).copy()
    w["om"], w["om_size"] = acl.util.numpy_to_ptr(w["om_bytes"]), len(files()["static"])
    add = np.frombuffer(files()["add"], np.uint8).copy()
    w["add_bytes"], w["add"], w["add_size"] = add, acl.util.numpy_to_ptr(add), add.size
    assert acl.op.load(w["add"], w["add_size"]) == 0
    w["attr"] = acl.op.create_attr()
    w["handle"] = acl.op.create_handle("Add", [w["desc"]] * 2, [w["desc"]], 0)[0]
    w["channel"] = acl.media.dvpp_create_channel_desc()
    assert acl.media.dvpp_create_channel(w["channel"]) == 0
    w["pic"], w["pic2"], w["big"] = _picture(), _picture(), _picture(128, 128)
    w["batch1"], w["batch2"] = _batch(1), _batch(1)
    w["roi"] = acl.media.dvpp_create_roi_config(0, 31, 0, 15)
    w["resize"], w["jpege"] = acl.media.dvpp_create_resize_config(), acl.media.dvpp_create_jpege_config()
    w["border"] = acl.media.dvpp_create_border_config()
    for kind in ("JPEG", "PNG"):
        w[kind], w[f"{kind}_size"] = _device(files()[kind]), len(files()[kind])
    w["piece"] = acl.media.dvpp_create_stream_desc()
    w["vdec"], w["venc"] = acl.media.vdec_create_channel_desc(), acl.media.venc_create_channel_desc()
    w["vdec_frame"], w["venc_frame"] = (
        acl.media.vdec_create_frame_config(),
        acl.media.venc_create_frame_config(),
    )
    w["config"] = acl.prof.create_config([0], 1, 0, 7)
    w["step"] = acl.prof.create_step_info()
    w["thread"] = threading.get_ident()
    w["array"] = np.zeros(16, np.int32)
    w["object"] = acl.util.numpy_to_ptr(w["array"])
    return dict(w)
