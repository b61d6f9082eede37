"""Bounded history of one live source: its last minutes as moments with pictures."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ..moments import Moment

SECONDS = 660.0
"""Seconds that are held: a minute more than the page shows, which may stand still at the oldest moment."""
MOST_BYTES = 64 * 2**20
"""Most bytes of pictures that are held; above it, the oldest ones go first."""
MOST_MOMENTS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class LiveMoment:
    """Moment of a live source.

    Attributes:
        number: Number of the moment of its source, from 0, without gaps.
        at: Seconds since the start of the session at which its picture arrived, the same clock for all sources.
        delay: Seconds from the arrival of the picture to its labels.
        moment: Labels.
        truth: Label and channel of simulated television; empty for real sources.
        inside: Input of the memory and its state before it; None without.
    """

    number: int
    at: float
    delay: float
    moment: Moment
    truth: tuple[str, ...] = ()
    inside: tuple[Any, Any] | None = None


class History:
    """Last moments of a source and their pictures, safe for threads, in bounded memory.

    Args:
        seconds: Seconds that are held.
        most_bytes: Most bytes of pictures.
        most_moments: Most moments.
    """

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
        most_moments: int = MOST_MOMENTS,
    ) -> None:
        self._seconds, self._most_bytes, self._most = seconds, most_bytes, most_moments
        self._moments: deque[LiveMoment] = deque()
        self._pictures: deque[bytes] = deque()  # of the last moments; there may be fewer than moments
        self._bytes = 0
        self._lock = Lock()

    def add(self, moment: LiveMoment, picture: bytes) -> None:
        """Append a moment and its JPEG file; what is too old is dropped."""
        with self._lock:
            self._moments.append(moment)
            self._pictures.append(picture)
            self._bytes += len(picture)
            while self._moments[0].at < moment.at - self._seconds or len(self._moments) > self._most:
                self._moments.popleft()
            while len(self._pictures) > len(self._moments) or (
                self._bytes > self._most_bytes and len(self._pictures) > 1
            ):
                self._bytes -= len(self._pictures.popleft())

    @property
    def picture_bytes(self) -> int:
        """Bytes of the pictures that are held."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._moments)

    def after(self, number: int = -1, *, most: int | None = None) -> Sequence[LiveMoment]:
        """Moments after the one with this number, in their order; with `most`, the last of them."""
        with self._lock:
            if not self._moments:
                return ()
            start = max(0, number + 1 - self._moments[0].number)
            if most is not None:
                start = max(start, len(self._moments) - most)
            return [self._moments[k] for k in range(start, len(self._moments))]

    def picture(self, number: int) -> bytes | None:
        """JPEG file of a moment; None where it is not held."""
        with self._lock:
            if not self._moments:
                return None
            place = number - (self._moments[-1].number + 1 - len(self._pictures))
            return self._pictures[place] if 0 <= place < len(self._pictures) else None
