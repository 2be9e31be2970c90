"""Names of torch_npu beyond its documented interface that programs use all the same."""

import pytest
import torch
import torch_npu
from torch_npu.npu import utils
from torch_npu.utils import cann


def test_the_compiled_part_has_what_programs_take_from_it():
    """Handles, counts and views of torch_npu._C are those of the public functions; others are missing."""
    stream = torch.npu.Stream()
    with torch.npu.stream(stream):
        assert torch_npu._C._npu_getCurrentRawStream(0) == stream.npu_stream
    assert torch_npu._C._npu_getDeviceCount() == torch.npu.device_count()
    x = torch.ones(3, device="npu")
    assert torch_npu._C._weak_ref_tensor(x).data_ptr() == x.data_ptr()
    assert torch_npu._C._empty_strided_npu((2, 2), (1, 2), torch.int32).stride() == (1, 2)
    with pytest.raises(AttributeError, match="public function"):
        _ = torch_npu._C._npu_something


@pytest.mark.parametrize(
    ("version", "newer"), [("8.0.RC3", True), ("8.1.RC1", True), ("8.1.RC2", False), ("8.1.0", False)]
)
def test_versions_of_cann_compare(version, newer):
    """A release candidate comes before its release, and numbers compare as numbers."""
    assert cann.CANN_VERSION == "8.1.RC1"
    assert utils._is_gte_cann_version(version) is newer
    assert utils.get_cann_version("KITCHEN") == ""
    assert not utils._is_gte_cann_version("1.0.0", "KITCHEN")


def test_the_chip_has_its_number():
    """get_soc_version tells the number of an Ascend910B3 in torch_npu's list."""
    assert utils.get_soc_version() == 223


def test_attention_switches_are_remembered():
    """The switches for attention kernels hold what was set, and a context gives it back; each one warns."""
    with pytest.warns(UserWarning, match="only sets the global variable"):
        torch.npu.enable_flash_sdp(enabled=True)
    with pytest.warns(UserWarning, match="sdp"), torch.npu.sdp_kernel(enable_flash=False):
        assert not torch.npu.flash_sdp_enabled()
    with pytest.warns(UserWarning, match="sdp"):
        assert torch.npu.flash_sdp_enabled()
    with pytest.warns(UserWarning, match="isn't implemented"):
        assert torch.npu.preferred_linalg_library("cusolver") == torch._C._LinalgBackend.Default


@pytest.mark.usefixtures("own_options")
def test_hf32_of_convolutions_is_a_property_of_aclnn():
    """torch.npu.aclnn.allow_hf32 and the context flags set what torch.npu.conv.allow_hf32 tells."""
    assert torch.npu.aclnn.allow_hf32
    with torch.npu.aclnn.flags(allow_hf32=False):
        assert not torch.npu.conv.allow_hf32
    torch.npu.conv.allow_hf32 = False
    assert not torch.npu.aclnn.allow_hf32


def test_plans_of_fourier_transforms_are_cached():
    """One plan for each shape met, at most as many as allowed."""
    cache = torch.npu.backends.fft_plan_cache
    cache.clear()
    for length in (8, 8, 16):
        torch.fft.ifft(torch.ones(length, dtype=torch.complex64).npu())
    assert cache.size == 2
    before, cache.max_size = cache.max_size, 1
    assert cache.size == 1
    cache.max_size = before
    for act, error in (
        (lambda: setattr(cache, "size", 1), RuntimeError),
        (lambda: cache.colour, AttributeError),
    ):
        with pytest.raises(error):
            act()
    with pytest.raises(RuntimeError, match="at least 1"):
        cache.max_size = 0


def test_sleep_keeps_a_stream_busy(machine):
    """_sleep lasts as many cycles as asked for on the current stream, and refuses a negative number."""
    start, end = torch.npu.Event(enable_timing=True), torch.npu.Event(enable_timing=True)
    start.record()
    torch.npu._sleep(machine.device(0).chip.clock_mhz * 1000)
    end.record()
    assert start.elapsed_time(end) == pytest.approx(1.0, rel=0.05)
    with pytest.raises(RuntimeError, match="non-negative"):
        torch.npu._sleep(-1)


def test_time_passes_between_two_events():
    """Two events recorded one after the other are apart: each record is a call of the runtime."""
    start, end = torch.npu.Event(enable_timing=True), torch.npu.Event(enable_timing=True)
    start.record()
    end.record()
    assert 0 < start.elapsed_time(end) < 0.1
    assert end.recorded_time() >= start.recorded_time()


def test_a_cast_to_double_gives_float():
    """A cast on the device to float64 gives float32, as on the real one; a copy from the host does not."""
    assert torch.ones(2, device="npu").double().dtype is torch.float32
    assert torch.ones(2, dtype=torch.float64).npu().dtype is torch.float64


def test_properties_of_other_accelerators_are_none():
    """Fields that only other devices tell are None; unknown ones are errors."""
    properties = torch.npu.get_device_properties(0)
    assert properties.major is None
    assert properties.warp_size is None
    with pytest.raises(AttributeError):
        _ = properties.colour


def test_the_types_without_operators_are_listed():
    """Training frameworks read the types that no operator takes, and leave them out."""
    assert torch.qint8 in torch_npu.unsupported_dtype
    assert torch.bfloat16 not in torch_npu.unsupported_dtype
