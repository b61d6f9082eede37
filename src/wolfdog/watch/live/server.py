"""Server of the live page on this machine."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from urllib.parse import quote

import uvicorn

from ...errors import InputError
from .application import live_application
from .connections import ConnectionLimits, LimitedConnection, close_overdue
from .protection import SHORTEST_TOKEN, Protection, RateLimit, is_loopback
from .session import Session

_SEND_BUFFER = 262_144
"""Bytes that wait in the system for a slow reader, who would otherwise see the past."""


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Options of the server.

    Args:
        host: Name or address of this machine that it is bound to.
        port: Its port; 0 for any that is free.
        token: Secret that each request must have; needed where `host` is not loopback.
        limits: Of connections.
        rate: Of requests.

    Raises:
        InputError: There is no token for a host that others can reach, or it is short, or the port is out of range.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    rate: RateLimit = field(default_factory=RateLimit)

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise InputError(
                f"--host {self.host}: other machines can reach it, so the page needs a token: --token SECRET, of "
                f"{SHORTEST_TOKEN} letters and digits or more."
            )
        if self.token is not None and not (
            len(self.token) >= SHORTEST_TOKEN and self.token.isascii() and self.token.isalnum()
        ):
            raise InputError(f"--token: expected {SHORTEST_TOKEN} letters and digits or more.")
        if not 0 <= self.port <= 65535:
            raise InputError(f"--port: expected 0 to 65535, got {self.port}.")


class PageServer:
    """HTTP server of a session.

    Args:
        session: The session, which is started and stopped with the server.
        options: Of the server.

    Raises:
        InputError: The host is unknown, or the port is in use.
    """

    def __init__(self, session: Session, options: ServerOptions | None = None) -> None:
        self._session, self._options = session, options or ServerOptions()
        self._socket = _bound(self._options.host, self._options.port)
        self.port: int = self._socket.getsockname()[1]
        limits = self._options.limits
        guarded = Protection(
            live_application(session),
            host=self._options.host,
            port=self.port,
            token=self._options.token,
            limit=self._options.rate,
        )
        config = uvicorn.Config(
            guarded,
            http=type("Connection", (LimitedConnection,), {"limits": limits}),
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=limits.most,
            timeout_keep_alive=int(limits.idle),
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=limits.header,
        )
        self._server = _Server(config, session, limits.idle)

    @property
    def address(self) -> str:
        """Address of the page, with its token."""
        host = self._options.host
        try:
            version = ipaddress.ip_address(host)
            host = "127.0.0.1" if version.is_unspecified and version.version == 4 else host
            host = f"[{host}]" if version.version == 6 else host
        except ValueError:
            pass
        token = self._options.token
        return f"http://{host}:{self.port}/" + (f"?token={quote(token)}" if token else "")

    def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until interrupted, or until `stop`.

        Args:
            ready: Called once the page can be opened.

        Raises:
            KeyboardInterrupt: By an interrupt from the keyboard, after all is closed.
        """
        self._server.ready = ready
        self._session.start()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._session.stop()
            self._socket.close()

    def stop(self) -> None:
        """End `run`; may be called from another thread."""
        self._server.leave()


class _Server(uvicorn.Server):
    """Server that closes its streams first, which would otherwise go on for ever."""

    ready: Callable[[], None] | None = None

    def __init__(self, config: uvicorn.Config, session: Session, idle: float) -> None:
        super().__init__(config)
        self._session, self._idle = session, idle

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._session.hub.attach(asyncio.get_running_loop())
        await super().startup(sockets)
        every = min(2.0, self._idle / 2)
        self._sweeping = asyncio.create_task(close_overdue(self.server_state.connections, every=every))
        if self.ready is not None:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._sweeping.cancel()
        self._session.hub.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._session.hub.close()
        super().handle_exit(sig, frame)

    def leave(self) -> None:
        """End the main loop."""
        self._session.hub.close()
        self.should_exit = True


def _bound(host: str, port: int) -> socket.socket:
    """Listening socket."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise InputError(
            f"--host {host}: no such address. Give one of this machine, as 192.168.1.5."
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise InputError(
            f"{host}, port {port}: {error.strerror or error}. Choose another with --port, or --port 0 for any."
        ) from None
    return listening
