"""Memory figures of the caching allocator, as torch.npu shows them."""

import gc

import pytest
import torch
import torch_npu


def test_a_tensor_takes_what_the_allocator_gives():
    """A tensor takes its bytes plus 32, rounded up to 512, and gives them back when it dies."""
    assert torch.npu.memory_allocated() == 0
    x = torch.empty(1000, dtype=torch.float32, device="npu")
    assert torch.npu.memory_allocated() == 4096
    assert torch.npu.memory_reserved() == 2 << 20
    del x
    assert torch.npu.memory_allocated() == 0
    assert torch.npu.max_memory_allocated() == 4096
    torch.npu.reset_peak_memory_stats()
    assert torch.npu.max_memory_allocated() == 0
    torch.npu.empty_cache()
    assert torch.npu.memory_reserved() == 0


def test_memory_lives_as_long_as_any_view():
    """A view keeps the memory of the tensor it came from."""
    x = torch.ones(1000, device="npu")
    view = x[10:20].t()
    held = torch.npu.memory_allocated()
    del x
    assert torch.npu.memory_allocated() == held
    assert view.sum().item() == 10
    del view
    assert torch.npu.memory_allocated() == 0


def test_devices_have_memory_of_their_own():
    """Memory is counted where the tensor is."""
    x = torch.ones(1000, device="npu:2")
    assert torch.npu.memory_allocated(0) == 0
    assert torch.npu.memory_allocated("npu:2") == torch.npu.memory_allocated(x.device) == 4096


def test_a_training_step_gives_its_memory_back():
    """After a step only parameters, gradients and optimizer state are left, step after step."""
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.ReLU(), torch.nn.Linear(30, 2)).npu()
    optimizer = torch.optim.Adam(net.parameters())
    held = []
    for _ in range(5):
        optimizer.zero_grad()
        net(torch.randn(8, 20, device="npu")).sum().backward()
        optimizer.step()
        held.append(torch.npu.memory_allocated())
    assert len(set(held[1:])) == 1
    del net, optimizer
    gc.collect()
    assert torch.npu.memory_allocated() == 0


def test_free_and_total_memory():
    """mem_get_info counts what the allocator took from the device."""
    free, total = torch.npu.mem_get_info()
    assert free == total == (64 << 30) - (3113 << 20)  # what the runtime reports of 64 GiB
    x = torch.empty(30 << 20, dtype=torch.uint8, device="npu")
    assert torch.npu.mem_get_info() == (total - x.nbytes - (2 << 20), total)


def test_statistics_have_the_real_names():
    """memory_stats, its nested form and the summary show the same figures."""
    x = torch.empty(1000, device="npu")
    stats = torch.npu.memory_stats()
    assert stats["allocated_bytes.all.current"] == 4096
    assert stats["allocation.small_pool.current"] == 1
    assert stats["requested_bytes.all.current"] == x.nbytes
    assert torch.npu.memory_stats_as_nested_dict()["segment"]["all"]["peak"] == 1
    summary = torch.npu.memory_summary()
    assert "PyTorch NPU memory summary, device ID 0" in summary
    assert "| Allocated memory      |    4096 B  |    4096 B  |    4096 B  |       0 B  |" in summary
    assert len({len(line) for line in summary.strip().split("\n")}) == 1
    assert "large pool" not in torch.npu.memory_summary(abbreviated=True)


def test_a_fraction_caps_what_the_process_takes():
    """set_per_process_memory_fraction limits the allocator, and refuses nonsense."""
    torch.npu.set_per_process_memory_fraction(0.5)
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(40 << 30, dtype=torch.uint8, device="npu")
    torch.npu.set_per_process_memory_fraction(1.0)
    torch.empty(40 << 30, dtype=torch.uint8, device="npu")
    with pytest.raises(ValueError, match=r"Invalid fraction value: 2\.0\. Allowed range: 0~1"):
        torch.npu.set_per_process_memory_fraction(2.0)
    with pytest.raises(TypeError, match="must be `float`"):
        torch.npu.set_per_process_memory_fraction(1)


def test_memory_without_a_tensor():
    """caching_allocator_alloc takes memory until caching_allocator_delete gives it back, once."""
    address = torch.npu.caching_allocator_alloc(1000, device=1)
    assert torch.npu.memory_allocated(1) == 1536
    torch.npu.caching_allocator_delete(address)
    assert torch.npu.memory_allocated(1) == 0
    with pytest.raises(RuntimeError, match="invalid device pointer"):
        torch.npu.caching_allocator_delete(address)
    with pytest.raises(TypeError, match="Invalid type for stream argument"):
        torch.npu.caching_allocator_alloc(8, stream="default")


def test_more_than_an_exabyte():
    """An absurd size is refused in the real words."""
    with pytest.raises(torch.OutOfMemoryError, match="more than 1EB"):
        torch.empty(1 << 61, dtype=torch.uint8, device="npu")


def test_swapped_memory_is_the_hosts():
    """A tensor with swapped memory computes on the device and takes next to none of its memory."""
    x = torch_npu.empty_with_swapped_memory((1 << 20,), dtype=torch.float32, device="npu:1")
    assert x.device == torch.device("npu:1")
    assert torch.npu.memory_allocated(1) <= 512
    x.fill_(2)
    assert (x[:4] * 3).tolist() == [6] * 4
    assert torch_npu.empty_with_swapped_memory((0, 3)).shape == (0, 3)
    with pytest.raises(RuntimeError, match="Expected an NPU device"):
        torch_npu.empty_with_swapped_memory((2,), device="cpu")
    with pytest.raises(RuntimeError, match="107001"):
        torch_npu.empty_with_swapped_memory((2,), device="npu:9")


@pytest.mark.parametrize("ask", ["memory_allocated", "memory_stats", "reset_peak_memory_stats"])
def test_memory_of_a_device_that_is_not_there(ask):
    """The allocator's own words name the device; the session goes on."""
    count = torch.npu.device_count()
    with pytest.raises(RuntimeError, match=f"Invalid device argument {count + 1}: did you call init"):
        getattr(torch.npu, ask)(f"npu:{count + 1}")
    assert torch.npu.memory_allocated() >= 0
