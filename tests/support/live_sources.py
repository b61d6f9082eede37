"""Live sources and labellers without networks, and a page server in a thread."""

import http.client
import json
import threading
import time
from contextlib import contextmanager

import av
import numpy as np

from wolfdog.watch.live.gates import Gates
from wolfdog.watch.live.pictures import LivePicture, PictureSource
from wolfdog.watch.live.server import PageServer, ServerOptions
from wolfdog.watch.live.session import Session
from wolfdog.watch.live.step_labeller import Step, StepLabeller
from wolfdog.watch.video.decoding import Picture

COLOURS = {"wolf": (200, 40, 40), "bear": (40, 200, 40), "unknown": (120, 120, 120)}
CLASSES = tuple(COLOURS)


def coloured(label, index, fps, *, side=32, truth=()):
    image = np.empty((side, side, 3), np.uint8)
    image[:] = COLOURS[label]
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    return LivePicture(Picture(index, index / fps, (index + 1) / fps, frame), time.monotonic(), truth)


class Coloured(PictureSource):
    """Source that shows labels as colours, one after the other, `fps` a second, without end."""

    def __init__(self, labels=("bear", "unknown", "wolf"), fps=20.0, name="garden", most=None):
        super().__init__(name, "stream", fps)
        self.labels, self.most = labels, most

    def pictures(self, say):
        began = time.monotonic()
        for index in range(self.most or 10**9):
            if self._stop.wait(max(0.0, began + index / self.fps - time.monotonic())):
                return
            yield coloured(self.labels[index // 10 % len(self.labels)], index, self.fps)


class ColourSteps(StepLabeller):
    """Labeller that knows the colours; its memory keeps the last label that was not unknown."""

    classes, blank, classifier, method, fps = CLASSES, None, "colours", "last", 20.0

    def __init__(self):
        self.kept = np.array([0.1, 0.1, 0.8], np.float32)
        self.seen = 0

    def warm_up(self):
        self.seen = 0

    def step(self, picture):
        mean = picture.image.to_ndarray(format="rgb24").mean((0, 1))
        near = [-np.abs(mean - np.array(colour)).sum() / 20 for colour in COLOURS.values()]
        p = np.exp(np.array(near) - max(near))
        p = (p / p.sum()).astype(np.float32)
        before = self.kept.copy()
        if p.argmax() != 2:
            self.kept = p
        self.seen += 1
        return Step(p, 0.1 * p + 0.9 * self.kept, inside=(p, before))

    def losses(self, past, ends, label):
        """Loss when everything up to the last informative moment is left out: two nats; else none."""
        told = np.flatnonzero(past.snapshot[:-1].argmax(-1) != 2)
        last = told[-1] if len(told) else -1
        return np.array([2.0 if end > last else 0.0 for end in ends])

    def gates(self, inside):
        values = np.stack([np.stack([p, before]) for p, before in inside])
        return Gates(("learn", "forget"), (255 * values).astype(np.uint8))


@contextmanager
def page_server(sources=None, *, options=None, sinks=()):
    """Running server of some sources, by default one."""
    sources = sources or [(Coloured(), ColourSteps())]
    session = Session(sources, sinks=sinks)
    server = PageServer(session, options or ServerOptions(port=0))
    ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(ready.set,), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server, session
    finally:
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


def ask(server, path, *, method="GET", body=None, headers=None):
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        data = None if body is None else json.dumps(body)
        typed = {"content-type": "application/json"} if body is not None else {}
        connection.request(method, path, data, typed | (headers or {}))
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def lines(server, path, count, *, headers=None):
    """First lines of a stream of JSON lines."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        assert answer.status == 200
        return [json.loads(answer.readline()) for _ in range(count)]
    finally:
        connection.close()


def until(condition, seconds=10.0):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.01)
