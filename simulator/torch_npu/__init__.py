"""The simulated NPU as PyTorch sees it."""


def _autoload() -> None:
    """Called by PyTorch at `import torch` through the `torch.backends` entry point."""
