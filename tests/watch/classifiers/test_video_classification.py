"""A video through a classifier: rows, times, boxes, groups, the cache, and damage."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from colour_classifier import ColourClassifier
from look_cases import Corner, cornered, whole
from watch_films import cut, film, noise, plain
from wolfdog.errors import InputError, MediaError
from wolfdog.watch.classifiers.array_cache import ArrayCache
from wolfdog.watch.classifiers.chosen_frames import CHUNK, LookOptions
from wolfdog.watch.classifiers.clarity import clarity
from wolfdog.watch.classifiers.classes import ClassGroups, GroupedClassifier
from wolfdog.watch.classifiers.detections import MegaDetectorResults
from wolfdog.watch.classifiers.looks import Looks
from wolfdog.watch.classifiers.motion import MotionOptions
from wolfdog.watch.classifiers.video_classification import classify_video
from wolfdog.watch.video.sampling import Every

LOSSLESS = {"codec": "libx264rgb", "pixels": "rgb24", "options": {"crf": "0"}}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArrayCache:
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "kept"))
    return ArrayCache("looks")


def same(a: Looks, b: Looks) -> None:
    for name, column in a.arrays().items():
        np.testing.assert_array_equal(column, b.arrays()[name], err_msg=name)


def test_one_row_for_each_frame(tmp_path: Path) -> None:
    n = CHUNK + 10
    path = film(tmp_path / "a.mp4", plain(n), rate=10)
    classifier = ColourClassifier()
    chunks = list(classify_video(path, classifier))
    assert [len(chunk) for chunk in chunks] == [CHUNK, 10]
    looks = whole(iter(chunks))
    assert looks.frame.tolist() == list(range(n))
    np.testing.assert_allclose(looks.time, np.arange(n) / 10, atol=1e-3)
    np.testing.assert_allclose(looks.duration, 0.1, atol=1e-3)
    assert (looks.detection == -1).all()
    assert np.isnan(looks.box).all()
    assert looks.probabilities[:3].argmax(1).tolist() == [0, 1, 2]
    assert classifier.seen == n


def test_sampling(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", plain(20), rate=10)
    looks = whole(classify_video(path, ColourClassifier(), options=LookOptions(Every(4))))
    assert looks.frame.tolist() == [0, 4, 8, 12, 16]
    np.testing.assert_allclose(looks.duration, 0.4, atol=1e-3)


def test_rows_have_the_clarity_of_their_pictures(tmp_path: Path) -> None:
    blocks = np.random.default_rng(0).integers(40, 220, (2, 16, 16, 3), dtype=np.uint8)
    frames = [
        np.kron(blocks[0], np.ones((2, 2, 1), np.uint8)),
        *noise(1, 32, 32),
        np.zeros((32, 32, 3), np.uint8),
    ]
    path = film(tmp_path / "a.mp4", frames, rate=10, **LOSSLESS)
    looks = whole(classify_video(path, ColourClassifier()))
    np.testing.assert_allclose(looks.clarity, clarity(np.stack(frames)), atol=1e-6)
    assert looks.clarity[2] == 0


def test_of_several_looks_the_surest_counts(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", cornered(4))
    looks = whole(classify_video(path, ColourClassifier(), options=LookOptions(boxes=Corner(objects=False))))
    assert looks.frame.tolist() == [0, 1, 2, 3]
    assert (looks.detection == -1).all()
    assert (looks.probabilities[1::2, 0] > looks.probabilities[0::2, 0] + 0.1).all()


def test_objects_have_rows_of_their_own(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", cornered(4))
    looks = whole(classify_video(path, ColourClassifier(), options=LookOptions(boxes=Corner(objects=True))))
    assert looks.detection.tolist() == [-1, 0, -1, 0]
    assert np.isnan(looks.box[::2]).all()
    np.testing.assert_allclose(looks.box[1::2], [[0, 0, 0.4, 0.4]] * 2, atol=1e-6)
    np.testing.assert_allclose(looks.confidence[1::2], 0.5)


def test_boxes_of_a_results_file(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", cornered(3))
    boxes = [
        {"category": "1", "conf": c, "bbox": [x, 0, 0.3, 0.4], "frame_number": 1}
        for c, x in ((0.8, 0), (0.9, 0.6))
    ]
    entry = {"file": "cam/a.mp4", "frames_processed": [0, 1, 2], "detections": boxes}
    table = {"detection_categories": {"1": "animal"}, "images": [entry]}
    (tmp_path / "md.json").write_text(json.dumps(table))
    results = MegaDetectorResults(tmp_path / "md.json")
    looks = whole(classify_video(path, ColourClassifier(), options=LookOptions(boxes=results)))
    assert looks.frame.tolist() == [0, 1, 1, 2]
    assert looks.detection.tolist() == [-1, 0, 1, -1]
    assert looks.probabilities[2, 0] > looks.probabilities[1, 0] + 0.3  # the surer box is of the grey side
    with pytest.raises(InputError, match="no entry for"):
        list(
            classify_video(
                film(tmp_path / "b.mp4", plain(2)), ColourClassifier(), options=LookOptions(boxes=results)
            )
        )


def test_motion_finds_what_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scene = np.repeat(rng.integers(60, 90, (180, 320, 1)), 3, axis=2).astype(np.uint8)
    frames = []
    for i in range(60):
        frame = scene.copy()
        if i >= 30:
            frame[60:90, 3 * i : 3 * i + 30] = (255, 20, 20)
        frames.append(frame)
    path = film(tmp_path / "a.mp4", frames, rate=10)
    plain_looks = whole(classify_video(path, ColourClassifier()))
    looks = whole(
        classify_video(path, ColourClassifier(), options=LookOptions(boxes=MotionOptions(seconds=3)))
    )
    assert looks.frame.tolist() == list(range(60))
    assert plain_looks.probabilities[35:, 0].max() < 0.5
    assert (looks.probabilities[35:55, 0] > 0.6).mean() > 0.9
    np.testing.assert_allclose(looks.probabilities[:30], plain_looks.probabilities[:30], atol=0.02)


def test_turned_videos_are_turned_for_boxes_too(tmp_path: Path) -> None:
    upright = cornered(4)
    turned = [np.ascontiguousarray(np.rot90(frame)) for frame in upright]
    options = LookOptions(boxes=Corner(objects=True))
    straight = whole(classify_video(film(tmp_path / "a.mp4", upright), ColourClassifier(), options=options))
    path = film(tmp_path / "b.mp4", turned, rotation=1)
    looks = whole(classify_video(path, ColourClassifier(), options=options))
    np.testing.assert_allclose(looks.features, straight.features, atol=0.02)


def test_wide_pixels_are_widened_for_boxes_too(tmp_path: Path) -> None:
    narrow = [frame[:, ::2] for frame in cornered(2)]
    options = LookOptions(boxes=Corner(objects=True))
    straight = whole(
        classify_video(film(tmp_path / "a.mp4", cornered(2)), ColourClassifier(), options=options)
    )
    path = film(tmp_path / "b.mp4", narrow, aspect=(2, 1))
    np.testing.assert_allclose(
        whole(classify_video(path, ColourClassifier(), options=options)).features,
        straight.features,
        atol=0.03,
    )


def test_nothing_is_looked_at_twice(tmp_path: Path, cache: ArrayCache) -> None:
    path = film(tmp_path / "a.mp4", plain(CHUNK + 10))
    classifier = ColourClassifier()
    first = whole(classify_video(path, classifier, cache=cache))
    seen = classifier.seen
    moved = path.rename(tmp_path / "b.mp4")  # the content counts, not the name
    same(whole(classify_video(moved, classifier, cache=cache)), first)
    groups = ClassGroups(("warm", "unknown"), (0, 1, 1), missing={})
    grouped = whole(classify_video(moved, GroupedClassifier(classifier, groups), cache=cache))
    np.testing.assert_array_equal(grouped.probabilities[:, 0], first.probabilities[:, 0])
    assert classifier.seen == seen
    for options in (LookOptions(Every(2)), LookOptions(boxes=Corner(objects=True)), LookOptions(reuse=3.0)):
        before = classifier.seen
        list(classify_video(moved, classifier, options=options, cache=cache))
        assert classifier.seen > before


@pytest.mark.parametrize(
    "options", [LookOptions(), LookOptions(boxes=MotionOptions()), LookOptions(reuse=4.0)]
)
def test_a_pass_that_was_left_goes_on_where_it_was(
    options: LookOptions, tmp_path: Path, cache: ArrayCache
) -> None:
    path = film(tmp_path / "a.mp4", noise(2 * CHUNK + 10), **LOSSLESS)
    reference = whole(classify_video(path, ColourClassifier(), options=options))
    left = classify_video(path, ColourClassifier(), options=options, cache=cache)
    next(left)
    left.close()
    classifier = ColourClassifier()
    same(whole(classify_video(path, classifier, options=options, cache=cache)), reference)
    assert 10 <= classifier.seen <= 2 * (CHUNK + 10)


def test_damaged_entries_are_looked_at_again(tmp_path: Path, cache: ArrayCache) -> None:
    path = film(tmp_path / "a.mp4", plain(10))
    classifier = ColourClassifier()
    first = whole(classify_video(path, classifier, cache=cache))
    [entry] = cache.folder.iterdir()
    entry.write_bytes(entry.read_bytes()[:-4])
    same(whole(classify_video(path, classifier, cache=cache)), first)
    assert classifier.seen == 20


def test_frames_that_hardly_differ_are_reused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [plain(1)[0]] * 30 + plain(4))
    classifier = ColourClassifier()
    looks = whole(classify_video(path, classifier, options=LookOptions(reuse=6.0)))
    assert len(looks) == 34
    assert classifier.seen <= 6
    assert looks.probabilities[31:33].argmax(1).tolist() == [1, 2]


def test_a_video_that_breaks_off_gives_what_it_has(tmp_path: Path, cache: ArrayCache) -> None:
    path = cut(
        tmp_path / "cut.avi", film(tmp_path / "whole.avi", noise(60), codec="mjpeg", pixels="yuvj420p"), 0.5
    )
    for _ in range(2):  # it is not taken for complete afterwards
        frames, message = until_damaged(classify_video(path, ColourClassifier(), cache=cache))
        assert 10 < frames < 60
        assert "breaks off" in message


def until_damaged(chunks: Iterator[Looks]) -> tuple[int, str]:
    """Frames up to the damage, and what is said of it."""
    frames = 0
    try:
        for chunk in chunks:
            frames += len(chunk)
    except MediaError as error:
        return frames, str(error)
    return frames, "no damage"


def test_a_file_that_is_no_video(tmp_path: Path, cache: ArrayCache) -> None:
    (tmp_path / "a.mp4").write_text("hello")
    with pytest.raises(MediaError, match="not a video"):
        next(classify_video(tmp_path / "a.mp4", ColourClassifier(), cache=cache))


def test_a_failing_network_ends_the_pass(tmp_path: Path) -> None:
    class Failing(ColourClassifier):
        def infer(self, images: np.ndarray) -> None:  # type: ignore[override]
            raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        list(classify_video(film(tmp_path / "a.mp4", plain(3)), Failing()))
