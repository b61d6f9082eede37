"""Labels of a live source, by a classifier with a method and by a watcher."""

import csv
import warnings

import numpy as np
import pytest

from cli_run import assert_told, wolfdog
from colour_classifier import ColourClassifier
from stream_server import stream_server
from watch_films import film
from wolfdog.errors import MediaWarning
from wolfdog.watch.labelling.classifier_labeller import ClassifierLabeller
from wolfdog.watch.labelling.watcher_labeller import WatcherLabeller
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.recorder import Recorder
from wolfdog.watch.smoothing import NoSmoothing
from wolfdog.watch.video.listing import ListOptions, list_media
from wolfdog.watch.video.live import LiveOptions

QUICK = LiveOptions(first_wait=0.05, longest_wait=0.2, stall=0.6, seconds=2.5)


@pytest.fixture(scope="module")
def chunks(tmp_path_factory):
    """Four seconds of MPEG-TS, red and then blue, in 20 chunks."""
    colours = [(200, 20, 20)] * 60 + [(20, 20, 200)] * 60
    pictures = [np.full((32, 32, 3), colour, np.uint8) for colour in colours]
    rng = np.random.default_rng(0)
    pictures = [np.clip(one + rng.normal(0, 20, one.shape), 0, 255).astype(np.uint8) for one in pictures]
    data = film(tmp_path_factory.mktemp("live") / "a.ts", pictures, codec="mpeg2video").read_bytes()
    size = len(data) // 20 // 188 * 188
    return [data[at : at + size] for at in range(0, len(data), size)]


def labellers():
    watcher = Watcher(
        WatcherConfig(("wolf", "dog"), 5.0, size=16, width=2, embedding=4, memory="gru", hidden=4)
    ).eval()
    return [ClassifierLabeller(ColourClassifier(), NoSmoothing()), WatcherLabeller(watcher, "w")]


@pytest.mark.parametrize("labeller", labellers(), ids=["classifier", "watcher"])
def test_a_stream_that_breaks_off_is_labelled_to_its_end(tmp_path, chunks, labeller):
    with stream_server(chunks, [12, 40]) as (address, state), warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaWarning)
        media = list_media([address], ListOptions(live=QUICK))
        with Recorder(labeller, tmp_path, utc=True) as recorder:
            [done] = recorder.watch_deployment(media, lambda *_: None)
        assert state["connections"] >= 2
    assert done.trouble is None
    with (tmp_path / "moments.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == done.moments > 10
    times = [float(row["time"]) for row in rows]
    assert times == sorted(set(times))
    assert rows[0]["utc"].startswith("20")
    if isinstance(labeller, ClassifierLabeller):
        assert {row["context"] for row in rows} == {"red", "blue"}
    assert "secret" not in (tmp_path / "moments.csv").read_text()


def test_what_a_live_source_cannot_have_is_told(tmp_path):
    out = ("--out", tmp_path / "out")
    assert_told(wolfdog("watch", "udp://127.0.0.1:9", "--clips", *out), "a live source is read once")
    assert_told(wolfdog("watch", "camera:0", "camera:1", *out), "2 live sources: give one to each command")
    ran = wolfdog("watch", "http://127.0.0.1:9/x", "--model", "painted-television", *out)
    assert_told(ran, "http://127.0.0.1:9/x: cannot be read", status=1)
