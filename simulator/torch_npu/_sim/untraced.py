"""Keeps `torch.compile` out of the simulator's functions: they run what a graph holds, and are none of it.

Imported after `torch._dynamo.trace_rules`. The real torch_npu has its kernels in its compiled part, where
nothing is traced.
"""

from __future__ import annotations

from torch._dynamo import trace_rules

for _package in ("torch_npu", "npusim"):
    trace_rules.add(_package)  # type: ignore[no-untyped-call, unused-ignore]
