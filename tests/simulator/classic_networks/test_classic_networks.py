"""Classic networks: the sizes of the published ones, and files that the converter takes."""

from __future__ import annotations

import classic_networks
import onnxruntime
import pytest
import torch
from atc.cli import main as atc
from classic_networks.__main__ import main
from click.testing import CliRunner

# parameters as torchvision's and Hugging Face's pages of these models give them; LeNet-5's by hand
PARAMETERS = {
    "lenet": 61_706,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "vgg16": 138_357_544,
    "mobilenet_v2": 3_504_872,
    "squeezenet1_1": 1_235_496,
    "vit_b_16": 86_567_656,
    "twins_pcpvt_small": 24_106_216,  # published as 24.1 million
    "bert_base": 109_482_240,
}


@pytest.mark.parametrize("name", classic_networks.NETWORKS)
def test_a_network_has_the_parameters_of_the_published_one(name):
    """To the last one: so no layer is missing, and none is wider."""
    with torch.device("meta"):
        net = classic_networks.build(name)
    assert sum(parameter.numel() for parameter in net.parameters()) == PARAMETERS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", classic_networks.NETWORKS)
def test_a_network_takes_its_input(name):
    """Two pictures or texts give two rows."""
    with torch.device("meta"):
        net, taken = classic_networks.build(name), classic_networks.example(name)
        assert net(taken).shape == (2, {"lenet": 10, "bert_base": 768}.get(name, 1000))


def test_the_same_seed_gives_the_same_weights():
    """And another seed gives others."""
    first, again, other = (classic_networks.build("lenet", seed) for seed in (3, 3, 4))
    taken = classic_networks.example("lenet")
    assert torch.equal(first(taken), again(taken))
    assert not torch.equal(first(taken), other(taken))


def test_an_unknown_network_is_refused_with_those_that_there_are():
    """By the function and by the command, which ends with 1 and writes nothing."""
    with pytest.raises(classic_networks.UnknownNetworkError, match="there is no network 'resnet19'; choose"):
        classic_networks.build("resnet19")
    done = CliRunner().invoke(main, ["resnet19"])
    assert done.exit_code == 1
    assert "choose from lenet, resnet18" in done.output


def test_the_command_lists_every_network():
    """Without a name it says what there is, and what each takes."""
    done = CliRunner().invoke(main, [])
    assert [line.split()[0] for line in done.output.splitlines()] == list(classic_networks.NETWORKS)
    assert "3x224x224" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet", "squeezenet1_1", "mobilenet_v2"])
def test_the_written_file_computes_the_same_and_is_converted(name, tmp_path):
    """ONNX Runtime gives the module's values for another batch; atc makes a model of it."""
    path = tmp_path / "net.onnx"
    done = CliRunner().invoke(main, [name, "--output", str(path)])
    assert done.exit_code == 0
    taken = classic_networks.example(name, batch=3)
    (values,) = onnxruntime.InferenceSession(str(path)).run(None, {"input": taken.numpy()})
    expected = classic_networks.build(name)(taken).detach()
    assert torch.allclose(torch.from_numpy(values), expected, atol=1e-4)
    shape = ",".join(map(str, (1, *classic_networks.NETWORKS[name].shape)))
    arguments = {
        "model": path,
        "framework": 5,
        "output": tmp_path / "net",
        "soc_version": "Ascend310P3",
        "input_shape": f"input:{shape}",
    }
    atc([f"--{key}={value}" for key, value in arguments.items()], standalone_mode=False)
    assert (tmp_path / "net.om").is_file()
