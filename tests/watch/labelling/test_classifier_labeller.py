"""Videos classified and then smoothed: what comes of whole, damaged and refused ones."""

import numpy as np
import pytest

from colour_classifier import ColourClassifier
from watch_films import cut, film, noise
from wolfdog.errors import InputError, MediaError
from wolfdog.watch.classifiers.array_cache import ArrayCache
from wolfdog.watch.classifiers.chosen_frames import LookOptions
from wolfdog.watch.classifiers.classes import ClassGroups, GroupedClassifier
from wolfdog.watch.classifiers.detections import MegaDetectorResults
from wolfdog.watch.classifiers.video_classification import classify_video
from wolfdog.watch.labelling.classifier_labeller import ClassifierLabeller
from wolfdog.watch.labelling.methods import METHOD_NAMES, load_method
from wolfdog.watch.smoothing import AnyClass, Majority, Mean, NoSmoothing, Viterbi
from wolfdog.watch.video.sampling import Every


def colours(n, height=48, width=64):
    """n pictures, red until the middle and then blue, one of them green."""
    shown = np.zeros((n, height, width, 3), np.uint8)
    shown[: n // 2, ..., 0] = 220
    shown[n // 2 :, ..., 2] = 220
    shown[n // 4] = (20, 220, 20)
    return list(shown)


def labelled(labeller, path, name="a.mp4"):
    seconds = []
    found = list(labeller.label(path, name, progress=lambda second, of: seconds.append((second, of))))
    return found, seconds


def test_labels_are_those_of_classifier_and_method(tmp_path):
    path = film(tmp_path / "a.mp4", colours(90), rate=10)
    found, seconds = labelled(ClassifierLabeller(ColourClassifier(), Majority(frames=5)), path)
    [labels] = found
    assert len(labels.moments) == len(labels.table) == 90
    looks = np.concatenate([part.probabilities for part in classify_video(path, ColourClassifier())])
    np.testing.assert_allclose(labels.table.probabilities, looks, atol=1e-6)
    assert [moment.snapshot for moment in labels.moments[20:25]] == ["red", "red", "green", "red", "red"]
    assert {moment.context for moment in labels.moments[:40]} == {"red"}
    assert labels.moments[-1].context == "blue"
    assert labels.table.deployments() == ("a.mp4",)
    assert seconds[-1] == (pytest.approx(9.0, abs=0.05), pytest.approx(9.0, abs=0.05))


def test_looking_ahead_reads_later_frames(tmp_path):
    path = film(tmp_path / "a.mp4", colours(40), rate=10)
    causal, ahead = (
        labelled(ClassifierLabeller(ColourClassifier(), Mean(frames=9), ahead=ahead), path)[0][0]
        for ahead in (False, True)
    )
    assert not np.allclose(causal.table.context, ahead.table.context)
    np.testing.assert_array_equal(causal.table.probabilities, ahead.table.probabilities)
    assert ahead.table.method == "mean(frames=9, ahead=True)"


def test_a_video_that_breaks_off_is_labelled_up_to_there(tmp_path):
    whole = film(tmp_path / "whole.mkv", noise(200), rate=10)
    path = cut(tmp_path / "a.mkv", whole, 0.6)
    labeller = ClassifierLabeller(ColourClassifier(), NoSmoothing())
    stream = labeller.label(path, "a.mkv", progress=lambda second, of: None)
    labels = next(stream)
    assert 20 < len(labels.moments) < 200
    with pytest.raises(MediaError, match=r"a\.mkv"):
        next(stream)


def test_no_frame_is_classified_twice(tmp_path, monkeypatch):
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "kept"))
    path = film(tmp_path / "a.mp4", colours(30), rate=10)
    classifier = ColourClassifier()
    options = LookOptions(sampling=Every(2))
    for groups in (("warm", "cold"), ("red", "other")):
        grouped = GroupedClassifier(classifier, ClassGroups(groups, (0, 1, 1), missing={}))
        found, _ = labelled(
            ClassifierLabeller(grouped, AnyClass(), options=options, cache=ArrayCache("looks")), path
        )
        assert found[0].table.classes == groups
        assert classifier.seen == 15


def test_a_video_without_detections_is_that_videos_trouble(tmp_path):
    results = tmp_path / "results.json"
    results.write_text('{"detection_categories": {"1": "animal"}, "images": []}')
    options = LookOptions(boxes=MegaDetectorResults(results))
    path = film(tmp_path / "a.mp4", colours(4))
    labeller = ClassifierLabeller(ColourClassifier(), NoSmoothing(), options=options)
    with pytest.raises(MediaError, match="no entry for"):
        labelled(labeller, path)


def test_what_makes_no_labeller_is_refused():
    with pytest.raises(InputError, match="no form"):
        ClassifierLabeller(ColourClassifier(), Viterbi())
    one = GroupedClassifier(ColourClassifier(), ClassGroups(("unknown",), (0, 0, 0), missing={}))
    with pytest.raises(InputError, match="two classes or more"):
        ClassifierLabeller(one, NoSmoothing())


def test_methods_by_name():
    for name in METHOD_NAMES:
        if name == "world-memory":
            continue
        forms = 0
        for ahead in (False, True):
            try:
                method = load_method(name, ("a", "b"), ahead=ahead)
            except InputError:
                continue
            forms += 1
            assert method.name == ("memory" if name == "auto" else name)
        assert forms, name
    with pytest.raises(InputError, match="Did you mean majority"):
        load_method("majorty", ("a", "b"))
    with pytest.raises(InputError, match="it is for wolf, dog, bear"):
        load_method("world-memory", ("a", "b"))
    with pytest.raises(InputError, match="has none"):
        load_method("auto", ("a", "b"), options=("frames=3",))
    problem = ("wolf", "dog", "bear", "goldfish", "unknown")
    assert load_method("auto", problem).name == load_method("world-memory", problem).name == "world-memory"
    assert load_method("auto", problem, ahead=True).name == "memory"
    with pytest.raises(InputError, match="Give --lookahead"):
        load_method("viterbi", ("a", "b"))
