"""Whether mixed precision can be used."""

from torch_npu.npu.device import is_available

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    """Whether there is no device for it."""
    return not is_available()
