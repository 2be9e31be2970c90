"""The host's virtual clock: integer nanoseconds that only our own calls move."""

from __future__ import annotations

from npusim.exceptions import InvalidArgumentError


class HostClock:
    """Virtual time of the program's thread.

    Attributes:
        now: nanoseconds since the machine started.
    """

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0

    def advance(self, ns: int) -> None:
        """Lets host time pass.

        Raises:
            InvalidArgumentError: ns is negative.
        """
        if ns < 0:
            raise InvalidArgumentError(f"the clock was asked to go back {-ns} ns; time only goes forward.")
        self.now += ns

    def wait_until(self, ns: int) -> None:
        """Lets time pass up to a moment, which may be over."""
        self.now = max(self.now, ns)
