"""Limits of connections, below the HTTP application: their number, idle ones, and requests that take too long."""

import asyncio
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

EVENTS = "/events"
"""Path of streams, which last as long as their reader."""


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """Limits of connections.

    Attributes:
        most: Connections at once. Beyond it, the longest idle one gives way; without one, the new one is refused.
        idle: Seconds without a whole request after which a connection is closed.
        request: Seconds that a request other than a stream may take, its answer included.
        header: Largest head of a request in bytes.
    """

    most: int = 128
    idle: float = 15.0
    request: float = 30.0
    header: int = 16_384


class LimitedConnection(H11Protocol):
    """Connection that knows since when it has been idle or busy; `limits` is set in a subclass."""

    limits = ConnectionLimits()

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or refuse it when there are too many."""
        super().connection_made(transport)
        self.idle_since: float = self.loop.time()
        self.busy_since: float = self.idle_since
        if len(self.connections) <= self.limits.most:
            return
        idle = [
            one
            for one in self.connections
            if isinstance(one, LimitedConnection) and one.idle and one is not self
        ]
        (min(idle, key=lambda one: one.idle_since) if idle else self).abort()

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def abort(self) -> None:
        """Close at once, whatever waits to be sent."""
        self.connections.discard(self)
        self.transport.abort()

    def handle_events(self) -> None:
        """Handle what was received; note when a request begins."""
        before = self.cycle
        try:
            super().handle_events()
        except (h11.LocalProtocolError, ValueError, UnicodeDecodeError):  # a fault in what was received
            self.abort()
            return
        if self.cycle is not before:
            self.busy_since = self.loop.time()

    def on_response_complete(self) -> None:
        """Note when a request is over."""
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def overdue(self, now: float) -> bool:
        """Whether the connection has been idle, or its request has lasted, for too long."""
        if self.idle:
            return now - self.idle_since > self.limits.idle
        streams = self.cycle.scope["path"] == EVENTS
        return not streams and now - self.busy_since > self.limits.request


async def close_overdue(connections: set[Any], *, every: float = 2.0) -> None:
    """Close overdue connections, without end.

    Args:
        connections: Connections of the server.
        every: Seconds between two rounds.
    """
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(every)
        now = loop.time()
        for one in list(connections):
            if isinstance(one, LimitedConnection) and one.overdue(now):
                one.abort()
