"""Non-maximum suppression of overlapping boxes."""

import numpy as np
from numpy.typing import NDArray


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int64], *, overlap: float
) -> NDArray[np.int64]:
    """Indices of the boxes that remain, the highest score first.

    A box is removed if one of the same class with a higher score overlaps it: intersection over union above `overlap`.

    Args:
        boxes: Left, top, right and bottom [N, 4].
        scores: Scores [N].
        classes: Classes [N].
        overlap: Largest intersection over union, 0 to 1.

    Returns:
        Indices [M].

    Examples:
        >>> boxes = np.float32([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
        >>> suppress(boxes, np.float32([0.5, 0.9, 0.7]), np.array([0, 0, 0]), overlap=0.45)
        array([1, 2])
    """
    rest = np.argsort(-scores, kind="stable")
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    kept: list[int] = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(int(best))
        corner = np.maximum(boxes[rest, :2], boxes[best, :2])
        far = np.minimum(boxes[rest, 2:], boxes[best, 2:])
        shared = np.prod(np.maximum(far - corner, 0), axis=1)
        union = areas[rest] + areas[best] - shared
        covered = shared > overlap * union
        rest = rest[~(covered & (classes[rest] == classes[best]))]
    return np.array(kept, np.int64)
