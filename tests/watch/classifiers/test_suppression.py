"""Non-maximum suppression against a loop over pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.watch.classifiers.suppression import suppress


def naive(boxes: list[list[float]], scores: list[float], classes: list[int], overlap: float) -> list[int]:
    """Box after box in the order of scores, each against all that were kept."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        for k in kept:
            a, b = boxes[i], boxes[k]
            shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            union = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)) - shared
            if classes[i] == classes[k] and shared > overlap * union:
                break
        else:
            kept.append(i)
    return kept


@given(st.integers(0, 25), st.integers(1, 3), st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.integers(0, 9))
def test_against_the_loop(n: int, kinds: int, overlap: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner, size = rng.integers(0, 12, (n, 2)), rng.integers(0, 12, (n, 2))
    boxes = np.concatenate([corner, corner + size], 1).astype(np.float32)
    scores, classes = rng.permutation(n).astype(np.float32), rng.integers(0, kinds, n)
    got = suppress(boxes, scores, classes, overlap=overlap)
    assert got.tolist() == naive(boxes.tolist(), scores.tolist(), classes.tolist(), overlap)


def test_classes_do_not_suppress_one_another() -> None:
    boxes = np.array([[0, 0, 9, 9]] * 3, np.float32)
    got = suppress(boxes, np.array([0.1, 0.9, 0.5], np.float32), np.array([0, 0, 1]), overlap=0.5)
    assert got.tolist() == [1, 2]
