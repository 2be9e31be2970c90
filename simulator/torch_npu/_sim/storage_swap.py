"""Storages that change their size: what two storages hold is exchanged in place.

A storage made through DLPack cannot be resized. So the new size is allocated as a storage of its own, and the
fields of the two C++ objects that say where the bytes are, who frees them and how many, are exchanged.
Where these fields lie is found out with a storage whose address and size are known, not assumed.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch

from torch_npu._sim.dlpack import to_npu
from torch_npu._sim.storages import NotSimulatedError, adopt

_WORD = 8
_WORDS_SEARCHED = 12
_PROBE_BYTES = 41231  # a size that no other field is likely to hold
_original = torch.UntypedStorage.resize_


class _Layout:
    """Byte offset of the first field to exchange, and how many words there are; unknown until looked for."""

    start = 0
    words = 0


def _find_layout() -> None:
    probe = to_npu(torch.empty(_PROBE_BYTES, dtype=torch.uint8), 0)
    storage = probe.untyped_storage()
    fields = list((ctypes.c_uint64 * _WORDS_SEARCHED).from_address(storage._cdata))
    try:
        first, last = fields.index(probe.data_ptr()), fields.index(_PROBE_BYTES)
    except ValueError:
        first, last = 0, -1
    if last <= first:
        raise NotSimulatedError(
            "resizing a storage is not simulated with this version of PyTorch: make a new tensor instead."
        )
    _Layout.start = first * _WORD
    _Layout.words = last - first + 1


def exchange(one: torch.UntypedStorage, other: torch.UntypedStorage) -> None:
    """Exchanges what two NPU storages hold.

    Raises:
        NotSimulatedError: the fields of a storage were not found.
    """
    if not _Layout.words:
        _find_layout()
    words = ctypes.c_uint64 * _Layout.words
    a = words.from_address(one._cdata + _Layout.start)
    b = words.from_address(other._cdata + _Layout.start)
    a[:], b[:] = list(b), list(a)


def resize(storage: torch.UntypedStorage, nbytes: int) -> None:
    """Gives an NPU storage another size; the bytes that fit stay.

    Raises:
        torch.OutOfMemoryError: the device has no room for the new size beside the old one.
    """
    twin = torch.empty(nbytes, dtype=torch.uint8)
    kept = min(nbytes, storage.nbytes())
    new = adopt(twin, storage.get_device())
    if kept:
        ctypes.memmove(new.data_ptr(), storage.data_ptr(), kept)
    exchange(storage, new.untyped_storage())


def _resize_(self: torch.UntypedStorage, size: int) -> Any:
    if self.device.type != "npu":
        return _original(self, size)
    if size != self.nbytes():
        resize(self, size)
    return self


def install() -> None:
    """Teaches `UntypedStorage.resize_` the device."""
    torch.UntypedStorage.resize_ = _resize_  # type: ignore[method-assign, assignment]
