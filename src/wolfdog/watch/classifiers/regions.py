"""Regions of a frame: crops around boxes, with a margin, in the shape of a classifier's input."""

from collections.abc import Sequence

import numpy as np

from .classifier import Classification, Classifier
from .preprocessing import Box, Image

MARGIN = 1.5
"""Side of a crop over the longer side of its box: classifiers are trained on photographs with some surroundings."""
SMALLEST = 32
"""Pixels: the side of the smallest crop. Less shows an animal to no network here."""


def crop_box(box: Box, height: int, width: int, *, aspect: float = 1.0, margin: float = MARGIN) -> Box:
    """Part of a frame around a box, in the shape of the network's input and within the frame.

    A crop that exceeds the frame is moved, not cut, and shrinks only if the frame is smaller than it.

    Args:
        box: Box in pixels; may exceed the frame.
        height: Height of the frame.
        width: Width of the frame.
        aspect: Width of the crop divided by its height.
        margin: See `MARGIN`.

    Returns:
        The part, in pixels.

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
    """Features and probabilities of crops around boxes of one frame.

    Args:
        classifier: The classifier.
        frame: Frame [H, W, 3].
        boxes: Boxes in pixels.

    Returns:
        One row for each box.
    """
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
    """Row with the highest probability of a class other than the background.

    So a crop that shows an animal has precedence over a whole frame that certainly shows none.

    Args:
        looks: One row for the whole frame, and one for each crop.
        background: Index of the class for everything else, such as `unknown`; None if there is none.

    Returns:
        Position of the row.

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
