"""Protection of the page's server: hosts, tokens, foreign pages, rates and sizes."""

import hmac
import ipaddress
import re
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY = 4096
"""Largest body of a request in bytes."""
MOST_HEADERS = 16_384
"""Largest headers of a request in bytes."""
SHORTEST_TOKEN = 12

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """Rate of requests of one address: a bucket of `burst`, refilled by `each_second`.

    Attributes:
        each_second: Requests a second.
        burst: Requests at once.
    """

    each_second: float = 100.0
    burst: float = 400.0


class Buckets:
    """Token buckets by address, of a bounded number of addresses.

    Args:
        limit: Rate of each address.
        most: Addresses that are remembered.

    Examples:
        >>> buckets = Buckets(RateLimit(each_second=1.0, burst=2.0))
        >>> [buckets.take("10.0.0.7", now) for now in (0.0, 0.0, 0.0, 1.5)]
        [True, True, False, True]
    """

    def __init__(self, limit: RateLimit, *, most: int = 1024) -> None:
        self._limit, self._most = limit, most
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> bool:
        """Whether the address may send another request now."""
        left, before = self._held.pop(address, (self._limit.burst, now))
        left = min(self._limit.burst, left + (now - before) * self._limit.each_second)
        allowed = left >= 1
        self._held[address] = (left - 1 if allowed else left), now
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return allowed


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone.

    Examples:
        >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "192.168.1.5")]
        [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_allowed(header: str, host: str) -> bool:
    """Whether a Host header names this server by an address, and not by a name of somebody else's.

    A page of another server can make its name point to this machine (DNS rebinding); the browser then sends that name.
    Addresses cannot be made to point elsewhere.

    Args:
        header: Host header.
        host: Host that the server is bound to.

    Returns:
        Whether it is.

    Examples:
        >>> [host_allowed(text, "127.0.0.1") for text in ("localhost:8000", "[::1]:8000", "evil.example:8000", "")]
        [True, True, False, False]
    """
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?", header)
    if match is None:
        return False
    name = match[1].strip("[]").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = {"localhost", host.lower()}
        if not is_loopback(host):
            machine = socket.gethostname().lower()
            own |= {machine, f"{machine}.local"}
        return name in own
    return True


class Protection:
    """Application around another one that refuses what must not reach it.

    Args:
        application: The application.
        host: Host that the server is bound to.
        port: Its port, for the name of the cookie.
        token: Token that each request must have; None for none.
        limit: Rate of requests of one address.
    """

    def __init__(
        self,
        application: Application,
        *,
        host: str,
        port: int,
        token: str | None = None,
        limit: RateLimit | None = None,
    ) -> None:
        self._application, self._host, self._token = application, host, token
        self._cookie = f"wolfdog_{port}"
        self._buckets = Buckets(limit or RateLimit())
        self._failures = Buckets(RateLimit(each_second=0.2, burst=10.0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is None and self._token is not None:
            given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20).get("token", [""])[0]
            if scope["path"] == "/" and given and self._matches(given):
                await self._enter(guarded, given)
                return
            if not self._known(headers):
                refusal = self._stranger(scope)
        if refusal is not None:
            await answer(guarded, *refusal)
            return
        await self._application(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        address = (scope.get("client") or ("", 0))[0]
        if not self._buckets.take(address, time.monotonic()):
            return 429, "Too many requests. Wait a second."
        if not host_allowed(headers.get("host", ""), self._host):
            return 421, "This server is known by its address, not by this name."
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "GET and POST only."
        site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
        if site in ("cross-site", "same-site") and (mode != "navigate" or scope["method"] == "POST"):
            return 403, "Pages of other servers cannot use this one."
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host"):
            return 403, "Pages of other servers cannot use this one."
        if (
            scope["method"] == "POST"
            and headers.get("content-type", "").partition(";")[0] != "application/json"
        ):
            return 415, "Send JSON, as application/json."
        if sum(len(name) + len(value) for name, value in headers.items()) > MOST_HEADERS:
            return 431, f"At most {MOST_HEADERS} bytes of headers."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 9 or int(length) > MOST_BODY:
            return 413, f"At most {MOST_BODY} bytes."
        return None

    def _matches(self, given: str) -> bool:
        token = self._token or ""
        return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())

    def _known(self, headers: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._matches(given.strip())
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return cookie is not None and self._matches(cookie.value)

    def _stranger(self, scope: Scope) -> tuple[int, str]:
        address = (scope.get("client") or ("", 0))[0]
        if not self._failures.take(address, time.monotonic()):
            return 429, "Too many requests without the token. Wait a minute."
        return 401, "This page needs its token: open the address that wolfdog live printed, with ?token=..."

    async def _enter(self, send: Send, token: str) -> None:
        """Keep the token in a cookie, and lead to the page without it in the address."""
        cookie = f"{self._cookie}={token}; HttpOnly; SameSite=Lax; Path=/"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode("latin-1")), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


async def answer(send: Send, status: int, text: str) -> None:
    """Send a short text and close the connection."""
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
