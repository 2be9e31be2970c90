"""Random numbers: one generator a device, apart from the CPU's, so that either can be seeded alone."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim import runtime

if TYPE_CHECKING:
    from torch_npu._sim.signatures import Signature

_CppGenerator = torch._C.Generator
_defaults: dict[int, torch.Generator] = {}
# PyTorch hands kernels another Python object for the same C++ generator; its address tells the device.
_owners: dict[int, int] = {}


class _AnyGenerator(type(_CppGenerator)):  # type: ignore[misc]  # the metaclass of a C++ class
    """Lets PyTorch's own generators count as instances of `Generator`."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _CppGenerator)


class Generator(_CppGenerator, metaclass=_AnyGenerator):
    """`torch.Generator`, which also makes generators for the NPU.

    Args:
        device: "cpu" (default), "npu" or "npu:N".
    """

    _npu: torch.device

    def __new__(cls, device: Any = "cpu") -> Any:
        """A generator of the device's kind."""
        device = torch.device("npu", device) if isinstance(device, int) else torch.device(device)
        if device.type != "npu":
            return _CppGenerator(device)
        generator = super().__new__(cls)
        index = runtime.current_device() if device.index is None else device.index
        runtime.check_index(index)
        generator._npu = torch.device("npu", index)
        address: int = generator._cdata  # type: ignore[attr-defined]  # missing in PyTorch's stubs
        _owners[address] = index
        weakref.finalize(generator, _owners.pop, address, None)
        return generator

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The device whose numbers it draws."""
        return self._npu

    def clone_state(self) -> Any:
        """A new generator in the same state."""
        twin = Generator(self.device)
        twin.set_state(self.get_state())
        return twin

    def __reduce__(self) -> Any:
        return _restored, (str(self.device), self.get_state())

    def __repr__(self) -> str:
        return f"<torch._C.Generator device={self.device}>"


def _restored(device: str, state: torch.Tensor) -> Any:
    generator = Generator(device)
    generator.set_state(state)
    return generator


def default(index: int) -> torch.Generator:
    """The default generator of npu:index, seeded by the operating system until someone seeds it."""
    generator = _defaults.get(index)
    if generator is None:
        generator = _defaults[index] = Generator(torch.device("npu", index))
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


def all_devices() -> tuple[torch.Generator, ...]:
    """The default generators of all devices."""
    return tuple(default(i) for i in range(runtime.device_count()))


def insert(sig: Signature, values: list[Any], kwargs: dict[str, Any], index: int) -> None:
    """Puts the device's generator where a call left it open.

    Raises:
        RuntimeError: the call names the CPU's generator.
    """
    if "generator" in sig.names:
        at = sig.names.index("generator")
        if at < len(values):
            values[at] = chosen(values[at], index)
            return
    kwargs["generator"] = chosen(kwargs.get("generator"), index)


def chosen(given: Any, index: int) -> torch.Generator:
    """The generator that a call gave, or the device's own.

    Raises:
        RuntimeError: it is the CPU's.
    """
    if given is None:
        return default(index)
    if _owners.get(given._cdata) is None:
        raise RuntimeError(f"Expected a 'npu' device type for generator but found '{given.device.type}'")
    generator: torch.Generator = given
    return generator


def install() -> None:
    """Teaches `torch.Generator(device="npu")`."""
    torch.Generator = Generator  # type: ignore[misc]
