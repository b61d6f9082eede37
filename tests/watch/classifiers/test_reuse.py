"""Reuse of results: against a loop over single frames, over batches, and between videos."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colour_classifier import ColourClassifier
from wolfdog.errors import InputError
from wolfdog.watch.classifiers.preprocessing import Images
from wolfdog.watch.classifiers.reuse import ReusingClassifier, block_means


def greys(*levels: int) -> Images:
    return np.stack([np.full((32, 32, 3), level, np.uint8) for level in levels])


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=24),
    st.integers(1, 6),
    st.sampled_from([0, 3, 5.5, 300]),
)
def test_results_are_those_of_the_last_that_differed(levels: list[int], batch: int, threshold: float) -> None:
    inner = ColourClassifier(batch_size=batch)
    reusing = ReusingClassifier(inner, threshold)
    got = reusing.classify(greys(*levels))
    shown, expected, last = 0, [], None
    for level in levels:
        if last is None or abs(level - last) > threshold:
            last, shown = level, shown + 1
        expected.append(last / 255)
    np.testing.assert_allclose(got.features[:, 0], expected, atol=1e-6)
    assert inner.seen == shown
    assert reusing.frames == len(levels)
    assert reusing.reused == len(levels) - shown


def test_slow_changes_add_up() -> None:
    inner = ColourClassifier()
    ReusingClassifier(inner, 4).classify(greys(*range(20)))
    assert inner.seen == 4  # at 0, 5, 10 and 15


def test_a_small_thing_that_enters_is_seen() -> None:
    empty, there = greys(90, 90)
    there = there.copy()
    there[4:12, 4:12] = 200  # a quarter of a block, a sixteenth of the picture
    inner = ColourClassifier()
    ReusingClassifier(inner, 8).classify(np.stack([empty, there, empty]))
    assert inner.seen == 3


def test_noise_is_not() -> None:
    noisy = np.random.default_rng(0).normal(100, 10, (6, 32, 32, 3)).astype(np.uint8)
    inner = ColourClassifier()
    ReusingClassifier(inner, 5).classify(noisy)
    assert inner.seen == 1


def test_videos_do_not_share_results() -> None:
    inner = ColourClassifier()
    reusing = ReusingClassifier(inner, 300)
    first = reusing.classify(greys(10, 10))
    assert reusing.classify(greys(200)).features[0, 0] == first.features[0, 0]
    reusing.forget()
    assert reusing.classify(greys(200)).features[0, 0] == pytest.approx(200 / 255)


@given(st.integers(1, 50), st.integers(1, 50))
def test_block_means_against_loops(height: int, width: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    got = block_means(images)
    h, w = min(16, height), min(16, width)
    assert got.shape == (2, height // h, width // w, 3)
    for row in range(height // h):
        for column in range(width // w):
            block = images[:, row * h : (row + 1) * h, column * w : (column + 1) * w]
            np.testing.assert_allclose(got[:, row, column], block.mean((1, 2)), rtol=1e-5)


def test_a_threshold_below_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="0 or more"):
        ReusingClassifier(ColourClassifier(), -1)
