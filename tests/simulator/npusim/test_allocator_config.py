"""Settings of the caching allocator, as the environment gives them."""

import npusim
import pytest
from npusim.allocator_config import AllocatorConfig, from_environment
from npusim.exceptions import AllocatorConfigError

MB = 1 << 20


def config(text):
    """The settings of a text."""
    found = AllocatorConfig()
    found.update(text)
    return found


def test_settings_are_read():
    """Every key sets its own figure, in any order and with spaces."""
    found = config("max_split_size_mb:70, max_non_split_rounding_mb:30,large_segment_size_mb:64")
    assert (found.max_split_size, found.max_non_split_rounding) == (70 * MB, 30 * MB)
    assert found.large_segment == 64 * MB
    assert config("expandable_segments:True,segment_size_mb:128").large_segment == 128 * MB
    assert config("large_segment_size_mb:40,segment_size_mb:128").large_segment == 40 * MB
    assert config("per_process_memory_fraction:0.25").fraction == 0.25
    assert config("") == AllocatorConfig()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour:red", "Unrecognized key 'colour'"),
        ("max_split_size_mb:5", "must be > 20"),
        ("large_segment_size_mb:5", "must be > 10"),
        ("large_segment_size_mb:50,max_split_size_mb:30", ">= large_segment_size_mb"),
        ("segment_size_mb:1000", "must be [20, 512]"),
        ("per_process_memory_fraction:1.5", "set it in [0.0, 1.0]"),
        ("expandable_segments:yes", "True/False"),
        ("expandable_segments:True,max_split_size_mb:50", "cannot be enabled with"),
        ("roundup_power2_divisions:3", "powers of 2"),
        ("max_split_size_mb", "Error parsing"),
    ],
)
def test_settings_that_are_not_allowed(text, says):
    """A wrong setting is one error with the key or the value, a ValueError as on the real device."""
    with pytest.raises(AllocatorConfigError) as caught:
        config(text)
    assert says in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_one_variable_only():
    """Both names of the variable at once are refused; either one serves."""
    assert from_environment({"PYTORCH_ALLOC_CONF": "a:b"}) == "a:b"
    with pytest.raises(AllocatorConfigError, match="only one"):
        from_environment({"PYTORCH_ALLOC_CONF": "a:b", "PYTORCH_NPU_ALLOC_CONF": "a:b"})


def test_sizes_round_up_by_divisions_of_powers_of_two():
    """Between two powers of two a size rounds up to the next of so many steps, if the power has any."""
    found = config("roundup_power2_divisions:[8:1,64:4,128:8,>:16]")
    assert found.round(65 * MB, 512) == 80 * MB
    assert found.round(200 * MB, 512) == 208 * MB
    assert found.round(513 * MB, 512) == 544 * MB
    assert found.round(33 * MB + 1, 512) == 33 * MB + 512  # 32 is not named
    assert found.round(100, 512) == 512


def allocator(settings):
    """A device's allocator with settings."""
    memory = npusim.Node(npusim.Settings({})).device(0).memory
    memory.configure(settings)
    return memory


def test_a_setting_changes_what_is_reserved():
    """Segments have the size set, the fraction caps them, an oversized block serves within its rounding."""
    memory = allocator("large_segment_size_mb:50")
    memory.allocate(5 * MB)
    assert memory.reserved == 50 * MB
    with pytest.raises(npusim.OutOfMemoryError):
        allocator("per_process_memory_fraction:0.1").allocate(20 << 30)
    for rounding, reserved in ((30, 0), (21, 76 * MB)):
        memory = allocator(f"max_split_size_mb:50,max_non_split_rounding_mb:{rounding}")
        memory.free(memory.allocate(100 * MB))
        before = memory.reserved
        memory.allocate(75 * MB)
        assert memory.reserved - before == reserved


def test_a_private_pool_keeps_its_segments():
    """Blocks of one pool never serve another; an empty pool that is in use survives emptying the cache."""
    memory = allocator("")
    private = 7 << 32
    memory.free(memory.allocate(1000, private))
    memory.held.add(7)
    memory.allocate(1000)
    assert memory.reserved == 4 * MB
    memory.empty_cache()
    assert memory.reserved == 4 * MB
    ids = sorted(s["segment_pool_id"] for s in memory.snapshot())
    assert ids == [(0, 0), (0, 7)]
    memory.held.discard(7)
    memory.empty_cache(7)
    assert memory.reserved == 2 * MB
