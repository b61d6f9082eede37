"""Malformed requests, idle and slow connections: the server goes on, and so do the labels."""

import contextlib
import socket
import threading

import pytest

from live_sources import Coloured, ColourSteps, ask, lines, page_server, until
from wolfdog.watch.live.connections import ConnectionLimits
from wolfdog.watch.live.protection import RateLimit
from wolfdog.watch.live.server import ServerOptions

POST = b"POST /television HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server():
    with page_server() as (running, _):
        yield running


def raw(server, data, *, seconds=5.0):
    """Everything that comes back for some bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall(data)
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except (TimeoutError, ConnectionResetError):
            pass
        return found


def test_malformed_json(server):
    for text in (b"{", b"[" * 3000, b"\xff", b""):
        head = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(text)
        assert b" 400 " in raw(server, head + text).split(b"\r\n")[0]


MALFORMED = [
    b"\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"GET /%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /events?source=%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    POST
    + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1fff\r\n"
    + b"x" * 0x1FFF
    + b"\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
    b"GET /" + b"a" * 50_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"\xff=;" * 300 + b"\r\nConnection: close\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    bytes(range(256)) * 20,
]


def test_malformed_requests(server, capfd):
    """None of them ends the server, or shows a traceback."""
    for data in MALFORMED:
        status = raw(server, data, seconds=0.5).split(b"\r\n")[0]
        assert not status.startswith(b"HTTP/1.1 500"), data[:80]
        assert ask(server, "/clock")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_requests_in_one_packet(server):
    request = b"GET /clock HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert raw(server, request * 9 + last).count(b"HTTP/1.1 200") == 10


def test_rates_are_limited():
    options = ServerOptions(port=0, rate=RateLimit(each_second=1.0, burst=5.0))
    with page_server(options=options) as (server, _):
        assert [ask(server, "/clock")[0] for _ in range(6)] == [200] * 5 + [429]


def test_idle_connections_give_way_and_end():
    limits = ConnectionLimits(most=10, idle=0.1, request=0.5)
    with page_server(options=ServerOptions(port=0, limits=limits)) as (server, _):
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        assert ask(server, "/clock")[0] == 200
        for connection in held:
            connection.settimeout(6)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            connection.close()


def test_a_slow_reader_does_not_slow_the_watcher():
    """One client takes nothing; the moments of another one come at the same rate."""
    with page_server([(Coloured(fps=20.0), ColourSteps())]) as (server, _session):
        slow = socket.create_connection(("127.0.0.1", server.port))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /events?gates=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        moments = [one for one in lines(server, "/events", 40) if one["type"] == "moment"]
        numbers = [one["number"] for one in moments]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len(numbers) / (moments[-1]["at"] - moments[0]["at"]) > 10
        slow.close()


def test_streams_end_with_the_server():
    with page_server() as (server, session):
        thread = threading.Thread(target=lambda: ask(server, "/events"))
        thread.start()
        until(lambda: session.hub.readers == 1)
    thread.join(5)
    assert not thread.is_alive()
