"""Seeds and states of the devices' generators."""

import torch


def test_a_seed_repeats_the_numbers():
    """torch.manual_seed seeds every device; the devices' numbers and the CPU's are apart."""
    torch.manual_seed(3)
    first = [torch.randn(4, device=d) for d in ("npu:0", "npu:1", "cpu")]
    torch.manual_seed(3)
    for x in first:
        assert torch.equal(torch.randn(4, device=x.device), x)


def test_the_devices_do_not_disturb_the_cpu():
    """Drawing on a device leaves the CPU's generator where it was."""
    before = torch.get_rng_state()
    x = torch.empty(10, device="npu")
    x.normal_()
    x.uniform_()
    x.bernoulli_(0.5)
    torch.rand_like(x)
    torch.randint(0, 9, (4,), device="npu")
    torch.randperm(5, device="npu")
    torch.multinomial(torch.ones(4, device="npu"), 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_state_can_be_put_back():
    """A saved state gives the same numbers again, on its device only."""
    state = torch.npu.get_rng_state("npu:1")
    assert state.device.type == "cpu"
    x = torch.rand(3, device="npu:1")
    torch.npu.set_rng_state(state, "npu:1")
    assert torch.equal(torch.rand(3, device="npu:1"), x)
    assert len(torch.npu.get_rng_state_all()) == 8


def test_seeding_one_device():
    """manual_seed seeds the current device only, manual_seed_all every one."""
    torch.npu.manual_seed_all(1)
    torch.rand(1, device="npu:1")
    state = torch.npu.get_rng_state(1)
    torch.npu.manual_seed(5)
    assert torch.npu.initial_seed() == 5
    assert torch.equal(torch.npu.get_rng_state(1), state)
