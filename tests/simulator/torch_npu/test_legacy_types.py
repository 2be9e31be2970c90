"""The types of the time before `device=`, in `Tensor.type`."""

import pytest
import torch


@pytest.mark.parametrize("given", [torch.npu.HalfTensor, "torch.npu.HalfTensor"])
def test_type_moves_and_casts(given):
    """A type of the NPU, as a class or by name, brings a tensor to the NPU in its dtype."""
    x = torch.ones(2, 3, dtype=torch.int64)
    moved = x.type(given)
    assert (moved.device.type, moved.dtype) == ("npu", torch.float16)
    assert moved.type(torch.npu.LongTensor).cpu().equal(x)


def test_type_as_before():
    """Types of the CPU, dtypes and the question for the type mean what they meant."""
    x = torch.ones(2)
    assert x.type() == "torch.FloatTensor"
    assert x.type(torch.float64).dtype is torch.float64
    assert x.type("torch.IntTensor").dtype is torch.int32
    assert x.type(dtype=torch.int8).dtype is torch.int8
    with pytest.raises(ValueError, match="invalid type: 'torch\\.npu\\.NoTensor'"):
        x.type("torch.npu.NoTensor")


def test_a_type_makes_tensors_on_the_device_asked_for():
    """torch.npu.FloatTensor takes a device, and the current one without."""
    assert torch.npu.FloatTensor(1, device=1).get_device() == 1
    with torch.npu.device(2):
        assert torch.npu.FloatTensor(1).get_device() == 2
        assert torch.npu.FloatTensor([1.0], device="npu:0").get_device() == 0


def test_new_lies_beside_its_tensor():
    """Tensor.new makes a tensor on the tensor's device, or on the one asked for."""
    x = torch.ones(3).to("npu:2")
    with torch.npu.device(1):
        assert [x.new([0, 1]).get_device(), x.new(2, 2).get_device(), x.new().get_device()] == [2, 2, 2]
        assert x.new([0, 1], device="npu:3").get_device() == 3
        assert torch.ones(2, dtype=torch.int32).new([1]).dtype is torch.int32
        assert torch.npu.current_device() == 1
