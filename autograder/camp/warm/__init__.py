"""Warm kernels: forked from a process that has imported PyTorch already, each into a sandbox of its own.

`isolation()` says what sandbox this machine has. `client_options()` makes an nbclient run in it;
`ZygoteProvisioner` is for every other Jupyter tool, under the name `camp-warm`.
"""

from __future__ import annotations

from camp.warm.errors import SandboxError, WarmKernelError
from camp.warm.limits import Backend, Isolation, Limits
from camp.warm.nursery import CHOICE, Lent, isolation, lend, no_sandbox, prepare, usable

__all__ = [
    "CHOICE",
    "Backend",
    "Isolation",
    "Lent",
    "Limits",
    "SandboxError",
    "WarmKernelError",
    "isolation",
    "lend",
    "no_sandbox",
    "prepare",
    "usable",
]
