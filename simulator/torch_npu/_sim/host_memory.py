"""Host memory behind large tensors: the simulated device has 64 GB, a laptop has not.

Large memory is mapped without being reserved: it costs the host only the pages that are touched, and is zero
until then. Where the host refuses even that, the error says that it was the host and not the device.
"""

from __future__ import annotations

import mmap
import sys

import torch
from torch import Tensor

LARGE = 256 << 20
# Linux only: a promise of memory that the kernel does not count. Elsewhere the plain flags serve.
_FLAGS = 0x22 | (0x4000 if sys.platform == "linux" else 0)


class HostMemoryError(MemoryError):
    """The simulated device has room for a tensor, the computer that simulates it has not."""


def zeros(nbytes: int) -> Tensor:
    """A flat CPU tensor of `nbytes` zero bytes that takes no host memory until it is written.

    Raises:
        HostMemoryError: the host cannot map that much.
    """
    try:
        if sys.platform == "linux":
            mapped = mmap.mmap(-1, nbytes, flags=_FLAGS)
        else:
            mapped = mmap.mmap(-1, nbytes)
    except OSError as error:
        raise HostMemoryError(
            f"the simulated NPU has room for {nbytes} bytes, but this computer has not ({error}): "
            "use a smaller tensor, or set NPUSIM_SOC to a chip with less memory."
        ) from None
    return torch.frombuffer(mapped, dtype=torch.uint8)
