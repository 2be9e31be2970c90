"""Which CANN the simulator imitates."""

CANN_VERSION = "8.1.RC1"


def get_cann_version(module: str = "CANN") -> str:
    """The version of CANN, or of a module of it, whose behaviour is imitated."""
    return CANN_VERSION
