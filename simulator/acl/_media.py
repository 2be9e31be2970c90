"""What the media calls share: channels, regions, settings and batches behind their handles."""

from __future__ import annotations

from dataclasses import dataclass, field

import npusim

from acl._calls import AclError
from acl._handles import Handles
from acl._pictures import PARAM, Picture
from acl._state import State


@dataclass
class Channel:
    """A channel to the media unit; `open` between create and destroy."""

    open: bool = False
    mode: int = 0


@dataclass
class Region:
    """A rectangle, in pixels, its last column and row included as in the real one."""

    left: int
    right: int
    top: int
    bottom: int

    def cut(self, picture: Picture, what: str) -> tuple[int, int, int, int]:
        """Left, top, width and height within a picture.

        Raises:
            AclError: left and top must be even, right and bottom odd, all within the picture (100000).
        """
        width, height = self.right - self.left + 1, self.bottom - self.top + 1
        if self.left % 2 or self.top % 2 or not self.right % 2 or not self.bottom % 2:
            raise AclError(
                PARAM,
                f"{what} ({self.left}, {self.right}, {self.top}, {self.bottom}): left and top must be even, "
                "right and bottom odd",
            )
        inside = 0 <= self.left < self.right < picture.width and 0 <= self.top < self.bottom < picture.height
        if not inside:
            raise AclError(
                PARAM,
                f"{what} ({self.left}, {self.right}, {self.top}, {self.bottom}) leaves the picture of "
                f"{picture.width}x{picture.height}",
            )
        return self.left, self.top, width, height


@dataclass
class Quality:
    """Settings of JPEG encoding."""

    level: int = 100


@dataclass
class Interpolation:
    """Settings of resizing: 0 and 1 bilinear, 2 nearest neighbour."""

    mode: int = 0


@dataclass
class Batch:
    """Pictures that are worked on in one call."""

    handles: list[int] = field(default_factory=list)


channels: Handles[Channel] = Handles("channel description")
pics: Handles[Picture] = Handles("picture description")
batches: Handles[Batch] = Handles("batch of picture descriptions")
regions: Handles[Region] = Handles("region")
qualities: Handles[Quality] = Handles("JPEG encoding setting")
resizes: Handles[Interpolation] = Handles("resize setting")
for _handles in (channels, pics, batches, regions, qualities, resizes):
    State.finalisers.append(_handles.clear)


decoded: dict[int, int] = {}  # where a video's picture will be: when it is there, in nanoseconds
State.finalisers.append(decoded.clear)


def after_decoding(stream: npusim.Stream, address: int) -> None:
    """Let a stream wait for a video's picture before it reads it.

    A program learns in a callback that the picture is there, and goes on in another thread, of whose time the
    host's clock knows nothing.
    """
    ready = decoded.pop(address, 0)
    if ready > stream.tail:
        event = npusim.Event(stream.device)
        event.time = ready
        stream.wait_event(event)


def need_channel(channel_desc: int) -> None:
    """Raise unless a channel is open.

    Raises:
        AclError: no description, or its channel is not open (100000).
    """
    if not channels.get(channel_desc).open:
        raise AclError(PARAM, "the channel is not open; call acl.media.dvpp_create_channel first")
