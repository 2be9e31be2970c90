"""Device memory and the caching allocator."""

import contextlib
import itertools

import npusim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from npusim.caching_allocator import round_size, segment_size

MIB = 1 << 20


def allocator(total=1 << 30):
    """A caching allocator over a device of that many bytes."""
    device = npusim.DeviceMemory(total)
    return npusim.CachingAllocator(device), device


@pytest.mark.parametrize(
    ("asked", "block"),
    [(0, 512), (1, 512), (480, 512), (481, 1024), (512, 1024), (992, 1024), (MIB, MIB + 512)],
)
def test_blocks_are_multiples_of_512_with_32_to_spare(asked, block):
    """A request grows by 32 bytes and rounds up to 512, as in torch_npu's allocator."""
    assert round_size(asked) == block


@pytest.mark.parametrize(
    ("size", "segment"),
    [(512, 2 * MIB), (MIB, 2 * MIB), (MIB + 512, 20 * MIB), (10 * MIB - 512, 20 * MIB), (10 * MIB, 10 * MIB)],
)
def test_segments_follow_the_pools(size, segment):
    """Small blocks come from 2 MiB segments, middle ones from 20 MiB, large ones have their own."""
    assert segment_size(size) == segment


def test_small_and_large_are_kept_apart():
    """A small and a large request reserve a small and a large segment, and the statistics say so."""
    memory, _ = allocator()
    memory.allocate(1000)
    memory.allocate(3 * MIB)
    stats = memory.stats()
    assert stats["reserved_bytes.small_pool.current"] == 2 * MIB
    assert stats["reserved_bytes.large_pool.current"] == 20 * MIB
    assert memory.reserved == stats["reserved_bytes.all.current"] == 22 * MIB
    assert memory.allocated == 1536 + 3 * MIB + 512
    assert stats["requested_bytes.all.current"] == 1000 + 3 * MIB


def test_a_freed_block_is_reused_before_the_device_is_asked():
    """The cache serves the next request of the same size at the same address."""
    memory, device = allocator()
    block = memory.allocate(4096)
    address = block.address
    memory.free(block)
    assert memory.allocated == 0
    assert memory.reserved == 2 * MIB
    assert memory.allocate(4096).address == address
    assert device.used == 2 * MIB


def test_streams_do_not_share_cached_blocks():
    """A block freed on one stream does not serve another stream."""
    memory, _ = allocator()
    block = memory.allocate(4096, stream=0)
    memory.free(block)
    memory.allocate(4096, stream=1)
    assert memory.reserved == 4 * MIB


def test_empty_cache_returns_whole_segments_only():
    """empty_cache gives back segments without a live block and keeps the others."""
    memory, device = allocator()
    kept = memory.allocate(4096)
    gone = memory.allocate(30 * MIB)
    memory.free(gone)
    memory.empty_cache()
    assert device.used == memory.reserved == 2 * MIB
    memory.free(kept)
    memory.empty_cache()
    assert device.used == memory.reserved == 0


def test_out_of_memory_has_the_real_words_and_figures():
    """Out of memory reads as torch_npu's message and carries the figures; the cache is emptied first."""
    memory, device = allocator(100 * MIB)
    cached = memory.allocate(40 * MIB)
    held = memory.allocate(20 * MIB)
    memory.free(cached)
    memory.allocate(70 * MIB)  # only fits because the cached segment is returned first
    assert memory.stats()["num_alloc_retries"] == 1
    with pytest.raises(npusim.OutOfMemoryError) as caught:
        memory.allocate(50 * MIB)
    error = caught.value
    assert str(error).startswith(
        "NPU out of memory. Tried to allocate 52.00 MiB (NPU 0; 100.00 MiB total capacity; "
    )
    assert error.code == 207001
    assert (error.requested, error.total, error.free) == (52 * MIB, 100 * MIB, device.free_bytes)
    assert error.allocated == memory.allocated
    assert error.reserved == memory.reserved == error.total - error.free
    assert memory.stats()["num_ooms"] == 1
    memory.free(held)


def test_a_fraction_caps_what_is_reserved():
    """set_fraction makes allocation fail at the cap, and the message names it."""
    memory, _ = allocator(100 * MIB)
    memory.set_fraction(0.5)
    with pytest.raises(npusim.OutOfMemoryError, match=r"50\.00 MiB allowed") as caught:
        memory.allocate(60 * MIB)
    assert caught.value.allowed == 50 * MIB
    for wrong in (-0.1, 1.1):
        with pytest.raises(npusim.InvalidArgumentError, match="between 0 and 1"):
            memory.set_fraction(wrong)


def test_double_free_and_use_after_free_are_caught():
    """A freed handle stays dead, also when its memory serves somebody else."""
    memory, _ = allocator()
    first = memory.allocate(4096)
    memory.free(first)
    second = memory.allocate(4096)
    with pytest.raises(npusim.DoubleFreeError, match="freed before"):
        memory.free(first)
    with pytest.raises(npusim.UseAfterFreeError, match="after it was freed"):
        first.check()
    second.check()


def test_negative_sizes_are_refused():
    """No negative allocation, on either level; the raw level refuses nothing too, as aclrtMalloc does."""
    memory, device = allocator()
    with pytest.raises(npusim.InvalidArgumentError, match="-1"):
        memory.allocate(-1)
    for size in (0, -5):
        with pytest.raises(npusim.InvalidArgumentError):
            device.malloc(size)


def test_raw_memory_checks_addresses():
    """The device tells a foreign address, an overrun, a double free and a use after free apart."""
    device = npusim.DeviceMemory(1 << 20)
    address = device.malloc(1000)
    device.check(address + 8, 1016)
    with pytest.raises(npusim.InvalidArgumentError, match="past the end"):
        device.check(address, 2000)
    with pytest.raises(npusim.InvalidArgumentError, match="not the start"):
        device.free(address + 8)
    with pytest.raises(npusim.InvalidArgumentError, match="not memory of device"):
        device.check(12345)
    device.free(address)
    with pytest.raises(npusim.DoubleFreeError):
        device.free(address)
    with pytest.raises(npusim.UseAfterFreeError):
        device.check(address)
    with pytest.raises(npusim.OutOfMemoryError, match="Free what is no longer needed"):
        device.malloc(2 << 20)


def test_devices_have_disjoint_addresses():
    """An address tells its device."""
    node = npusim.node()
    a, b = node.device(0).hbm, node.device(1).hbm
    address = a.malloc(64)
    assert a.owns(address)
    assert not b.owns(address)


def test_peaks_reset_to_the_present():
    """reset_peaks starts the peak again from the current value."""
    memory, _ = allocator()
    block = memory.allocate(5 * MIB)
    memory.free(block)
    assert memory.peak_allocated == 5 * MIB + 512
    memory.reset_peaks()
    assert memory.peak_allocated == 0
    assert memory.peak_reserved == 20 * MIB


@given(st.lists(st.tuples(st.integers(0, 30 * MIB), st.integers(0, 2), st.booleans()), max_size=60))
def test_accounting_never_goes_negative_and_returns_to_zero(steps):
    """Whatever is allocated and freed in whatever order: figures add up throughout, and end at zero."""
    memory, device = allocator(200 * MIB)
    live = []
    for size, stream, allocate in steps:
        if allocate or not live:
            with contextlib.suppress(npusim.OutOfMemoryError):
                live.append(memory.allocate(size, stream))
        else:
            memory.free(live.pop(size % len(live)))
        stats = memory.stats()
        current = {name: figure for name, figure in stats.items() if name.endswith(".current")}
        assert min(current.values()) >= 0
        assert memory.allocated == sum(block.size for block in live)
        assert memory.reserved == device.used <= device.total
        free = current["inactive_split_bytes.all.current"]
        assert memory.allocated + free <= memory.reserved
        addresses = sorted((block.address, block.size) for block in live)
        assert all(a + n <= b for (a, n), (b, _) in itertools.pairwise(addresses))
    assert sum(s["total_size"] for s in memory.snapshot()) == memory.reserved
    for block in live:
        memory.free(block)
    memory.empty_cache()
    current = {name: figure for name, figure in memory.stats().items() if name.endswith(".current")}
    assert set(current.values()) == {0}
    assert device.used == 0


@given(st.lists(st.tuples(st.integers(0, 30 * MIB), st.sampled_from("aaaafffpr")), max_size=40))
def test_statistics_are_what_was_counted(steps):
    """Peaks and totals of live memory agree with counting at each step, across resets of either."""
    memory, _ = allocator(1 << 40)
    live = []
    names = ("allocation", "allocated_bytes", "requested_bytes")
    peak, came, went = dict.fromkeys(names, 0), dict.fromkeys(names, 0), dict.fromkeys(names, 0)

    def figures(blocks):
        sizes = (len(blocks), sum(b.size for b in blocks), sum(b.requested for b in blocks))
        return dict(zip(names, sizes, strict=True))

    for size, step in steps:
        if step == "p":
            memory.reset_peaks()
            peak = figures(live)
        elif step == "r":
            memory.reset_accumulated()
            came, went = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
        elif step == "a":
            live.append(memory.allocate(size))
            came = {name: came[name] + n for name, n in figures(live[-1:]).items()}
        elif live:
            gone = live.pop(size % len(live))
            memory.free(gone)
            went = {name: went[name] + n for name, n in figures([gone]).items()}
        peak = {name: max(peak[name], n) for name, n in figures(live).items()}
    stats = memory.stats()
    for name, current in figures(live).items():
        shown = [stats[f"{name}.all.{metric}"] for metric in ("current", "peak", "allocated", "freed")]
        assert shown == [current, peak[name], came[name], went[name]]
