"""Random numbers: one generator a device, apart from the CPU's, so that either can be seeded alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim import runtime

if TYPE_CHECKING:
    from torch_npu._sim.signatures import Signature

_defaults: dict[int, torch.Generator] = {}


def default(index: int) -> torch.Generator:
    """The default generator of npu:index, seeded by the operating system until someone seeds it."""
    generator = _defaults.get(index)
    if generator is None:
        generator = _defaults[index] = torch.Generator("cpu")
        if _Seed.all_devices is None:
            generator.seed()
        else:
            generator.manual_seed(_Seed.all_devices)
    return generator


class _Seed:
    all_devices: int | None = None  # what torch.manual_seed said last, for devices not used so far


def seed_all(seed: int) -> None:
    """Seeds every device, also those not used yet."""
    _Seed.all_devices = seed
    for generator in _defaults.values():
        generator.manual_seed(seed)


def all_devices() -> list[torch.Generator]:
    """The default generators of all devices."""
    return [default(i) for i in range(runtime.device_count())]


def insert(sig: Signature, values: list[Any], kwargs: dict[str, Any], index: int) -> None:
    """Puts the device's generator where a call left it open."""
    if kwargs.get("generator") is not None:
        return
    if "generator" in sig.names:
        at = sig.names.index("generator")
        if at < len(values):
            if values[at] is None:
                values[at] = default(index)
            return
    kwargs["generator"] = default(index)
