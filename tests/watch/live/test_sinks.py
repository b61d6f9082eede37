"""Recordings that are whole at any time, MQTT, the webhook, and work in the background."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from live_sources import CLASSES, Coloured, ColourSteps, until
from small_broker import small_broker
from wolfdog.errors import InputError
from wolfdog.watch.live.background import Background
from wolfdog.watch.live.feed import Feed
from wolfdog.watch.live.mqtt import Broker, MQTTPublisher
from wolfdog.watch.live.recording import Recording
from wolfdog.watch.live.webhook import Webhook
from wolfdog.watch.moments import events
from wolfdog.watch.predictions import read_predictions
from wolfdog.watch.report.page import write_report


def watched(sink, most=60, name="garden"):
    feed = Feed(
        0,
        Coloured(fps=300.0, most=most, name=name),
        ColourSteps(),
        publish=lambda message: None,
        sinks=[sink],
    )
    feed.start(time.monotonic())
    feed.join(10)
    return feed


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def whole(folder):
    """Checks that every file in a folder of recordings can be read; returns the number of moments."""
    count = 0
    for path in folder.glob("*/*/moments.csv"):
        header, *lines = rows(path)
        assert header[:6] == ["deployment", "video", "frame", "time", "utc", "time_of_day"]
        assert all(len(line) == len(header) for line in lines)
        assert path.read_text().endswith("\n")
        count += len(lines)
    for path in folder.glob("*/*/events.csv"):
        header, *lines = rows(path)
        assert all(len(line) == len(header) for line in lines)
    for path in folder.glob("*/*/predictions.parquet"):
        read_predictions(path)
    return count


def test_a_recording_has_the_formats_of_watch(tmp_path):
    recording = Recording(tmp_path)
    feed = watched(recording)
    recording.close()
    [folder] = tmp_path.glob("garden/*")
    assert whole(tmp_path) == 60
    table = read_predictions(folder / "predictions.parquet")
    assert len(table) == 60
    assert table.utc
    moments = [one.moment for one in feed.history.after()]
    np.testing.assert_allclose(table.context, [one.context_probabilities for one in moments])
    header, *lines = rows(folder / "events.csv")
    assert [line[header.index("label")] for line in lines] == [event.label for event in events(moments)]
    assert sum(int(line[-1]) for line in lines) == 60
    written = write_report(folder, tmp_path / "report.html")
    assert written.events == len(lines)


def test_files_are_whole_in_the_midst_of_it(tmp_path):
    recording = Recording(tmp_path / "a", minute=0.02, hour=0.1)
    feed = Feed(
        0, Coloured(fps=300.0, most=90), ColourSteps(), publish=lambda message: None, sinks=[recording]
    )
    feed.start(time.monotonic())
    seen = []
    for number in range(5):
        time.sleep(0.05)
        shutil.copytree(tmp_path / "a", tmp_path / f"copy{number}", ignore=shutil.ignore_patterns(".*"))
        seen.append(whole(tmp_path / f"copy{number}"))
    feed.join(10)
    recording.close()
    assert seen == sorted(seen)
    assert whole(tmp_path / "a") == 90
    assert len(list((tmp_path / "a" / "garden").iterdir())) > 1  # a folder each hour


class Set:
    """Clock of the machine that is set with the 20th and the 40th picture; the monotonic one goes on."""

    def __init__(self, first, second):
        self.steps, self.read = {20: first, 40: second}, 0

    monotonic = staticmethod(time.monotonic)

    def time(self):
        self.read += 1
        return time.time() + sum(step for at, step in self.steps.items() if self.read > at)


@pytest.mark.parametrize(
    ("first", "second", "folders"), [(3600.0, -3600.0, 2), (-86400.0, 10.0, 2), (-0.5, 0.0, 1)]
)
def test_a_clock_that_is_set(first, second, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("wolfdog.watch.live.feed.time", Set(first, second))
    recording = Recording(tmp_path)
    feed = watched(recording)
    recording.close()
    assert whole(tmp_path) == 60
    moments = [one.moment for one in feed.history.after()]
    assert max(np.diff([moment.time for moment in moments])) < 1.0  # the memory's clock does not jump
    assert len(moments) == 60
    tables = [read_predictions(path / "predictions.parquet") for path in tmp_path.glob("garden/*")]
    assert len(tables) == folders
    assert all((np.diff(table.time) >= 0).all() for table in tables)
    written = sorted(time for table in tables for time in table.time.tolist())
    np.testing.assert_allclose(written, sorted(moment.utc for moment in moments), atol=1e-3)


KILLED = """
import sys, time
sys.path[:0] = {path!r}
from live_sources import Coloured, ColourSteps
from wolfdog.watch.live.feed import Feed
from wolfdog.watch.live.recording import Recording
recording = Recording(__import__("pathlib").Path({folder!r}), minute=0.05)
feed = Feed(0, Coloured(fps=200.0), ColourSteps(), publish=lambda message: None, sinks=[recording])
feed.start(time.monotonic())
time.sleep(30)
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.3, 1.1])
def test_a_kill_leaves_whole_files(tmp_path, after):
    program = KILLED.format(path=sys.path, folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: any(len(rows(path)) > 15 for path in tmp_path.glob("*/*/moments.csv")), 60)
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert whole(tmp_path) > 10


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(OSError, match="a"):
        Recording(tmp_path / "a")


def test_background_gives_up_the_oldest(capsys):
    work, gate, done = Background("test", most=3), threading.Event(), []
    work.do(lambda: gate.wait(5))
    until(lambda: not work._jobs)
    for number in range(5):
        work.do(lambda number=number: done.append(number))
    work.do(lambda: 1 / 0)
    work.do(lambda: 1 / 0)
    gate.set()
    work.close()
    assert done == [4]
    assert work.lost == 4
    assert capsys.readouterr().err == "wolfdog: test: ZeroDivisionError: division by zero\n"


def test_mqtt():
    with small_broker() as (port, published, connects, _):
        publisher = MQTTPublisher(f"mqtt://cat:secret@127.0.0.1:{port}/home")
        until(lambda: ("home/status", b"online", True) in published)
        watched(publisher, name="front door")
        until(lambda: sum(topic == "home/front_door/event" for topic, *_ in published) >= 2)
        publisher.close()
    assert b"cat" in connects[0]
    assert b"offline" in connects[0]  # the last will
    assert published[-1] == ("home/status", b"offline", True)
    found = {topic: json.loads(payload) for topic, payload, _ in published if payload.startswith(b"{")}
    sensor = found["homeassistant/sensor/wolfdog_home_front_door_context/config"]
    assert sensor["state_topic"] in found
    assert sensor["options"] == list(CLASSES)
    assert "value_json.context" in sensor["value_template"]
    states = [json.loads(payload) for topic, payload, _ in published if topic == "home/front_door/state"]
    assert [one["context"] for one in states][:2] == ["bear", "bear"]
    assert [one["snapshot"] for one in states][:3] == ["bear", "unknown", "wolf"]
    assert found["home/front_door/event"]["label"] in ("bear", "wolf")


def test_mqtt_comes_back():
    with small_broker() as (port, published, _, clients):
        publisher = MQTTPublisher(f"mqtt://127.0.0.1:{port}")
        until(lambda: published)
        clients[0].shutdown(2)
        until(lambda: len(clients) == 2 and len(published) >= 2)
        publisher.close()
    assert [topic for topic, *_ in published[:2]] == ["wolfdog/status"] * 2


@pytest.mark.parametrize(
    "address", ["localhost", "http://a", "mqtt://", "mqtt://a:x", "mqtt://a/b#", "mqtt://a/+"]
)
def test_brokers_that_are_none(address):
    with pytest.raises(InputError, match="--mqtt: expected mqtt://"):
        Broker.of(address)


def test_a_password_is_not_shown():
    with pytest.raises(InputError) as caught:
        Broker.of("mqtt://cat:secret@a:x")
    assert "secret" not in str(caught.value)


def test_the_webhook():
    received, answers = [], [500, 200, 200, 302, 302, 302, 200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            status = answers.pop(0) if answers else 200
            if status == 200:
                received.append(json.loads(body))
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = Webhook(f"http://127.0.0.1:{server.server_address[1]}/hook", wait=0.01)
    watched(hook, most=90)
    hook.close()
    server.shutdown()
    server.server_close()
    assert [one["label"] for one in received[:2]] == ["bear", "wolf"]
    assert received[0]["type"] == "event"
    assert len(received) == 5  # the third was refused three times


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://a/b", "example.org", "http://"])
def test_addresses_that_are_none(address):
    with pytest.raises(InputError, match="--webhook: expected an address"):
        Webhook(address)
