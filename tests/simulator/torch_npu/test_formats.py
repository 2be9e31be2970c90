"""Internal memory formats."""

import copy

import pytest
import torch
import torch_npu
from torch_npu import Format


@pytest.fixture
def internal_formats():
    """Internal formats are allowed."""
    torch.npu.config.allow_internal_format = True
    yield
    torch.npu.config.allow_internal_format = False


def test_plain_formats_follow_the_dimensions():
    """A tensor nobody cast is NCHW with four dimensions and ND with others."""
    assert torch_npu.get_npu_format(torch.ones(1, 2, 3, 4).npu()) == Format.NCHW
    assert torch_npu.get_npu_format(torch.ones(2, 3).npu()) == Format.ND
    with pytest.raises(RuntimeError, match="Expected NPU tensor"):
        torch_npu.get_npu_format(torch.ones(2))


@pytest.mark.usefixtures("internal_formats")
def test_a_cast_is_remembered_and_charged(kernels):
    """A cast keeps the values, tells the new format and is launched; casting back too."""
    x = torch.arange(6.0).reshape(2, 3).npu()
    kernels()
    y = torch_npu.npu_format_cast(x, 29)
    assert kernels() == ["TransData"]
    assert torch_npu.get_npu_format(y) == Format.FRACTAL_NZ
    assert torch_npu.get_npu_format(x) == Format.ND
    assert torch.equal(x, y)
    torch_npu.npu_format_cast_(x, y)
    assert torch_npu.get_npu_format(x) == Format.FRACTAL_NZ
    assert torch_npu.get_npu_format(torch_npu.empty_with_format((2, 2), acl_format=29)) == Format.FRACTAL_NZ


def test_internal_formats_are_off_at_first():
    """Where internal formats are not allowed, a cast warns and gives the tensor back."""
    x = torch.ones(2, 3).npu()
    with pytest.warns(UserWarning, match="Cannot create tensor with internal format"):
        y = torch_npu.npu_format_cast(x, 29)
    assert torch_npu.get_npu_format(y) == Format.ND


def test_the_size_of_a_storage():
    """get_storage_size counts elements of the whole storage, also for a view."""
    assert torch_npu.get_storage_size(torch.ones(4, 5).npu()[0]) == 20


def test_channels_last_is_refused():
    """contiguous(memory_format=channels_last) is refused in the real words; plain formats are not."""
    x = torch.ones(1, 2, 3, 4).npu()
    with pytest.raises(RuntimeError, match=r"(?s)only supported contiguous memory format.*ERR01007 OPS"):
        x.contiguous(memory_format=torch.channels_last)
    assert x.permute(0, 2, 1, 3).contiguous().is_contiguous()
    assert x.clone(memory_format=torch.preserve_format).shape == x.shape


@pytest.mark.usefixtures("internal_formats")
@pytest.mark.parametrize(
    ("shape", "dtype", "acl_format", "elements"),
    [
        ((15, 17), torch.float32, Format.FRACTAL_NZ, 16 * 32),
        ((15, 17), torch.float16, Format.FRACTAL_NZ, 16 * 32),
        ((3, 15, 33), torch.int8, Format.FRACTAL_NZ, 3 * 16 * 64),
        ((16, 32), torch.float16, Format.FRACTAL_NZ, 16 * 32),
        ((2, 3, 4, 5), torch.float16, Format.NC1HWC0, 2 * 16 * 4 * 5),
    ],
)
def test_an_internal_format_pads_the_storage(shape, dtype, acl_format, elements):
    """Blocks of a fractal format are whole: the storage has room for the padding, the values stay."""
    x = torch.arange(torch.Size(shape).numel()).reshape(shape).to(dtype).npu()
    y = torch_npu.npu_format_cast(x, acl_format)
    assert torch_npu.get_storage_size(y) == elements
    assert y.untyped_storage().nbytes() == elements * dtype.itemsize
    assert y.shape == x.shape
    assert torch.equal(x, y)
    back = torch_npu.npu_format_cast(y, Format.ND)
    assert torch_npu.get_storage_size(back) == x.numel()
    assert torch.equal(back, x)


@pytest.mark.usefixtures("internal_formats")
def test_a_vector_has_no_fractals():
    """A tensor of one dimension stays in ND when it is cast to FRACTAL_NZ."""
    assert torch_npu.get_npu_format(torch_npu.npu_format_cast(torch.ones(12).npu(), 29)) == Format.ND


@pytest.mark.usefixtures("internal_formats")
def test_a_cast_has_a_gradient():
    """The gradient passes a cast as it is."""
    x = torch.rand(4, 8).npu().requires_grad_()
    y = torch_npu.npu_format_cast(x, Format.FRACTAL_NZ)
    assert y.requires_grad
    (y * 3).sum().backward()
    assert torch.equal(x.grad, torch.full((4, 8), 3.0).npu())


@pytest.mark.usefixtures("internal_formats")
def test_a_clone_keeps_the_format():
    """Clone and deepcopy of a tensor in an internal format are in that format."""
    x = torch_npu.npu_format_cast(torch.rand(3, 3).npu(), Format.FRACTAL_NZ)
    for y in (x.clone(), copy.deepcopy(x)):
        assert torch_npu.get_npu_format(y) == Format.FRACTAL_NZ
        assert torch.equal(x, y)
