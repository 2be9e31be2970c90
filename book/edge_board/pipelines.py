"""Four ways to write the loop from frame to sight. What differs is where the host waits, and for what.

Each takes the frames, and returns what was seen and when, in the device's time: events are recorded where a
frame's work begins and where its result is on the host.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import acl

from edge_board.board import Board, Frames, Model, Slot, must

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_board.sight import Sight

STREAMS = 4


class Run(NamedTuple):
    """What a pipeline saw, and when; times in milliseconds of the device since its first frame began.

    Attributes:
        sights: one a frame, in their order.
        began: when a frame's work began.
        done: when its result was on the host.
    """

    sights: list[Sight]
    began: list[float]
    done: list[float]

    @property
    def rate(self) -> float:
        """Frames a second."""
        return 1000 * len(self.done) / max(self.done)

    @property
    def age(self) -> float:
        """Milliseconds from the beginning of a frame's work to its result: the mean."""
        return sum(b - a for a, b in zip(self.began, self.done, strict=True)) / len(self.done)


class Marks:
    """Events at the beginning and the end of each frame's work."""

    def __init__(self) -> None:
        self.began: list[int] = []
        self.done: list[int] = []

    @staticmethod
    def at(stream: int) -> int:
        """A new event, recorded in a stream."""
        event, ret = acl.rt.create_event()
        must(ret, "create_event")
        must(acl.rt.record_event(event, stream), "record_event")
        return int(event)

    def begin(self, stream: int) -> None:
        """Mark where the next frame's work begins."""
        self.began.append(self.at(stream))

    def end(self, stream: int, frames: int = 1) -> None:
        """Mark where the results of the next frames are there."""
        self.done += [self.at(stream)] * frames

    def times(self, sights: Sequence[Sight]) -> Run:
        """The run in milliseconds; the events are given back."""
        began, done = (
            [acl.rt.event_elapsed_time(self.began[0], event)[0] for event in events]
            for events in (self.began, self.done)
        )
        for event in {*self.began, *self.done}:
            acl.rt.destroy_event(event)
        return Run(list(sights), began, done)


def one_thread(board: Board, model: Model, frames: Frames, jpegs: Sequence[bytes]) -> Run:
    """Step by step, and a wait after each: the first version of every program."""
    slot, marks, sights = Slot(board, model, frames), Marks(), []
    stream = board.stream
    for jpeg in jpegs:
        marks.begin(stream)
        slot.copy([jpeg], stream)
        board.wait(stream)
        for step in (slot.decode, slot.resize, slot.run, slot.fetch):
            step(stream)
            board.wait(stream)
        marks.end(stream)
        sights += slot.read()
    slot.free()
    return marks.times(sights)


def double_buffering(board: Board, model: Model, frames: Frames, jpegs: Sequence[bytes]) -> Run:
    """Two slots and two streams: while the model looks at one frame, the media units prepare the next."""
    slots, marks = [Slot(board, model, frames) for _ in range(2)], Marks()
    media, compute = board.new_stream(), board.new_stream()
    seen: list[Sight] = []

    def collect(number: int) -> None:
        must(acl.rt.synchronize_event(marks.done[number]), "wait for a frame")
        seen.extend(slots[number % 2].read())

    for number, jpeg in enumerate(jpegs):
        slot = slots[number % 2]
        if number > 1:
            collect(number - 2)  # then its slot is free
        marks.begin(media)
        slot.copy([jpeg], media)
        slot.decode(media)
        slot.resize(media)
        prepared = marks.at(media)
        must(acl.rt.stream_wait_event(compute, prepared), "stream_wait_event")
        slot.run(compute)
        slot.fetch(compute)
        marks.end(compute)
        acl.rt.destroy_event(prepared)
    for number in range(max(len(jpegs) - 2, 0), len(jpegs)):
        collect(number)
    return _finish(slots, [media, compute], marks, seen)


def batches(board: Board, model: Model, frames: Frames, jpegs: Sequence[bytes]) -> Run:
    """As many frames as the model takes at a time: one resize, one run, one copy and one wait for all."""
    slot, marks, sights = Slot(board, model, frames), Marks(), []
    stream = board.stream
    for first in range(0, len(jpegs), model.batch):
        some = jpegs[first : first + model.batch]
        for _ in some:
            marks.begin(stream)
        slot.copy(some, stream)
        for step in (slot.decode, slot.resize, slot.run, slot.fetch):
            step(stream)
        marks.end(stream, len(some))
        board.wait(stream)
        sights += slot.read()
    slot.free()
    return marks.times(sights)


def streams_with_callbacks(board: Board, model: Model, frames: Frames, jpegs: Sequence[bytes]) -> Run:
    """Four streams, each with a slot: a frame goes all its way on one, and calls back when it is there."""
    slots, marks = [Slot(board, model, frames) for _ in range(STREAMS)], Marks()
    streams = [board.new_stream() for _ in slots]
    seen: dict[int, Sight] = {}

    def arrived(number: int) -> None:  # runs in the thread that processes reports
        (seen[number],) = slots[number % STREAMS].read()

    thread, stop = _reporting(board, streams)
    try:
        for number, jpeg in enumerate(jpegs):
            slot, stream = slots[number % STREAMS], streams[number % STREAMS]
            if number >= STREAMS:
                must(acl.rt.synchronize_event(marks.done[number - STREAMS]), "wait for a slot")
            marks.begin(stream)
            slot.copy([jpeg], stream)
            for step in (slot.decode, slot.resize, slot.run, slot.fetch):
                step(stream)
            must(acl.rt.launch_callback(arrived, number, 1, stream), "launch_callback")
            marks.end(stream)
        for stream in streams:
            board.wait(stream)
    finally:
        stop()
        for stream in streams:
            acl.rt.unsubscribe_report(thread, stream)
    return _finish(slots, streams, marks, [seen[number] for number in range(len(jpegs))])


def _reporting(board: Board, streams: Sequence[int]) -> tuple[int, Callable[[], None]]:
    """A thread that runs the callbacks of streams: its number, and what ends it."""
    ended = threading.Event()

    def work(_: object) -> None:
        acl.rt.set_context(board.context)
        while not ended.is_set():
            acl.rt.process_report(20)

    thread, ret = acl.util.start_thread(work, [None])
    must(ret, "start_thread")
    for stream in streams:
        must(acl.rt.subscribe_report(thread, stream), "subscribe_report")

    def stop() -> None:
        ended.set()
        acl.util.stop_thread(thread)

    return int(thread), stop


def _finish(slots: Sequence[Slot], streams: Sequence[int], marks: Marks, sights: Sequence[Sight]) -> Run:
    for stream in streams:
        must(acl.rt.synchronize_stream(stream), "wait for a stream")
    run = marks.times(sights)
    for slot in slots:
        slot.free()
    for stream in streams:
        acl.rt.destroy_stream(stream)
    return run
