"""The classic networks are those of the papers, export and convert, and give ONNX Runtime's values."""

from __future__ import annotations

import classic_networks
import npusim
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from ais_bench.session import Session
from atc.cli import main as atc
from classic_networks.__main__ import main as command
from click.testing import CliRunner


@pytest.mark.parametrize(
    "name",
    [n if n != "bert_base" else pytest.param(n, marks=pytest.mark.slow) for n in classic_networks.CLASSICS],
)
def test_a_network_has_the_published_number_of_weights(name):
    """Built without memory, counted."""
    with torch.device("meta"):
        model = classic_networks.CLASSICS[name].make()
    assert sum(p.numel() for p in model.parameters()) == classic_networks.CLASSICS[name].parameters


def test_an_unknown_name_is_refused_with_those_there_are():
    """One line."""
    with pytest.raises(
        classic_networks.UnknownModelError, match="'alexnet' is no classic network; give one of lenet"
    ):
        classic_networks.build("alexnet")


def test_weights_are_the_same_each_time_and_leave_the_caller_s_generator_alone():
    """By the seed."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second, third = (
        classic_networks.build("lenet"),
        classic_networks.build("lenet"),
        classic_networks.build("lenet", seed=1),
    )
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.fc1.weight, second.fc1.weight)
    assert not torch.equal(first.fc1.weight, third.fc1.weight)


def through_the_device(name, folder, monkeypatch):
    """Outputs of the device, and of ONNX Runtime where inputs and weights are rounded to float16."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310P3")
    npusim.reset()
    classic = classic_networks.CLASSICS[name]
    classic_networks.export(name, "m.onnx")
    shapes = ";".join(f"{i}:1,{','.join(map(str, classic.shape))}" for i in classic.inputs)
    line = ["--model=m.onnx", "--framework=5", "--output=m", "--soc_version=Ascend310P3"]
    result = CliRunner().invoke(atc, [*line, f"--input_shape={shapes}"])
    assert result.exit_code == 0, result.output
    feeds = [x.numpy() for x in classic_networks.sample(name)]
    session = Session("m.om", 0)
    made, times = session.run(feeds)
    session.close()
    npusim.reset()
    model = onnx.load("m.onnx")
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            tensor.CopyFrom(onnx.numpy_helper.from_array(half(values), tensor.name))
    runtime = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in runtime.get_inputs()]
    assert names == list(classic.inputs)
    assert times.compute > 0
    return made, runtime.run(None, dict(zip(names, map(half, feeds), strict=True)))


def half(values):
    """Floats with float16's digits."""
    return values.astype(np.float16).astype(np.float32) if values.dtype == np.float32 else values


def close(made, wanted):
    """Within float16's rounding of the outputs."""
    for a, b in zip(made, wanted, strict=True):
        assert a.shape == b.shape
        assert np.isfinite(a).all()
        assert np.abs(a - b).max() < 1e-3 * np.abs(b).max()


def test_lenet_gives_onnxruntime_s_values(tmp_path, monkeypatch):
    """The smallest, through exporter, converter and device."""
    close(*through_the_device("lenet", tmp_path, monkeypatch))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "twins_pcpvt_s"])
def test_networks_give_onnxruntime_s_values(name, tmp_path, monkeypatch):
    """Convolutions, branches, attention."""
    close(*through_the_device(name, tmp_path, monkeypatch))


@pytest.mark.slow
def test_the_batch_is_open_in_the_file_unless_it_is_given(tmp_path):
    """So that --input_shape and --dynamic_batch_size can say it."""
    classic_networks.export("resnet18", tmp_path / "open.onnx")
    classic_networks.export("resnet18", tmp_path / "two.onnx", batch=2)
    dims = [
        onnx.load(tmp_path / f"{name}.onnx").graph.input[0].type.tensor_type.shape.dim[0]
        for name in ("open", "two")
    ]
    assert dims[0].dim_param == "batch"
    assert dims[1].dim_value == 2


def test_the_command_lists_every_network():
    """Without a name it says what there is, and what each takes."""
    done = CliRunner().invoke(command, [])
    assert [line.split()[0] for line in done.output.splitlines()] == list(classic_networks.CLASSICS)
    assert "3x224x224" in done.output


def test_the_command_writes_a_network_and_says_how_to_convert_it(tmp_path):
    """The line for atc names each input with its batch."""
    done = CliRunner().invoke(command, ["lenet", "--batch", "2", "--output", str(tmp_path / "net.onnx")])
    assert done.exit_code == 0
    assert '--input_shape="input:2,1,28,28"' in done.output
    assert onnx.load(tmp_path / "net.onnx").graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2


@pytest.mark.parametrize("given", [["alexnet"], ["lenet", "--output", "no/such/folder/net.onnx"]])
def test_the_command_refuses_in_one_line(given, tmp_path, monkeypatch):
    """A name or a folder that is not there: one line, and it ends with 1."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, given)
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    assert not list(tmp_path.iterdir())
