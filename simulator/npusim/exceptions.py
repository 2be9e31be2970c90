"""One exception class per kind of failure; each carries the AscendCL code a real device returns for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class NpusimError(RuntimeError):
    """Base of everything the simulated hardware raises. `code` is the AscendCL return code (0: none fits).

    Attributes:
        component: who speaks in the log.
        listener: told of every error that is made; the machine writes it to its log.
    """

    code = 0
    component = "RUNTIME"
    listener: Callable[[NpusimError], None] | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        if NpusimError.listener is not None:
            NpusimError.listener(self)


class UnknownChipError(NpusimError):
    """A chip name that is not in the table."""

    code = 507008


class EnvironmentVariableError(NpusimError):
    """An environment variable holds a value that it does not accept."""

    code = 107000


class AllocatorConfigError(NpusimError, ValueError):
    """A setting of the caching allocator that it does not accept."""

    code = 107000


class InvalidDeviceError(NpusimError):
    """A device index outside what this process sees."""

    code = 107001


class NoContextError(NpusimError):
    """A call from a thread that has no current context."""

    code = 107002


class ContextReleaseError(NpusimError):
    """A device is reset that is not set."""

    code = 507007


class InvalidArgumentError(NpusimError):
    """An argument no real call would accept: a negative size, an unknown copy direction."""

    code = 107000


class WrongStreamError(NpusimError):
    """A stream or event used with another device's, or after it was destroyed."""

    code = 107003


class EventNotRecordedError(NpusimError):
    """A time is asked of an event that no stream has recorded."""

    code = 107006


class CallbackError(NpusimError):
    """A stream's callbacks are processed by the wrong thread, by none, or none came. `code` says which."""

    def __init__(self, message: str, *, code: int) -> None:
        self.code = code
        super().__init__(message)


class OutOfMemoryError(NpusimError):
    """The device has no room for an allocation. All figures are bytes.

    Attributes:
        requested: what the allocator asked the device for, after rounding.
        total: the device's memory as the runtime reports it.
        allocated: held by live blocks of the caching allocator.
        active: live blocks and those that wait for another stream to finish with them.
        reserved: held by the caching allocator, live or cached.
        free: what the device still has.
        allowed: the cap set by `set_fraction`, or None.
    """

    code = 207001

    def __init__(  # noqa: PLR0913 - the figures are the error
        self,
        message: str,
        *,
        requested: int,
        total: int,
        allocated: int,
        active: int,
        reserved: int,
        free: int,
        allowed: int | None = None,
    ) -> None:
        super().__init__(message)
        self.requested = requested
        self.total = total
        self.allocated = allocated
        self.active = active
        self.reserved = reserved
        self.free = free
        self.allowed = allowed


class DoubleFreeError(NpusimError):
    """Memory freed a second time."""

    code = 107000


class UseAfterFreeError(NpusimError):
    """Memory used after it was freed."""

    code = 107000


class DeviceFaultError(NpusimError):
    """A fault of an earlier launch, reported where the host next synchronises.

    Attributes:
        code: the AscendCL code of the fault, for example 507015.
        task: the name of the operator that faulted.
        output: what the kernel printed before it stopped.
    """

    def __init__(self, message: str, *, code: int, task: str, output: str = "") -> None:
        self.code = code
        self.task = task
        self.output = output
        super().__init__(message)
