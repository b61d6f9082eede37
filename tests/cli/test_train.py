import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from cli_run import assert_fine, assert_told, wolfdog
from tolerances import assert_same
from wolfdog.watch.model.watcher import Watcher


def assert_same_tensors(one, other):
    actual, expected = (load_file(folder / "watcher.safetensors") for folder in (one, other))
    assert actual.keys() == expected.keys()
    for name in expected:
        assert_same(actual[name], expected[name])


def test_training_leaves_a_watcher(model, on_air):
    watcher = Watcher.load(model)
    assert watcher.config.classes == ("wolf", "dog", "bear", "goldfish", "unknown")
    assert (watcher.config.memory, watcher.config.size, watcher.config.hidden) == ("gru", 24, 4)
    assert {path.name for path in model.iterdir()} == {"watcher.safetensors", "watcher.toml", "training"}
    assert {path.name for path in (model / "training").iterdir()} == {
        "frame-classifier.safetensors",
        "memory.safetensors",
    }


def test_the_same_command_again_changes_nothing_and_another_memory_is_told(model, objective, tmp_path):
    out = shutil.copytree(model, tmp_path / "copy")
    ran = wolfdog("train", *objective, "--memory", "gru", "--out", out)
    assert_fine(ran)
    assert "next: wolfdog watch VIDEO" in ran.out
    assert_same_tensors(out, model)
    refused = wolfdog("train", *objective, "--memory", "lstm", "--out", out)
    assert_told(refused, "another training", "config.memory was 'gru', is 'lstm'")
    assert_same_tensors(out, model)


def test_a_killed_training_goes_on_to_the_same_watcher(model, objective, tmp_path):
    out = tmp_path / "killed"
    arguments = ["train", *objective, "--memory", "gru", "--out", out]
    command = [Path(sys.executable).parent / "wolfdog", *arguments]
    # One thread, as here: sums over several are rounded otherwise.
    alone = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, env=alone)
    try:
        deadline = time.monotonic() + 600
        while not (out / "training" / "memory.safetensors").exists():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline, "it did not come to its second objective"
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (out / "watcher.safetensors").exists(), "it was done before it was killed"
    assert_fine(wolfdog(*arguments))
    assert_same_tensors(out, model)


def test_the_comparison_of_watchers_sees_another_seed(model, objective, tmp_path):
    assert_fine(wolfdog("train", *objective, "--memory", "gru", "--seed", 1, "--out", tmp_path / "other"))
    with pytest.raises(AssertionError):
        assert_same_tensors(tmp_path / "other", model)


@pytest.mark.parametrize("options", [("--mode", "joint"), ("--memory", "none")], ids=str)
def test_other_ways_to_train(on_air, tmp_path, options):
    ran = wolfdog(
        "train", "--videos", on_air / "tv-0000.mp4", "--labels", on_air / "labels.csv", "--out", tmp_path / "out",
        "--classifier", "scratch", "--classifier-steps", 2,
        "--steps", 2, "--chunk", 4, "--streams", 2, "--size", 16, *options,
    )  # fmt: skip
    assert_fine(ran)
    watcher = Watcher.load(tmp_path / "out")
    assert watcher.config.memory == ("none" if "none" in options else "gru")
    assert watcher.config.classes == ("bear", "dog", "goldfish", "unknown", "wolf")


def test_mistakes_are_told_in_one_line(on_air, objective, tmp_path):
    def train(*changes, out=tmp_path / "out"):
        return wolfdog("train", *objective, "--out", out, *changes)

    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken.csv"
    broken.write_text("video,start,end,label\ntv-0000.mp4,3,2,wolf\n")
    other = tmp_path / "other.csv"
    other.write_text("video,start,end,label\nmine.mp4,0,2,wolf\nmine.mp4,2,3,dog\n")
    one = tmp_path / "one.csv"
    one.write_text("video,start,end,label\ntv-0000.mp4,0,2,wolf\n")
    strange = tmp_path / "strange.csv"
    strange.write_text("video,start,end,label\ntv-0000.mp4,0,2,cat\ntv-0000.mp4,2,3,dog\n")
    for changes, words in (
        (("--videos", tmp_path / "none"), ("none", "no such file or folder")),
        (("--videos", tmp_path / "empty"), ("empty", "no videos")),
        (("--labels", tmp_path / "none.csv"), ("none.csv", "cannot be read")),
        (("--labels", broken), ("broken.csv, line 2",)),
        (("--labels", other), ("none of its videos is named", "mine.mp4")),
        (("--labels", strange), ("labelled 'cat'",)),
        (("--world", tmp_path / "none.toml"), ("none.toml",)),
        (("--memory", "elephant"), ("memory must be one of elman, lstm", "'elephant'")),
        (("--memory", "none", "--mode", "joint"), ("joint",)),
        (("--fps", "4"), ("frames a second",)),
        (("--fps", "-1"), ("fps",)),
        (("--size", "3"), ("size", "got 3")),
        (("--hidden", "0"), ("hidden",)),
        (("--uninformative", "unknown, cat"), ("'cat' is no label",)),
    ):
        assert_told(train(*changes), *words)
        assert not list(tmp_path.rglob("*.safetensors"))
    plain = ("train", "--videos", on_air, "--out", tmp_path / "out", "--labels")
    assert_told(wolfdog(*plain, one), "two classes or more")
    assert_told(train(out=broken), "broken.csv", status=1)
    assert broken.read_text().startswith("video,")


@pytest.mark.parametrize("option", ["--classifier-steps", "--steps", "--chunk", "--streams", "--save-every"])
def test_numbers_below_one_are_refused(objective, tmp_path, option):
    ran = wolfdog("train", *objective, "--out", tmp_path / "out", option, 0)
    assert ran.status == 2
    assert option in ran.err
    assert "Traceback" not in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [("--fine-tune", 5), ("--crop", "centre")], ids=str)
def test_options_of_pretrained_classifiers_are_refused(objective, tmp_path, option):
    assert_told(wolfdog("train", *objective, "--out", tmp_path / "out", *option), option[0], "scratch")
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_cannot_be_read_is_told(objective, on_air, tmp_path):
    videos = shutil.copytree(on_air, tmp_path / "tv")
    (videos / "tv-0002.mp4").write_bytes(b"no video")
    command = ("train", *objective, "--videos", videos, "--out", tmp_path / "out")
    assert_told(wolfdog(*command, "--strict"), "1 of 4 videos", "tv-0002.mp4")
    assert not list(tmp_path.rglob("*.safetensors"))
    ran = wolfdog(*command)
    assert ran.status == 0, ran.err
    first, second = ran.err.splitlines()
    assert "tv-0002.mp4: not a video" in first
    assert "1 of 4 videos cannot be read to the end; what can be decoded" in second
    assert (tmp_path / "out" / "watcher.safetensors").exists()


def test_corrected_labels_are_another_training(model, objective, on_air, tmp_path):
    out = shutil.copytree(model, tmp_path / "copy")
    with (on_air / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = {"bear": "goldfish", "goldfish": "bear"}.get(row["label"], row["label"])
    with (tmp_path / "corrected.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    corrected = wolfdog(
        "train", *objective, "--memory", "gru", "--labels", tmp_path / "corrected.csv", "--out", out
    )
    assert_told(corrected, "another training", "videos")
