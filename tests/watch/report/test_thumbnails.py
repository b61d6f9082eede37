"""Thumbnails from videos and images where their files are found."""

import base64
import io
import json

import av
import numpy as np
import pytest
from PIL import Image

from wolfdog.watch.predictions import Predictions, write_predictions
from wolfdog.watch.report.page import write_report
from wolfdog.watch.report.thumbnails import SIDE, Wanted, find_medium, jpeg, thumbnails

NONE = np.full(4, np.nan, np.float32)
GREYS = [10, 70, 130, 190, 250]


@pytest.fixture
def film(tmp_path):
    """Five seconds, each of one grey, at 10 frames a second."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 50
        for number in range(50):
            picture = np.full((48, 64, 3), GREYS[number // 10], np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def grey(data):
    return float(np.asarray(Image.open(io.BytesIO(data))).mean())


def test_frames_of_a_video_by_time_and_by_number(film):
    wanted = [
        Wanted(row, second, 10 * row + 5, NONE) for row, second in enumerate([0.5, 1.5, np.nan, 3.5, 4.5])
    ]
    found = dict(thumbnails(film, reversed(wanted)))
    assert [grey(found[row]) for row in range(5)] == pytest.approx(GREYS, abs=4)


def test_the_end_and_damage(film):
    [(_, data)] = thumbnails(film, [Wanted(0, 900.0, 9000, NONE)])
    assert grey(data) == pytest.approx(GREYS[-1], abs=4)
    film.write_bytes(b"no film")
    assert list(thumbnails(film, [Wanted(0, 0.0, 0, NONE)])) == []


def test_pictures_are_reduced_and_boxes_drawn():
    pixels = np.zeros((1200, 1600, 3), np.uint8)
    image = Image.open(io.BytesIO(jpeg(pixels)))
    assert image.size == (SIDE, SIDE * 3 // 4)
    boxed = np.asarray(Image.open(io.BytesIO(jpeg(pixels, np.float32([0.25, 0.25, 0.5, 0.9])))), int)
    assert boxed[120, 80].sum() > 300
    assert boxed[100, 160].sum() < 60


def test_files_are_found_below_the_folders_alone(tmp_path):
    (tmp_path / "card" / "a").mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(b"")
    (tmp_path / "card" / "a" / "1.jpg").write_bytes(b"")
    (tmp_path / "card" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    roots = [tmp_path / "card"]
    for name in ("a/1.jpg", "/data/card/a/1.jpg", "C:\\card\\a\\1.jpg"):
        assert find_medium(name, roots) == tmp_path / "card" / "a" / "1.jpg"
    for name in ("../secret.jpg", "a/../../secret.jpg", "link.jpg", "2.jpg", "", "x" * 5000, "a\0b", "/"):
        assert find_medium(name, roots) is None


def test_a_report_shows_at_most_so_many(film):
    folder = film.parent
    p = np.eye(2)[[0, 1, 0, 1, 0]]
    table = Predictions.from_columns(
        ["a", "b"], p, context=p[::-1], media="film.mp4", time=np.arange(5) + 0.2, frame=10 * np.arange(5) + 2
    )
    write_predictions(folder / "predictions.parquet", table)
    for count in (0, 2, 60):
        report = write_report(folder, folder / "report.html", thumbnails=count)
        text = (folder / "report.html").read_text()
        data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
        assert report.thumbnails == len(data["pictures"]) == min(count, 5)
        for row, picture in data["pictures"].items():
            assert grey(base64.b64decode(picture)) == pytest.approx(GREYS[int(row)], abs=4)
    film.rename(folder / "elsewhere.mp4")
    assert write_report(folder, folder / "report.html").missing == 1
