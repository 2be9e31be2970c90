"""MoXing as a training job on ModelArts finds it: `moxing.file`, for obs:// and s3:// addresses and paths."""

from . import file

__all__ = ["file"]


def __getattr__(name: str) -> object:
    """Say what is not simulated; a name with `__` is Python asking."""
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotImplementedError(f"moxing.{name} is not simulated; of MoXing there is moxing.file")
