"""What a collective returns: something to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from torch_npu._sim import runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    import npusim


class Work(torch._C._distributed_c10d.Work):
    """A collective that was given to the device.

    Waiting makes the current stream wait, not the host, as on the real device.

    Args:
        results: the tensors that it writes.
        index: the device.
        finish: gives the event at its end; called once, when somebody waits. A collective whose peers were
            all there when it was called has its event at once.
        source: the rank that it received from.
    """

    def __init__(
        self, results: list[Any], index: int, finish: Callable[[], npusim.Event | None], source: int = -1
    ) -> None:
        super().__init__()
        self._results = results
        self._index = index
        self._finish: Callable[[], npusim.Event | None] | None = finish
        self._event: npusim.Event | None = None
        self._source = source
        self._future: Any = None

    def _arrive(self) -> None:
        if self._finish is not None:
            finish, self._finish = self._finish, None
            self._event = finish()

    def wait(self, timeout: Any = None) -> bool:
        """Lets later work of the current stream start after this.

        Raises:
            RuntimeError: a rank did not come in time.
        """
        self._arrive()
        if self._event is not None:
            self._event.wait(runtime.queues[self._index])
        return True

    def synchronize(self) -> None:
        """The same as `wait`."""
        self.wait()

    def is_completed(self) -> bool:
        """Whether the device is done with it."""
        self._arrive()
        return self._event is None or self._event.query()

    def is_success(self) -> bool:
        """Whether it did not fail."""
        return True

    def exception(self) -> Any:
        """None: a failure is raised by `wait`."""
        return None

    def result(self) -> list[Any]:
        """The tensors that it wrote."""
        return self._results

    def source_rank(self) -> int:
        """The rank that it received from."""
        return self._source

    def get_future(self) -> Any:
        """A future of the tensors that it writes; DistributedDataParallel waits for that."""
        if self._future is None:
            self.wait()
            self._future = torch.futures.Future()
            self._future.set_result(self._results)
        return self._future


class Works(Work):
    """Several collectives as one.

    Args:
        works: in the order in which they were called.
    """

    def __init__(self, works: list[Work]) -> None:
        super().__init__([t for work in works for t in work.result()], -1, lambda: None)
        self._works = works

    def wait(self, timeout: Any = None) -> bool:
        """Waits for each."""
        results = [work.wait(timeout) for work in self._works]  # every one, also after a failure
        return all(results)

    def is_completed(self) -> bool:
        """Whether the device is done with all of them."""
        return all(work.is_completed() for work in self._works)
