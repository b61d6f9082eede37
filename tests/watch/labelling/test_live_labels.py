"""Labels of a live source, by a classifier with a method and by a watcher."""

import csv
import signal
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest

from cli_run import assert_told, wolfdog
from colour_classifier import ColourClassifier
from stream_server import stream_server
from watch_films import film
from wolfdog.errors import MediaWarning
from wolfdog.watch.labelling import live_labels
from wolfdog.watch.labelling.classifier_labeller import ClassifierLabeller
from wolfdog.watch.labelling.watcher_labeller import WatcherLabeller
from wolfdog.watch.live_recording import record_live
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.recorder import Recorder
from wolfdog.watch.smoothing import AnyClass, NoSmoothing
from wolfdog.watch.smoothing.moving_average import Mean
from wolfdog.watch.video.listing import ListOptions, list_media
from wolfdog.watch.video.live_address import LiveOptions

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
    ran = wolfdog("watch", "http://127.0.0.1:9/x", "--model", "painted-television", *out)
    assert_told(ran, "http://127.0.0.1:9/x: cannot be read", status=1)


def test_several_live_sources_are_watched_at_once_each_in_its_folder(tmp_path, chunks):
    labeller = labellers()[0]
    with (
        stream_server(chunks, [10**6]) as (first, _),
        stream_server(chunks, [10**6]) as (second, _),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", MediaWarning)
        media = list_media([first, second, "http://127.0.0.1:9/none"], ListOptions(live=QUICK))
        folders = [tmp_path / medium.name for medium in media]
        done = record_live(
            media, folders, lambda folder: Recorder(labeller, folder, utc=True), progress=lambda *_: None
        )
    assert [one.video for one in done] == [medium.name for medium in media]
    spans = []
    for one, folder in zip(done[:2], folders, strict=False):
        rows = list(csv.DictReader((folder / "moments.csv").read_text().splitlines()))
        spans.append((rows[0]["utc"], rows[-1]["utc"]))
        assert {row["video"] for row in rows} == {one.video}
        assert len(rows) == one.moments > 5
    assert "none: cannot be read" in done[2].trouble
    assert max(first for first, _ in spans) < min(last for _, last in spans)  # at the same time


@pytest.fixture
def interruptible():
    """SIGINT raises KeyboardInterrupt, also where the process was started with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_a_live_source_and_keeps_all_of_its_files(tmp_path, chunks):
    def progress(_, seconds, __):
        if seconds > 0.5 and not sent:
            sent.append(seconds)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    sent = []
    with stream_server(chunks, [10**6]) as (address, _), warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaWarning)
        media = list_media([address], ListOptions(live=LiveOptions(stall=1.0)))
        [done] = record_live(
            media,
            [tmp_path],
            lambda folder: Recorder(labellers()[0], folder, utc=True),
            progress=progress,
        )
    assert sent
    assert done.trouble is None
    assert done.moments > 2
    names = {path.name.removeprefix(media[0].name) for path in tmp_path.iterdir()}
    assert names == {"moments.csv", "events.csv", "predictions.parquet", ".vtt", ".png"}


@pytest.mark.parametrize("method", [AnyClass(), Mean(frames=3)], ids=["state", "window"])
def test_stretches_of_a_stream_have_the_context_of_the_whole(method, monkeypatch):
    monkeypatch.setattr(live_labels, "WINDOW", 20)
    p = np.random.default_rng(0).dirichlet(np.ones(4), 60).astype(np.float32)
    table = Predictions.from_columns(
        ["wolf", "dog", "fox", "blank"], p, time=np.arange(60) / 5, media="cam", deployment="cam"
    )
    memory = live_labels.RunningContext(method, table.classes)
    parts = [memory.add(table.take(slice(at, at + 5))) for at in range(0, 60, 5)]
    whole = replace(method.smooth(replace(table, blank="blank")), blank=None)
    np.testing.assert_allclose(np.concatenate([part.context for part in parts]), whole.context, atol=1e-5)
