"""Which storages were cast to an internal memory format, and what becomes of it when one is cloned."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

known: weakref.WeakKeyDictionary[torch.UntypedStorage, Any] = weakref.WeakKeyDictionary()


def carry(source: Tensor, target: Tensor) -> None:
    """Gives a tensor that was cloned the format of its source."""
    carry_storage(source.untyped_storage(), target.untyped_storage())


def carry_storage(source: torch.UntypedStorage, target: torch.UntypedStorage) -> None:
    """The same for storages."""
    found = known.get(source)
    if found is not None:
        known[target] = found
