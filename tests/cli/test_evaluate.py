import json
import shutil

import pytest

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.tv import load_world, save_world
from wolfdog.watch.model.watcher import Watcher


@pytest.fixture
def query(on_air, model):
    return ("--videos", on_air, "--labels", on_air / "labels.csv", "--model", model)


def test_an_evaluation_with_the_world_has_gaps_and_the_ideal(query, on_air, tmp_path):
    out = tmp_path / "deep" / "out"
    ran = wolfdog("evaluate", *query, "--world", on_air / "world.toml", "--out", out)
    assert_fine(ran)
    whole = json.loads((out / "scores.json").read_text())
    assert whole["moments"] == 4 * 150
    assert set(whole["memories"]) == {"snapshot", "gru"}
    assert set(whole["accuracy"]) == {"snapshot", "gru", "ideal", "ideal, given classifier"}
    assert len(whole["ideal"]) == len(whole["gaps"]) == len(whole["counts"])
    assert whole["accuracy"]["ideal"] > 0.8
    assert (out / "gaps.png").read_bytes()[:4] == b"\x89PNG"
    assert {path.name for path in out.iterdir()} == {"scores.json", "gaps.png"}
    words = " ".join(ran.out.split())
    for text in ("snapshot", "gru", "ideal", "goldfish", f"{100 * whole['accuracy']['gru']:.1f} %"):
        assert text in words


def test_an_evaluation_without_a_world(query, tmp_path):
    ran = wolfdog("evaluate", *query, "--out", tmp_path)
    assert_fine(ran)
    whole = json.loads((tmp_path / "scores.json").read_text())
    assert set(whole) == {"classes", "moments", "accuracy", "confusion"}
    assert {path.name for path in tmp_path.iterdir()} == {"scores.json"}


def test_labels_of_whole_files_are_judged_by_file(query, on_air, model, tmp_path):
    labels = {"tv-0000.mp4": "wolf", "tv-0001.mp4": "goldfish"}
    rows = "".join(f"{name},{label}\n" for name, label in labels.items())
    (tmp_path / "labels.csv").write_text(f"filepath,label\n{rows}")
    ran = wolfdog("evaluate", *query, "--labels", tmp_path / "labels.csv", "--out", tmp_path)
    assert ran.status == 0, ran.err
    whole = json.loads((tmp_path / "scores.json").read_text())
    assert whole["moments"] == 0
    watcher = Watcher.load(model)
    said = {name: [(one.snapshot, one.context) for one in watcher.watch(on_air / name)] for name in labels}
    for place, observer in enumerate(("snapshot", "gru")):
        given = {name: {pair[place] for pair in pairs} for name, pairs in said.items()}
        found = sum(label in given[name] for name, label in labels.items()) / 2
        exact = sum({label} == given[name] for name, label in labels.items()) / 2
        bags = whole["bags"][observer]
        assert (bags["bags"], bags["found"], bags["exact"]) == (2, found, exact)
    assert "of 2 files or sequences labelled as a whole" in " ".join(ran.out.split())


def test_labels_of_videos_that_are_not_there_are_told(query, on_air, tmp_path):
    shutil.copy(on_air / "tv-0002.mp4", tmp_path)
    ran = wolfdog("evaluate", *query, "--videos", tmp_path)
    assert ran.status == 0, ran.err
    told = f"wolfdog: {on_air / 'labels.csv'} names videos that are not in {tmp_path}, and are left out: "
    assert ran.err == f"{told}tv-0000.mp4, tv-0001.mp4, tv-0003.mp4\n"


def test_one_video_without_files(query, on_air, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_fine(wolfdog("evaluate", *query, "--videos", on_air / "tv-0001.mp4"))
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_told_in_one_line(query, on_air, tmp_path):
    def evaluate(*changes):
        return wolfdog("evaluate", *query, "--out", tmp_path / "out", *changes)

    (tmp_path / "file").write_text("mine")
    strange = tmp_path / "strange.csv"
    strange.write_text("video,start,end,label\ntv-0000.mp4,0,2,cat\n")
    partly = tmp_path / "partly.csv"
    partly.write_text("video,start,end,label\ntv-0000.mp4,0,2,wolf\n")
    save_world(load_world(on_air / "world.toml").with_(fps=10), tmp_path / "fast.toml")
    broken = shutil.copytree(on_air, tmp_path / "tv")
    (broken / "tv-0003.mp4").write_bytes(b"")
    for changes, words in (
        (("--videos", tmp_path / "none"), ("no such file or folder",)),
        (("--videos", broken, "--strict"), ("1 of 4 videos", "tv-0003.mp4")),
        (("--labels", tmp_path / "none.csv"), ("none.csv",)),
        (("--labels", strange), ("labelled 'cat'", "expected one of wolf")),
        (("--labels", partly, "--world", on_air / "world.toml"), ("needs a label at every moment",)),
        (("--world", tmp_path / "fast.toml"), ("fast.toml", "10 frames a second")),
        (("--model", tmp_path), ("watcher.safetensors",)),
    ):
        assert_told(evaluate(*changes), *words)
    assert_told(evaluate("--out", tmp_path / "file"), "file", status=1)
    assert not list(tmp_path.rglob("scores.json"))
