"""Files of an HTTP server on this machine."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from job_cards import Quiet, card, colours, results, run, without_timelines
from wolfdog.watch.jobs.job import Job
from wolfdog.watch.video.listing import ListOptions, list_media
from wolfdog.watch.video.media import by_deployment

pytest.importorskip("aiohttp")


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def no_timelines():
    with without_timelines():
        yield


def test_the_tables_are_those_of_the_files_on_disk(tmp_path):
    card(tmp_path / "card")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        media = list_media([f"files+http://127.0.0.1:{server.server_port}/card/"], ListOptions(largest=10**9))
        labeller = colours()
        totals = Job(by_deployment(media), tmp_path / "out").run(lambda: labeller, Quiet(), labeller=labeller)
    finally:
        server.shutdown()
        server.server_close()
    assert totals.whole == 14
    run(tmp_path / "card", tmp_path / "disk")
    here, there = results(tmp_path / "disk"), results(tmp_path / "out")
    assert [name for name in here if here[name] != there[name]] == ["errors.csv"]  # which has the addresses
