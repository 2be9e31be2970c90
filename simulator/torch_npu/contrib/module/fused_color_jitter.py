"""Random colours of a picture by one matrix: what a chain of four transforms does in one product."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import torch

from torch_npu.contrib._checks import value_error

__all__ = ["FusedColorJitter"]

# Brightness and two axes of colour to red, green and blue (NTSC).
_FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]])
_TO_YIQ = np.linalg.inv(_FROM_YIQ)
_COLOURS = 3
_WITH_ALPHA = 4


class FusedColorJitter(torch.nn.Module):
    """Brightness, contrast, saturation and hue of a picture changed at random, in one product.

    Each argument is a number, as for torchvision's `ColorJitter`: factors come from [max(0, 1 - x), 1 + x],
    the hue's turn from [-hue, hue], where 0.5 is half the circle.

    Args:
        brightness: not negative.
        contrast: not negative.
        saturation: not negative.
        hue: between 0 and 0.5.
        is_normalized: whether arrays hold values from 0 to 1 instead of 0 to 255.
        force_return_array: give an array for a PIL image too.

    Raises:
        ValueError: an argument is out of bounds.
    """

    def __init__(
        self,
        brightness: float = 0,
        contrast: float = 0,
        saturation: float = 0,
        hue: float = 0,
        is_normalized: bool = False,
        force_return_array: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
            if not isinstance(value, int | float) or value < 0:
                raise value_error(f"{name}={value!r} must be a number that is not negative.")
        if not isinstance(hue, int | float) or not 0 <= hue <= 0.5:  # noqa: PLR2004 - half the circle
            raise value_error(f"hue={hue!r} must be between 0 and 0.5.")
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.is_normalized = is_normalized
        self.force_return_array = force_return_array

    def forward(self, img: Any) -> Any:
        """A picture (height, width, 3) as a PIL image or an array to one of the same kind.

        Raises:
            ValueError: it has neither one, three nor four channels.
        """
        pixels = np.asarray(img)
        if pixels.ndim == 2:  # noqa: PLR2004 - without channels
            pixels = pixels[..., None]
        channels = pixels.shape[-1]
        if channels not in {1, _COLOURS, _WITH_ALPHA}:
            raise value_error(f"a picture of shape {pixels.shape} is not known: give 1, 3 or 4 channels.")
        colours = pixels.repeat(_COLOURS, -1) if channels == 1 else pixels[..., :_COLOURS]
        matrix, offset = self._drawn()
        most = 1.0 if self.is_normalized else 255.0
        changed = (colours.astype(np.float32) @ matrix.T + offset).clip(0, most)
        result = changed.astype(pixels.dtype)
        if isinstance(img, np.ndarray) or self.force_return_array:
            return result
        return _image(result)

    def extra_repr(self) -> str:
        """The bounds of each factor, None where it stays as it is."""
        bounds = {
            name: (max(0, 1 - width), 1 + width) if width else None
            for name, width in (
                ("brightness", self.brightness),
                ("contrast", self.contrast),
                ("saturation", self.saturation),
            )
        } | {"hue": (-self.hue, self.hue) if self.hue else None}
        return ", ".join(f"{name}={value}" for name, value in bounds.items())

    def _drawn(self) -> tuple[np.ndarray[Any, Any], float]:
        """A matrix for colours and what is added after it, drawn at random."""

        def around_one(width: float) -> float:
            return random.uniform(max(0.0, 1 - width), 1 + width)  # noqa: S311 - colours are no secret

        brightness, contrast = around_one(self.brightness), around_one(self.contrast)
        turn = random.uniform(-self.hue, self.hue) * 2 * math.pi  # noqa: S311 - as above
        saturation = around_one(self.saturation)
        cos, sin = saturation * math.cos(turn), saturation * math.sin(turn)
        turned = _FROM_YIQ @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ _TO_YIQ
        middle = 0.5 if self.is_normalized else 127.5
        return (turned * brightness * contrast).astype(np.float32), (1 - contrast) * brightness * middle


def _image(pixels: np.ndarray[Any, Any]) -> Any:
    from PIL import Image

    return Image.fromarray(pixels)
