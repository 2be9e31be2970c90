"""Private memory pools, and the history of who took memory."""

import gc
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

MB = 1 << 20


@pytest.fixture(autouse=True)
def no_history():
    """History is not recorded before or after a test."""
    yield
    torch.npu.memory._record_memory_history(None)


def test_a_pool_serves_what_is_allocated_under_it():
    """Memory taken under use_mem_pool lies in the pool's segments, other memory does not."""
    pool = torch.npu.MemPool()
    with torch.npu.use_mem_pool(pool):
        x = torch.ones(100, device="npu")
        assert pool.use_count() == 2
    y = torch.ones(100, device="npu")
    assert pool.use_count() == 1
    (segment,) = pool.snapshot()
    assert segment["segment_pool_id"] == pool.id
    assert segment["allocated_size"] == 512
    assert torch.npu.memory_reserved() == 4 * MB
    assert x.sum() == y.sum()


def test_a_pool_keeps_its_cache_until_it_is_gone():
    """empty_cache leaves an idle pool alone; deleting the pool returns its memory to the device."""
    pool = torch.npu.MemPool()
    with torch.npu.use_mem_pool(pool):
        x = torch.ones(100, device="npu")
        del x
    torch.npu.empty_cache()
    assert torch.npu.memory_reserved() == 2 * MB
    del pool
    gc.collect()
    assert torch.npu.memory_reserved() == 0


def test_a_pool_is_for_the_thread_that_asked():
    """Another thread's allocations go elsewhere, also while the pool is in use."""
    pool = torch.npu.MemPool()
    with torch.npu.use_mem_pool(pool), ThreadPoolExecutor(1) as threads:
        x = threads.submit(torch.ones, 100, device="npu").result()
        assert pool.snapshot() == []
    assert x.sum() == 100
    with pytest.raises(NotImplementedError, match="without allocator"):
        torch.npu.MemPool(allocator=object())


def test_settings_of_the_allocator_can_be_changed():
    """_set_allocator_settings takes what the environment variable takes, and refuses the rest."""
    torch.npu.memory._set_allocator_settings("large_segment_size_mb:40")
    x = torch.empty(5 * MB, dtype=torch.int8, device="npu")
    assert torch.npu.memory_reserved() == 40 * MB
    with pytest.raises(ValueError, match="Unrecognized key"):
        torch.npu.memory._set_allocator_settings("colour:red")
    del x
    torch.npu.empty_virt_addr_cache()
    assert torch.npu.memory_reserved() == 0


def test_history_tells_who_took_memory(tmp_path):
    """Every block taken and given back is an event with its callers; live blocks name theirs as well."""
    torch.npu.memory._record_memory_history()
    x = torch.ones(100, device="npu")
    y = torch.ones(100, device="npu")
    del y
    torch.npu.memory._dump_snapshot(str(tmp_path / "snapshot.pickle"))
    snapshot = pickle.loads((tmp_path / "snapshot.pickle").read_bytes())  # noqa: S301 - our own file
    trace = snapshot["device_traces"][0]
    assert [e["action"] for e in trace] == ["alloc", "alloc", "free_requested", "free_completed"]
    assert trace[0]["size"] == 512
    assert trace[0]["frames"][0]["name"] == "test_history_tells_who_took_memory"
    blocks = snapshot["segments"][0]["blocks"]
    assert [bool(b["frames"]) for b in blocks] == [True, False]
    assert x.sum() == 100


def test_history_may_be_short_or_off():
    """Only as many events are kept as asked for, none with "state", and none after the end."""
    torch.npu.memory._record_memory_history(max_entries=3)
    for _ in range(5):
        torch.ones(1, device="npu")
    assert len(torch.npu.memory._snapshot()["device_traces"][0]) == 3
    torch.npu.memory._record_memory_history("state")
    x = torch.ones(1, device="npu")
    snapshot = torch.npu.memory._snapshot()
    assert snapshot["device_traces"][0] == []
    assert any(b["frames"] for s in snapshot["segments"] for b in s["blocks"])
    torch.npu.memory._record_memory_history(None)
    assert not torch.npu.memory._snapshot()["segments"][0]["blocks"][0]["frames"]
    with pytest.raises(RuntimeError, match="expected state"):
        torch.npu.memory._record_memory_history("some")
    assert x.item() == 1


def test_a_spare_pool_serves_when_memory_is_short():
    """Free memory of a pool with use_on_oom serves anybody, that of other pools does not."""
    spare, private = torch.npu.MemPool(use_on_oom=True), torch.npu.MemPool()
    total = torch.npu.mem_get_info()[1]
    torch.npu.set_per_process_memory_fraction(88 * MB / total)
    for pool in (private, spare):
        with torch.npu.use_mem_pool(pool):
            torch.empty(40 * MB, dtype=torch.int8, device="npu")
    x = torch.empty(30 * MB, dtype=torch.int8, device="npu")
    assert torch.npu.memory_snapshot(spare.id)[0]["allocated_size"] >= 30 * MB
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(30 * MB, dtype=torch.int8, device="npu")
    del x, spare
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(60 * MB, dtype=torch.int8, device="npu")


def test_a_pool_may_keep_its_segments_whole():
    """With no_split every block has a segment of its own."""
    for whole, segments in ((False, 1), (True, 2)):
        pool = torch.npu.MemPool(no_split=whole)
        with torch.npu.use_mem_pool(pool):
            held = [torch.empty(4 * MB, dtype=torch.int8, device="npu") for _ in range(2)]
        assert len(pool.snapshot()) == segments
        assert len(held) == 2
