"""What ais_bench refuses."""


class BenchError(Exception):
    """A run that cannot be done: one line."""
