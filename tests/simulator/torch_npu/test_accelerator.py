"""PyTorch's device-neutral names: torch.accelerator, pinned memory, generators."""

import pickle

import npusim
import pytest
import torch


def test_the_npu_is_the_accelerator():
    """torch.accelerator finds the NPU and does what torch.npu does."""
    assert torch.accelerator.current_accelerator() == torch.device("npu")
    assert torch.accelerator.device_count() == 8
    torch.accelerator.set_device_index(2)
    assert torch.npu.current_device() == torch.accelerator.current_device_index() == 2
    x = torch.ones(1000, device="npu")
    assert x.get_device() == 2
    assert torch.accelerator.memory_allocated() == 4096
    torch.accelerator.synchronize()
    assert torch.accelerator.current_stream() == torch.npu.current_stream()


def test_pinned_memory_is_told_apart():
    """pin_memory gives a pinned copy; its views are pinned, other tensors are not."""
    x = torch.arange(4.0)
    y = x.pin_memory()
    assert not x.is_pinned()
    assert y.is_pinned()
    view = y[1:]
    del y
    assert view.is_pinned()
    assert view.tolist() == [1, 2, 3]


def test_only_pinned_memory_is_copied_without_waiting(machine):
    """non_blocking=True lets the host go on only when the memory is pinned."""
    x = torch.zeros(1 << 24)
    waits = []
    for source in (x, x.pin_memory()):
        torch.npu.synchronize()
        before = machine.host.now
        source.to("npu", non_blocking=True)
        waits.append(machine.host.now - before)
    assert waits[1] < waits[0] / 10


def test_a_loader_with_workers_pins():
    """A DataLoader with workers and pin_memory hands out pinned batches."""
    loader = torch.utils.data.DataLoader(torch.arange(8.0), batch_size=4, num_workers=2, pin_memory=True)
    batches = list(loader)
    assert all(b.is_pinned() for b in batches)
    assert torch.cat([b.npu() for b in batches]).tolist() == list(range(8))


def test_a_generator_for_the_device():
    """A generator of the device repeats its numbers and leaves the default one alone."""
    g = torch.Generator("npu")
    assert g.device == torch.device("npu:0")
    state = torch.npu.get_rng_state()
    g.manual_seed(7)
    x = torch.randn(3, device="npu", generator=g)
    y = torch.empty(3, device="npu").uniform_(generator=g)
    assert torch.equal(torch.npu.get_rng_state(), state)
    g.manual_seed(7)
    assert torch.equal(torch.randn(3, device="npu", generator=g), x)
    again = pickle.loads(pickle.dumps(g))  # noqa: S301 - our own bytes
    assert torch.equal(torch.empty(3, device="npu").uniform_(generator=again), y)


def test_generators_of_the_cpu_stay_as_they_are():
    """torch.Generator() is PyTorch's own; it is refused for the device with PyTorch's words."""
    g = torch.Generator()
    assert g.device.type == "cpu"
    assert isinstance(g, torch.Generator)
    torch.randn(2, generator=g)
    with pytest.raises(RuntimeError, match="Expected a 'npu' device type for generator but found 'cpu'"):
        torch.randn(2, device="npu", generator=g)
    assert len(torch.npu.default_generators) == 8


def test_factories_make_pinned_memory():
    """pin_memory=True of a factory makes pinned memory; on the device it is refused with PyTorch's words."""
    x = torch.randn(4, pin_memory=True)
    assert x.is_pinned()
    assert x[1:].is_pinned()
    assert torch.tensor([1, 2], pin_memory=True).is_pinned()
    assert not torch.randn(4).is_pinned()
    assert torch.equal(x.npu(non_blocking=True).cpu(), x)
    with pytest.raises(RuntimeError, match="Only dense CPU tensors can be pinned"):
        torch.empty(2, device="npu", pin_memory=True)


def test_a_copy_to_the_host_that_does_not_wait_is_pinned(machine):
    """to("cpu", non_blocking=True) gives pinned memory and lets the host go on; a plain copy waits."""
    x = torch.zeros(1 << 24, device="npu")
    waits = []
    for non_blocking in (False, True):
        torch.npu.synchronize()
        before = machine.host.now
        y = x.to("cpu", non_blocking=non_blocking)
        waits.append(machine.host.now - before)
        assert y.is_pinned() == non_blocking
    assert waits[1] < waits[0] / 10


def test_device_neutral_streams_are_the_npus():
    """torch.Stream() is a stream of the NPU, current inside `with`, also when entered twice."""
    before = torch.accelerator.current_stream()
    stream, other = torch.Stream(), torch.Stream()
    assert isinstance(stream, torch.Stream)
    assert isinstance(torch.npu.current_stream(), torch.Stream)
    with stream, other, stream:
        assert torch.accelerator.current_stream() == stream
        x = torch.ones(2, device="npu")
    assert torch.accelerator.current_stream() == before
    assert npusim.node().records[0].stream == stream.stream_id
    x.record_stream(stream)
    with pytest.raises(ValueError, match="doesn't match the current accelerator"):
        torch.accelerator.current_stream("cpu")


def test_device_neutral_events_have_pytorchs_words():
    """torch.Event() measures on the NPU; what it needs for that is told as PyTorch tells it."""
    start, end = torch.Event(enable_timing=True), torch.Event(enable_timing=True)
    assert start.device == torch.device("npu")
    with pytest.raises(ValueError, match="must be recorded"):
        start.elapsed_time(end)
    start.record()
    assert start.device == torch.device("npu:0")
    torch.ones(8, 8, device="npu") @ torch.ones(8, 8, device="npu")
    end.record()
    torch.accelerator.synchronize()
    assert start.elapsed_time(end) > 0
    with pytest.raises(ValueError, match="enable_timing=True"):
        torch.Event().elapsed_time(end)


def test_device_neutral_memory_figures():
    """torch.accelerator tells the figures of torch.npu, also for host memory, and starts them anew."""
    x = torch.ones(100, device="npu")
    torch.accelerator.memory.empty_host_cache()
    assert torch.accelerator.memory_stats() == torch.npu.memory_stats()
    assert torch.accelerator.memory_stats()["num_device_alloc"] == 1
    del x
    torch.accelerator.reset_peak_memory_stats()
    assert torch.accelerator.max_memory_allocated() == 0
    free, total = torch.accelerator.get_memory_info()
    assert 0 < free < total


def test_device_neutral_graphs():
    """torch.accelerator.Graph captures on the current stream and replays."""
    x, y = torch.ones(4, device="npu"), torch.zeros(4, device="npu")
    graph = torch.accelerator.Graph()
    with torch.Stream(), graph:
        y.copy_(x + 1)
        with pytest.raises(RuntimeError, match=r"torch\.accelerator\.Graph capture"):
            torch.npu.NPUGraph.get_currently_capturing_graph()
    assert y.tolist() == [0] * 4
    graph.replay()
    assert y.tolist() == [2] * 4
    graph.reset()
    with pytest.raises(RuntimeError, match="replay"):
        graph.replay()


@pytest.mark.parametrize("device", ["npu:0", "npu:1"])
def test_an_operator_on_any_device_keeps_its_own_exception(device):
    """What an operator raises arrives as it is, on another device than the current one as well."""
    x = torch.ones(3, device=device)
    with pytest.raises(TypeError, match="slice indices must be integers"):
        x["0":"1"]
    assert torch.npu.current_device() == 0


def test_a_device_is_current_inside_a_block():
    """torch.accelerator.device_index makes a device current until its end; None changes nothing."""
    with torch.accelerator.device_index(3):
        assert torch.npu.current_device() == 3
        with torch.accelerator.device_index(None):
            assert torch.ones(1, device="npu").device.index == 3
    assert torch.npu.current_device() == 0
