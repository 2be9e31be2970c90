"""What streams and tensors owe each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch_npu._ops._fused import invalid
from torch_npu.npu.streams import Stream

if TYPE_CHECKING:
    from torch import Tensor


def erase_stream(tensor: Tensor, stream: Any) -> None:
    """Takes back `tensor.record_stream(stream)`; nothing was kept, as memory is reused in the host's order.

    Raises:
        RuntimeError: the second argument is no stream.
    """
    if not isinstance(stream, Stream):
        raise invalid(f"erase_stream takes a torch.npu.Stream, but got {type(stream).__name__}.")
