"""What is charged to the device, and virtual time."""

import npusim
import pytest
import torch
from torch_npu._sim import runtime


def work() -> list[float]:
    """A bit of everything; returns values."""
    torch.manual_seed(0)
    x = torch.randn(64, 64, device="npu")
    y = (x @ x.t()).relu()
    return [y.sum().item(), y[0].max().item()]


def test_one_operator_is_one_launch(kernels):
    """Every operator is launched once, under the profiler's name, with shapes and types."""
    x = torch.ones(2, 3, device="npu", dtype=torch.float16)
    kernels()
    y = x * 2
    assert kernels() == ["Mul"]
    record = next(r for r in reversed(list(npusim.node().records)) if r.name == "Mul")
    assert record.inputs == (npusim.TensorSpec((2, 3), "float16"),)
    assert record.outputs == (npusim.TensorSpec((2, 3), "float16"),)
    torch.mm(y, y.t())
    assert kernels() == ["MatMulV2"]
    y.add_(1)
    assert kernels() == ["Add"]


def test_views_cost_nothing(kernels):
    """Views launch nothing and take no memory."""
    x = torch.ones(4, 6, device="npu")
    before = torch.npu.memory_allocated()
    kernels()
    views = [
        x.t(),
        x[1:, ::2],
        x.view(-1),
        x.unsqueeze(0).expand(3, 4, 6),
        x.detach(),
        x.reshape(2, 12),
        x.chunk(2)[0],
    ]
    assert kernels() == []
    assert torch.npu.memory_allocated() == before
    assert len(views) == 7


def test_empty_launches_nothing(kernels):
    """Memory without contents is taken without a launch."""
    torch.empty(3, device="npu")
    assert kernels() == []


def test_the_same_program_takes_the_same_time():
    """Virtual time is the same in every run."""
    times = []
    for _ in range(2):
        npusim.reset()
        runtime.rebuild()
        work()
        torch.npu.synchronize()
        times.append((npusim.node().host.now, [(r.name, r.start, r.duration) for r in npusim.node().records]))
    assert times[0] == times[1]
    assert times[0][0] > 0


def test_values_do_not_depend_on_the_cost_model():
    """Without the cost model the values are the same and no time passes."""
    expected = work()
    npusim.cost_model_enabled(enabled=False)
    before = npusim.node().host.now
    assert work() == expected
    assert npusim.node().host.now == before


def test_item_waits_for_the_device():
    """Reading a number makes the host wait for the work before it."""
    x = torch.randn(512, 512, device="npu")
    torch.npu.synchronize()
    for _ in range(20):
        x = x @ x
    stream = npusim.node().device(0).default_stream
    assert npusim.node().host.now < stream.tail
    x[0, 0].item()
    assert npusim.node().host.now >= stream.tail


def test_copies_take_time_by_size():
    """A copy to the device takes longer for more bytes, and the host waits for it."""
    node = npusim.node()
    times = []
    for n in (1 << 10, 1 << 24):
        x = torch.zeros(n, dtype=torch.uint8)
        before = node.host.now
        x.npu()
        times.append(node.host.now - before)
    assert times[1] > 10 * times[0] > 0
    assert [r.name for r in node.records if r.category == "copy"] == ["H2D", "H2D"]


def test_events_measure_virtual_milliseconds():
    """elapsed_time is the device's time between two events: more work, more milliseconds."""
    spans = []
    x = torch.randn(256, 256, device="npu")
    for n in (10, 100):
        start, end = (torch.npu.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(n):
            x = x @ x
        end.record()
        end.synchronize()
        spans.append(start.elapsed_time(end))
    assert 0 < spans[0] < spans[1]
    assert spans[1] == pytest.approx(10 * spans[0], rel=0.3)


def test_an_event_that_was_not_recorded():
    """elapsed_time before record raises the real words; wait, query and synchronize do nothing."""
    start, end = (torch.npu.Event(enable_timing=True) for _ in range(2))
    with pytest.raises(RuntimeError, match="Both events must be recorded before calculating elapsed time"):
        start.elapsed_time(end)
    assert start.query()
    start.synchronize()
    start.wait()
    assert repr(start) == "<torch_npu.npu.Event uninitialized>"


def test_an_event_without_timing():
    """Events measure time only when they were created with enable_timing=True."""
    start, end = torch.npu.Event(), torch.npu.Event()
    start.record()
    end.record()
    with pytest.raises(RuntimeError, match="enable_timing=True"):
        start.elapsed_time(end)


def test_a_permuted_copy_is_turned():
    """What makes a permuted tensor contiguous is a Transpose, dearer than a plain copy of as many bytes."""
    x = torch.ones(64, 32, 16, 16, device="npu:0")
    before = len(list(npusim.node().records))
    x.clone()
    turned = x.permute(0, 2, 3, 1).contiguous()
    torch.empty_like(x).copy_(turned.permute(0, 3, 1, 2))
    x[:, :, ::2].contiguous()
    x[:, :1].expand(-1, 32, -1, -1).contiguous()
    done = list(npusim.node().records)[before:]
    kernels = [r for r in done if r.name in {"TensorMove", "Transpose"}]
    assert [r.name for r in kernels] == ["TensorMove", "Transpose", "Transpose", "TensorMove", "TensorMove"]
    plain, there, back, *_ = kernels
    assert min(there.duration, back.duration) > plain.duration
    assert (there.inputs[0].shape, there.outputs[0].shape) == ((64, 32, 16, 16), (64, 16, 16, 32))
    assert torch.equal(turned.cpu(), torch.ones(64, 16, 16, 32))


def test_a_square_is_turned_by_what_moves():
    """Where a shape comes out as it went in, rows that stay rows are cheaper to move than single elements."""
    x = torch.ones(64, 64, 64, device="npu:0")
    before = len(list(npusim.node().records))
    x.transpose(0, 1).contiguous()
    x.transpose(1, 2).contiguous()
    kept, moved = [r for r in list(npusim.node().records)[before:] if r.name == "Transpose"]
    assert kept.inputs == moved.inputs
    assert kept.duration < moved.duration
