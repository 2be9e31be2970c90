"""What the device refuses, in the real words."""

import re

import pytest
import torch

LINE = re.compile(
    r"^\[ERROR\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d \(PID:\d+, Device:\d+, RankID:-1\) ERR01002 OPS invalid type$"
)
WORDS = (
    "Expected all tensors to be on the same device. "
    "Expected NPU tensor, please check whether the input tensor device is correct."
)


@pytest.mark.parametrize(
    "mix",
    [
        lambda c, n: c + n,
        lambda c, n: n + c,
        lambda c, n: n @ c,
        lambda c, n: torch.cat([c, n]),
        lambda c, n: torch.where(n > 0, c, n),
        lambda c, n: n.add_(c),
        lambda c, n: c.add_(n),
        torch.nn.functional.linear,
        lambda c, n: torch.add(n, n, out=c),
        lambda c, n: torch.nn.functional.mse_loss(n, c),
    ],
)
def test_cpu_and_npu_tensors_do_not_mix(mix):
    """An operator on tensors of both kinds raises the real words and the real error line."""
    with pytest.raises(RuntimeError) as caught:
        mix(torch.rand(2, 2), torch.rand(2, 2).npu())
    words, line = str(caught.value).split("\n")
    assert words == WORDS
    assert LINE.match(line), line


def test_a_module_left_on_the_cpu():
    """The commonest form of the mistake: the batch was moved, the model was not."""
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        torch.nn.Linear(2, 2)(torch.rand(1, 2).npu())


def test_two_npus_do_not_mix():
    """Tensors of two NPUs raise PyTorch's own words with both names."""
    with pytest.raises(RuntimeError, match="at least two devices, npu:0 and npu:1!"):
        torch.rand(2).npu() + torch.rand(2).to("npu:1")


def test_a_cpu_number_may_be_mixed_in():
    """A CPU tensor without dimensions counts as a number, as in PyTorch."""
    x = torch.ones(2).npu()
    assert (torch.tensor(2.0) * x).tolist() == [2, 2]
    assert (x + torch.tensor(1)).is_npu


def test_host_indices_are_taken():
    """Index tensors may stay on the CPU, as the real kernel takes them."""
    assert torch.arange(4.0).npu()[torch.tensor([2, 0])].tolist() == [2, 0]


def test_numpy_wants_a_cpu_tensor():
    """numpy() on an NPU tensor raises PyTorch's own TypeError."""
    with pytest.raises(TypeError, match="can't convert npu:0 device type tensor to numpy"):
        torch.ones(1).npu().numpy()


def test_the_session_goes_on_after_an_error():
    """An error leaves the device usable and its memory as it was."""
    x = torch.ones(4).npu()
    before = torch.npu.memory_allocated()
    with pytest.raises(RuntimeError):
        x + torch.ones(4)
    assert torch.npu.memory_allocated() == before
    assert (x + 1).tolist() == [2] * 4


@pytest.mark.parametrize("use", [lambda: torch.ones(1, device="npu:8"), lambda: torch.npu.set_device(99)])
def test_there_is_no_such_device(use):
    """A device beyond the last one is refused with the runtime's code 107001 and the valid range."""
    with pytest.raises(
        RuntimeError, match=r"(?s)error code is 107001.*ERR00100 PTA.*valid device range is \[0, 8\)"
    ):
        use()
    assert torch.ones(1, device="npu").item() == 1


def test_device_functions_refuse_bad_devices():
    """Questions about a device that is not there, or not an NPU, are refused with the real words."""
    with pytest.raises(AssertionError, match="Invalid device id"):
        torch.npu.get_device_name(8)
    with pytest.raises(ValueError, match="Expected a npu device, but got: cpu"):
        torch.npu.synchronize("cpu")


def test_more_memory_than_the_device_has():
    """Out of memory raises torch.OutOfMemoryError in the real words, with the device's figures."""
    with pytest.raises(
        torch.OutOfMemoryError,
        match=r"^NPU out of memory\. Tried to allocate 100\.00 GiB \(NPU 0; 60\.96 GiB total capacity; "
        r".* already allocated; .* current active; .* free; .* reserved in total by PyTorch\)",
    ):
        torch.empty(100 * 2**30, dtype=torch.uint8, device="npu")
    assert torch.ones(2, device="npu").sum().item() == 2


def test_out_of_memory_happens_where_the_memory_runs_out():
    """Tensors that fit one by one do not fit together, and fit again when some are gone."""
    kept = [torch.empty(30 * 2**30, dtype=torch.uint8, device="npu") for _ in range(2)]
    with pytest.raises(torch.OutOfMemoryError, match=r"60\.00 GiB already allocated"):
        torch.empty(30 * 2**30, dtype=torch.uint8, device="npu")
    torch.empty(30 * 2**30, dtype=torch.uint8, device="npu:1")
    kept.pop()
    torch.npu.empty_cache()
    torch.empty(30 * 2**30, dtype=torch.uint8, device="npu")


def test_lists_of_tensors_are_copied_between_host_and_device():
    """_foreach_copy_ takes sources from the host to the device and back, as copy_ does."""
    host, device = [torch.rand(3), torch.rand(2, 2)], [torch.zeros(3).npu(), torch.zeros(2, 2).npu()]
    torch._foreach_copy_(device, host)
    assert all(torch.equal(d.cpu(), h) for d, h in zip(device, host, strict=True))
    back = [torch.zeros(3), torch.zeros(2, 2)]
    torch._foreach_copy_(back, device)
    assert all(torch.equal(b, h) for b, h in zip(back, host, strict=True))


def test_pytorchs_profile_names_a_copy_on_the_device():
    """A copy that makes a view contiguous is aclnnInplaceCopy in torch.autograd.profiler, as on a server."""
    x = torch.rand(2, 3).npu()
    with torch.autograd.profiler.profile() as profile:
        x.t().contiguous()
    assert "aclnnInplaceCopy" in {event.key for event in profile.key_averages()}


def test_values_put_at_indices_come_from_the_device():
    """x[rows] = y takes rows of the host, and one number, but no tensor of the host."""
    x = torch.zeros(3, device="npu")
    rows = torch.tensor([0, 1])
    with pytest.raises(RuntimeError, match="Expected NPU tensor"):
        x[rows] = torch.ones(2)
    x[rows] = torch.tensor(2.0)
    x[torch.tensor([2])] = torch.ones(1, device="npu")
    assert x.tolist() == [2, 2, 1]
