"""Compiling operators when they are first met, as CANN does where no ready binaries are used.

With `jit_compile` on, the first launch of an operator type with its shapes and types makes the host compile
it; later launches find it done. Off, which is the 910B's default, operators come as binaries for all shapes.
Source: CANN 6.3 document "operator binary configuration" (ptmigr_0043), and set_compile_mode of torch_npu.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npusim.constants import CONSTANTS, Constant, value
from npusim.records import Task

if TYPE_CHECKING:
    from npusim.op import Op
    from npusim.stream import Stream

COMPILE = Task("aclopCompileAndExecuteV2", "compile", "HOST")
_NOT_COMPILED = frozenset({"aicpu", "view"})  # AI CPU kernels come ready; a view is no kernel

CONSTANTS["op_compile_ns"] = Constant(
    "op_compile_ns",
    2_000_000_000,
    "ns",
    "derived",
    "Comfy-Org/ComfyUI pull request 10050: first picture of SD 1.5, 600 s with jit_compile and 40 s without",
    "560 s by about 280 distinct operators, an estimate from the layers of the three networks",
)


class Compiler:
    """Which operators were compiled in this process.

    Attributes:
        enabled: whether an operator is compiled when it is first met; off at first.
    """

    __slots__ = ("_done", "enabled")

    def __init__(self) -> None:
        self.enabled = False
        self._done: set[tuple[object, ...]] = set()

    def __len__(self) -> int:
        """How many operators were compiled."""
        return len(self._done)

    def meet(self, op: Op, stream: Stream) -> None:
        """Lets the host compile an operator that it has not compiled before, and waits for it.

        Args:
            op: what is about to be launched.
            stream: where.
        """
        if not self.enabled or op.kind in _NOT_COMPILED:
            return
        key = op.key()
        if key in self._done:
            return
        self._done.add(key)
        node = stream.device.node
        if node.cost_model:
            began, took = node.host.now, value("op_compile_ns")
            node.host.now = began + took
            node.records.add("sync", COMPILE, stream.device.index, stream.id, began, began, took)
