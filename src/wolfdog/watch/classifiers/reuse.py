"""Reuse of the last result for frames that hardly differ from the frame that gave it."""

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from .classifier import Classification, Classifier
from .preprocessing import Images

BLOCK = 16
"""Pixels along a side of the blocks over which pictures are compared."""


class ReusingClassifier(Classifier):
    """Classifier that repeats the result of an earlier frame for a frame that hardly differs from it.

    The difference of two images is the largest difference of any block of 16 x 16 pixels; that of a block is the mean
    over its pixels, for each colour. So noise averages out, and a small animal that enters changes its block. Each
    image is compared with the last classified one, not with the last one, so that slow changes add up.

    Make one for each video, or call `forget` between two.

    Args:
        classifier: Classifier for the images that differ.
        threshold: Largest difference, in grey levels of 255, for which the result is repeated; 0 classifies all images
            that differ at all.

    Raises:
        InputError: The threshold is below 0.
    """

    def __init__(self, classifier: Classifier, threshold: float) -> None:
        if not threshold >= 0:
            raise InputError(f"The threshold of reuse is in grey levels, 0 or more, got {threshold}.")
        super().__init__(
            classifier.name,
            identity=f"{classifier.identity} reuse {threshold:g}",
            preprocessing=classifier.preprocessing,
            classes=classifier.classes,
            feature_size=classifier.feature_size,
            batch_size=classifier.batch_size,
        )
        self.threshold = threshold
        self.frames = 0
        """Images so far."""
        self.reused = 0
        """Those of them that got an earlier result."""
        self._classifier = classifier
        self._last: tuple[NDArray[np.float32], Classification] | None = None

    def infer(self, images: Images) -> Classification:
        """One batch, of which only images that differ go through the network; see `Classifier`."""
        blocks = block_means(images)
        new: list[int] = []
        source = np.empty(
            len(images), np.int64
        )  # of each image, which of `new` gave its result; -1: an earlier one
        reference = None if self._last is None else self._last[0]
        for i, own in enumerate(blocks):
            if reference is None or float(np.abs(own - reference).max()) > self.threshold:
                reference = own
                new.append(i)
            source[i] = len(new) - 1
        self.frames += len(images)
        self.reused += len(images) - len(new)
        parts = [] if self._last is None else [self._last[1]]
        if new:
            parts.append(self._classifier.infer(images[new]))
        known = Classification(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        result = known.rows(source + (self._last is not None))
        if new:
            self._last = blocks[new[-1]], known.rows(slice(-1, None))
        return result

    def forget(self) -> None:
        """Forget the last image, as at the beginning of another video."""
        self._last = None


def block_means(images: Images) -> NDArray[np.float32]:
    """Means over whole blocks of 16 x 16 pixels.

    An image smaller than a block is one block; pixels that are left at the right and at the bottom belong to none.

    Args:
        images: Images [N, H, W, 3].

    Returns:
        Means [N, H // 16, W // 16, 3].

    Examples:
        >>> block_means(np.full((2, 40, 32, 3), 7, np.uint8)).shape
        (2, 2, 2, 3)
    """
    n, height, width, _ = images.shape
    high, wide = min(BLOCK, height), min(BLOCK, width)
    rows, columns = height // high, width // wide
    whole = images[:, : rows * high, : columns * wide]
    # Rows first: whole lines are added at once, which is several times faster than block by block.
    lines = whole.reshape(n, rows, high, columns * wide * 3).sum(axis=2, dtype=np.uint16)
    sums = lines.reshape(n, rows, columns, wide, 3).sum(axis=3, dtype=np.uint32)
    return np.asarray(sums / (high * wide), np.float32)
