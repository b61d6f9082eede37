"""Kinds of simulated streams: a background class, hesitant classifiers, unrelated frames, long gaps."""

from dataclasses import replace

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.smoothing.ideal_filter import ideal_filter
from wolfdog.watch.smoothing.simulation import Streams, simulate
from wolfdog.watch.smoothing.variation import Blend, Variation, vary
from wolfdog.watch.smoothing.world import EXACT, Ranges, draw_world

NONE = Variation(background=0.0, hesitant=0.0, unrelated=0.0, idle=0.0)
NO_BLANK = replace(EXACT, no_blank=1.0)


def streams(variation: Variation, ranges: Ranges = NO_BLANK, classes: int = 5, frames: int = 60) -> Streams:
    rng = np.random.default_rng(0)
    world, blend = vary(draw_world(200, classes, rng, ranges), rng, variation)
    return simulate(200, frames, classes, rng, ranges, world, blend=blend)


def lead(made: Streams) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """First minus second log probability [T, N]."""
    first_two = np.sort(made.log_probabilities, -1)[..., -2:]
    return np.asarray(first_two[..., 1] - first_two[..., 0])


def test_no_variation_leaves_the_world() -> None:
    before = draw_world(50, 4, np.random.default_rng(1), EXACT)
    after, blend = vary(before, np.random.default_rng(2), NONE)
    for name, value in vars(before).items():
        np.testing.assert_allclose(getattr(after, name), value, atol=1e-6)
    assert not blend.hidden.any()
    assert not blend.hesitation.any()


def test_background_is_frequent_and_seldom_taken_for_others() -> None:
    made = streams(replace(NONE, background=1.0, visits=(0.5, 0.5), alarm=(0.0, 0.1)))
    assert made.blend is not None
    background = made.labels == made.blend.background
    assert abs(background.mean() - 0.5) < 0.1
    taken = made.log_probabilities.argmax(-1)
    alarms = (taken != made.labels)[background].mean()
    overlooked = (taken == made.blend.background)[~background].mean()
    plain = streams(NONE)
    errors = (plain.log_probabilities.argmax(-1) != plain.labels).mean()
    assert alarms < 0.6 * errors
    assert overlooked > 2 * alarms


def test_streams_with_a_blank_class_have_no_other_background() -> None:
    made = streams(replace(NONE, background=1.0), replace(EXACT, no_blank=0.0))
    assert made.blend is not None
    assert not made.blend.hidden.any()


def test_hesitant_classifiers_are_less_sure_of_errors() -> None:
    def ratio(made: Streams) -> float:
        wrong = made.log_probabilities.argmax(-1) != made.labels
        return float(lead(made)[wrong].mean() / lead(made)[~wrong].mean())

    assert ratio(streams(replace(NONE, hesitant=1.0, hesitation=(0.5, 1.0)))) < 0.85 * ratio(streams(NONE))


def test_flickering_classifiers_err_anew_and_see_the_true_class_too() -> None:
    ranges = replace(EXACT, no_blank=0.0, visit=(40.0, 60.0), gap_share=(0.5, 0.5))

    def figures(made: Streams) -> tuple[float, float]:
        top = made.log_probabilities.argmax(-1)
        wrong = (made.labels > 0) & (top != made.labels)
        stays = wrong[1:] & wrong[:-1] & (made.labels[1:] == made.labels[:-1])
        own = np.take_along_axis(made.log_probabilities, made.labels[..., None], -1)[..., 0]
        return float((top[1:] == top[:-1])[stays].mean()), float(np.exp(own)[wrong].mean())

    alike, own = figures(streams(NONE, ranges))
    found = figures(streams(replace(NONE, flicker=1.0), ranges))
    assert found[0] < alike - 0.08  # two errors in a row are less often the same,
    assert found[1] > 1.3 * own  # and leave more probability to the true class


def test_least_errors_spare_the_blank_class() -> None:
    before = draw_world(40, 4, np.random.default_rng(1), replace(EXACT, no_blank=0.0))
    options = replace(NONE, flicker=1.0, flicker_error=(0.7, 0.7))
    after, _ = vary(before, np.random.default_rng(2), options)
    right = np.diagonal(after.confusion, axis1=1, axis2=2)
    np.testing.assert_allclose(right[:, 0], before.confusion[:, 0, 0], atol=1e-4)
    assert (right[:, 1:] < 0.3 + 1e-5).all()
    np.testing.assert_allclose(after.confusion.sum(-1), 1, atol=1e-5)


def test_unrelated_frames_follow_the_frequencies() -> None:
    made = streams(replace(NONE, unrelated=1.0), frames=300)
    share = made.world.frequencies
    changed = (made.labels[1:] != made.labels[:-1]).mean()
    assert abs(changed - (1 - (share**2).sum(-1)).mean()) < 0.02


def test_idle_cameras_have_longer_gaps() -> None:
    ranges = replace(EXACT, no_blank=0.0)
    before = draw_world(100, 4, np.random.default_rng(1), ranges)
    after, _ = vary(before, np.random.default_rng(2), replace(NONE, idle=1.0, idleness=(3.0, 4.0)))
    assert ((after.gap / before.gap > 2.99) & (after.gap / before.gap < 4.01)).all()


def test_blend_is_the_weighted_mean_of_looks() -> None:
    means = np.random.default_rng(0).normal(size=(2, 3, 3)).astype(np.float32)
    blend = Blend(
        hesitation=np.full(2, 0.5, np.float32),
        least=np.zeros(2, np.float32),
        background=np.array([2, 0]),
        hidden=np.full(2, 0.8, np.float32),
    )
    share = np.array([[0.4, 0.5], [1.0, 1.0]], np.float32)
    found = blend.means(means, np.array([1, 2]), np.array([0, 0]), share)
    look = 0.8 * means[0, 1] + 0.2 * means[0, 0]
    np.testing.assert_allclose(found[0], 0.6 * look + 0.4 * means[0, 2], rtol=1e-5)
    np.testing.assert_allclose(found[1], 0.5 * means[1, 2] + 0.5 * means[1, 0], rtol=1e-5)
    at_least_half = replace(blend, least=np.full(2, 0.5, np.float32))
    found = at_least_half.means(means, np.array([1, 2]), np.array([2, 0]), share * [1.0, 0.0])
    np.testing.assert_allclose(found[0], 0.65 * means[0, 1] + 0.35 * means[0, 2], rtol=1e-5)


def test_ideal_filter_rejects_blended_looks() -> None:
    with pytest.raises(InputError, match="blended looks"):
        ideal_filter(streams(replace(NONE, hesitant=1.0), frames=2))


@pytest.mark.parametrize("name", ["background", "hesitant", "unrelated", "idle", "flicker"])
def test_shares_outside_0_to_1_are_refused(name: str) -> None:
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match=f"'{name}' must be between 0 and 1"):
            replace(NONE, **{name: share})
