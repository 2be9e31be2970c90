"""posenc 0.3: positions for sequences. Somebody else's library, which knows GPUs only."""

import math

import torch


def _device():
    return "cuda" if torch.cuda.is_available() else "cpu"


def sinusoids(length, width):
    """Sines and cosines of falling frequency, (length, width), on the GPU."""
    at = torch.arange(length, device=_device(), dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=_device()) * (-math.log(1e4) / width))
    return torch.cat([torch.sin(at * rate), torch.cos(at * rate)], dim=1)


def check(tensor):
    """Raise where a tensor is not where the library expects it."""
    if torch.cuda.is_available() and not tensor.is_cuda:
        raise RuntimeError(f"posenc: expected a tensor on cuda, got one on {tensor.device}")
