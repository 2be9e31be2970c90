"""Tensors on the device: where they are, and that their values are those of the CPU."""

import copy

import pytest
import torch

ALL_DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool]


def test_there_are_eight_devices_without_an_import_of_torch_npu():
    """`import torch` alone brings the device, and eight of it."""
    assert torch.npu.is_available()
    assert torch.npu.device_count() == 8


@pytest.mark.parametrize(
    "how", [lambda x: x.npu(), lambda x: x.to("npu"), lambda x: x.to("npu:0"), lambda x: x.npu(0)]
)
def test_every_spelling_moves_to_the_device_and_back(how):
    """A tensor survives the way to the device and back."""
    x = torch.arange(6.0).reshape(2, 3)
    y = how(x)
    assert y.is_npu
    assert y.device == torch.device("npu:0")
    assert not x.is_npu
    assert torch.equal(y.cpu(), x)


@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_every_dtype_goes_there_and_back(dtype):
    """Bits do not change on the way."""
    x = torch.tensor([0, 1, 2, 3]).to(dtype)
    assert torch.equal(x.npu().cpu(), x)


def test_a_tensor_on_the_last_device_stays_there():
    """Results stay on the device of their operands."""
    x = torch.ones(2, device="npu:7")
    assert (x * 2 + x.sum()).device == torch.device("npu:7")


def test_a_tensor_is_printed_with_its_device():
    """Printing shows the values and the device, as PyTorch does."""
    assert repr(torch.tensor([1.0, 2.0]).npu()) == "tensor([1., 2.], device='npu:0')"


def test_values_are_those_of_the_cpu():
    """Arithmetic, comparison, indexing and reduction agree with the CPU to the last bit."""
    x = torch.randn(4, 5)
    y = x.npu()
    for f in (
        lambda t: t * 2 - 1 / (t.abs() + 1),
        lambda t: t[1:, ::2].exp(),
        lambda t: t[t > 0],
        lambda t: t.T @ t,
        lambda t: t.softmax(-1).max(0).values,
        lambda t: torch.cat([t, t[:, :2]], 1).sort(1).indices,
        lambda t: t.sum() / t.std(),
    ):
        assert torch.equal(f(y).cpu(), f(x))


def test_views_share_memory():
    """Writing to a view writes to the tensor it came from."""
    x = torch.zeros(3, 4).npu()
    x[1].fill_(2)
    x.t()[0] = 5
    x.view(-1)[-1] = 7
    assert x.tolist() == [[5, 0, 0, 0], [5, 2, 2, 2], [5, 0, 0, 7]]


def test_indexed_assignment():
    """Masks, slices, index tensors and single numbers may be assigned to."""
    x = torch.zeros(3, 3)
    y = x.npu()
    for t in (x, y):
        device = t.device
        t[t == 0] = 1
        t[0] = torch.arange(3.0, device=device)
        t[torch.tensor([1, 2], device=device), torch.tensor([0, 1], device=device)] = 9
        t[2, 2] = -1
    assert torch.equal(y.cpu(), x)


def test_numbers_come_back():
    """item, tolist, bool, float and len work on the device's tensors."""
    x = torch.tensor([[3.5]]).npu()
    assert x.item() == 3.5
    assert x.tolist() == [[3.5]]
    assert float(x) == 3.5
    assert bool(x > 3)
    assert len(x) == 1


def test_factories_know_the_device():
    """Factories make tensors on the device; `*_like` and `new_*` on their model's unless told otherwise."""
    x = torch.ones(2, 3, device="npu:2")
    assert torch.zeros_like(x).get_device() == 2
    assert x.new_full((2,), 3).get_device() == 2
    assert torch.zeros_like(x, device="cpu").device.type == "cpu"
    assert torch.arange(5, device="npu").tolist() == [0, 1, 2, 3, 4]
    assert torch.full((2,), 7, device="npu").tolist() == [7, 7]
    assert torch.eye(2, device="npu").tolist() == [[1, 0], [0, 1]]
    with torch.device("npu:3"):
        assert torch.empty(1).get_device() == 3


def test_the_current_device_is_where_npu_without_index_means():
    """set_device and the context manager decide where "npu" is."""
    with torch.npu.device(5):
        assert torch.ones(1, device="npu").get_device() == 5
        assert torch.ones(1).npu().get_device() == 5
    torch.npu.set_device("npu:1")
    assert torch.npu.current_device() == 1
    assert torch.ones(1, device="npu").get_device() == 1


def test_resizing_keeps_what_fits():
    """resize_ keeps the first elements, also when the tensor grows beyond its memory."""
    x = torch.arange(6.0).npu()
    assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]]
    assert x.resize_(3, 3).flatten()[:4].tolist() == [0, 1, 2, 3]


def test_out_is_written_and_resized():
    """out= writes into the memory that is there, and gives an empty tensor memory."""
    out = torch.empty(3, device="npu")
    before = out.data_ptr()
    torch.add(torch.ones(3).npu(), 1, out=out)
    assert out.tolist() == [2, 2, 2]
    assert out.data_ptr() == before
    empty = torch.empty(0, device="npu")
    torch.mul(torch.ones(2).npu(), 5, out=empty)
    assert empty.tolist() == [5, 5]


def test_complex_views():
    """Conjugation and the real and imaginary parts are right although they are lazy."""
    x = torch.tensor([1 + 2j, 3 - 1j]).npu()
    assert x.conj().imag.tolist() == [-2, 1]
    assert (x.conj() * x).real.tolist() == [5, 10]
    assert torch.equal(x.conj().cpu(), x.cpu().conj())


def test_deepcopy_has_memory_of_its_own():
    """A deep copy is on the same device and independent."""
    x = torch.ones(2, device="npu:1", requires_grad=True)
    y = copy.deepcopy(x)
    assert y.device == x.device
    assert y.requires_grad
    with torch.no_grad():
        y.zero_()
    assert x.tolist() == [1, 1]


def test_data_may_be_exchanged():
    """`x.data = y` gives x the memory and shape of y."""
    x = torch.ones(2).npu()
    x.data = torch.zeros(3).npu()
    assert x.tolist() == [0, 0, 0]
    assert (x + 1).tolist() == [1, 1, 1]


def test_an_operator_with_two_results():
    """Results of one operator are separate tensors on the device."""
    values, indices = torch.tensor([3.0, 1.0, 2.0]).npu().topk(2)
    assert values.tolist() == [3, 2]
    assert indices.is_npu
    assert indices.tolist() == [0, 2]


def test_vmap_and_grad():
    """torch.func works on the device."""
    x = torch.arange(3.0).npu()
    assert torch.func.grad(lambda t: (t**2).sum())(x).tolist() == [0, 2, 4]
    assert torch.func.vmap(lambda t: t * 2)(x).tolist() == [0, 2, 4]
