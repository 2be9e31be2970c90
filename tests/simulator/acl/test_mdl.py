"""`acl.mdl`: a converted model loads, describes itself, computes, and refuses what is wrong."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path

import acl
import npusim
import numpy as np
import pytest
from atc.cli import main
from click.testing import CliRunner

SPEC = importlib.util.spec_from_file_location("models", Path(__file__).parent.parent / "models.py")
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)
H2D, D2H = 1, 2


@pytest.fixture
def om(tmp_path, monkeypatch):
    """Makes an OM file of the linear model for the chip in use: its path and weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    acl.init()
    acl.rt.set_device(0)

    def make(*options, shape="x:2,4", soc="Ascend310P3"):
        weights = models.linear("m.onnx")
        line = [
            "--model=m.onnx",
            "--framework=5",
            "--output=m",
            f"--soc_version={soc}",
            f"--input_shape={shape}",
        ]
        result = CliRunner().invoke(main, [*line, *options])
        assert result.exit_code == 0, result.output
        return str(tmp_path / "m.om"), weights

    return make


def put(array):
    """An array on the device: address and data buffer."""
    ptr, ret = acl.rt.malloc(max(array.nbytes, 1), 0)
    assert ret == 0
    assert acl.rt.memcpy(ptr, array.nbytes, acl.util.numpy_to_ptr(array), array.nbytes, H2D) == 0
    return ptr, acl.create_data_buffer(ptr, array.nbytes)


def dataset(*arrays):
    """A dataset of arrays on the device, and their addresses."""
    made = acl.mdl.create_dataset()
    pointers = []
    for array in arrays:
        ptr, buffer = put(array)
        pointers.append(ptr)
        assert acl.mdl.add_dataset_buffer(made, buffer)[-1] == 0
    return made, pointers


def fetch(ptr, like):
    """Device memory as an array."""
    back = np.zeros_like(like)
    assert acl.rt.memcpy(acl.util.numpy_to_ptr(back), back.nbytes, ptr, back.nbytes, D2H) == 0
    return back


def load(path):
    """Load a model."""
    model, ret = acl.mdl.load_from_file(path)
    assert ret == 0, acl.get_recent_err_msg()
    return model


X = np.array([[1, 2, 3, 4], [-1, 0.5, 2, 8]], dtype=np.float32)


def test_a_model_computes_what_it_was_made_of(om):
    """Load, describe, execute: the outputs are those of the ONNX model within half precision."""
    path, w = om()
    model = load(path)
    inputs, _ = dataset(X)
    outputs, (out,) = dataset(np.zeros((2, 3), np.float32))
    assert acl.mdl.execute(model, inputs, outputs) == 0
    expected = np.maximum(X @ w, 0)
    np.testing.assert_allclose(fetch(out, np.zeros((2, 3), np.float32)), expected, rtol=2e-3)
    assert acl.mdl.unload(model) == 0


def test_a_model_describes_itself(om):
    """Names, sizes, types and shapes in the real forms."""
    path, _ = om()
    desc = acl.mdl.create_desc()
    assert acl.mdl.get_num_inputs(desc) == 0
    assert "call acl.mdl.get_desc first" in acl.get_recent_err_msg()
    assert acl.mdl.get_desc(desc, load(path)) == 0
    assert (acl.mdl.get_num_inputs(desc), acl.mdl.get_num_outputs(desc)) == (1, 1)
    assert acl.mdl.get_input_size_by_index(desc, 0) == 32
    assert acl.mdl.get_output_size_by_index(desc, 0) == 24
    assert acl.mdl.get_input_name_by_index(desc, 0) == "x"
    assert acl.mdl.get_input_index_by_name(desc, "x") == (0, 0)
    assert acl.mdl.get_input_index_by_name(desc, "z") == (0, 100000)
    assert acl.mdl.get_input_data_type(desc, 0) == 0
    assert acl.mdl.get_input_dims(desc, 0) == ({"name": "x", "dimCount": 2, "dims": [2, 4]}, 0)
    assert acl.mdl.get_cur_output_dims(desc, 0) == ({"name": "y", "dimCount": 2, "dims": [2, 3]}, 0)
    assert acl.mdl.get_input_size_by_index(desc, 7) == 0
    assert acl.mdl.destroy_desc(desc) == 0


def test_gears_are_set_before_each_run(om):
    """A dynamic batch computes the gear that was set, costs less for fewer, and says which there are."""
    path, w = om("--dynamic_batch_size=1,2", shape="x:-1,4")
    model = load(path)
    desc = acl.mdl.create_desc()
    acl.mdl.get_desc(desc, model)
    assert acl.mdl.get_dynamic_batch(desc) == ({"batchCount": 2, "batch": [1, 2]}, 0)
    index, ret = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")
    assert (index, ret) == (1, 0)
    assert acl.mdl.get_input_dims(desc, 0)[0]["dims"] == [-1, 4]
    inputs, _ = dataset(X, np.zeros(1, np.int32))
    outputs, (out,) = dataset(np.zeros((2, 3), np.float32))
    assert acl.mdl.execute(model, inputs, outputs) == 145013
    assert acl.mdl.set_dynamic_batch_size(model, inputs, index, 3) == 145013
    assert acl.mdl.set_dynamic_batch_size(model, inputs, index, 1) == 0
    assert acl.mdl.execute(model, inputs, outputs) == 0
    assert acl.mdl.get_cur_output_dims(desc, 0)[0]["dims"] == [1, 3]
    found = fetch(out, np.zeros((2, 3), np.float32))
    np.testing.assert_allclose(found[0], np.maximum(X @ w, 0)[0], rtol=2e-3)
    assert (found[1] == 0).all()


def test_an_asynchronous_run_is_done_at_the_wait(om):
    """execute_async changes nothing until its stream is waited for."""
    path, _ = om()
    model = load(path)
    stream, _ = acl.rt.create_stream()
    inputs, _ = dataset(X)
    outputs, (out,) = dataset(np.zeros((2, 3), np.float32))
    assert acl.mdl.execute_async(model, inputs, outputs, stream) == 0
    assert (fetch(out, np.zeros((2, 3), np.float32)) == 0).all()
    assert acl.rt.synchronize_stream(stream) == 0
    assert fetch(out, np.zeros((2, 3), np.float32)).any()


def test_running_takes_device_time_and_leaves_records(om):
    """Each operator of the model is in the record list, one after the other."""
    path, _ = om()
    model = load(path)
    inputs, _ = dataset(X)
    outputs, _ = dataset(np.zeros((2, 3), np.float32))
    before = npusim.node().host.now
    assert acl.mdl.execute(model, inputs, outputs) == 0
    assert npusim.node().host.now > before
    kernels = [r for r in npusim.node().records if r.category == "kernel"]
    assert kernels
    assert all(a.start + a.duration <= b.start for a, b in pairwise(kernels))


def test_a_model_can_come_from_memory_and_into_memory_that_is_brought(om):
    """load_from_mem and load_from_file_with_mem, with the sizes that query_size tells."""
    path, _ = om()
    data = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8).copy()
    model, ret = acl.mdl.load_from_mem(acl.util.numpy_to_ptr(data), data.nbytes)
    assert ret == 0
    assert acl.mdl.unload(model) == 0
    work, weight, ret = acl.mdl.query_size(path)
    assert ret == 0
    w, _ = acl.rt.malloc(work, 0)
    g, _ = acl.rt.malloc(weight, 0)
    assert acl.mdl.load_from_file_with_mem(path, w, work - 1, g, weight) == (0, 145000)
    model, ret = acl.mdl.load_from_file_with_mem(path, w, work, g, weight)
    assert ret == 0
    assert acl.mdl.unload(model) == 0


def test_memory_of_models_comes_back(om):
    """Loading takes device memory, unloading gives it back, again and again."""
    path, _ = om()
    before = acl.rt.get_mem_info(1)
    for _ in range(5):
        model = load(path)
        assert acl.rt.get_mem_info(1)[0] < before[0]
        assert acl.mdl.unload(model) == 0
    assert acl.rt.get_mem_info(1) == before


def test_a_model_for_another_chip_is_refused(om):
    """The real words and the real code of a chip that does not match."""
    path, _ = om(soc="Ascend310B4")
    assert acl.mdl.load_from_file(path) == (0, 507008)
    message = acl.get_recent_err_msg()
    assert "supported socVersion=Ascend310P3, but the model socVersion=Ascend310B4" in message


WRONG = {
    "no such file": (lambda m, i, o: acl.mdl.load_from_file("no.om")[1], 145002),
    "a folder": (lambda m, i, o: acl.mdl.load_from_file(".")[1], 145002),
    "no OM file": (lambda m, i, o: acl.mdl.load_from_file("m.onnx")[1], 145006),
    "a model that is not loaded": (lambda m, i, o: acl.mdl.execute(99, i, o), 145003),
    "unloaded twice": (lambda m, i, o: (acl.mdl.unload(m), acl.mdl.unload(m))[1], 145003),
    "a dataset that is none": (lambda m, i, o: acl.mdl.execute(m, 3, o), 100000),
    "an empty dataset": (lambda m, i, o: acl.mdl.execute(m, acl.mdl.create_dataset(), o), 145000),
    "too small an input": (lambda m, i, o: acl.mdl.execute(m, o, o), 145000),
    "too small an output": (
        lambda m, i, o: acl.mdl.execute(m, i, dataset(np.zeros(2, np.float32))[0]),
        145000,
    ),
    "no gears": (lambda m, i, o: acl.mdl.set_dynamic_batch_size(m, i, 0, 2), 100019),
    "a buffer on the host": (lambda m, i, o: acl.mdl.execute(m, host_dataset(), o), 107000),
    "a description that is none": (lambda m, i, o: acl.mdl.get_desc(5, m), 100000),
}


def host_dataset():
    """A dataset whose buffer is host memory."""
    made = acl.mdl.create_dataset()
    acl.mdl.add_dataset_buffer(made, acl.create_data_buffer(acl.util.numpy_to_ptr(X), X.nbytes))
    return made


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_use_has_its_code_and_the_model_still_works(om, what):
    """Each mistake is told by its code; afterwards a right call succeeds."""
    path, _ = om()
    model = load(path)
    inputs, _ = dataset(X)
    outputs, _ = dataset(np.zeros((2, 3), np.float32))
    call, code = WRONG[what]
    assert call(model, inputs, outputs) == code
    assert acl.get_recent_err_msg()
    model = load(path)
    assert acl.mdl.execute(model, inputs, outputs) == 0


def test_values_are_rounded_to_half_as_numpy_rounds():
    """Every float32 comes out as by float16 and back: ties, subnormals, overflow, infinities, NaN, signs."""
    from acl._models import to_half

    rng = np.random.default_rng(3)
    special = [
        0.0,
        -0.0,
        2**-14,
        2**-24,
        2**-25,
        3 * 2**-26,
        65504,
        65519.99,
        -65504,
        1 + 2**-11,
        1 + 3 * 2**-11,
    ]
    cases = [
        rng.integers(0, 2**32, 4096, dtype=np.uint32).view(np.float32),
        (rng.standard_normal(4096) * 2.0 ** rng.integers(-26, 15, 4096)).astype(np.float32),
        np.array(special, np.float32),
        np.array([np.inf, -np.inf, np.nan, 65520, -1e9, 1.5], np.float32),
        np.zeros((0, 3), np.float32),
        np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1) / 7,
    ]
    for values in cases:
        with np.errstate(over="ignore", invalid="ignore"):
            wanted = values.astype(np.float16).astype(np.float32)
        found = to_half(values)
        assert found.shape == values.shape
        np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))
        np.testing.assert_array_equal(found, wanted)
