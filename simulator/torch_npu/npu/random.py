"""Seeds and states of the devices' random number generators (torch_npu/npu/random.py of Ascend/pytorch).

The numbers are not those of a real NPU, which no one can reproduce elsewhere; everything else about them is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim import capturing, generators, runtime

if TYPE_CHECKING:
    from collections.abc import Iterable

Device = Any


def _index(device: Device) -> int:
    if isinstance(device, str):
        device = torch.device(device)
    if isinstance(device, torch.device):
        device = device.index
    index = runtime.current_device() if device is None else int(device)
    runtime.check_index(index)
    return index


def get_rng_state(device: Device = "npu") -> torch.Tensor:
    """The state of a device's generator, a ByteTensor on the CPU."""
    runtime.initialize()
    index = _index(device)
    state = generators.default(index).get_state()
    capture = capturing.underway(index)
    if capture is not None:
        capture.random_got(state)
    return state


def get_rng_state_all() -> list[torch.Tensor]:
    """The states of all devices' generators."""
    return [get_rng_state(i) for i in range(runtime.device_count())]


def set_rng_state(new_state: torch.Tensor, device: Device = "npu") -> None:
    """Sets the state of a device's generator to one that `get_rng_state` gave."""
    index = _index(device)
    runtime.when_initialized(lambda: _set_state(new_state, index))


def _set_state(new_state: torch.Tensor, index: int) -> None:
    capture = capturing.underway(index)
    if capture is not None:
        capture.random_set(new_state)
    generators.default(index).set_state(new_state)


def set_rng_state_all(new_states: Iterable[torch.Tensor]) -> None:
    """Sets the states of all devices' generators, the first one first."""
    for index, state in enumerate(new_states):
        set_rng_state(state, index)


def manual_seed(seed: int) -> None:
    """Seeds the current device's generator.

    Raises:
        RuntimeError: another seed while a graph is captured.
    """
    generator = generators.default(runtime.current_device())
    if capturing.underway(runtime.current_device()) is not None and seed != generator.initial_seed():
        raise capturing.other_seed()
    generator.manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all devices. `torch.manual_seed` calls it too."""
    generators.seed_all(int(seed))


def seed() -> None:
    """Seeds the current device's generator with a random number."""
    generators.default(runtime.current_device()).seed()


def seed_all() -> None:
    """Seeds the generators of all devices with one random number."""
    generators.seed_all(torch.Generator().seed())


def initial_seed() -> int:
    """The seed of the current device's generator."""
    runtime.initialize()
    return generators.default(runtime.current_device()).initial_seed()
