"""Moments and rows of the predictions table, one from the other."""

from dataclasses import replace

import numpy as np

from watch_moments import CLASSES, moment
from wolfdog.watch.labelling.moments_table import moments_of, table_of
from wolfdog.watch.predictions import Predictions


def test_there_and_back():
    moments = [replace(moment(t / 5, "wolf" if t % 2 else "dog"), frame=3 * t) for t in range(7)]
    again = list(moments_of(table_of(moments, CLASSES)))
    assert len(again) == len(moments)
    for one, other in zip(moments, again, strict=True):
        for name in ("video", "frame", "time", "snapshot", "context", "duration"):
            assert getattr(one, name) == getattr(other, name), name
        np.testing.assert_allclose(one.snapshot_probabilities, other.snapshot_probabilities, atol=1e-6)
        np.testing.assert_allclose(one.context_probabilities, other.context_probabilities, atol=1e-6)


def detections(probabilities, frames):
    return Predictions.from_columns(
        ["wolf", "dog", "unknown"],
        probabilities,
        context=probabilities,
        time=np.array(frames) / 5,
        frame=frames,
        media="a.mp4",
        detection=np.arange(len(frames)),
    )


def test_the_surest_named_detection_stands_for_its_frame():
    p = [[0.1, 0.1, 0.8], [0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.0, 0.3, 0.7], [0.0, 0.1, 0.9]]
    labels = [one.context for one in moments_of(detections(p, [0, 0, 0, 4, 4]))]
    assert labels == ["wolf", "unknown"]
    moments = list(moments_of(detections(p, [0, 0, 0, 4, 4])))
    assert [one.frame for one in moments] == [0, 4]
    assert moments[1].context_probabilities[1] == np.float32(
        0.3
    )  # the detection in which an animal is likelier


def test_no_rows_no_moments():
    assert list(moments_of(detections(np.zeros((0, 3)), []))) == []
    assert len(table_of([], CLASSES)) == 0
