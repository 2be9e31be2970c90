"""Handles: integers that stand for contexts, streams, descriptors. A wrong one is refused, never followed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from acl._calls import AclError

T = TypeVar("T")
FIRST = 0x5510_0000_0000  # in the heap of a usual process, so that a handle looks like what it is
STEP = 0x40


class _Counter:
    last = FIRST


class Handles(Generic[T]):
    """Objects of one kind behind integers.

    Args:
        what: the kind, for messages.
        code: the error code for an integer that is none of them.
    """

    def __init__(self, what: str, code: int = 100000) -> None:
        self.what = what
        self.code = code
        self._objects: dict[int, T] = {}

    def add(self, thing: T) -> int:
        """A new handle."""
        _Counter.last += STEP
        self._objects[_Counter.last] = thing
        return _Counter.last

    def get(self, handle: Any) -> T:
        """The object behind a handle.

        Raises:
            AclError: the integer is no live handle of this kind.
        """
        found = self._objects.get(handle) if isinstance(handle, int) else None
        if found is None:
            raise AclError(
                self.code, f"{_spell(handle)} is no {self.what}; pass what its create call returned"
            )
        return found

    def remove(self, handle: Any) -> T:
        """Ends a handle and returns its object.

        Raises:
            AclError: the integer is no live handle of this kind.
        """
        found = self.get(handle)
        del self._objects[handle]
        return found

    def handle(self, thing: T) -> int:
        """The handle of an object that has one; 0 where it has none."""
        return next((number for number, known in self._objects.items() if known is thing), 0)

    def clear(self) -> None:
        """Forgets all."""
        self._objects.clear()

    def __len__(self) -> int:
        return len(self._objects)

    def all(self) -> list[T]:
        """All live objects."""
        return list(self._objects.values())

    def items(self) -> list[tuple[int, T]]:
        """All live handles and their objects."""
        return list(self._objects.items())


def _spell(handle: Any) -> str:
    return hex(handle) if isinstance(handle, int) else repr(handle)
