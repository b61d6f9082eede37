"""wolfdog watch and wolfdog train with a pretrained classifier: classify, then remember."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from cli_run import assert_fine, assert_told, wolfdog
from onnx_image_networks import colour_network
from watch_films import film
from wolfdog.watch import read_predictions
from yolo_networks import square_finder

METADATA = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
GROUPS = '[classes]\nwarm = ["red"]\ncold = ["blue"]\n'


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def colours(*runs, height=48, width=64):
    """Pictures of one colour each, in runs of (number, red, green, blue)."""
    return [np.full((height, width, 3), colour, np.uint8) for count, *colour in runs for _ in range(count)]


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """Two folders with a video each of the same name, and a network that knows colours."""
    card = tmp_path_factory.mktemp("card")
    for folder, order in (("north", (0, 2)), ("south", (2, 0))):
        (card / folder).mkdir()
        first, second = ([220 if channel == number else 20 for channel in range(3)] for number in order)
        film(card / folder / "a.mp4", colours((30, *first), (30, *second)), rate=10)
    colour_network(card / "colours.onnx", features=True, metadata=METADATA)
    (card / "groups.toml").write_text(GROUPS, encoding="utf-8")
    return card


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "kept"))


def test_two_sources_and_a_method(card, tmp_path):
    ran = wolfdog(
        "watch", card / "north", card / "south", "--classifier", f"onnx:{card / 'colours.onnx'}", "--classes",
        card / "groups.toml", "--fps", 10, "--method", "majority", "--option", "frames=3", "--out", tmp_path / "out",
    )  # fmt: skip
    assert_fine(ran)
    assert "120 moments of 12 s of video in 2 of 2 videos" in ran.out
    table = read_predictions(tmp_path / "out" / "predictions.parquet")
    assert table.classes == ("warm", "cold", "unknown")
    assert table.deployments() == ("north/a.mp4", "south/a.mp4")
    assert table.method.startswith("majority(frames=3")
    moments = rows(tmp_path / "out" / "moments.csv")
    assert [row["context"] for row in moments] == table.label_names(context=True).tolist()
    assert [row["snapshot"] for row in moments] == table.label_names().tolist()
    events = [(row["video"], row["label"]) for row in rows(tmp_path / "out" / "events.csv")]
    assert events == [
        ("north/a.mp4", "warm"), ("north/a.mp4", "cold"), ("south/a.mp4", "cold"), ("south/a.mp4", "warm"),
    ]  # fmt: skip
    for name in ("north/a.mp4", "south/a.mp4"):
        assert (tmp_path / "out" / f"{name}.vtt").read_text(encoding="utf-8").startswith("WEBVTT\n")
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 1000


@pytest.mark.parametrize(("classes", "boxes"), [((), 2), (("--detector-classes", "green"), 1)])
def test_boxes_of_some_classes_of_a_detector(card, tmp_path, classes, boxes):
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[8:16, 8:16, 0] = picture[40:48, 40:48, 1] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    detector = square_finder(tmp_path / "yolo.onnx", "v8")
    ran = wolfdog(
        "watch", tmp_path / "a.png", "--classifier", f"onnx:{card / 'colours.onnx'}", "--detector", f"onnx:{detector}",
        *classes, "--out", tmp_path / "out",
    )  # fmt: skip
    assert_fine(ran)
    table = read_predictions(tmp_path / "out" / "predictions.parquet")
    assert len(table) == boxes
    assert np.isclose(table.box[-1, 0], 40 / 64)


def test_mistakes_are_told_in_one_line(card, tmp_path):
    network = f"onnx:{card / 'colours.onnx'}"

    def watch(*options):
        return wolfdog("watch", card / "north", "--out", tmp_path / "out", *options)

    assert_told(watch("--classifier", "efficientnet-lite9"), "Did you mean efficientnet-lite")
    assert_told(watch("--classifier", network, "--method", "majorty"), "Did you mean majority")
    assert_told(watch("--classifier", network, "--method", "viterbi"), "Give --lookahead")
    assert_told(watch("--classifier", network, "--option", "frames=3"), "the method auto has none")
    assert_told(watch("--classifier", network, "--classes", "nowhere.toml"), "nowhere.toml", "no such file")
    assert_told(
        watch("--classifier", network, "--motion", "--detections", "x.json"), "--motion and --detections"
    )
    assert_told(watch("--classifier", network, "--detector", "yolo.onnx"), "expected onnx:FILE")
    assert_told(watch("--classifier", network, "--detector-classes", "cat, dog"), "give --detector too")
    assert_told(watch("--model", "painted-television", "--fps", 3), "--model brings its own classifier")
    assert_told(watch("--model", "painted-television", "--lookahead"), "never reads later frames")
    assert_told(watch("--model", tmp_path), "no such file")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def labels(card):
    """The first three seconds of each video have one label and the rest another; the last second has none."""
    path = card / "labels.csv"
    lines = ["video,start,end,label"]
    for folder, first, second in (("north", "warm", "cold"), ("south", "cold", "warm")):
        lines += [f"{folder}/a.mp4,0,3,{first}", f"{folder}/a.mp4,3,5,{second}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("memory", "named"),
    [((), "any-class"), (("--memory", "none"), "none"),
     (("--memory", "gru", "--steps", 30, "--chunk", 16, "--streams", 4, "--hidden", 4), "gru")],
    ids=lambda part: str(part),
)  # fmt: skip
def test_a_head_is_learned_and_labels_new_videos(card, labels, tmp_path, memory, named):
    ran = wolfdog(
        "train", "--videos", card, "--labels", labels, "--classifier", f"onnx:{card / 'colours.onnx'}", "--fps", 10,
        "--out", tmp_path / "model", *memory,
    )  # fmt: skip
    assert_fine(ran)
    assert f"memory {named}" in ran.out
    assert "videos that were held out: 100.0 % right by the frame alone" in ran.out
    new = film(tmp_path / "new.mp4", colours((20, 200, 30, 30), (20, 30, 30, 200)), rate=10)
    assert_fine(wolfdog("watch", new, "--model", tmp_path / "model", "--out", tmp_path / "out"))
    moments = rows(tmp_path / "out" / "moments.csv")
    expected = ["warm"] * 20 + ["cold"] * 20
    assert [row["snapshot"] for row in moments] == expected
    if named != "gru":  # which was trained for seconds
        assert [row["context"] for row in moments] == expected
    assert_fine(
        wolfdog("watch", new, "--classifier", tmp_path / "model", "--fps", 10, "--out", tmp_path / "plain")
    )
    assert [row["snapshot"] for row in rows(tmp_path / "plain" / "moments.csv")] == expected


def test_a_class_of_one_video_is_told(card, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "video,start,end,label\nnorth/a.mp4,0,3,warm\nnorth/a.mp4,3,5,cold\nsouth/a.mp4,3,5,warm\nsouth/a.mp4,40,50,bear\n",
        encoding="utf-8",
    )
    ran = wolfdog(
        "train", "--videos", card, "--labels", labels, "--classifier", f"onnx:{card / 'colours.onnx'}", "--fps", 10,
        "--out", tmp_path / "model",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    told = ran.err.splitlines()
    assert len(told) == 3, told
    assert "south/a.mp4 from 40 to 50 s (bear) begins past the end" in told[0]
    assert told[1].startswith("wolfdog: bear: no frame that was looked at has this label")
    assert told[2].startswith("wolfdog: cold: only north/a.mp4 shows it")


def test_options_of_another_way_to_train_are_refused(card, labels, tmp_path):
    def train(*options):
        return wolfdog("train", "--videos", card, "--labels", labels, "--out", tmp_path / "out", *options)

    assert_told(train("--size", 32), "--size", "--classifier scratch")
    assert_told(train("--mode", "joint"), "--mode")
    assert_told(train("--classifier", f"onnx:{card / 'colours.onnx'}", "--memory", "elephant"), "elephant")
    assert not (tmp_path / "out").exists()


def test_predictions_and_models_are_held_against_labels(card, labels, tmp_path):
    network = f"onnx:{card / 'colours.onnx'}"
    assert_fine(
        wolfdog(
            "train",
            "--videos",
            card,
            "--labels",
            labels,
            "--classifier",
            network,
            "--out",
            tmp_path / "model",
        )
    )
    ran = wolfdog(
        "evaluate",
        "--videos",
        card,
        "--labels",
        labels,
        "--model",
        tmp_path / "model",
        "--out",
        tmp_path / "judged",
    )
    assert_fine(ran)
    scores = json.loads((tmp_path / "judged" / "scores.json").read_text(encoding="utf-8"))["evaluations"]
    assert [(one["name"], one["rows"]) for one in scores] == [("snapshot", 50), ("context", 50)]
    assert scores[0]["accuracy"]["value"] == 1
    assert_fine(wolfdog("watch", card, "--model", tmp_path / "model", "--out", tmp_path / "out"))
    file = tmp_path / "out" / "predictions.parquet"
    ran = wolfdog("evaluate", file, "--labels", labels)
    assert_fine(ran)
    assert "50 labelled rows" in " ".join(ran.out.split())
    assert_told(wolfdog("evaluate", "--labels", labels), "either files of predictions, or --videos")
    assert_told(wolfdog("evaluate", file, "--labels", labels, "--model", card), "--model")
    assert_told(wolfdog("evaluate", "--labels", labels, "--videos", card, "--lookahead"), "--lookahead")
    other = tmp_path / "other.csv"
    other.write_text("video,start,end,label\nnorth/a.mp4,0,1,bear\n", encoding="utf-8")
    assert_told(wolfdog("evaluate", file, "--labels", other), "bear", "none of them is a class")
    other.write_text("video,start,end,label\nwest/a.mp4,0,1,warm\n", encoding="utf-8")
    assert_told(wolfdog("evaluate", file, "--labels", other), "name none of the files")
