"""`torch.accelerator.Graph`: PyTorch's device-neutral captured graph, on the NPU."""

from __future__ import annotations

import torch

from torch_npu.npu.graphs import NPUGraph


class Graph:
    """Work captured on the current stream between `with graph:` and its end, to be replayed.

    Args:
        keep_graph: accepted; there is nothing to instantiate here.
        pool: the id of a pool of memory to share.
        capture_error_mode: accepted: "default", "global", "thread_local" or "relaxed".
    """

    def __init__(
        self,
        keep_graph: bool = False,
        *,
        pool: tuple[int, int] | None = None,
        capture_error_mode: str = "default",
    ) -> None:
        self.graph_pool = pool
        self.capture_error_mode = capture_error_mode
        self._graph = NPUGraph()
        self._graph._named = False

    def capture_begin(self) -> None:
        """Captures from here on; see `NPUGraph.capture_begin`."""
        mode = "global" if self.capture_error_mode == "default" else self.capture_error_mode
        self._graph.capture_begin(self.graph_pool, mode)

    def capture_end(self) -> None:
        """Ends the capture."""
        self._graph.capture_end()

    def instantiate(self) -> None:
        """Makes the graph ready: it is."""

    def replay(self) -> None:
        """Does the captured work again, on the current stream."""
        self._graph.replay()

    def reset(self) -> None:
        """Forgets the captured work and lets its memory go."""
        self._graph.reset()

    def pool(self) -> tuple[int, int]:
        """The id of the graph's pool of memory."""
        return self._graph.pool()

    def __enter__(self) -> None:
        torch.accelerator.synchronize()
        torch.accelerator.empty_cache()
        self.capture_begin()

    def __exit__(self, exc_type: object, *_: object) -> None:
        self.capture_end()
        if exc_type is not None:
            self.reset()
