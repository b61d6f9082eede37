"""One connection to a live source: opening, decoding, and the times of its pictures."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from wolfdog.errors import MediaError

from .container import frame_period
from .decoding import Picture
from .live_address import LiveOptions, camera_input, is_camera, without_password
from .orientation import UPRIGHT

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

JUMP = 5.0
"""Seconds by which the times of a stream may differ from the clock before they are aligned with it again."""

ANALYSIS = 1_000_000
"""Microseconds of a stream that libav reads before it gives the first picture."""


class Connection:
    """Pictures of one connection to a live source.

    Args:
        address: camera:0, or the address of a stream.
        options: Of the source.
        clock: Function that gives the seconds since the source was first opened.
        number: Number of its first picture.
        after: Time of the last picture before it, in seconds; below 0 before the first.

    Raises:
        av.FFmpegError: While iterating: the connection fails.
        MediaError: While iterating: its pictures are too large.
        ValueError: While iterating: there is no video in it.
    """

    def __init__(
        self, address: str, options: LiveOptions, clock: Callable[[], float], number: int, after: float
    ) -> None:
        self._address, self._options, self._clock = address, options, clock
        self.number, self.last = number, after
        self.recorded = False
        """Whether a file of known length lies at the address."""
        self.buffered = False
        """Whether the other side keeps the next pictures until they are read: a file, or a playlist (HLS)."""

    def pictures(self, stopped: Callable[[], bool]) -> Iterator[Picture]:
        """Pictures until the connection ends.

        Args:
            stopped: Function that tells whether to end.

        Yields:
            Pictures, with the time of the next one estimated.
        """
        container = self._opened()
        with container:
            stream = next((one for one in container.streams.video), None)
            if stream is None:
                raise ValueError("no video in it")
            if stream.width * stream.height > self._options.max_pixels:
                raise MediaError(
                    f"{without_password(self._address)}: its pictures are larger than {self._options.max_pixels:,} "
                    "pixels."
                )
            self.recorded = container.duration is not None and not is_camera(self._address)
            self.buffered = self.recorded or container.format.name == "hls"
            yield from self._decoded(container, stream, stopped)

    def _opened(self) -> "InputContainer":
        import av

        address, form = self._address, None
        options = {"max_pixels": str(self._options.max_pixels), "analyzeduration": str(ANALYSIS)}
        if is_camera(address):
            form, address, own = camera_input(address)
            options |= own
        elif address.lower().startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
        stall = self._options.stall
        return av.open(
            address, format=form, options=options, timeout=(stall, stall), metadata_errors="replace"
        )

    def _decoded(
        self, container: "InputContainer", stream: "VideoStream", stopped: Callable[[], bool]
    ) -> Iterator[Picture]:
        import av

        period = frame_period(stream)
        offset: float | None = None  # from the times of the stream to seconds since the start
        for packet in container.demux(stream):
            if stopped():
                return
            try:
                frames: list[Any] = list(packet.decode())
            except (av.FFmpegError, ValueError):
                continue  # a damaged packet costs its own pictures
            for frame in frames:
                if frame.is_corrupt:
                    continue
                now, stamp = self._clock(), frame.time
                if stamp is not None and (
                    offset is None or (not self.recorded and self._jumped(stamp + offset, now))
                ):
                    offset = max(now, self.last + period) - stamp
                time = now if stamp is None or offset is None else stamp + offset
                self.last = max(time, self.last + 1e-6)
                yield Picture(self.number, self.last, self.last + period, frame, UPRIGHT, False)
                self.number += 1

    def _jumped(self, time: float, now: float) -> bool:
        """Whether a time goes back, as of a camera whose clock is set, or is far from the clock."""
        return time < self.last or abs(time - now) > JUMP
