"""AIPP's arithmetic: the bytes of a picture become the floats of a model's input.

In the documented order: swap of R and B (or U and V), crop, colour conversion, mean and scale, padding.
Source: ATC's guide, "AIPP configuration": `out = (in - mean - min) * var_reci`, colours by a matrix of 1/256
with biases.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def prepare(data: memoryview, settings: dict[str, Any], batch: int, fmt: str) -> Array:
    """The model's input.

    Args:
        data: `batch` pictures.
        settings: as `atc.aipp.fit` completed them.
        batch: how many.
        fmt: NCHW or NHWC.

    Returns:
        float32, (n, c, h, w), or (n, h, w, c) for NHWC.
    """
    size = settings["bytes"]
    raw = np.frombuffer(data[: size * batch], dtype=np.uint8).reshape(batch, size)
    images = np.stack([_picture(row, settings) for row in raw])
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2) if fmt == "NCHW" else images)


def _picture(raw: Array, settings: dict[str, Any]) -> Array:
    image = _unpack(raw, settings)
    if settings["rbuv_swap_switch"]:
        image = image[..., ::-1] if settings["input_format"] != "YUV420SP_U8" else image[..., [0, 2, 1]]
    left, top = settings["load_start_pos_w"], settings["load_start_pos_h"]
    image = image[top : top + settings["crop_size_h"], left : left + settings["crop_size_w"]]
    if settings["csc_switch"]:
        image = _colours(image, settings)
    values = image.astype(np.float32)
    for channel in range(values.shape[2]):
        shift = settings[f"mean_chn_{channel}"] + settings[f"min_chn_{channel}"]
        values[..., channel] = (values[..., channel] - np.float32(shift)) * np.float32(
            settings[f"var_reci_chn_{channel}"]
        )
    if settings["padding"]:
        sides = [settings[f"{side}_padding_size"] for side in ("top", "bottom", "left", "right")]
        pads = ((sides[0], sides[1]), (sides[2], sides[3]), (0, 0))
        values = np.pad(values, pads, constant_values=settings["padding_value"])
    return values


def _unpack(raw: Array, settings: dict[str, Any]) -> Array:
    """Bytes as (h, w, c), chroma of 4:2:0 repeated for its four pixels."""
    width, height = settings["src_image_size_w"], settings["src_image_size_h"]
    kind = settings["input_format"]
    if kind == "YUV420SP_U8":
        luma = raw[: width * height].reshape(height, width)
        chroma = raw[width * height :].reshape(height // 2, width // 2, 2)
        return np.dstack([luma, chroma.repeat(2, axis=0).repeat(2, axis=1)])
    if kind == "YUV400_U8":
        return raw.reshape(height, width, 1)
    if kind == "XRGB8888_U8":
        return raw.reshape(height, width, 4)[..., 1:]
    return raw.reshape(height, width, 3)


def _colours(image: Array, settings: dict[str, Any]) -> Array:
    """Three channels by a matrix of 1/256, biases before and after, cut to 0 to 255."""
    matrix = np.array([[settings[f"matrix_r{r}c{c}"] for c in range(3)] for r in range(3)], dtype=np.int32)
    before = np.array([settings[f"input_bias_{i}"] for i in range(3)], dtype=np.int32)
    after = np.array([settings[f"output_bias_{i}"] for i in range(3)], dtype=np.int32)
    found: Array = (((image.astype(np.int32) - before) @ matrix.T) >> 8) + after
    return found.clip(0, 255)
