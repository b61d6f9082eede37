"""Packets in, pictures out, and a note of all that was damaged on the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .container import announced_seconds, frame_period
from .timestamps import Clock

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame, still in libav's memory and pixel format, with its place in the video."""

    index: int
    time: float
    """Seconds from the start of the video."""
    end: float
    """Seconds: when it leaves the screen, by its own length."""
    image: "VideoFrame"


class Decoding:
    """The pictures of an open video in order; what cannot be decoded is passed over and noted.

    A damaged packet costs its own pictures, not those behind it. After the last picture, `trouble` is None or
    says what was wrong and at which time, and `end` is when the last picture leaves the screen.
    """

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self.end = 0.0
        self.trouble: str | None = None
        self._container, self._stream = container, stream
        self._pictures = 0
        self._unreadable = False

    def __iter__(self) -> Iterator[Picture]:
        import av

        stream, start = self._stream, self._container.start_time
        announced = announced_seconds(self._container, stream)
        clock = Clock((start or 0) / 1e6, frame_period(stream))
        damaged = 0
        for packet in self._packets():
            try:
                frames = stream.decode(packet)
            except (av.FFmpegError, ValueError):
                self.trouble = self.trouble or f"damaged from about {self.end:.2f} s on"
                damaged += 1
                continue
            for frame in frames:
                yield self._place(frame, clock)
        self._judge(damaged, announced, clock.period)

    def _judge(self, damaged: int, announced: float | None, period: float) -> None:
        """Say what was wrong, now that the whole file was read."""
        rest = "What could be decoded was watched; copy the file from the camera again for the rest"
        if not self._pictures:
            self.trouble = "no picture in it can be decoded. Copy it from the camera again, or delete it"
        elif damaged:
            packets = "packet was" if damaged == 1 else "packets were"
            self.trouble = f"{self.trouble}: {damaged} {packets} lost. {rest}"
        elif self._unreadable:
            self.trouble = f"cannot be read further than {self.end:.2f} s. {rest}"
        elif announced is not None and announced - self.end > max(1.0, 2 * period, announced / 50):
            self.trouble = (
                f"breaks off at {self.end:.2f} s of the {announced:.2f} s that its header announces. {rest}"
            )

    def _packets(self) -> Iterator["Packet[VideoStream] | None"]:
        """The packets as far as the file can be read, and None at last: it empties the decoder."""
        import av

        try:
            for packet in self._container.demux(self._stream):
                # AVI has an empty packet where the camera dropped a frame; to the decoder it would mean the
                # end, as PyAV's own last one does.
                if packet.size > 0:
                    yield packet
        except (av.FFmpegError, OSError, IndexError):  # PyAV's index, when damage looks like a new stream
            self._unreadable = True
        yield None

    def _place(self, frame: "VideoFrame", clock: Clock) -> Picture:
        stamp = frame.pts if frame.pts is not None else frame.dts
        base = self._stream.time_base  # the frame has it too, but not when it comes out at the end
        time = clock.read(float(stamp * base) if stamp is not None and base else None)
        length = float(frame.duration * base) if frame.duration and base else clock.period
        self.end = time + length
        self._pictures += 1
        return Picture(self._pictures - 1, time, self.end, frame)
