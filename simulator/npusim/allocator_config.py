"""The settings of the caching allocator: PYTORCH_NPU_ALLOC_CONF, or PYTORCH_ALLOC_CONF.

A list of `key:value`, separated by commas; the keys of NPUAllocatorConfig.cpp in Ascend/pytorch and of
PyTorch's own AcceleratorAllocatorConfig. What decides about addresses, threads or host memory is accepted and
has no effect here: `expandable_segments`, `garbage_collection_threshold`, `page_size` and others.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from npusim.exceptions import AllocatorConfigError

MB = 1 << 20
LARGE_BUFFER = 20 * MB
_SEGMENT_MB = (20, 512)
_LEAST_MB = {
    "large_segment_size_mb": 11,  # from 10 MiB on a request gets a segment of its own
    "max_non_split_rounding_mb": 20,
    "max_split_size_mb": 21,
}
_SIZES = {
    "large_segment_size_mb": "large_segment",
    "max_non_split_rounding_mb": "max_non_split_rounding",
    "max_split_size_mb": "max_split_size",
}
_ACCEPTED = frozenset(
    {
        "base_addr_aligned_kb",
        "garbage_collection_threshold",
        "multi_stream_lazy_reclaim",
        "page_size",
        "pin_memory_expandable_segments",
        "pinned_max_cached_size_mb",
        "pinned_max_round_threshold_mb",
        "pinned_mem_register",
        "pinned_reserve_segment_size_mb",
        "pinned_use_background_threads",
        "release_lock_on_npumalloc",
        "throw_on_npumalloc_oom",
    }
)
_PAIR = re.compile(r"\s*(\w+)\s*:\s*(\[[^\]]*\]|[^,\[\]]+)\s*(?:,|$)")


@dataclass
class AllocatorConfig:
    """The settings.

    Attributes:
        max_split_size: blocks of at least this many bytes are not split (None: no limit).
        max_non_split_rounding: how much larger than asked for such a block may be, in bytes.
        large_segment: the segment for requests between 1 and 10 MiB, in bytes.
        fraction: how much of the device's memory this process may take (None: all of it).
        divisions: into how many steps sizes between two powers of two are rounded up, by the lower power in
            MiB (1 to 65536); empty: to 512 bytes.
        expandable: whether segments may grow; taken note of.
    """

    max_split_size: int | None = None
    max_non_split_rounding: int = LARGE_BUFFER
    large_segment: int = LARGE_BUFFER
    fraction: float | None = None
    divisions: dict[int, int] = field(default_factory=dict)
    expandable: bool = False

    def update(self, text: str) -> None:
        """Takes up what a text sets.

        Raises:
            AllocatorConfigError: a key is unknown, or a value not allowed.
        """
        at, pairs = 0, []
        while at < len(text):
            found = _PAIR.match(text, at)
            if found is None:
                raise AllocatorConfigError(
                    f"Error parsing allocator config near {text[at:]!r}: write key:value,key:value"
                )
            pairs.append((found[1], found[2].strip()))
            at = found.end()
        for key, value in pairs:
            self._set(key, value)
        if self.max_split_size is not None and self.max_split_size < self.large_segment:
            raise AllocatorConfigError(
                f"CachingAllocator option max_split_size_mb error, must be >= large_segment_size_mb; it is "
                f"{self.max_split_size // MB}"
            )
        if self.expandable and self.max_split_size is not None:
            raise AllocatorConfigError(
                "`max_split_size_mb` or `garbage_collection_threshold`, cannot be enabled with "
                "`expandable_segments`, please set `expandable_segments` to `False`."
            )

    def _set(self, key: str, value: str) -> None:
        least = _LEAST_MB.get(key, 0)
        if key in _SIZES:
            setattr(self, _SIZES[key], _megabytes(key, value, least) * MB)
        elif key == "segment_size_mb":
            if self.large_segment == LARGE_BUFFER:  # the other key goes before this one
                self.large_segment = _megabytes(key, value, *_SEGMENT_MB) * MB
        elif key == "per_process_memory_fraction":
            self.fraction = _fraction(value)
        elif key == "roundup_power2_divisions":
            self.divisions = _divisions(value)
        elif key == "expandable_segments":
            if value not in {"True", "False"}:
                raise AllocatorConfigError(f"Expected a single True/False argument for {key}, not {value}")
            self.expandable = value == "True"
        elif key not in _ACCEPTED:
            raise AllocatorConfigError(f"Unrecognized key '{key}' in NPU allocator config")

    def round(self, size: int, step: int) -> int:
        """A size rounded up: to a step, or as `roundup_power2_divisions` says.

        Args:
            size: bytes.
            step: bytes.
        """
        parts = self._parts(size) if self.divisions else 0
        if parts > 1 and size > step * parts:
            unit = (1 << (size.bit_length() - 1)) // parts
            if unit > 1:
                return -(-size // unit) * unit
        return -(-size // step) * step

    def _parts(self, size: int) -> int:
        power = max(1, min(1 << 16, (1 << (size.bit_length() - 1)) // MB))
        return self.divisions.get(power, 0)


def from_environment(environ: dict[str, str] | None = None) -> str:
    """The settings that the environment asks for.

    Raises:
        AllocatorConfigError: both variables are set.
    """
    env = dict(os.environ) if environ is None else environ
    ours, common = env.get("PYTORCH_NPU_ALLOC_CONF", ""), env.get("PYTORCH_ALLOC_CONF", "")
    if ours and common:
        raise AllocatorConfigError(
            "Both PYTORCH_NPU_ALLOC_CONF and PYTORCH_ALLOC_CONF have been set, please set only one of them."
        )
    return ours or common


def _megabytes(key: str, value: str, low: int, high: int = 1 << 30) -> int:
    if not value.isdecimal() or not low <= int(value) <= high:
        bounds = f"[{low}, {high}]" if high < 1 << 30 else f"> {low - 1}"
        raise AllocatorConfigError(
            f"CachingAllocator option {key} error, must be {bounds}, dtype is int; it is {value}"
        )
    return int(value)


def _fraction(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise AllocatorConfigError(f"per_process_memory_fraction is invalid, set it in [0.0, 1.0]: {value}")
    return number


def _divisions(value: str) -> dict[int, int]:
    """One number for all sizes, or `[64:8,256:4,>:1]`: by the power of two in MiB that a size reaches.

    The first number also holds below, the one of `>` above; powers between that are not named keep 512 bytes.
    """
    powers = [1 << i for i in range(17)]
    if not value.startswith("["):
        return dict.fromkeys(powers, _power_of_two(value))
    found: dict[int, int] = {}
    for pair in value.strip("[]").split(","):
        name, _, parts = (part.strip() for part in pair.partition(":"))
        number = _power_of_two(parts)
        if name == ">":
            found |= dict.fromkeys([p for p in powers if p > max(found, default=0)], number)
        elif not found:
            found = dict.fromkeys([p for p in powers if p <= _power_of_two(name)], number)
        else:
            found[_power_of_two(name)] = number
    return found


def _power_of_two(value: str) -> int:
    number = int(value) if value.isdecimal() else -1
    if number < 0 or number & (number - 1):
        raise AllocatorConfigError(
            f"For roundups, the divisions and sizes have to be powers of 2; {value!r} is not one"
        )
    return number
