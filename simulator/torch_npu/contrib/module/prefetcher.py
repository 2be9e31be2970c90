"""Batches that are on the NPU before they are needed."""

from __future__ import annotations

from typing import Any

from torch_npu import npu


class Prefetcher:
    """Copies the next batch on a stream of its own while the current one is worked on.

    Args:
        loader: gives pairs of inputs and targets.
        stream: for the copies; a new one by default.
    """

    def __init__(self, loader: Any, stream: Any = None) -> None:
        self.loader = iter(loader)
        self.stream = npu.Stream() if stream is None else stream
        self.next_input: Any = None
        self.next_target: Any = None
        self.preload()

    def preload(self) -> None:
        """Begins to copy the next batch; after the last one there is None."""
        try:
            self.next_input, self.next_target = next(self.loader)
        except StopIteration:
            self.next_input = self.next_target = None
            return
        with npu.stream(self.stream):
            self.next_input = self.next_input.npu(non_blocking=True)
            self.next_target = self.next_target.npu(non_blocking=True)

    def next(self) -> tuple[Any, Any]:
        """The next batch, on the NPU; (None, None) after the last."""
        npu.current_stream().wait_stream(self.stream)
        batch = self.next_input, self.next_target
        if batch[1] is not None:
            self.preload()
        return batch
