"""Live sources: cameras and network streams, read as they come, with reconnection."""

import re
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wolfdog.errors import InputError, MediaError, MediaWarning
from wolfdog.extras import needs_extra

from .container import MAX_PIXELS, frame_period
from .decoding import Picture
from .orientation import UPRIGHT
from .sampling import Rate, Sampling

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "rtp", "srt", "tcp")
"""Schemes of the addresses of network streams."""

_CAMERAS = {
    "linux": ("v4l2", "/dev/video{}"),
    "darwin": ("avfoundation", "{}"),
    "win32": ("dshow", "video={}"),
}
_JUMP = 5.0
"""Seconds by which the times of a stream may differ from the clock before they are aligned with it again."""


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """Options of a live source.

    Args:
        first_wait: Seconds before the first attempt to connect again; each further attempt waits twice as long.
        longest_wait: Longest wait in seconds.
        stall: Seconds without data after which a connection counts as lost (watchdog); also the longest time that a
            connection may take.
        queue: Sampled frames that wait for the classifier. When it is full, the oldest is dropped: labels stay
            current, and a slow classifier sees fewer frames.
        seconds: End after this many seconds; None: never.
        max_pixels: Streams with larger pictures are refused.

    Raises:
        InputError: An option is out of range.
    """

    first_wait: float = 1.0
    longest_wait: float = 30.0
    stall: float = 10.0
    queue: int = 4
    seconds: float | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if not (0 < self.first_wait <= self.longest_wait and self.stall > 0 and self.queue >= 1):
            raise InputError(f"live source: waits, stall and queue must be above 0, got {self}.")
        if self.seconds is not None and not self.seconds > 0:
            raise InputError(f"live source: seconds must be above 0, got {self.seconds}.")


@dataclass(frozen=True)
class Live:
    """Address of a live source, and how it is read.

    Args:
        address: camera:0, or the address of a stream.
        options: Of the source.
    """

    address: str
    options: LiveOptions = LiveOptions()


def is_live(source: str) -> bool:
    """Whether a source is a camera (camera:0) or the address of a network stream.

    Examples:
        >>> [is_live(one) for one in ("rtsp://10.0.0.7/stream", "camera:0", "garden.mp4", "C:/a.mp4")]
        [True, True, False, False]
    """
    scheme, colon, _ = source.partition(":")
    return bool(colon) and (scheme.lower() == "camera" or (scheme.lower() in SCHEMES and "://" in source))


def live_name(address: str) -> str:
    """Name of a live source in results: no password, no query, and fit for a file name.

    Examples:
        >>> live_name("rtsp://admin:secret@10.0.0.7:554/stream?x=1"), live_name("camera:0")
        ('10.0.0.7_554_stream', 'camera_0')
    """
    plain = re.sub(r"^[a-z]+://", "", without_password(address).partition("?")[0], flags=re.IGNORECASE)
    return re.sub(r"[^\w.-]+", "_", plain).strip("._") or "stream"


def without_password(address: str) -> str:
    """Address without the name and password of a user."""
    return re.sub(r"://[^/@]*@", "://", address)


def _warn(text: str) -> None:
    warnings.warn(text, MediaWarning, stacklevel=5)


class LiveSource:
    """Pictures of a live source as they come, in bounded memory.

    A thread reads and decodes; another one takes the pictures. After a connection is lost, or has given no data for
    `stall` seconds, it is made again after a wait that doubles with each attempt. Times are seconds from the start of
    the first connection and go on over gaps. Lost connections and late frames are `MediaWarning`s.

    An address at which a file of known length lies ends with it, and none of its frames is dropped.

    Args:
        address: camera:0, or the address of a stream.
        sampling: Which pictures.
        options: Of the source.

    Raises:
        MediaError: While iterating: the first connection fails.
    """

    def __init__(
        self, address: str, *, sampling: Sampling | None = None, options: LiveOptions | None = None
    ) -> None:
        self.address = address
        self.name = without_password(address)
        self.dropped = 0
        """Sampled frames that were dropped because the classifier was late."""
        self._sampling: Sampling = Rate(5.0) if sampling is None else sampling
        self._options = options or LiveOptions()
        self._queue: deque[tuple[float, Picture]] = deque()
        self._said: deque[str] = deque()
        self._ready = threading.Condition()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._done = False
        self._recorded = False
        self._count, self._last = 0, -1.0
        self._began = 0.0

    def __iter__(self) -> Iterator[Picture]:
        """Pictures, each with the time at which it leaves the screen as `end`, once the next is there."""
        held: Picture | None = None
        trouble: MediaError | None = None
        try:
            for _, picture in self.arrivals():
                if held is not None:
                    yield replace(held, end=min(picture.time, held.time + 1.0))
                held = picture
        except MediaError as error:
            trouble = error
        if held is not None:
            yield held
        if trouble is not None:
            raise trouble

    def arrivals(self, say: Callable[[str], None] | None = None) -> Iterator[tuple[float, Picture]]:
        """Pictures as soon as they are there, each after the value of `time.monotonic()` at its arrival.

        Args:
            say: Called with a sentence about each loss and return of the connection, in place of a `MediaWarning`.

        Yields:
            Pairs of a time and a picture, whose `end` is an estimate.

        Raises:
            MediaError: The first connection fails.
        """
        with needs_extra("watch", "reading a stream"):
            import av  # noqa: F401 - loaded here, so that the thread does not

        tell = _warn if say is None else say
        self._began = time.monotonic()
        thread = threading.Thread(target=self._read, name=f"read {self.name}", daemon=True)
        thread.start()
        try:
            yield from self._taken(tell)
        finally:
            self._stop.set()
            with self._ready:
                self._ready.notify_all()
            thread.join(timeout=self._options.stall + 1)
        if self._error is not None:
            raise self._error
        if self.dropped:
            tell(f"{self.name}: {self.dropped} late frames were dropped.")

    def stop(self) -> None:
        """End the source; the iterator that waits for a picture ends."""
        self._stop.set()
        with self._ready:
            self._done = True
            self._ready.notify_all()

    def _taken(self, tell: Callable[[str], None]) -> Iterator[tuple[float, Picture]]:
        """Pictures from the queue, until the source or the time is over."""
        seconds = self._options.seconds
        while True:
            with self._ready:
                left = 0.5 if seconds is None else min(0.5, seconds - (time.monotonic() - self._began))
                if not self._queue and not self._done and left > 0:
                    self._ready.wait(left)
                arrival = self._queue.popleft() if self._queue else None
                said, self._said = self._said, deque()
                done = self._done
                self._ready.notify_all()
            for text in said:
                tell(text)
            over = seconds is not None and time.monotonic() - self._began >= seconds and not self._recorded
            if arrival is not None and (seconds is None or arrival[1].time < seconds):
                yield arrival
            elif arrival is not None or over or done:
                return

    def _read(self) -> None:
        """Thread: connect, decode, and connect again."""
        try:
            self._connect_and_read()
        except BaseException as error:  # told to the thread that takes the pictures
            self._error = error
        with self._ready:
            self._done = True
            self._ready.notify_all()

    def _connect_and_read(self) -> None:
        import av

        options, wait, failures, lost = self._options, self._options.first_wait, 0, 0.0
        while not self._stop.is_set():
            before = self._count
            try:
                for picture in self._sampling.pick(self._connection()):
                    if failures:
                        self._say(f"is back after {self._clock() - lost:.1f} s and {failures} attempts")
                        failures = 0
                    self._put(picture)
                reason = "the stream ended"
                if self._recorded:
                    return
            except (av.FFmpegError, OSError, ValueError, IndexError) as error:
                reason = str(getattr(error, "strerror", None) or error).rstrip(". ")
            if self._stop.is_set():
                return
            if not self._count:
                raise MediaError(
                    f"{self.name}: cannot be read ({reason}). Check the address and the network."
                )
            if self._count > before:
                wait, failures, lost = options.first_wait, 0, self._clock()
                self._say(f"the connection was lost at {lost:.1f} s ({reason}); it is tried again")
            failures += 1
            self._stop.wait(wait)
            wait = min(2 * wait, options.longest_wait)

    def _connection(self) -> Iterator[Picture]:
        """Pictures of one connection."""
        container = self._opened()
        with container:
            stream = next((one for one in container.streams.video), None)
            if stream is None:
                raise ValueError("no video in it")
            if stream.width * stream.height > self._options.max_pixels:
                raise MediaError(
                    f"{self.name}: its pictures are larger than {self._options.max_pixels:,} pixels."
                )
            self._recorded = container.duration is not None and not self.address.startswith("camera:")
            yield from self._pictures(container, stream)

    def _opened(self) -> "InputContainer":
        import av

        address, form = self.address, None
        options = {"max_pixels": str(self._options.max_pixels)}
        if address.lower().startswith("camera:"):
            form, pattern = _CAMERAS.get(sys.platform, _CAMERAS["linux"])
            address = pattern.format(address.partition(":")[2])
        elif address.lower().startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
        stall = self._options.stall
        return av.open(
            address, format=form, options=options, timeout=(stall, stall), metadata_errors="replace"
        )

    def _pictures(self, container: "InputContainer", stream: "VideoStream") -> Iterator[Picture]:
        import av

        period = frame_period(stream)
        offset: float | None = None  # from the times of the stream to seconds since the start
        for packet in container.demux(stream):
            if self._stop.is_set():
                return
            try:
                frames: list[Any] = list(packet.decode())
            except (av.FFmpegError, ValueError):
                continue  # a damaged packet costs its own pictures
            for frame in frames:
                if frame.is_corrupt:
                    continue
                now, stamp = self._clock(), frame.time
                if stamp is None:
                    stamp, offset = now, 0.0
                if offset is None or (abs(stamp + offset - now) > _JUMP and not self._recorded):
                    offset = max(now, self._last + period) - stamp
                self._last = max(stamp + offset, self._last + 1e-6)
                yield Picture(self._count, self._last, self._last + period, frame, UPRIGHT, False)
                self._count += 1

    def _put(self, picture: Picture) -> None:
        with self._ready:
            while self._recorded and len(self._queue) >= self._options.queue and not self._stop.is_set():
                self._ready.wait(0.5)
            if len(self._queue) >= self._options.queue:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append((time.monotonic(), picture))
            self._ready.notify_all()

    def _say(self, text: str) -> None:
        with self._ready:
            self._said.append(f"{self.name}: {text}.")
            self._ready.notify_all()

    def _clock(self) -> float:
        return time.monotonic() - self._began
