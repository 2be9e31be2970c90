"""Stream descriptions: pieces of a video stream in memory; the face is `acl.media`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acl._calls import integer, plain, status
from acl._handles import Handles
from acl._state import State

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Piece:
    """A piece of a video stream.

    Attributes:
        data, size: where it lies.
        fmt: 0 H.265 main, 1 to 3 H.264 baseline, main, high.
        timestamp: the application's.
        ret_code: 0, or what went wrong with it.
        eos: whether the stream ends here.
    """

    data: int = 0
    size: int = 0
    fmt: int = 0
    timestamp: int = 0
    ret_code: int = 0
    eos: int = 0


pieces: Handles[Piece] = Handles("stream description")
State.finalisers.append(pieces.clear)


@plain()
def dvpp_create_stream_desc() -> int:
    """A description of a piece of a video stream: its handle."""
    return pieces.add(Piece())


@status
def dvpp_destroy_stream_desc(stream_desc: int) -> None:
    """End a description; its memory stays: `ret`. Codes: 100000."""
    pieces.remove(stream_desc)


def _setter(field: str, what: str) -> Callable[[int, int], int]:
    def change(stream_desc: int, value: int) -> None:
        setattr(pieces.get(stream_desc), field, integer(what, value, least=0))

    change.__name__ = f"dvpp_set_stream_desc_{what}"
    change.__doc__ = f"Set the {what} of a piece of a video stream: `ret`. Codes: 100000."
    return status(change)


def _getter(field: str, what: str) -> Callable[[int], Any]:
    def tell(stream_desc: int) -> int:
        return int(getattr(pieces.get(stream_desc), field))

    tell.__name__ = f"dvpp_get_stream_desc_{what}"
    tell.__doc__ = f"The {what} of a piece of a video stream."
    return plain()(tell)


dvpp_set_stream_desc_data = _setter("data", "data")
dvpp_set_stream_desc_size = _setter("size", "size")
dvpp_set_stream_desc_format = _setter("fmt", "format")
dvpp_set_stream_desc_timestamp = _setter("timestamp", "timestamp")
dvpp_set_stream_desc_ret_code = _setter("ret_code", "ret_code")
dvpp_set_stream_desc_eos = _setter("eos", "eos")
dvpp_get_stream_desc_data = _getter("data", "data")
dvpp_get_stream_desc_size = _getter("size", "size")
dvpp_get_stream_desc_format = _getter("fmt", "format")
dvpp_get_stream_desc_timestamp = _getter("timestamp", "timestamp")
dvpp_get_stream_desc_ret_code = _getter("ret_code", "ret_code")
dvpp_get_stream_desc_eos = _getter("eos", "eos")
