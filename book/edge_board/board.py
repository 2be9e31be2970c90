"""The board: JPEG frames in, what the detector saw out, with `acl` alone.

A `Board` is the device and its media channel. A `Slot` is the memory of one frame (or of one batch of them)
on its way: file, decoded picture, small picture, the model's outputs. Every step of a slot only puts work on
a stream; who calls decides where to wait, and that is all that the designs in `pipelines` differ in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import acl
import numpy as np

from edge_board.sight import CONE_NUMBERS, HIGH, LANE_NUMBERS, WIDE, Sight, read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from edge_board.road import Array

HOST_TO_DEVICE, DEVICE_TO_HOST, DEVICE_TO_DEVICE = 1, 2, 3
NV12, FLOAT32 = 1, 11
OK = 0
SMALL_BYTES = WIDE * HIGH * 3 // 2
PARTS = {LANE_NUMBERS, CONE_NUMBERS}


class BoardError(RuntimeError):
    """A call of `acl` did not give 0; says which, its code and what AscendCL says of it."""


def must(ret: int, what: str) -> None:
    """Stop unless a call gave 0.

    Raises:
        BoardError: it did not.
    """
    if ret != OK:
        raise BoardError(f"{what}: {ret}, {acl.get_recent_err_msg() or 'no more is known'}")


class Frames(NamedTuple):
    """How the camera's frames lie in memory when they are decoded.

    Attributes:
        width, height: in pixels, even.
        stride, rows: bytes from one row to the next, and rows of the plane of brightness.
        nbytes: of one decoded frame.
    """

    width: int
    height: int
    stride: int
    rows: int
    nbytes: int


class Board:
    """A device with a stream, a media channel and, once loaded, models.

    Use it in a `with` statement, or call `open` and `close`.
    """

    def __init__(self, device: int = 0) -> None:
        self.device = device
        self.models: list[int] = []

    def open(self) -> Self:
        """Take the device.

        Raises:
            BoardError: there is none, or it cannot be had.
        """
        must(acl.init(), "init")
        must(acl.rt.set_device(self.device), "set_device")
        self.context, ret = acl.rt.get_context()
        must(ret, "get_context")
        mode, ret = acl.rt.get_run_mode()
        must(ret, "get_run_mode")
        # on a board the program runs on the device itself, and reads its memory without a copy
        self.shares_memory = mode == 0
        self.copy_in = DEVICE_TO_DEVICE if self.shares_memory else HOST_TO_DEVICE
        self.stream = self.new_stream()
        self.channel = acl.media.dvpp_create_channel_desc()
        must(acl.media.dvpp_create_channel(self.channel), "open the media channel")
        return self

    def close(self) -> None:
        """Give everything back."""
        for model in self.models:
            acl.mdl.unload(model)
        acl.media.dvpp_destroy_channel(self.channel)
        acl.media.dvpp_destroy_channel_desc(self.channel)
        acl.rt.destroy_stream(self.stream)
        acl.rt.reset_device(self.device)
        acl.finalize()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def new_stream() -> int:
        """A stream of the device."""
        stream, ret = acl.rt.create_stream()
        must(ret, "create_stream")
        return int(stream)

    @staticmethod
    def wait(stream: int) -> None:
        """Wait until a stream is done."""
        must(acl.rt.synchronize_stream(stream), "wait for the stream")

    def load(self, path: Path | str) -> Model:
        """Load an `.om` file of the detector."""
        number, ret = acl.mdl.load_from_file(str(path))
        must(ret, f"load {path}")
        self.models.append(number)
        return Model(number)

    def probe(self, jpeg: bytes) -> Frames:
        """Decode one frame, wait for it, and tell how its like lie in memory.

        An odd side loses its last row or column: 4:2:0 knows no half colours.

        Raises:
            BoardError: it is no JPEG that the decoder takes.
        """
        here = acl.util.bytes_to_ptr(jpeg)
        room, ret = acl.media.dvpp_jpeg_predict_dec_size(here, len(jpeg), NV12)
        must(ret, "read the frame's header")
        file, picture = _media(len(jpeg)), _media(room)
        desc = _picture(acl.media.dvpp_create_pic_desc(), picture, room)
        try:
            must(acl.rt.memcpy(file, len(jpeg), here, len(jpeg), self.copy_in), "copy the frame")
            must(acl.media.dvpp_jpeg_decode_async(self.channel, file, len(jpeg), desc, self.stream), "decode")
            self.wait(self.stream)
            return Frames(
                acl.media.dvpp_get_pic_desc_width(desc),
                acl.media.dvpp_get_pic_desc_height(desc),
                acl.media.dvpp_get_pic_desc_width_stride(desc),
                acl.media.dvpp_get_pic_desc_height_stride(desc),
                room,
            )
        finally:
            acl.media.dvpp_destroy_pic_desc(desc)
            acl.media.dvpp_free(file)
            acl.media.dvpp_free(picture)


class Model:
    """A loaded detector.

    Attributes:
        number: its id.
        batch: how many pictures a run takes.
        outputs: (bytes, numbers of one picture) of each output, in the model's order.

    Raises:
        BoardError: it is no detector: its outputs are not the lane and the cones.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        desc = acl.mdl.create_desc()
        must(acl.mdl.get_desc(desc, number), "describe the model")
        nbytes = acl.mdl.get_input_size_by_index(desc, 0)
        self.batch = nbytes // SMALL_BYTES
        sizes = [acl.mdl.get_output_size_by_index(desc, i) for i in range(acl.mdl.get_num_outputs(desc))]
        acl.mdl.destroy_desc(desc)
        self.outputs = [(size, size // 4 // max(self.batch, 1)) for size in sizes]
        if nbytes != self.batch * SMALL_BYTES or {numbers for _, numbers in self.outputs} != PARTS:
            raise BoardError(
                f"the model takes {nbytes} bytes and gives {sizes}; convert the detector, with AIPP for "
                f"pictures of {SMALL_BYTES} bytes"
            )


class Slot:
    """Memory for one run of the model: `model.batch` frames from file to outputs.

    Args:
        board: whose.
        model: which runs.
        frames: what the camera sends.
    """

    def __init__(self, board: Board, model: Model, frames: Frames) -> None:
        self.board, self.model, self.frames = board, model, frames
        count = model.batch
        self.files = [_media(frames.nbytes) for _ in range(count)]
        self.decoded = [_media(frames.nbytes) for _ in range(count)]
        self.small = _media(count * SMALL_BYTES)
        self.sources, self.targets = (acl.media.dvpp_create_batch_pic_desc(count) for _ in range(2))
        for i, memory in enumerate(self.decoded):
            desc = _picture(acl.media.dvpp_get_pic_desc(self.sources, i), memory, frames.nbytes)
            _sizes(desc, *frames[:4])
            place = self.small + i * SMALL_BYTES
            desc = _picture(acl.media.dvpp_get_pic_desc(self.targets, i), place, SMALL_BYTES)
            _sizes(desc, WIDE, HIGH, WIDE, HIGH)
        self.decoders = [
            _picture(acl.media.dvpp_create_pic_desc(), memory, frames.nbytes) for memory in self.decoded
        ]
        self.whole = acl.media.dvpp_create_roi_config(0, frames.width - 1, 0, frames.height - 1)
        self.config = acl.media.dvpp_create_resize_config()
        self._make_outputs()

    def _make_outputs(self) -> None:
        """The model's outputs one after the other on the device, so that one copy fetches them."""
        starts, total = [], 0
        for size, _ in self.model.outputs:
            starts.append(total)
            total += math.ceil(size / 64) * 64
        self.starts, self.total = starts, total
        self.on_device, ret = acl.rt.malloc(total, 0)
        must(ret, "malloc")
        self.on_host = 0
        if not self.board.shares_memory:
            self.on_host, ret = acl.rt.malloc_host(total)
            must(ret, "malloc_host")
        self.inputs = _dataset([(self.small, self.model.batch * SMALL_BYTES)])
        sizes = [size for size, _ in self.model.outputs]
        self.outputs = _dataset([(self.on_device + at, n) for at, n in zip(starts, sizes, strict=True)])

    def copy(self, jpegs: Sequence[bytes], stream: int) -> None:
        """Step 1: the files to the device's media memory.

        Raises:
            BoardError: too many frames, or one that is larger than its memory.
        """
        if not 1 <= len(jpegs) <= self.model.batch:
            raise BoardError(f"{len(jpegs)} frames for a model of {self.model.batch}; give 1 to that many")
        self.jpegs = list(jpegs)  # a copy that is under way still reads them
        for file, jpeg in zip(self.files, jpegs, strict=False):
            if len(jpeg) > self.frames.nbytes:
                raise BoardError(
                    f"a frame of {len(jpeg)} bytes; the camera's are under {self.frames.nbytes} bytes"
                )
            here = acl.util.bytes_to_ptr(jpeg)
            kind = self.board.copy_in
            must(acl.rt.memcpy_async(file, self.frames.nbytes, here, len(jpeg), kind, stream), "copy in")

    def decode(self, stream: int) -> None:
        """Step 2: JPEGD makes pictures of the files."""
        for file, jpeg, desc in zip(self.files, self.jpegs, self.decoders, strict=False):
            ret = acl.media.dvpp_jpeg_decode_async(self.board.channel, file, len(jpeg), desc, stream)
            must(ret, "decode")

    def resize(self, stream: int) -> None:
        """Step 3: VPC scales them to the model's size, all with one call."""
        count, channel = self.model.batch, self.board.channel
        if count == 1:
            source, target = (acl.media.dvpp_get_pic_desc(one, 0) for one in (self.sources, self.targets))
            ret = acl.media.dvpp_vpc_resize_async(channel, source, target, self.config, stream)
        else:
            areas = [self.whole] * count
            _, ret = acl.media.dvpp_vpc_batch_crop_resize_async(
                channel, self.sources, [1] * count, self.targets, areas, self.config, stream
            )
        must(ret, "resize")

    def run(self, stream: int) -> None:
        """Step 4: the model, with AIPP in front of it."""
        must(acl.mdl.execute_async(self.model.number, self.inputs, self.outputs, stream), "run the model")

    def fetch(self, stream: int) -> None:
        """Step 5: its outputs to the host; on a board they are there."""
        if self.on_host:
            kind = DEVICE_TO_HOST
            ret = acl.rt.memcpy_async(self.on_host, self.total, self.on_device, self.total, kind, stream)
            must(ret, "copy out")

    def read(self) -> list[Sight]:
        """What was seen in each frame; call it when the stream has come past `fetch`."""
        parts: dict[int, Array] = {}
        for start, (size, numbers) in zip(self.starts, self.model.outputs, strict=True):
            raw = acl.util.ptr_to_bytes((self.on_host or self.on_device) + start, size)
            parts[numbers] = np.frombuffer(raw, np.float32).reshape(self.model.batch, numbers)
        lanes, cones = parts[LANE_NUMBERS], parts[CONE_NUMBERS]
        shape = (3, HIGH // 8, WIDE // 8)
        count = len(self.jpegs)
        return [read(lane, cone.reshape(shape)) for lane, cone in zip(lanes[:count], cones, strict=False)]

    def free(self) -> None:
        """Give everything back."""
        for memory in (*self.files, *self.decoded, self.small):
            acl.media.dvpp_free(memory)
        for desc in self.decoders:
            acl.media.dvpp_destroy_pic_desc(desc)
        for batch in (self.sources, self.targets):
            acl.media.dvpp_destroy_batch_pic_desc(batch)
        acl.media.dvpp_destroy_roi_config(self.whole)
        acl.media.dvpp_destroy_resize_config(self.config)
        for dataset in (self.inputs, self.outputs):
            for i in range(acl.mdl.get_dataset_num_buffers(dataset)):
                acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(dataset, i))
            acl.mdl.destroy_dataset(dataset)
        acl.rt.free(self.on_device)
        if self.on_host:
            acl.rt.free_host(self.on_host)


def _media(size: int) -> int:
    """Memory that the media units can use."""
    address, ret = acl.media.dvpp_malloc(size)
    must(ret, "dvpp_malloc")
    return int(address)


def _picture(desc: int, memory: int, size: int) -> int:
    """Let a picture description say where its NV12 picture lies."""
    acl.media.dvpp_set_pic_desc_data(desc, memory)
    acl.media.dvpp_set_pic_desc_size(desc, size)
    acl.media.dvpp_set_pic_desc_format(desc, NV12)
    return desc


def _sizes(desc: int, width: int, height: int, stride: int, rows: int) -> None:
    """Let a picture description say how large its picture is."""
    acl.media.dvpp_set_pic_desc_width(desc, width)
    acl.media.dvpp_set_pic_desc_height(desc, height)
    acl.media.dvpp_set_pic_desc_width_stride(desc, stride)
    acl.media.dvpp_set_pic_desc_height_stride(desc, rows)


def _dataset(places: Sequence[tuple[int, int]]) -> int:
    """A dataset of (address, bytes)."""
    made = acl.mdl.create_dataset()
    for address, size in places:
        acl.mdl.add_dataset_buffer(made, acl.create_data_buffer(address, size))
    return int(made)
