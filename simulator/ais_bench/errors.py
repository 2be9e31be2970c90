"""What ais_bench refuses."""


class BenchError(RuntimeError):
    """A run that cannot be done: one line. A RuntimeError, as the real aclruntime raises."""
