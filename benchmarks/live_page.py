"""Delay, rate and memory of the live page, and how they fare under attack.

    python benchmarks/live_page.py --only delay sources memory attack

delay    a stream at 25 frames a second, of which 5 are looked at by the default classifier; a program reads /events
sources  four such streams, 2 frames a second each
memory   simulated television for as many frames as eight hours have, as fast as it goes
attack   1,000 connections, slow readers and malformed requests, against television at 5 frames a second
"""

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from live_sources import page_server
from stream_server import stream_server
from wolfdog.tv import Painter, Sampler, default_world
from wolfdog.watch.labelling.loading import LabelOptions
from wolfdog.watch.live.free_memory import return_free_memory
from wolfdog.watch.live.loading import SourceOptions, open_sources
from wolfdog.watch.live.session import RETURN_MEMORY, Session
from wolfdog.watch.live.television import Television


@contextmanager
def camera(rate: int = 25):
    """Address of a stream of simulated television at `rate` frames a second, paced as a camera is."""
    frames = list(Painter(320).frames(Sampler(default_world().with_(fps=rate), seed=1).draw(4 * rate)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ts"
        with av.open(str(path), "w", format="mpegts") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
            stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(rate)}
            for image in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        data = path.read_bytes()

    size = len(data) // len(frames) // 188 * 188
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    with stream_server(chunks, [10**9], pace=1 / rate) as (address, _):
        yield address


@contextmanager
def page(names, options=None):
    """Running page of some sources."""
    found = open_sources(names, options)
    for _, labeller in found:
        labeller.warm_up()
    with page_server(found) as (server, session):
        yield server, session


def moments(server, session, seconds):
    """Moments that a reader of /events gets, each with the seconds from its frame to the reader."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/events")
    answer, found, end = connection.getresponse(), [], time.monotonic() + seconds
    while time.monotonic() < end:
        one = json.loads(answer.readline() or b"{}")
        if one.get("type") == "moment":
            found.append(one | {"page": session.now - one["at"]})
    connection.close()
    return found


def told(name, found, seconds, sources=1):
    """Print rate and delay."""
    pages = sorted(1000 * one["page"] for one in found)
    labels = sorted(1000 * one["delay"] for one in found)
    print(
        f"{name}: {len(found) / seconds / sources:.2f} frames/s of each source; frame to label "
        f"{statistics.median(labels):.0f} ms (95 %: {labels[int(0.95 * len(labels))]:.0f}), frame to reader "
        f"{statistics.median(pages):.0f} ms (95 %: {pages[int(0.95 * len(pages))]:.0f}, longest {pages[-1]:.0f}), "
        f"{sum(max(one['dropped'] for one in found if one['source'] == k) for k in range(sources))} dropped"
    )


def resident():
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def delay(seconds):
    with camera() as address, page([address]) as (server, session):
        time.sleep(3)
        told("default classifier, 5 frames/s", moments(server, session, seconds), seconds)


def sources(seconds):
    options = SourceOptions(labels=LabelOptions(fps=2.0))
    with camera() as address, page([f"{address}/{k}" for k in range(4)], options) as (server, session):
        time.sleep(5)
        told("four sources, 2 frames/s", moments(server, session, seconds), seconds, sources=4)


def memory(frames):
    """Television without pauses: every wait of the source is over at once."""
    [(_, labeller)] = open_sources(["tv"])
    found = [(Television(default_world(), Painter(64)), labeller)]
    session = Session(found)
    feed = session.feeds[0]
    clock = {"now": 0.0}
    television = found[0][0]
    began, sizes = time.monotonic(), []
    import wolfdog.watch.live.feed as feed_module
    import wolfdog.watch.live.television as television_module

    class Hurried:
        """Clock that is always at the next frame."""

        @staticmethod
        def monotonic():
            return clock["now"]

        time = staticmethod(lambda: 1.8e9 + clock["now"])

    feed_module.time = television_module.time = Hurried
    feed._session_began = 0.0
    television._stop.wait = lambda seconds=None: False
    scaler = av.video.reformatter.VideoReformatter()
    for number, picture in enumerate(television.pictures(print)):
        feed._take(picture, scaler)
        clock["now"] += 1 / television.fps
        if number % 500 == 0:
            feed.explain()
        if number % round(RETURN_MEMORY * television.fps) == 0:  # as a session does each minute
            return_free_memory()
        if number % (frames // 12) == 0:
            sizes.append(resident())
            print(f"  {number:7,} frames ({number / 5 / 3600:.1f} h): {sizes[-1]:.0f} MiB", flush=True)
        if number >= frames:
            break
    half = sizes[len(sizes) // 3 :]
    print(
        f"memory: {frames:,} frames at {frames / (time.monotonic() - began):,.0f}/s; the last two thirds between "
        f"{min(half):.0f} and {max(half):.0f} MiB; {len(feed.history):,} moments held"
    )


def attack(seconds):
    rng = random.Random(0)
    with page(["tv"]) as (server, session):
        time.sleep(2)
        told("before", moments(server, session, seconds), seconds)
        before, stop = resident(), threading.Event()
        held = []
        refused = 0
        for _ in range(1000):
            try:
                held.append(socket.create_connection(("127.0.0.1", server.port), timeout=2))
            except OSError:
                refused += 1
        slow = []
        for _ in range(16):
            one = socket.create_connection(("127.0.0.1", server.port))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(b"GET /events?gates=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            slow.append(one)
        counts = {"sent": 0}
        pieces = [
            b"GET ",
            b"POST ",
            b"/",
            b"/events",
            b"/television",
            b"/pictures/0/",
            b" HTTP/1.1\r\n",
            b"\r\n",
        ]
        pieces += [
            b"Host: localhost\r\n",
            b"Content-Length: 10\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"\x00\xff",
            b"%00",
        ]

        def malformed():
            while not stop.is_set():
                data = b"".join(rng.choice(pieces) for _ in range(rng.randint(1, 12))) + os.urandom(
                    rng.randint(0, 40)
                )
                try:
                    with socket.create_connection(("127.0.0.1", server.port), timeout=0.05) as one:
                        one.sendall(data)
                        one.recv(1000)
                except OSError:
                    pass
                counts["sent"] += 1
                time.sleep(0.005)

        threads = [threading.Thread(target=malformed, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        told("under attack", moments(server, session, seconds), seconds)
        stop.set()
        for thread in threads:
            thread.join()
        for one in (*held, *slow):
            one.close()
        time.sleep(3)
        told("after", moments(server, session, seconds), seconds)
        connections = len(server._server.server_state.connections)
        print(
            f"attack: {len(held)} connections ({refused} refused at once), 16 slow readers, {counts['sent']:,} "
            f"malformed requests; memory {before:.0f} -> {resident():.0f} MiB; {connections} connections are left"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=["delay", "sources", "memory", "attack"],
        default=["delay", "sources", "attack"],
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument(
        "--frames", type=int, default=144_000, help="for memory; 144,000 are eight hours at 5 a second"
    )
    given = parser.parse_args()
    np.seterr(all="raise", under="ignore")
    for what in given.only:
        if what == "memory":
            memory(given.frames)
        else:
            {"delay": delay, "sources": sources, "attack": attack}[what](given.seconds)
