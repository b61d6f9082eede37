"""Crops around boxes, and the surest of several looks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colour_classifier import ColourClassifier
from wolfdog.watch.classifiers.classifier import Classification
from wolfdog.watch.classifiers.regions import MARGIN, SMALLEST, classify_regions, crop_box, surest

numbers = st.floats(-50, 250)


@given(numbers, numbers, st.floats(0, 200), st.floats(0, 200), st.integers(1, 200), st.integers(1, 200),
       st.sampled_from([0.5, 1.0, 2.0]))  # fmt: skip
def test_crops_lie_within_the_frame(
    x: float, y: float, w: float, h: float, height: int, width: int, aspect: float
) -> None:
    left, top, right, bottom = crop_box((x, y, x + w, y + h), height, width, aspect=aspect)
    assert -1e-9 <= left < right <= width + 1e-9
    assert -1e-9 <= top < bottom <= height + 1e-9


@given(
    st.floats(100, 120),
    st.floats(100, 120),
    st.floats(0, 60),
    st.floats(0, 60),
    st.sampled_from([0.5, 1.0, 2.0]),
)
def test_crops_have_room_and_shape(x: float, y: float, w: float, h: float, aspect: float) -> None:
    left, top, right, bottom = crop_box((x, y, x + w, y + h), 1000, 1000, aspect=aspect)
    assert (right - left) / (bottom - top) == pytest.approx(aspect)
    assert right - left >= max(w * MARGIN, SMALLEST) - 1e-6
    assert bottom - top >= max(h * MARGIN, SMALLEST) - 1e-6
    assert left <= x + 1e-6
    assert right >= x + w - 1e-6


def test_crops_at_an_edge_are_moved_not_cut() -> None:
    assert crop_box((90, 90, 100, 100), 100, 100, margin=5) == (50, 50, 100, 100)


def test_a_crop_shows_what_is_in_the_box() -> None:
    frame = np.zeros((200, 300, 3), np.uint8)
    frame[20:80, 200:260, 1] = 255
    got = classify_regions(ColourClassifier(), frame, [(210, 30, 250, 70), (0, 100, 40, 140)])
    assert got.features[0] == pytest.approx([0, 1, 0], abs=0.05)
    assert got.features[1] == pytest.approx([0, 0, 0], abs=0.01)


def test_no_box_no_row() -> None:
    got = classify_regions(ColourClassifier(), np.zeros((9, 9, 3), np.uint8), [])
    assert got.features.shape == (0, 3)
    assert got.probabilities.shape == (0, 3)


def test_the_surest_look_leaves_the_background_aside() -> None:
    p = np.array([[0.05, 0.05, 0.9], [0.4, 0.0, 0.6], [0.0, 0.3, 0.7]], np.float32)
    looks = Classification(p, p)
    assert surest(looks, background=2) == 1
    assert surest(looks, background=None) == 0
    assert surest(looks.rows(slice(0, 1)), background=2) == 0
