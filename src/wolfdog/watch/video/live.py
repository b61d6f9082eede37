"""Live sources: cameras and network streams, read as they come, with reconnection."""

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from wolfdog.errors import MediaError, MediaWarning
from wolfdog.extras import needs_extra

from .decoding import Picture
from .live_address import LiveOptions, is_camera, without_password
from .live_connection import Connection
from .sampling import Rate, Sampling


def _warn(text: str) -> None:
    warnings.warn(text, MediaWarning, stacklevel=5)


class LiveSource:
    """Pictures of a live source as they come, in bounded memory.

    A thread reads and decodes; another one takes the pictures. After a connection is lost, or has given no data for
    `stall` seconds, it is made again after a wait that doubles with each attempt. Times are seconds from the start of
    the first connection and go on over gaps. Lost connections and late frames are `MediaWarning`s.

    An address at which a file of known length lies ends with it. Frames of such a file, and of a playlist (HLS), which
    come in bursts, wait for the classifier and are not dropped.

    Args:
        address: camera:0, or the address of a stream.
        sampling: Which pictures.
        options: Of the source.
        stop: Ends the source when it is set, as the end of its time does.

    Raises:
        MediaError: While iterating: the first connection fails, or the time is over before the first picture.
    """

    def __init__(
        self,
        address: str,
        *,
        sampling: Sampling | None = None,
        options: LiveOptions | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.address = address
        self.name = without_password(address)
        self.dropped = 0
        """Sampled frames that were dropped because the classifier was late."""
        self.lost = False
        """Whether the connection is lost and not back yet, as of the last sentence that was said."""
        self._sampling: Sampling = Rate(5.0) if sampling is None else sampling
        self._options = options or LiveOptions()
        self._queue: deque[tuple[float, Picture]] = deque()
        self._said: deque[tuple[str, bool]] = deque()
        self._ready = threading.Condition()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._done = False
        self._over = stop or threading.Event()
        self._connection = Connection(address, self._options, self._clock, 0, -1.0)
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
            MediaError: The first connection fails, or the time is over before the first picture.
        """
        with needs_extra("watch", "reading a stream"):
            import av  # noqa: F401 - loaded here, so that the thread does not

        tell = _warn if say is None else say
        self._began = time.monotonic()
        thread = threading.Thread(target=self._read, name=f"read {self.name}", daemon=True)
        thread.start()
        some = False
        try:
            for arrival in self._taken(tell):
                some = True
                yield arrival
        finally:
            self._stop.set()
            with self._ready:
                self._ready.notify_all()
            thread.join(timeout=min(self._options.stall + 1, 3.0))
        if self._error is not None:
            raise self._error
        if not some and not self._over.is_set():
            raise MediaError(
                f"{self.name}: gave no picture within {self._options.seconds or self._clock():g} s. Check that it is "
                "on, or wait longer."
            )
        if self.dropped:
            tell(f"{self.name}: {self.dropped} late frames were dropped.")

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
            for text, self.lost in said:
                tell(text)
            over = seconds is not None and self._clock() >= seconds and not self._connection.recorded
            if self._over.is_set():
                return
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
            before, last = self._connection.number, self._connection.last
            connection = Connection(self.address, options, self._clock, before, last)
            self._connection = connection
            try:
                for picture in self._sampling.pick(connection.pictures(self._stop.is_set)):
                    if failures:
                        self._say(
                            f"is back after {self._clock() - lost:.1f} s and {failures} attempts", lost=False
                        )
                        failures = 0
                    self._put(picture)
                reason = "the stream ended"
                if connection.recorded:
                    return
            except av.error.ExitError:
                reason = f"no data for {options.stall:g} s"
            except (av.FFmpegError, OSError, ValueError, IndexError) as error:
                reason = str(getattr(error, "strerror", None) or error).rstrip(". ")
            if self._stop.is_set():
                return
            if not connection.number:
                check = "that it is connected" if is_camera(self.address) else "the address and the network"
                raise MediaError(f"{self.name}: cannot be read ({reason}). Check {check}.")
            if connection.number > before:
                wait, failures, lost = options.first_wait, 0, self._clock()
                self._say(f"the connection was lost at {lost:.1f} s ({reason}); it is tried again", lost=True)
            failures += 1
            self._stop.wait(wait)
            wait = min(2 * wait, options.longest_wait)

    def _put(self, picture: Picture) -> None:
        with self._ready:
            while (
                self._connection.buffered
                and len(self._queue) >= self._options.queue
                and not self._stop.is_set()
            ):
                self._ready.wait(0.5)
            if len(self._queue) >= self._options.queue:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append((time.monotonic(), picture))
            self._ready.notify_all()

    def _say(self, text: str, *, lost: bool) -> None:
        with self._ready:
            self._said.append((f"{self.name}: {text}.", lost))
            self._ready.notify_all()

    def _clock(self) -> float:
        return time.monotonic() - self._began
