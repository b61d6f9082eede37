"""Moments for tests, by hand and by hypothesis."""

import itertools

import numpy as np
from hypothesis import strategies as st

from wolfdog.watch.moments import Moment

CLASSES = ("wolf", "dog", "bear", "goldfish", "unknown")


def moment(time, context, snapshot=None, video="a.mp4", frame=0, duration=0.04, sure=0.6, classes=CLASSES):
    """A moment whose labels have probability `sure`, the others sharing the rest."""

    def towards(label):
        p = np.full(len(classes), (1 - sure) / (len(classes) - 1))
        p[classes.index(label)] = sure
        return p

    snapshot = context if snapshot is None else snapshot
    return Moment(
        video, frame, time, snapshot, context, towards(snapshot), towards(context), duration=duration
    )


@st.composite
def broadcasts(draw, classes=CLASSES, min_size=0):
    """The moments of one video: times in order, any labels, each standing until the next."""
    labels = st.sampled_from(classes)
    steps = draw(st.lists(st.integers(1, 5000), min_size=min_size, max_size=30))
    starts = np.concatenate([[draw(st.integers(0, 10**7))], steps]).cumsum() / 1000
    return [
        moment(float(a), draw(labels), draw(labels), frame=i, duration=float(b - a),
               sure=draw(st.floats(0.5, 0.95)), classes=classes)
        for i, (a, b) in enumerate(itertools.pairwise(starts))
    ]  # fmt: skip
