"""wolfdog live: options, users' mistakes, and the page of a film, of television and of a camera that is not there."""

import http.client
import json
import threading
from unittest import mock

import pytest

from cli_run import wolfdog
from live_sources import ask, until
from watch_films import film, noise
from wolfdog.watch.live import server as page
from wolfdog.watch.predictions import read_predictions

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.mp4"], "nothing.mp4: no such file. Give a video file, camera:0"),
        (["tv", "--host", "0.0.0.0"], "needs a token"),
        (["tv", "--token", "short"], "--token: expected 12 letters and digits or more"),
        (["tv", "--model", "here", "--fps", "2"], "--model brings its own classifier"),
        (["tv", "--model", "here"], "here"),
        (["camera:0", "--images", "here"], "--world and --images are for the source tv"),
        (["tv"] * 17, "expected 1 to 16 sources, got 17"),
        (["tv", "--webhook", "here", "--port", "0"], "--webhook: expected an address"),
        (["tv", "--mqtt", "here", "--port", "0"], "--mqtt: expected mqtt://"),
        (["tv", "--port", "99999"], "--port: expected 0 to 65535"),
        (["tv", "--host", "no.such.name.invalid", "--token", TOKEN], "no such address"),
        (["--no-browser"], "Missing argument"),
    ],
)
def test_mistakes(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = wolfdog("live", *arguments)
    assert ran.status == 2
    assert words in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def run_live(*arguments, then):
    """Run the command, call `then` with its server when the page is there, and end it."""
    servers, found = [], []
    make = page.PageServer.__init__

    def kept(self, *given, **named):
        make(self, *given, **named)
        servers.append(self)

    def visit():
        until(lambda: servers and servers[0]._server.started, 60)
        try:
            found.append(then(servers[0]))
        finally:
            servers[0].stop()

    with mock.patch.object(page.PageServer, "__init__", kept):
        thread = threading.Thread(target=visit)
        thread.start()
        ran = wolfdog("live", *arguments, "--no-browser", "--port", "0")
        thread.join(30)
    return ran, found[0]


def moments(server, count, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/events", headers=headers or {})
    answer, found = connection.getresponse(), []
    while len(found) < count:
        one = json.loads(answer.readline() or b"{}")
        if one.get("type") == "moment":
            found.append(one)
    connection.close()
    return found


def test_television(tmp_path):
    def then(server):
        found = moments(server, 6)
        wish = {"source": 0, "do": "show", "label": "bear"}
        assert ask(server, "/television", method="POST", body=wish)[0] == 200
        until(lambda: any(one["context"] == "bear" for one in moments(server, 1)), 15)
        return found

    ran, found = run_live("tv", "--out", tmp_path / "out", then=then)
    assert ran.status == 0, ran.err
    assert ran.out.startswith("http://127.0.0.1:")
    assert all(len(one["truth"]) == 2 for one in found)
    [path] = (tmp_path / "out").glob("television/*/predictions.parquet")
    table = read_predictions(path)
    assert "bear" in table.label_names(context=True)
    assert table.classifier == "painted-television"


def test_a_film_with_a_token(tmp_path):
    path = film(tmp_path / "a.mp4", noise(60), rate=10)

    def then(server):
        assert ask(server, "/events")[0] == 401
        return moments(server, 3, {"authorization": f"Bearer {TOKEN}"})

    arguments = (path, "--model", "painted-television", "--host", "127.0.0.1", "--token", TOKEN)
    ran, found = run_live(*arguments, then=then)
    assert ran.status == 0, ran.err
    assert f"?token={TOKEN}" in ran.out
    assert found[0]["name"] == "a.mp4"


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    ran = wolfdog("live", "tv")
    assert ran.status == 2
    assert 'pip install "wolfdog[live]"' in ran.err
