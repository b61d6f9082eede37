"""Decoding of packets to pictures, with a record of all damage."""

import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from wolfdog.errors import MediaWarning

from .container import announced_seconds, announces_pictures, frame_period, is_complete
from .damage import Damage
from .orientation import UPRIGHT, Orientation
from .timestamps import Clock, TimeBase, longest_step, without_outliers

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded frame, still in libav's memory and pixel format, with its place in the video.

    Attributes:
        index: Number of the frame in the video, from 0.
        time: Seconds from the start of the video.
        end: Seconds at which it leaves the screen, by its own length.
        image: The frame.
        orientation: Orientation in which it is shown.
        corrupt: Whether the decoder found it damaged, and filled in what was missing.
    """

    index: int
    time: float
    end: float
    image: "VideoFrame"
    orientation: Orientation = UPRIGHT
    corrupt: bool = False


class PictureObserver(Protocol):
    """Observer of the pictures of a video as they are decoded for somebody else."""

    def see(self, picture: Picture, pixel_aspect: float) -> None:
        """Take the next picture, damaged or not.

        Args:
            picture: The picture.
            pixel_aspect: Width of a pixel divided by its height.
        """

    def finish(self) -> None:
        """Take note that the video was decoded to its end."""


def intact(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """Pictures without damage; only these reach a classifier and a memory."""
    return (picture for picture in pictures if not picture.corrupt)


class Decoding:
    """Pictures of an open video in order; damaged parts are skipped and recorded.

    A damaged packet costs its own pictures, not those after it. A picture whose timestamp alone jumps away is left out,
    with a `MediaWarning`. After the last picture, `trouble` is None or describes the damage and its times, and `end` is
    the time at which the last picture leaves the screen.

    Args:
        container: The open file.
        stream: Its video stream.
        observer: Sees every picture.
    """

    def __init__(
        self,
        container: "InputContainer",
        stream: "VideoStream",
        *,
        observer: PictureObserver | None = None,
    ) -> None:
        self._observer = observer
        self.end = 0.0
        self.trouble: str | None = None
        self._container, self._stream = container, stream
        self._base: TimeBase | None = None
        self._pictures = 0
        self._damage = Damage()
        self._orientation, self._rotation = UPRIGHT, math.nan
        self._reached = (
            0.0  # seconds from the start: how far anything goes that the header counts, sound for one
        )

    def __iter__(self) -> Iterator[Picture]:
        stream, given = self._stream, _start_of(self._container)
        # The frame has it too, but not when it comes out at the end.
        self._base = None if not stream.time_base else TimeBase.of(stream.time_base)
        start = given or 0.0
        announced, form = announced_seconds(self._container, stream), self._container.format.name
        clock = Clock(start, frame_period(stream))
        outliers: list[tuple[float, float]] = []
        for frame in without_outliers(self._frames(), self._seconds, longest_step(clock.period), outliers):
            if not self._pictures and given is None and "matroska" in form:
                # A last segment of a single picture: its start is known from the picture alone.
                start = self._seconds(frame) or 0.0
                clock = Clock(start, clock.period)
                announced = None if announced is None else max(0.0, announced - start)
            picture = self._place(frame, clock)
            if self._observer is not None:
                self._observer.see(picture, float(stream.sample_aspect_ratio or 1))
            yield picture
        if self._observer is not None:
            self._observer.finish()
        if outliers:
            self._reached = max(
                self._reached, *(jumped - start for jumped, _ in outliers)
            )  # headers count them
            (jumped, before), count = outliers[0], len(outliers)
            which = "1 picture is" if count == 1 else f"{count} pictures are"
            warnings.warn(
                f"{self._container.name.removeprefix('file:')}: {which} left out, whose time jumps away and back "
                f"(at {before - start:.2f} s, to {jumped - start:.2f} s).",
                MediaWarning,
                stacklevel=2,
            )
        self._judge(announced, clock.period)

    def _judge(self, announced: float | None, period: float) -> None:
        """Describe the damage, after the whole file was read."""
        if not self._pictures:
            self.trouble = "no picture in it can be decoded. Copy it from the camera again, or delete it"
            return
        reached = max(self.end, self._reached)
        short = announced is not None and announced - reached > max(1.0, 2 * period, announced / 50)
        if short and is_complete(self._container):
            short = False
        self.trouble = self._damage.message(self.end, announced if short else None)

    def _frames(self) -> Iterator["VideoFrame"]:
        import av

        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except (av.FFmpegError, ValueError):
                self._damage.packet(self.end)
                continue
            yield from frames

    def _packets(self) -> Iterator["Packet[VideoStream] | None"]:
        """Packets as far as the file can be read, and finally None, which empties the decoder."""
        import av

        alone = announces_pictures(self._container, self._stream)
        streams = [self._stream] if alone else [self._stream, *self._container.streams.audio]
        start = (self._container.start_time or 0) / 1e6
        try:
            for packet in self._container.demux(*streams):
                if not alone and packet.pts is not None:
                    end = float((packet.pts + (packet.duration or 0)) * packet.time_base) - start
                    self._reached = max(self._reached, end)
                # AVI has an empty packet where the camera dropped a frame; to the decoder it would mean the
                # end, as PyAV's own last one does.
                if packet.size > 0 and packet.stream is self._stream:
                    yield cast("Packet[VideoStream]", packet)
        except (av.FFmpegError, OSError, IndexError):  # PyAV's index, when damage looks like a new stream
            self._damage.unreadable = True
        yield None

    def _seconds(self, frame: "VideoFrame") -> float | None:
        """Timestamp of a frame, in seconds of the container's clock."""
        stamp = frame.pts if frame.pts is not None else frame.dts
        return self._base.seconds(stamp) if stamp is not None and self._base is not None else None

    def _place(self, frame: "VideoFrame", clock: Clock) -> Picture:
        time, length, base = clock.read(self._seconds(frame)), frame.duration, self._base
        self.end = time + (base.seconds(length) if length and base is not None else clock.period)
        self._pictures += 1
        corrupt = bool(frame.is_corrupt)
        if corrupt:
            self._damage.picture(time, self.end)
        # Read again only when the angle changes: a frame whose side data was read waits for the garbage collector.
        if frame.rotation != self._rotation:
            self._orientation, self._rotation = Orientation.of(frame), frame.rotation
        return Picture(self._pictures - 1, time, self.end, frame, self._orientation, corrupt)


def _start_of(container: "InputContainer") -> float | None:
    """Start of a container in seconds; None where its header gives none."""
    start: Any = container.start_time
    return None if start is None else float(start / 1e6)
