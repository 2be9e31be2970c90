"""`torch.npu.aclnn`: the library of ready operators under torch_npu, and its switch `allow_hf32`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.backends import ContextProp, PropModule

from torch_npu.npu.aclnn.backends import version
from torch_npu.npu.npu_config import get_option, set_option

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["allow_hf32", "flags", "version"]
_OPTION = "ALLOW_CONV_HF32"


def _set_allow_conv_hf32(_enabled: bool) -> None:
    set_option({_OPTION: "enable" if _enabled else "disable"})


def _get_allow_conv_hf32() -> bool:
    return get_option(_OPTION) in {None, "", "enable"}


def set_flags(_allow_hf32: bool | None = None) -> tuple[bool]:
    """Sets whether convolutions may compute in HF32, and returns what was set before."""
    before = (_get_allow_conv_hf32(),)
    if _allow_hf32 is not None:
        _set_allow_conv_hf32(_allow_hf32)
    return before


@contextmanager
def flags(allow_hf32: bool = True) -> Iterator[None]:
    """Sets whether convolutions may compute in HF32 for as long as the context lasts."""
    before = set_flags(allow_hf32)
    try:
        yield
    finally:
        set_flags(*before)


class AclnnModule(PropModule):
    """The module with `allow_hf32` as an attribute that can be set."""

    allow_hf32: Any = ContextProp(_get_allow_conv_hf32, _set_allow_conv_hf32)  # type: ignore[no-untyped-call]


allow_hf32: bool
sys.modules[__name__] = AclnnModule(sys.modules[__name__], __name__)  # type: ignore[no-untyped-call]
