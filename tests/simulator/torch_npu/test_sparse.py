"""Sparse tensors on the NPU, as far as torch_npu has them."""

import gc
from functools import partial

import pytest
import torch
import torch_npu  # noqa: F401 - registers the device
from torch_npu._sim.storages import NotSimulatedError

pytestmark = pytest.mark.filterwarnings("ignore:CAUTION", "ignore:Sparse")

INDICES = torch.tensor([[0, 2, 2], [1, 0, 0]])
VALUES = torch.tensor([1.0, 2.0, 3.0])


def both(device="npu"):
    """The same uncoalesced matrix on the CPU and on the NPU."""
    host = torch.sparse_coo_tensor(INDICES, VALUES, (3, 3))
    return host, torch.sparse_coo_tensor(INDICES.to(device), VALUES.to(device), (3, 3))


@pytest.mark.parametrize("device", ["npu:0", "npu:3"])
def test_a_sparse_tensor_lives_on_its_device(device):
    """Made of parts, moved there, or made of a dense tensor: it keeps values, device and layout."""
    host, made = both(device)
    for tensor in (made, host.to(device), host.to_dense().to(device).to_sparse()):
        assert (tensor.device, tensor.layout) == (torch.device(device), torch.sparse_coo)
        assert tensor._values().device == torch.device(device)
        assert torch.equal(tensor.to_dense().cpu(), host.to_dense())
    assert torch.equal(made.cpu()._indices(), INDICES)
    assert (made._nnz(), made.sparse_dim(), made.dense_dim(), made.is_coalesced()) == (3, 2, 0, False)
    assert f"device='{device}'" in repr(made)


def test_coalesce_adds_up_what_repeats():
    """Entries of the same place are added up, those of 16 bits in 32 bits."""
    host, npu = both()
    found = npu.coalesce()
    assert torch.equal(found.indices().cpu(), host.coalesce().indices())
    assert torch.equal(found.values().cpu(), host.coalesce().values())
    ones = torch.ones(4096, dtype=torch.float16, device="npu")
    places = torch.zeros(1, 4096, dtype=torch.long, device="npu")
    assert torch.sparse_coo_tensor(places, ones, (1,)).coalesce().values().item() == 4096


@pytest.mark.parametrize(
    "operation",
    [
        lambda s: s + s,
        lambda s: torch.ones(3, 3, device=s.device) + s,
        lambda s: s * 2,
        lambda s: s.coalesce() * s.coalesce(),
        lambda s: s / 2,
        lambda s: s.coalesce().sqrt(),
        lambda s: s.coalesce().clone().neg_(),
        lambda s: torch.cat([s, s]),
        lambda s: s.sum(),
        lambda s: s.to_dense().sparse_mask(s.coalesce()),
    ],
)
def test_operators_agree_with_the_cpu(operation):
    """What torch_npu has for sparse tensors gives the CPU's values, on the device."""
    host, npu = both()
    expected, found = operation(host), operation(npu)
    assert found.device.type == "npu"
    assert found.layout == expected.layout
    torch.testing.assert_close(found.cpu().to_dense(), expected.to_dense())


def test_what_the_device_lacks_is_refused_by_name():
    """A product of sparse matrices is refused in torch_npu's words, and the session goes on."""
    _, npu = both()
    with pytest.raises(NotSimulatedError, match=r"'aten::addmm' is not currently supported on the NPU"):
        npu @ torch.ones(3, 3, device="npu")
    with pytest.raises(RuntimeError, match=r"Use add\(dense, sparse\) instead"):
        npu + torch.ones(3, 3, device="npu")
    assert npu.sum().item() == 6


def test_compressed_rows():
    """A CSR tensor keeps its parts on the device, and has the operators that work on its values."""
    host = torch.eye(3).to_sparse_csr()
    npu = host.npu()
    assert torch.equal(npu.crow_indices().cpu(), host.crow_indices())
    assert torch.equal(npu.neg().to_dense().cpu(), -torch.eye(3))


def _train(device, layer, optimizer):
    torch.manual_seed(0)
    table, head = layer(10, 4, sparse=True).to(device), torch.nn.Linear(4, 1).to(device)
    steps = optimizer(list(table.parameters()))
    for last in range(3):
        steps.zero_grad()
        rows = torch.tensor([[1, 2, 2], [3, 1, last]]).to(device)
        head(table(rows)).square().sum().backward()
        assert (table.weight.grad.is_sparse, table.weight.grad.device.type) == (True, device)
        steps.step()
    return table.weight.detach().cpu()


@pytest.mark.parametrize("layer", [torch.nn.Embedding, torch.nn.EmbeddingBag])
@pytest.mark.parametrize(
    "optimizer",
    [torch.optim.SGD, partial(torch.optim.SGD, momentum=0.9), torch.optim.SparseAdam, torch.optim.Adagrad],
)
def test_embeddings_train_with_sparse_gradients(layer, optimizer):
    """Embedding(sparse=True) learns on the NPU what it learns on the CPU, with every optimizer for it."""
    make = partial(optimizer, lr=0.1)
    torch.testing.assert_close(_train("npu", layer, make), _train("cpu", layer, make))


def test_sparse_gradients_of_16_bits_add_up():
    """A table of float16 that two lookups share gets the sum of their sparse gradients."""
    table = torch.nn.Embedding(5, 2, sparse=True).half().npu()
    rows = torch.tensor([1, 1, 3]).npu()
    (table(rows).sum() + table(rows).sum()).backward()
    expected = torch.zeros(5, 2, dtype=torch.float16)
    expected[1], expected[3] = 4, 2
    assert torch.equal(table.weight.grad.to_dense().cpu(), expected)


def test_the_memory_of_a_sparse_tensor_comes_back():
    """Indices and values are device memory, and are freed with the tensor."""
    gc.collect()
    before = torch.npu.memory_allocated()
    _, npu = both()
    assert torch.npu.memory_allocated() >= before + 1024
    del npu
    assert torch.npu.memory_allocated() == before
