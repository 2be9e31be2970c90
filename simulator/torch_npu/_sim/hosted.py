"""Where the values of one of our own operators are computed with PyTorch's on the host.

Whatever watches or changes the program's operators (profilers, default devices) must see the one operator
and not what it is made of.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.utils._python_dispatch import _disable_current_modes

from torch_npu._sim import watchers

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def hosted() -> Iterator[None]:
    """Computes on host tensors unseen by modes."""
    with torch._C.DisableTorchFunction(), _disable_current_modes():
        yield


@contextmanager
def announced(name: str) -> Iterator[None]:
    """Tells whoever watches that an operator of that name begins and ends."""
    if not watchers.operators:
        yield
        return
    told = [(watcher, watcher.begin_operator(name)) for watcher in watchers.operators]
    try:
        yield
    finally:
        for watcher, place in told:
            watcher.end_operator(place)
