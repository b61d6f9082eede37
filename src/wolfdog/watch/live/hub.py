"""Distribution of messages to any number of readers, of which none can hold up the others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

MOST_WAITING = 256
"""Messages that are held; a reader that is further behind loses the oldest."""


@dataclass(frozen=True, slots=True)
class Message:
    """Message to all readers.

    Attributes:
        number: Number of the message, from 0.
        content: JSON object.
    """

    number: int
    content: dict[str, Any]


class Hub:
    """Publisher of messages: threads publish, coroutines of one event loop read.

    The last messages are held once for all readers. A slow reader skips what is no longer held, and is told how many
    messages it lost.

    Args:
        most: Messages that are held.
    """

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._held: deque[Message] = deque(maxlen=most)
        self._lock = Lock()
        self._next = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waking = asyncio.Event()
        self._closed = False
        self._readers = 0

    @property
    def readers(self) -> int:
        """Number of readers."""
        return self._readers

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the event loop of the readers."""
        self._loop = loop

    @property
    def closed(self) -> bool:
        """Whether no more messages come."""
        return self._closed

    def publish(self, content: dict[str, Any]) -> None:
        """Hand a message to all readers; called from any thread, never waits."""
        with self._lock:
            self._held.append(Message(self._next, content))
            self._next += 1
        self._wake()

    def close(self) -> None:
        """End all readers."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(self._set)
            except RuntimeError:  # the loop was closed between the two lines
                return

    def _set(self) -> None:
        waking, self._waking = self._waking, asyncio.Event()
        waking.set()

    async def read(self, *, idle: float) -> AsyncIterator[list[dict[str, Any]]]:
        """Messages from now on, all that have come since the last ones together.

        Args:
            idle: Seconds without a message after which an empty list is yielded.

        Yields:
            Messages; the first of them may be of the type "dropped".
        """
        self._readers += 1
        try:
            async for messages in self._read(idle):
                yield messages
        finally:
            self._readers -= 1

    async def _read(self, idle: float) -> AsyncIterator[list[dict[str, Any]]]:
        position = self._next
        while not self._closed:
            waking = self._waking
            with self._lock:
                new = [one for one in self._held if one.number >= position]
                end = self._next
            if new:
                lost = new[0].number - position
                position = end
                yield [
                    *([{"type": "dropped", "messages": lost}] if lost else []),
                    *(one.content for one in new),
                ]
                continue
            try:
                await asyncio.wait_for(waking.wait(), idle)
            except TimeoutError:
                yield []
