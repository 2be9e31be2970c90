"""Which CANN the simulator imitates."""

import re

CANN_VERSION = "8.1.RC1"
_MODULES = frozenset({"CANN", "RUNTIME", "COMPILER", "HCCL", "TOOLKIT", "OPP", "OPP_KERNEL"})


def get_cann_version(module: str = "CANN") -> str:
    """The version of CANN, or of a module of it, whose behaviour is imitated; empty for other modules."""
    return CANN_VERSION if module in _MODULES else ""


def _is_gte_cann_version(version: str, module: str = "CANN") -> bool:
    """Whether the imitated CANN is of a version or later, for example "8.0.RC3"; RCs precede a release."""
    current = get_cann_version(module)
    return bool(current) and _parts(current) >= _parts(version)


def _parts(version: str) -> list[tuple[int, int]]:
    """A version as numbers that compare: alpha, beta and RC lie below the plain number."""
    ranks = {"alpha": -3, "beta": -2, "rc": -1, "t": -1, "": 0}
    found = re.findall(r"([a-zA-Z]*)(\d+)", version)
    return [(ranks.get(word.lower(), 0), int(number)) for word, number in found]
