"""Session of the live page: feeds, the messages of all of them, and the thread that explains labels."""

import secrets
import time
import traceback
from collections.abc import Sequence
from threading import Event, Thread
from typing import Any

import wolfdog

from .feed import Feed, FeedSink
from .free_memory import return_free_memory
from .hub import Hub
from .pictures import PictureSource
from .step_labeller import StepLabeller

_SHORTEST_PAUSE = 0.4
_PAUSE = 4.0
"""Pause of the explaining thread, as a multiple of the time that its last round took."""
RETURN_MEMORY = 60.0
"""Seconds between two returns of freed memory to the system."""


class Session:
    """Sources that are watched side by side.

    Args:
        sources: Each source with its labeller.
        sinks: Receivers of moments and events.
    """

    def __init__(
        self, sources: Sequence[tuple[PictureSource, StepLabeller]], *, sinks: Sequence[FeedSink] = ()
    ) -> None:
        self.id = secrets.token_hex(8)
        self.hub = Hub()
        self.feeds = [
            Feed(number, source, labeller, publish=self.hub.publish, sinks=sinks)
            for number, (source, labeller) in enumerate(sources)
        ]
        self.began = time.monotonic()
        self._stop = Event()
        self._explaining = Thread(target=self._explain, name="explain", daemon=True)

    @property
    def now(self) -> float:
        """Seconds since the start of the session."""
        return time.monotonic() - self.began

    def start(self) -> None:
        """Begin to watch."""
        self.began = time.monotonic()
        for feed in self.feeds:
            feed.start(self.began)
        self._explaining.start()

    def stop(self, *, patience: float = 5.0) -> None:
        """End all sources and readers.

        Args:
            patience: Seconds to wait for the threads.
        """
        self._stop.set()
        for feed in self.feeds:
            feed.stop()
        self.hub.close()
        end = time.monotonic() + patience
        for wait in (*(feed.join for feed in self.feeds), self._join):
            wait(max(0.0, end - time.monotonic()))

    def describe(self) -> dict[str, Any]:
        """Message with the facts of the session."""
        return {
            "type": "session",
            "id": self.id,
            "version": wolfdog.__version__,
            "at": round(self.now, 3),
            "sources": [feed.describe() for feed in self.feeds],
        }

    def _join(self, seconds: float) -> None:
        if self._explaining.is_alive():
            self._explaining.join(seconds)

    def _explain(self) -> None:
        returned = self.began
        while not self._stop.is_set():
            began = time.monotonic()
            if began - returned >= RETURN_MEMORY:
                returned = began
                return_free_memory()
            if self.hub.readers:
                self._round()
            self._stop.wait(max(_SHORTEST_PAUSE, _PAUSE * (time.monotonic() - began)))

    def _round(self) -> None:
        for feed in self.feeds:
            if self._stop.is_set():
                return
            try:
                feed.explain()
            except Exception:  # labels go on without an explanation
                traceback.print_exc()
