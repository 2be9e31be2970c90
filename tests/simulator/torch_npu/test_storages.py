"""Storages that change their size, and the types of the time before `device=`."""

import pytest
import torch


def test_a_storage_grows_under_all_its_views():
    """resize_ of a storage keeps the bytes, and every view sees the new memory."""
    x = torch.arange(4.0).npu()
    view = x[1:]
    storage = x.untyped_storage()
    assert storage.resize_(32).nbytes() == 32
    assert x.tolist() == [0, 1, 2, 3]
    x.fill_(7)
    assert view.tolist() == [7, 7, 7]


def test_a_storage_gives_its_memory_back_and_takes_it_again():
    """Resizing to nothing frees the device's memory, as sharded training does between uses."""
    x = torch.ones(1000, device="npu")
    held = torch.npu.memory_allocated()
    x.untyped_storage().resize_(0)
    assert torch.npu.memory_allocated() == 0
    x.untyped_storage().resize_(4000)
    assert torch.npu.memory_allocated() == held
    assert x.fill_(2).sum().item() == 2000
    del x
    assert torch.npu.memory_allocated() == 0


def test_a_tensor_that_grows_takes_its_views_along():
    """resize_ of a tensor beyond its memory grows the storage that its views share."""
    x = torch.arange(4.0).npu()
    view = x[:2]
    x.resize_(100)
    view.fill_(9)
    assert x[:4].tolist() == [9, 9, 2, 3]


def test_set_takes_another_tensors_memory():
    """set_ points a tensor at another storage, or at nothing; a storage of another device is refused."""
    x, y = torch.ones(3).npu(), torch.zeros(2, 2).npu()
    x.set_(y)
    x.fill_(5)
    assert y.tolist() == [[5, 5], [5, 5]]
    assert x.set_().shape == (0,)
    x.set_(y.untyped_storage(), 1, (2,), (1,))
    assert x.tolist() == [5, 5]
    with pytest.raises(RuntimeError, match="different device"):
        x.set_(torch.ones(2).untyped_storage())


def test_legacy_types():
    """torch.npu.FloatTensor and its like make tensors and know them; type() names them."""
    x = torch.npu.FloatTensor(2, 3)
    assert x.shape == (2, 3)
    assert x.dtype is torch.float32
    assert isinstance(x, torch.npu.FloatTensor)
    assert not isinstance(x, torch.npu.HalfTensor)
    assert not isinstance(x.cpu(), torch.npu.FloatTensor)
    assert torch.npu.LongTensor([1, 2]).tolist() == [1, 2]
    assert x.type() == "torch.npu.FloatTensor"
    assert x.is_npu
