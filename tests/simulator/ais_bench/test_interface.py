"""`InferSession` runs an offline model as a function, with the real tool's names and shapes of results."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import acl
import npusim
import numpy as np
import pytest
import torch
from ais_bench.infer.interface import InferSession, MemorySummary, MultiDeviceSession
from atc.cli import main as atc
from click.testing import CliRunner
from onnx import TensorProto, helper, save

SPEC = importlib.util.spec_from_file_location("models", Path(__file__).parent.parent / "models.py")
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 4


def add_model(path):
    """`z = x + y` over pictures whose four sizes are open."""
    axes = ["n", "c", "h", "w"]
    ins = [helper.make_tensor_value_info(n, TensorProto.FLOAT, axes) for n in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "y"], ["z"])],
        "add",
        ins,
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, axes)],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def convert(name, *options):
    """An .om file from `<first letters>.onnx`."""
    line = [f"--model={name.rstrip('0123456789')}.onnx", "--framework=5", f"--output={name}"]
    result = CliRunner().invoke(atc, [*line, "--soc_version=Ascend310P3", *options])
    assert result.exit_code == 0, result.output


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with models of each kind of gear, for the chip in use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    models.linear("m.onnx")
    add_model("a.onnx")
    convert("m", "--input_shape=x:2,4")
    convert("m2", "--input_shape=x:-1,4", "--dynamic_batch_size=1,8")
    convert("a", "--input_shape=x:1,3,8,8;y:1,3,8,8")
    convert("a2", "--input_shape=x:1,3,-1,-1;y:1,3,-1,-1", "--dynamic_image_size=8,8;16,24")
    convert("a3", "--input_shape=x:-1,3,8,-1;y:-1,3,8,-1", "--dynamic_dims=1,8,1,8;4,16,4,16")
    yield tmp_path
    acl.finalize()
    npusim.reset()


@pytest.mark.usefixtures("place")
def test_a_static_model_gives_its_outputs_and_says_what_it_is():
    """Arrays, torch tensors and numbers of steps; names, types and sizes as the guide documents."""
    session = InferSession(device_id=0, model_path="m.om")
    (desc,) = session.get_inputs()
    assert (desc.name, int(desc.datatype), desc.shape, desc.size, desc.realsize) == ("x", 0, [2, 4], 32, 32)
    assert session.get_outputs()[0].shape == [2, 3]
    x = np.ones((2, 4), np.float32)
    for feed in (x, torch.ones(2, 4), torch.ones(4, 2).T, np.asfortranarray(x)):
        (out,) = session.infer([feed])
        np.testing.assert_allclose(out, np.maximum(x @ W, 0), rtol=1e-3)
    assert len(session.summary().exec_time_list) == 4
    assert min(session.sumary().exec_time_list) > 0
    session.reset_summaryinfo()
    assert session.summary().exec_time_list == []
    session.free_resource()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("model", "mode", "shapes"),
    [
        ("m2", "dymbatch", [(1, 4), (8, 4)]),
        ("a2", "dymhw", [(1, 3, 8, 8), (1, 3, 16, 24)]),
        ("a3", "dymdims", [(1, 3, 8, 8), (4, 3, 8, 16)]),
    ],
)
def test_the_gear_is_that_of_the_shapes(model, mode, shapes):
    """Each gear is chosen by what is fed, and the output has its shape."""
    session = InferSession(0, f"{model}.om")
    for shape in [*shapes, *shapes]:
        feeds = [np.full(shape, 2, np.float32)] * len(session.get_inputs())
        (out,) = session.infer(feeds, mode)
        wanted = np.maximum(feeds[0] @ W, 0) if mode == "dymbatch" else feeds[0] * 2
        np.testing.assert_allclose(out, wanted, rtol=1e-3)
    with pytest.raises(RuntimeError, match="1450"):
        session.infer([np.zeros((3,) * len(shapes[0]), np.float32)] * len(feeds), mode)
    session.free_resource()


@pytest.mark.usefixtures("place")
def test_iterations_hand_outputs_on():
    """X + y with y from the run before: the feed and then a hundred times x."""
    session = InferSession(0, "a.om")
    one = np.ones((1, 3, 8, 8), np.float32)
    (out,) = session.infer_iteration([one, one], [-1, 0], 100)
    assert (out == 101).all()
    with pytest.raises(RuntimeError, match="in_out_list"):
        session.infer_iteration([one, one], [-1, 1], 2)
    assert [o[0].mean() for o in session.infer_pipeline([[one, one], [one, one * 2]])] == [2, 3]
    session.free_resource()


@pytest.mark.usefixtures("place")
def test_tensors_can_stay_on_the_device():
    """Outputs and inputs as tensors there, without a copy; nothing is left behind."""
    session = InferSession(0, "a.om")
    free = acl.rt.get_mem_info(1)[0]
    one = np.ones((1, 3, 8, 8), np.float32)
    tensor = session.create_tensor_from_arrays_to_device(one)
    MemorySummary.reset()
    made = session.infer([tensor, tensor], out_array=False)
    assert MemorySummary.get_h2d_time_list() == [0]
    session.convert_tensors_to_host(made)
    assert (session.convert_tensors_to_arrays(made)[0] == 2).all()
    del made, tensor
    assert acl.rt.get_mem_info(1)[0] == free
    session.free_resource()


@pytest.mark.usefixtures("place")
def test_threads_and_several_sessions_share_a_device():
    """A session made here works in another thread, beside a second session."""
    first, second = InferSession(0, "m.om"), InferSession(0, "a.om")
    one = np.ones((1, 3, 8, 8), np.float32)
    found = []
    thread = threading.Thread(target=lambda: found.append(first.infer([np.ones((2, 4), np.float32)])[0]))
    thread.start()
    thread.join()
    np.testing.assert_allclose(found[0], np.maximum(np.ones((2, 4)) @ W, 0), rtol=1e-3)
    first.free_resource()
    assert (second.infer([one, one])[0] == 2).all()
    second.free_resource()


@pytest.mark.usefixtures("place")
def test_what_is_refused_is_a_runtime_error_of_one_line():
    """A wrong file, size, count, type, mode; modes that are not simulated say the way out."""
    with pytest.raises(RuntimeError, match="145002"):
        InferSession(0, "none.om")
    with pytest.raises(RuntimeError, match="device 99"):
        InferSession(99, "m.om")
    session = InferSession(0, "m.om")
    x = np.ones((2, 4), np.float32)
    for feeds, mode, words in (
        ([x.astype(np.float64)], "static", "name:x in size:64 needsize:32 not match"),
        ([x, x], "static", "2 feeds"),
        (["x"], "static", "type:<class 'str'> invalid"),
        ([x], "dynamic", "mode is 'dynamic'"),
        ([x], "dymshape", "--dynamic_dims"),
    ):
        with pytest.raises(RuntimeError, match=words) as caught:
            session.infer(feeds, mode)
        assert "\n" not in str(caught.value)
    session.free_resource()


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_several_devices_each_have_a_process():
    """Outputs and times by device, one for each set of feeds."""
    session = MultiDeviceSession("a.om")
    one = np.ones((1, 3, 8, 8), np.float32)
    made = session.infer({0: [[one, one], [one, one * 2]]})
    assert [outputs[0].mean() for outputs in made[0]] == [2, 3]
    assert len(session.summary()[0]) == 2


@pytest.mark.usefixtures("place")
def test_a_model_without_work_runs():
    """A graph of views alone is converted, loads, and gives back what it got."""
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 2]) for n in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "v", value[:1], value[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "v.onnx")
    convert("v")
    session = InferSession(0, "v.om")
    assert (session.infer([np.eye(2, dtype=np.float32)])[0] == np.eye(2)).all()
    session.free_resource()
