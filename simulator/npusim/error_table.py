"""The error codes of all faces in one table: what each means and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView


class ErrorEntry(NamedTuple):
    """One code. `code` is a number for AscendCL, text ("E10001") for the tools and libraries."""

    code: int | str
    name: str
    meaning: str
    remedy: str
    arguments: tuple[str, ...] = ()


class ErrorTable:
    """code -> `ErrorEntry`, loaded at first use. AscendCL codes are numbers, the others text."""

    __slots__ = ("_entries", "_names")

    def __init__(self) -> None:
        self._entries: dict[int | str, ErrorEntry] | None = None
        self._names: dict[str, ErrorEntry] = {}

    def _load(self) -> dict[int | str, ErrorEntry]:
        if self._entries is None:
            from npusim._error_entries import entries

            self._entries = {entry.code: entry for entry in entries()}
            self._names = {
                entry.name: entry for entry in self._entries.values() if isinstance(entry.code, int)
            }
        return self._entries

    def __getitem__(self, code: int | str) -> ErrorEntry:
        try:
            return self._load()[code]
        except KeyError:
            raise KeyError(f"{code!r} is no known AscendCL or CANN error code") from None

    def get(self, code: int | str) -> ErrorEntry | None:
        """The entry, or None."""
        return self._load().get(code)

    def by_name(self, name: str) -> ErrorEntry:
        """The AscendCL entry of that name, for example "ACL_ERROR_RT_CONTEXT_NULL".

        Raises:
            KeyError: no such name.
        """
        self._load()
        return self._names[name]

    def __contains__(self, code: object) -> bool:
        return code in self._load()

    def __iter__(self) -> Iterator[int | str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def keys(self) -> KeysView[int | str]:
        """All codes: AscendCL's in numerical order, then CANN's in the vendor's order."""
        return self._load().keys()


errors = ErrorTable()
