"""torch.save, torch.load, pickle and storages."""

import copy
import io
import pickle

import pytest
import torch
import torch_npu


def saved(value) -> io.BytesIO:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return buffer


def test_a_tensor_comes_back_to_its_device():
    """torch.load restores the device, and views that shared memory share it again."""
    x = torch.arange(4.0, device="npu:1")
    back = torch.load(saved({"x": x, "tail": x[2:]}))
    assert back["x"].device == x.device
    assert torch.equal(back["x"], x)
    back["tail"].zero_()
    assert back["x"].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("target", ["cpu", "npu:0", "npu:5", torch.device("npu:2")])
def test_map_location_decides(target):
    """map_location moves NPU tensors to the CPU or to another NPU, and CPU tensors to an NPU."""
    for x in (torch.ones(2, device="npu:3"), torch.ones(2)):
        back = torch.load(saved(x), map_location=target)
        assert back.device == torch.device(target)
        assert back.tolist() == [1, 1]


def test_a_checkpoint_of_model_and_optimizer():
    """A checkpoint written on one device goes on on another one."""
    net = torch.nn.Linear(3, 3).npu()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(2, 3).npu()).sum().backward()
    optimizer.step()
    state = torch.load(
        saved({"net": net.state_dict(), "optimizer": optimizer.state_dict()}), map_location="npu:1"
    )
    other = torch.nn.Linear(3, 3).to("npu:1")
    other.load_state_dict(state["net"])
    again = torch.optim.Adam(other.parameters())
    again.load_state_dict(state["optimizer"])
    assert torch.equal(other.weight.cpu(), net.weight.cpu())
    assert again.state[other.weight]["exp_avg"].device == torch.device("npu:1")


def test_pickling():
    """Pickle restores value, device and requires_grad."""
    x = torch.ones(2, device="npu:1", requires_grad=True)
    y = pickle.loads(pickle.dumps(x))  # noqa: S301 - our own bytes
    assert y.device == x.device
    assert y.requires_grad
    assert torch.equal(x, y)


def test_storages_know_their_device():
    """Untyped and typed storages are on the device and move."""
    x = torch.arange(4.0)
    storage = x.npu().untyped_storage()
    assert storage.device == torch.device("npu:0")
    assert storage.is_npu
    assert storage.nbytes() == 16
    assert bytes(storage.cpu()) == bytes(x.untyped_storage())
    assert x.untyped_storage().npu().device == torch.device("npu:0")
    assert torch.UntypedStorage(8, device="npu:1").nbytes() == 8


@pytest.mark.usefixtures("own_options")
@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("parameter", [True, False])
def test_a_memory_format_is_saved(weights_only, parameter):
    """A tensor in an internal format is in it again after loading; on the CPU it is a plain one."""
    torch.npu.config.allow_internal_format = True
    x = torch_npu.npu_format_cast(torch.randn(4, 40).npu(), torch_npu.Format.FRACTAL_NZ)
    if parameter:
        x = torch.nn.Parameter(x)
    file = io.BytesIO()
    torch.save({"x": x}, file)
    for place in (None, "npu:1", "cpu"):
        file.seek(0)
        y = torch.load(file, map_location=place, weights_only=weights_only)["x"]
        assert type(y) is type(x)
        assert torch.equal(y.cpu(), x.cpu())
        if place != "cpu":
            assert torch_npu.get_npu_format(y) == torch_npu.Format.FRACTAL_NZ
    assert torch_npu.get_npu_format(pickle.loads(pickle.dumps(x))) == torch_npu.Format.FRACTAL_NZ  # noqa: S301
    assert torch_npu.get_npu_format(copy.deepcopy(x)) == torch_npu.Format.FRACTAL_NZ
