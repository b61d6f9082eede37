"""HTTP application of the live page."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from ...errors import InputError
from .connections import EVENTS
from .event_stream import EventStream
from .feed import Feed
from .protection import MOST_BODY
from .session import Session
from .television import Television

MOST_STREAMS = 24
"""Readers of streams at once."""
_AT_ONCE = 200
"""Messages of a history that are written at once."""
_BODY_SECONDS = 5.0
SCRIPTS = (*("model", "stage", "timeline", "gates", "evidence", "television", "connection", "keys", "start"),)
_TYPES = {"css": "text/css", "js": "text/javascript", "html": "text/html", "svg": "image/svg+xml"}
_FRESH = {"cache-control": "no-cache"}
_NEVER = {"cache-control": "no-store"}


def page_files() -> dict[str, bytes]:
    """Files of the page by name; the elements are those of the report."""
    here, report = files("wolfdog.watch.live") / "page", files("wolfdog.watch.report") / "page"
    names = ["live.html", "live.css", "icon.svg", *(f"{name}.js" for name in SCRIPTS)]
    found = {name: (here / name).read_bytes() for name in names}
    return found | {"elements.js": (report / "elements.js").read_bytes()}


def live_application(session: Session) -> ASGIApp:
    """Application of a session, without protection.

    Args:
        session: The session.

    Returns:
        An ASGI application.
    """
    page = page_files()
    histories = asyncio.Semaphore(2)

    def feed_of(text: str | None) -> Feed | None:
        number = _whole(text)
        return session.feeds[number] if number is not None and number < len(session.feeds) else None

    async def index(request: Request) -> Response:
        return Response(page["live.html"], media_type="text/html", headers=_FRESH)

    async def page_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in page:
            return _refused(404, "there is no such file")
        media = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        return Response(page[name], media_type=media, headers=_FRESH)

    async def facts(request: Request) -> Response:
        return JSONResponse(session.describe(), headers=_NEVER)

    async def clock(request: Request) -> Response:
        return JSONResponse({"at": round(session.now, 4)}, headers=_NEVER)

    async def events(request: Request) -> Any:
        if session.hub.readers >= MOST_STREAMS:
            return _refused(503, f"there are {MOST_STREAMS} readers already", {"retry-after": "5"})
        source = request.query_params.get("source")
        if source is not None and feed_of(source) is None:
            return _refused(404, "there is no such source")
        server_sent = "text/event-stream" in request.headers.get("accept", "")
        gates = server_sent or request.query_params.get("gates") == "1"
        return EventStream(
            session.hub,
            [session.describe()],
            server_sent=server_sent,
            source=None if source is None else int(source),
            skip=frozenset() if gates else frozenset({"gates"}),
        )

    async def history(request: Request) -> Response:
        feed, after = (
            feed_of(request.query_params.get("source")),
            _whole(request.query_params.get("after", "0")),
        )
        if feed is None or after is None:
            return _refused(404, "history: expected source=0 and after=0, the number of a moment")
        # "after" counts from 1 in the address, so that 0 is from the beginning.
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = _NEVER | ({"content-encoding": "gzip"} if packed else {})
        body = _history(feed, after - 1, histories, packed=packed)
        return StreamingResponse(body, media_type="application/x-ndjson", headers=headers)

    async def picture(request: Request) -> Response:
        feed, number = feed_of(request.path_params["source"]), _whole(request.path_params["number"])
        data = None if feed is None or number is None else feed.picture(number)
        if data is None:
            return _refused(404, "this picture is not held")
        headers = {"cache-control": "private, max-age=900, immutable"}
        return Response(data, media_type="image/jpeg", headers=headers)

    async def television(request: Request) -> Response:
        try:
            wish = json.loads(await asyncio.wait_for(_body(request), _BODY_SECONDS))
            control(session, wish)
        except (TimeoutError, ClientDisconnect):
            return _refused(408, "the request did not come in time")
        except InputError as error:
            return _refused(422, str(error))
        except (ValueError, RecursionError):
            return _refused(400, "television: expected a JSON object")
        return JSONResponse({"done": True}, headers=_NEVER)

    return Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/page/{name}", page_file, methods=["GET"]),
            Route("/session", facts, methods=["GET"]),
            Route("/clock", clock, methods=["GET"]),
            Route(EVENTS, events, methods=["GET"]),
            Route("/history", history, methods=["GET"]),
            Route("/pictures/{source}/{number}.jpg", picture, methods=["GET"]),
            Route("/television", television, methods=["POST"]),
        ]
    )


def control(session: Session, wish: Any) -> None:
    """Carry out a wish for simulated television.

    Args:
        session: The session.
        wish: {"source": 0, "do": "zap"}, {"source": 0, "do": "show", "label": "bear"} or {"source": 0, "do": "between",
            "count": 12}, where null is the world's own programme.

    Raises:
        InputError: The wish is not one of these.
    """
    source = wish.get("source", 0) if isinstance(wish, dict) else None
    feeds: Sequence[Feed] = session.feeds
    if not isinstance(source, int) or isinstance(source, bool) or not 0 <= source < len(feeds):
        raise InputError("television: expected an object with source, the number of a source.")
    set_: Television | None = feeds[source].television
    if set_ is None:
        raise InputError(f"television: source {source} is none.")
    do = wish.get("do")
    if do == "zap":
        set_.zap()
    elif do == "show":
        set_.show(str(wish.get("label"))[:100])
    elif do == "between":
        count = wish.get("count")
        if count is not None and not isinstance(count, int):
            raise InputError("television: count must be a whole number or null.")
        set_.set_between(count)
    else:
        raise InputError("television: expected do to be zap, show or between.")
    session.hub.publish({"type": "television", "source": source, "between": set_.between})


async def _history(feed: Feed, after: int, turn: asyncio.Semaphore, *, packed: bool) -> AsyncIterator[bytes]:
    packing = zlib.compressobj(1, zlib.DEFLATED, 31) if packed else None
    async with turn:
        messages = await asyncio.to_thread(feed.backlog, after)
        for start in range(0, len(messages), _AT_ONCE):
            part = messages[start : start + _AT_ONCE]
            text = await asyncio.to_thread(_lines, part)
            data = text if packing is None else packing.compress(text)
            if data:
                yield data
        if packing is not None:
            yield packing.flush()


def _lines(messages: Sequence[dict[str, Any]]) -> bytes:
    return "".join(
        json.dumps(one, separators=(",", ":"), allow_nan=False) + "\n" for one in messages
    ).encode()


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise InputError(f"television: at most {MOST_BODY} bytes.")
    return body


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": text}, status_code=status, headers=_NEVER | (headers or {}))


def _whole(text: str | None) -> int | None:
    """Whole number of a text of at most nine digits; None for another text."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 9 else None
