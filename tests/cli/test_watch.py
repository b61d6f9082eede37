import csv
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.predictions import read_predictions


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def visible(folder):
    """Files of results, without the state of the job."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if ".wolfdog-job/" not in name}


def check_moments(written, moments):
    """The lines of moments.csv for one video are its moments."""
    assert len(written) == len(moments)
    for row, moment in zip(written, moments, strict=True):
        assert (row["video"], row["frame"]) == (moment.video, str(moment.frame))
        assert (row["snapshot"], row["context"]) == (moment.snapshot, moment.context)
        assert float(row["time"]) == pytest.approx(moment.time, abs=6e-4)
        for which, letter in (("snapshot", "p"), ("context", "c")):
            sure = float(row[f"{which}_probability"])
            assert sure == pytest.approx(moment.probability(which), abs=6e-4)
            said = [float(value) for name, value in row.items() if name.startswith(f"{letter}_")]
            np.testing.assert_allclose(said, getattr(moment, f"{which}_probabilities"), atol=1e-5)


def check_events(written, moments):
    """The lines of events.csv are the runs of one label, end to end."""
    assert sum(int(row["moments"]) for row in written) == len(moments)
    assert float(written[0]["start"]) == pytest.approx(moments[0].time, abs=6e-4)
    assert float(written[-1]["end"]) == pytest.approx(moments[-1].time + moments[-1].duration, abs=6e-4)
    labels = [row["label"] for row in written for _ in range(int(row["moments"]))]
    assert labels == [moment.context for moment in moments]


@pytest.fixture(scope="module")
def watched(on_air, model, tmp_path_factory):
    """A folder of two videos, watched: (what came of it, the folder of results)."""
    folder = tmp_path_factory.mktemp("card")
    (folder / "day 1").mkdir()
    shutil.copy(on_air / "tv-0000.mp4", folder / "b.mp4")
    shutil.copy(on_air / "tv-0001.mp4", folder / "day 1" / "a [red] {x} %s.mp4")
    out = folder.with_name(folder.name + "-out")
    return wolfdog("watch", folder, "--model", model, "--out", out, "--all-probabilities"), out, folder


NAMES = ("b.mp4", "day 1/a [red] {x} %s.mp4")


def test_watching_a_folder_writes_what_it_promises(watched, model):
    ran, out, folder = watched
    assert_fine(ran)
    assert "300 moments of 60 s of video in 2 of 2 videos" in ran.out
    files = {
        "moments.csv",
        "events.csv",
        "predictions.parquet",
        *(f"{name}{suffix}" for name in NAMES for suffix in (".vtt", ".png")),
    }
    assert visible(out) == files
    watcher = Watcher.load(model)
    for name in NAMES:
        moments = list(watcher.watch(folder / name, name))
        check_moments([row for row in rows(out / "moments.csv") if row["video"] == name], moments)
        check_events([row for row in rows(out / "events.csv") if row["video"] == name], moments)
        subtitles = (out / f"{name}.vtt").read_text(encoding="utf-8")
        assert subtitles.startswith("WEBVTT\n")
        assert subtitles.count(" --> ") >= 1
        assert moments[0].context in subtitles
        assert (out / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_the_checks_see_wrong_files(watched, model):
    _, out, folder = watched
    moments = list(Watcher.load(model).watch(folder / "b.mp4", "b.mp4"))
    for name, check in (("moments.csv", check_moments), ("events.csv", check_events)):
        written = [row for row in rows(out / name) if row["video"] == "b.mp4"]
        check(written, moments)
        with pytest.raises(AssertionError):
            check(written[:-1], moments)
        label = "label" if name == "events.csv" else "context"
        written[0][label] = "nothing"
        with pytest.raises(AssertionError):
            check(written, moments)


def test_the_same_again_gives_the_same_bytes(watched, model, tmp_path):
    _, out, folder = watched
    assert_fine(wolfdog("watch", folder, "--model", model, "--out", tmp_path, "--all-probabilities"))
    for name in ("moments.csv", "events.csv", "b.mp4.vtt"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


def test_one_file_short_events_and_an_annotated_copy(on_air, model, tmp_path):
    import av

    ran = wolfdog(
        "watch", on_air / "tv-0000.mp4", "--model", model, "--out", tmp_path / "new" / "out",
        "--min-event", 1000, "--annotate",
    )  # fmt: skip
    assert_fine(ran)
    out = tmp_path / "new" / "out"
    assert rows(out / "events.csv") == []
    assert len(rows(out / "moments.csv")) == 150
    with av.open(str(out / "tv-0000.mp4.annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 150


def test_a_memory_that_is_searched_shows_its_evidence(on_air, objective, tmp_path):
    trained = ("--memory", "gru+bank", "--window", 50, "--stride", 0.4, "--out", tmp_path / "model")
    assert_fine(wolfdog("train", *objective, *trained))
    model = Watcher.load(tmp_path / "model")
    assert (model.config.window, model.config.stride) == (50, 0.4)
    with torch.no_grad():
        model.context.head.weight.mul_(20)  # it learned little in so few steps: let it say more
    model.save(tmp_path / "model")
    out = tmp_path / "out"
    assert_fine(wolfdog("watch", on_air / "tv-0000.mp4", "--model", tmp_path / "model", "--out", out))
    assert {"evidence.csv", "tv-0000.mp4.evidence.png"} < visible(out)
    assert (out / "tv-0000.mp4.evidence.png").read_bytes()[:4] == b"\x89PNG"
    labels = {row["time"]: row["context"] for row in rows(out / "moments.csv")}
    written = rows(out / "evidence.csv")
    for row in written:
        assert row["video"] == "tv-0000.mp4"
        assert labels[row["time"]] == row["context"]
        assert row["past"] in labels
        assert float(row["past"]) <= float(row["time"])
        assert 0 < float(row["weight"]) <= 1
    assert len({row["time"] for row in written}) < len(labels)


def test_what_cannot_be_read_is_told_and_the_next_file_goes_on(on_air, model, tmp_path):
    from watch_films import cut, sound

    folder = tmp_path / "card"
    folder.mkdir()
    shutil.copy(on_air / "tv-0000.mp4", folder / "a-good.mp4")
    (folder / "b-garbage.mp4").write_bytes(bytes(range(256)) * 40)
    (folder / "c-empty.avi").touch()
    sound(folder / "d-sound.mp4")
    cut(folder / "e-cut.mp4", on_air / "tv-0001.mp4", 0.5)
    shutil.copy(on_air / "tv-0001.mp4", folder / "f-good.mp4")
    ran = wolfdog("watch", folder, "--model", model, "--out", tmp_path / "out")
    assert ran.status == 1
    told = ran.err.splitlines()
    assert len(told) == 4, told
    for line, name in zip(told, ("b-garbage.mp4", "c-empty.avi", "d-sound.mp4", "e-cut.mp4"), strict=True):
        assert line.startswith("wolfdog: ")
        assert name in line
    assert "Traceback" not in ran.err + ran.out
    assert "in 2 of 6 videos" in ran.out
    assert {row["video"] for row in rows(tmp_path / "out" / "moments.csv")} == {"a-good.mp4", "f-good.mp4"}
    errors = rows(tmp_path / "out" / "errors.csv")
    assert [row["file"] for row in errors] == ["b-garbage.mp4", "c-empty.avi", "d-sound.mp4", "e-cut.mp4"]
    assert all(row["error"] in line for row, line in zip(errors, told, strict=True))
    assert visible(tmp_path / "out") == {
        "moments.csv", "events.csv", "predictions.parquet", "errors.csv",
        "a-good.mp4.vtt", "a-good.mp4.png", "f-good.mp4.vtt", "f-good.mp4.png",
    }  # fmt: skip


def test_a_recording_that_breaks_off_keeps_what_there_was(on_air, model, tmp_path):
    import av

    from watch_films import cut

    whole = tmp_path / "whole.mkv"  # unlike MP4, readable up to where it breaks
    with av.open(str(on_air / "tv-0000.mp4")) as source, av.open(str(whole), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    broken = cut(tmp_path / "broken.mkv", whole, 0.6)
    ran = wolfdog("watch", broken, "--model", model, "--out", tmp_path / "out", "--all-probabilities")
    written = rows(tmp_path / "out" / "moments.csv")
    assert 20 < len(written) < 150
    check_events(rows(tmp_path / "out" / "events.csv"), expected := list(seen(model, broken)))
    check_moments(written, expected)
    assert visible(tmp_path / "out") - {"errors.csv"} == {
        "moments.csv", "events.csv", "predictions.parquet", "broken.mkv.vtt", "broken.mkv.png",
    }  # fmt: skip
    assert ran.status in (0, 1)


def seen(model, path):
    from wolfdog.errors import MediaError

    try:
        yield from Watcher.load(model).watch(path)
    except MediaError:
        return


def test_mistakes_are_told_in_one_line_and_write_nothing(on_air, model, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "watcher.safetensors").write_bytes((model / "watcher.safetensors").read_bytes()[:-40])
    video, before = on_air / "tv-0000.mp4", visible(tmp_path)

    def watch(source=video, model=model, out=tmp_path / "out"):
        return wolfdog("watch", source, "--model", model, "--out", out)

    assert_told(watch(source=tmp_path / "none.mp4"), "none.mp4", "no such file or folder")
    assert_told(watch(source=tmp_path / "empty"), "no videos and no images in this folder")
    assert_told(watch(source=""), "the path is empty")
    assert_told(watch(model=tmp_path / "none"), "no such file")
    assert_told(watch(model=tmp_path / "empty"), "watcher.safetensors", "no such file")
    assert_told(watch(model=broken), "watcher.safetensors", "damaged")
    assert_told(watch(model=video), "tv-0000.mp4")
    assert_told(watch(out=tmp_path / "file"), "file", "where the folder of results should be")
    assert_told(watch(out=tmp_path / "file" / "deeper"), "file", status=1)
    assert visible(tmp_path) == before


def test_a_folder_in_the_way_of_a_file_leaves_nothing_half_written(on_air, model, tmp_path):
    (tmp_path / "events.csv").mkdir()
    ran = wolfdog("watch", on_air / "tv-0000.mp4", "--model", model, "--out", tmp_path)
    assert_told(ran, "events.csv", status=1)
    assert visible(tmp_path) == set()


def test_a_table_of_the_users_own_is_kept(on_air, model, tmp_path):
    (tmp_path / "moments.csv").write_text("old")
    ran = wolfdog("watch", on_air / "tv-0000.mp4", "--model", model, "--out", tmp_path)
    assert_told(ran, "moments.csv", "Rename it")
    assert (tmp_path / "moments.csv").read_text() == "old"


INTERRUPTED = """
import signal, sys, time
from wolfdog.cli import main
from wolfdog.watch.model.watcher import Watcher

whole = Watcher.watch

def slow(self, source, name=None, **options):
    for number, moment in enumerate(whole(self, source, name, **options)):
        yield moment
        if name == "b.mp4" and number == 40:
            print("ready", flush=True)
            time.sleep(60)

Watcher.watch = slow
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a test run in the background does not hand down
main()
"""


def test_an_interrupt_keeps_what_was_watched(on_air, model, tmp_path):
    folder, out = tmp_path / "card", tmp_path / "out"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(on_air / "tv-0000.mp4", folder / name)
    command = [sys.executable, "-c", INTERRUPTED, "watch", folder, "--model", model, "--out", out]
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if line.strip() == "ready":
                break
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=600)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, told
    assert told == (
        f"wolfdog: interrupted; {out} holds the results of 1 of 3 files. The same command goes on from here.\n"
    )
    counts = {
        name: sum(row["video"] == name for row in rows(out / "moments.csv")) for name in ("a.mp4", "b.mp4")
    }
    assert counts == {"a.mp4": 150, "b.mp4": 0}
    assert {"moments.csv", "events.csv", "predictions.parquet", "a.mp4.vtt", "a.mp4.png"} <= visible(out)
    seen = read_predictions(out / "predictions.parquet")
    assert {name: int((seen.media == name).sum()) for name in counts} == counts
    assert not [name for name in visible(out) if name.startswith((".", "c.mp4", "b.mp4"))]
