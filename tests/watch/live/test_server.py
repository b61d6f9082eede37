"""The server: what it answers, what it refuses, and what it survives."""

import gzip
import http.client
import io
import json

import numpy as np
import pytest
from PIL import Image

from live_sources import CLASSES, Coloured, ColourSteps, ask, lines, page_server, until
from wolfdog.errors import InputError
from wolfdog.watch.live.application import SCRIPTS, page_files
from wolfdog.watch.live.server import PageServer, ServerOptions
from wolfdog.watch.live.session import Session

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def running():
    with page_server() as (server, session):
        until(lambda: len(session.feeds[0].history) > 15)
        yield server, session


@pytest.fixture
def server(running):
    return running[0]


def test_the_page_and_its_files(server):
    status, headers, body = ask(server, "/")
    assert status == 200
    assert b"wolfdog" in body
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "access-control-allow-origin" not in headers
    for name in page_files():
        status, headers, _ = ask(server, f"/page/{name}")
        assert status == 200
        assert headers["x-content-type-options"] == "nosniff"
    assert ask(server, "/page/nothing.js")[0] == 404
    assert ask(server, "/page/../application.py")[0] == 404


def test_the_page_loads_nothing_from_elsewhere_and_all_of_its_scripts():
    page = page_files()["live.html"].decode()
    assert "http://" not in page
    assert "https://" not in page
    assert all(f"/page/{name}.js" in page for name in ("elements", *SCRIPTS))


def test_the_stream_of_events(server):
    session, *moments = lines(server, "/events", 12)
    assert session["type"] == "session"
    assert session["sources"][0]["classes"] == list(CLASSES)
    moments = [one for one in moments if one["type"] == "moment"]
    assert len(moments) >= 5
    for one in moments:
        assert one["snapshot"] == CLASSES[int(np.argmax(one["snapshot_probabilities"]))]
        assert one["context"] == CLASSES[int(np.argmax(one["context_probabilities"]))]
        assert one["utc"].endswith("Z")
    numbers = [one["number"] for one in moments]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_server_sent_events_have_gates_and_evidence(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/events", headers={"accept": "text/event-stream"})
    answer = connection.getresponse()
    assert answer.getheader("content-type") == "text/event-stream"
    kinds = set()
    while not {"gates", "evidence", "event", "moment", "session"} <= kinds:
        line = answer.readline()
        if line.startswith(b"data: "):
            kinds.add(json.loads(line[6:])["type"])
    connection.close()


def test_the_history(server):
    _, headers, body = ask(server, "/history?source=0&after=0", headers={"accept-encoding": "gzip"})
    assert headers["content-encoding"] == "gzip"
    found = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    numbers = [one["number"] for one in found if one["type"] == "moment"]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 15
    _, _, body = ask(server, f"/history?source=0&after={numbers[-1]}")
    later = [json.loads(line) for line in body.splitlines()]
    assert next(one["number"] for one in later if one["type"] == "moment") == numbers[-1]


def test_a_picture(server, running):
    number = running[1].feeds[0].history.after()[0].number
    status, headers, body = ask(server, f"/pictures/0/{number}.jpg")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(body)).size == (32, 32)
    for missing in (f"0/{10**8}", "7/0", "0/-1", "0/1e3", f"0/{'9' * 5000}", "%2e%2e/0", "0/٣"):
        assert (
            ask(
                server,
                f"/pictures/{missing.encode('utf-8').decode('latin-1')}.jpg"
                if missing.isascii()
                else "/pictures/0/%D9%A3.jpg",
            )[0]
            == 404
        )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/history", 404),
        ("/history?source=9", 404),
        ("/history?source=0&after=x", 404),
        ("/events?source=9", 404),
        ("/television", 405),
    ],
)
def test_what_is_not_there(server, path, status):
    assert ask(server, path)[0] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"source": 0, "do": "zap"}, 422),  # this source is no television
        ({"source": 3, "do": "zap"}, 422),
        ({"source": True}, 422),
        ([], 422),
        ("x" * 5000, 413),
    ],
)
def test_wishes_that_cannot_be(server, body, status):
    assert ask(server, "/television", method="POST", body=body)[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:80"}, 421),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ({"content-length": "99999999"}, 413),
        ({"x": "y" * 20_000}, 431),
    ],
)
def test_refused_requests(server, headers, status):
    assert ask(server, "/", headers=headers)[0] == status


def test_posts_of_other_pages_are_refused(server):
    own = f"http://127.0.0.1:{server.port}"
    wish = {"source": 0, "do": "zap"}
    assert ask(server, "/television", method="POST", body=wish, headers={"origin": own})[0] == 422
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "same-site"}):
        assert ask(server, "/television", method="POST", body=wish, headers=headers)[0] == 403
    assert ask(server, "/television", method="POST", headers={"content-type": "text/plain"})[0] == 415
    assert ask(server, "/", method="OPTIONS")[0] == 405
    assert ask(server, "/", method="DELETE")[0] == 405


def test_a_token():
    options = ServerOptions(port=0, token=TOKEN)
    with page_server(options=options) as (server, _):
        assert server.address.endswith(f"/?token={TOKEN}")
        for path in ("/", "/events", "/pictures/0/0.jpg", "/page/live.css", f"/events?token={TOKEN}"):
            assert ask(server, path)[0] == 401
        assert ask(server, "/clock", headers={"authorization": f"Bearer {TOKEN}"})[0] == 200
        assert ask(server, "/clock", headers={"authorization": f"Bearer {TOKEN}x"})[0] == 401
        status, headers, _ = ask(server, f"/?token={TOKEN}")
        assert (status, headers["location"]) == (303, "/")
        assert "HttpOnly; SameSite=Lax" in headers["set-cookie"]
        cookie = {"cookie": headers["set-cookie"].partition(";")[0]}
        assert ask(server, "/clock", headers=cookie)[0] == 200
        assert 429 in [ask(server, "/?token=guess")[0] for _ in range(12)]
        assert ask(server, "/clock", headers=cookie)[0] == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"},
        {"host": "192.168.1.5"},
        {"token": "short"},
        {"token": "spaces are not good"},
        {"port": 70_000},
    ],
)
def test_options_that_are_refused(wrong):
    with pytest.raises(InputError, match=r"--(host|token|port)"):
        ServerOptions(**wrong)


def test_a_port_that_is_taken(server):
    with pytest.raises(InputError, match=f"port {server.port}.*--port 0"):
        PageServer(Session([(Coloured(), ColourSteps())]), ServerOptions(port=server.port))
