"""Which version of the operators' library there is."""

import warnings

__all__ = ["version"]


def version() -> None:
    """None: the library does not tell its version, here as on a server."""
    warnings.warn("torch.npu.aclnn.version isn't implemented!", stacklevel=2)
