"""Streams of messages over HTTP: server-sent events for the page, JSON lines for programs."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from starlette.types import Receive, Scope, Send

from .hub import Hub

IDLE = 10.0
"""Seconds without a message after which an empty line keeps the connection open."""
PATIENCE = 20.0
"""Seconds after which a reader that takes nothing is disconnected."""


class EventStream:
    """Answer that never ends: first some messages, then those of a hub.

    Args:
        hub: Source of messages.
        first: Messages at the beginning.
        server_sent: Whether the form is that of server-sent events, and not JSON lines.
        source: Number of the only source whose messages are sent; None for all.
        skip: Types of messages that are left out.
    """

    def __init__(
        self,
        hub: Hub,
        first: Iterable[dict[str, Any]],
        *,
        server_sent: bool,
        source: int | None = None,
        skip: frozenset[str] = frozenset(),
    ) -> None:
        self._hub, self._first, self._server_sent = hub, list(first), server_sent
        self._source, self._skip = source, skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader leaves, or takes nothing for too long."""
        kind = b"text/event-stream" if self._server_sent else b"application/x-ndjson"
        headers = [(b"content-type", kind), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        leaving = asyncio.create_task(self._left(receive))
        sending = asyncio.create_task(self._send_all(send))
        try:
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (leaving, sending):
                task.cancel()
            await asyncio.gather(leaving, sending, return_exceptions=True)

    async def _left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _send_all(self, send: Send) -> None:
        async def put(body: bytes, *, more: bool = True) -> None:
            message = {"type": "http.response.body", "body": body, "more_body": more}
            await asyncio.wait_for(send(message), PATIENCE)

        await put(self._text(self._first))
        async for messages in self._hub.read(idle=IDLE):
            text = self._text(messages)
            if text or not messages:
                await put(text or (b":\n\n" if self._server_sent else b"\n"))
        await put(b"", more=False)

    def _text(self, messages: Iterable[dict[str, Any]]) -> bytes:
        lines = [
            json.dumps(one, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
            for one in messages
            if one["type"] not in self._skip
            and (self._source is None or one.get("source", self._source) == self._source)
        ]
        if self._server_sent:
            return "".join(f"data: {line}\n\n" for line in lines).encode()
        return "".join(f"{line}\n" for line in lines).encode()
