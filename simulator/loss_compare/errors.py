"""What can be wrong with two curves."""


class LossFileError(ValueError):
    """A file holds no losses, or losses that cannot be compared."""
