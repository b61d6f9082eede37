"""Regions of a frame: boxes that become crops for a classifier, with room around and in the shape of its input."""

from collections.abc import Sequence

import numpy as np

from .classifier import Classification, Classifier
from .preprocessing import Box, Image

MARGIN = 1.5
"""Side of a crop over the longer side of its box: classifiers are trained on photographs with some surroundings."""
SMALLEST = 32
"""Pixels: the side of the smallest crop. Less shows an animal to no network here."""


def crop_box(box: Box, height: int, width: int, *, aspect: float = 1.0, margin: float = MARGIN) -> Box:
    """The part of a frame to look at around a box: of the shape of the network's input, within the frame.

    A crop that reaches over an edge is moved, not cut, and shrinks only where the frame is smaller than it.

    Args:
        box: In pixels; may reach over the edges.
        height, width: Of the frame.
        aspect: Width of the crop over its height.
        margin: See `MARGIN`.

    Examples:
        >>> crop_box((0, 0, 20, 10), 100, 200, margin=2)
        (0.0, 0.0, 40.0, 40.0)
    """
    left, top, right, bottom = box
    high = max(bottom - top, (right - left) / aspect, SMALLEST / margin, SMALLEST / margin / aspect) * margin
    wide = min(high * aspect, width)
    high = min(high, height)
    x = min(max((left + right - wide) / 2, 0.0), width - wide)
    y = min(max((top + bottom - high) / 2, 0.0), height - high)
    return x, y, x + wide, y + high


def classify_regions(classifier: Classifier, frame: Image, boxes: Sequence[Box]) -> Classification:
    """Features and probabilities of crops around boxes of one frame [H, W, 3]: one row for each box."""
    preprocessing = classifier.preprocessing
    aspect = preprocessing.width / preprocessing.height
    height, width = frame.shape[:2]
    crops = [preprocessing.whole(frame, crop_box(box, height, width, aspect=aspect)) for box in boxes]
    if not crops:
        return Classification(
            np.empty((0, classifier.feature_size), np.float32),
            np.empty((0, len(classifier.classes)), np.float32),
        )
    return classifier.classify(np.stack(crops))


def surest(looks: Classification, background: int | None) -> int:
    """The row of the surest look at one frame.

    A look is as sure as its likeliest class, `background` left aside: a crop that shows an animal counts for more than
    a whole frame that surely shows none.

    Args:
        looks: One row for the whole frame, and one for each crop.
        background: Index of the class for everything else, such as `unknown`; None where there is none.

    Examples:
        >>> p = np.float32([[0.1, 0.0, 0.9], [0.0, 0.7, 0.3]])
        >>> surest(Classification(p, p), background=2), surest(Classification(p, p), background=None)
        (1, 0)
    """
    named = looks.probabilities
    if background is not None:
        named = np.delete(named, background, axis=1)
    if named.shape[1] == 0:
        return 0  # nothing to compare, as with an encoder
    return int(named.max(axis=1).argmax())
