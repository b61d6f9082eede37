"""Simulated streams, and the ideal filter against the sum over all hidden paths."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.smoothing.camera_times import Times, draw_times
from wolfdog.watch.smoothing.ideal_filter import ideal_filter
from wolfdog.watch.smoothing.simulation import Streams, gap_ends, simulate, visit_ends
from wolfdog.watch.smoothing.world import EXACT, TRAINED, WIDER, draw_world


@pytest.mark.parametrize("ranges", [TRAINED, WIDER, EXACT])
@pytest.mark.parametrize("classes", [2, 3, 40])
def test_streams_are_sound(ranges: object, classes: int) -> None:
    streams = simulate(64, 50, classes, np.random.default_rng(0), ranges)  # type: ignore[arg-type]
    assert streams.labels.shape == streams.seconds.shape == (50, 64)
    assert streams.labels.min() >= 0
    assert streams.labels.max() < classes
    np.testing.assert_allclose(np.exp(streams.log_probabilities).sum(-1), 1, atol=1e-4)
    assert (streams.seconds[0] == 0)[~np.isnan(streams.seconds[0])].all()
    assert (streams.intervals >= 0).all()
    gaps = ~streams.in_view
    assert (streams.labels[gaps] == 0).all()
    assert not gaps[:, ~streams.world.has_blank].any()


def test_seed_decides_the_streams() -> None:
    one, same, other = (simulate(8, 20, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.log_probabilities, same.log_probabilities)
    assert not np.array_equal(one.labels, other.labels)


def test_visits_last_as_the_world_says() -> None:
    ranges = replace(
        EXACT,
        visit=(10.0, 10.0),
        no_blank=1.0,
        again=(0, 0),
        procedure=(0, 0),
        concentration=(1e3, 1e3),
        sink=0.0,
    )
    times = (np.ones((400, 200), np.float32), np.ones((400, 200), np.float32), np.zeros((400, 200), bool))
    streams = simulate(200, 400, 10, np.random.default_rng(0), ranges, times=times)
    changed = (streams.labels[1:] != streams.labels[:-1]).mean()
    assert abs(changed / (-np.expm1(-1 / 10) * 0.9) - 1) < 0.03


def test_sinks_take_the_errors_of_the_others() -> None:
    ranges = replace(EXACT, no_blank=0.0, sink=1.0, confusion=(0.3, 0.4), false_alarm=(0.3, 0.3))
    confusion = draw_world(200, 6, np.random.default_rng(0), ranges).confusion
    errors = 1 - np.diagonal(confusion, axis1=1, axis2=2)[:, 1:]
    assert (confusion[:, 1:, 0].sum(-1) > 0.6 * errors.sum(-1)).all()
    assert 1 - confusion[:, 0, 0].max() < 0.05
    none = draw_world(200, 6, np.random.default_rng(0), replace(ranges, sink=0.0)).confusion
    assert none[:, 1:, 0].mean() < 0.5 * confusion[:, 1:, 0].mean()


def test_triggered_cameras_take_the_bursts_and_err_in_single_images() -> None:
    streams = simulate(400, 60, 5, np.random.default_rng(0), replace(TRAINED, single=1.0))
    bursty = streams.world.bursty
    assert abs(bursty.mean() - TRAINED.times.bursty) < 0.1
    assert not streams.bursts[:, ~bursty].any()
    assert streams.bursts[:, bursty].any(0).mean() > 0.9
    assert streams.world.fade[bursty].min() >= 0.2 > streams.world.fade[~bursty].mean()
    assert not streams.world.window[bursty].any()


def test_top_few_keep_their_probabilities() -> None:
    ranges = replace(TRAINED, few=1.0)
    few = simulate(32, 20, 12, np.random.default_rng(0), ranges)
    full = few.logits - np.log(np.exp(few.logits).sum(-1, keepdims=True))
    top = few.world.few
    assert (top < 12).all()
    for n in range(32):
        p = np.exp(few.log_probabilities[3, n])
        kept = np.argsort(-full[3, n])[: top[n]]
        np.testing.assert_allclose(p[kept], np.exp(full[3, n, kept]), atol=1e-5)
        others = np.setdiff1d(np.arange(12), kept)
        np.testing.assert_allclose(p[others], few.spread[3, n] / len(others), atol=1e-5)


def test_times_have_the_stated_shares() -> None:
    seconds, intervals, first = draw_times(200, 4000, np.random.default_rng(0), Times())
    assert abs(np.isnan(seconds).all(0).mean() - 0.15) < 0.02
    assert abs(first.any(0).mean() - 0.35) < 0.03
    assert (intervals[1:] >= 1 - 1e-4).all()
    assert (intervals[1:][first[1:]].mean()) > 100


def brute_force(streams: Streams, stream: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Posterior [T, K] of one stream by the sum over every path of (in view, species, appearance)."""
    w, n = streams.world, stream
    T, _, K = streams.logits.shape
    x = streams.logits[:, n].astype(float) * w.temperature[n]
    x = x - x.mean(-1, keepdims=True)
    means = w.means[n] - w.means[n].mean(-1, keepdims=True)
    states = list(itertools.product((0, 1) if w.has_blank[n] else (1,), range(K), range(K)))

    def following(a: int, b: int) -> float:
        drawn = w.frequencies[n, b] * (1 - w.again[n] - w.procedure[n])
        return float(w.again[n] * (a == b) + w.procedure[n] * (w.successor[n, a] == b) + drawn)

    def density(t: int, c: int, before: int | None) -> float:
        rho = 0.0 if before is None else float(w.correlation[n] ** streams.intervals[t, n])
        moved = means[c] - (0 if before is None else rho * means[before])
        r = x[t] - (0 if before is None else rho * x[t - 1]) - moved
        variance = float(w.frame_noise[n]) ** 2 * (1 - rho**2)
        return float(np.exp(-(r**2).sum() / (2 * variance)) / variance ** ((K - 1) / 2))

    def start(state: tuple[int, int, int]) -> float:
        view, s, c = state
        return float(
            (0.5 if w.has_blank[n] else 1) * w.frequencies[n, s] * w.confusion[n, s if view else 0, c]
        )

    def step(t: int, a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
        of_gap = gap_ends(w, streams.intervals[t], streams.bursts[t])[n]
        end = [float(of_gap), float(visit_ends(w, streams.intervals[t])[n, a[1]])]
        shown = w.confusion[n, b[1] if b[0] else 0, b[2]]
        total = 0.0
        if a[0] == b[0] and a[1] == b[1]:
            total += (1 - end[a[0]]) * ((1 - w.fade[n]) * (a[2] == b[2]) + w.fade[n] * shown)
        if b[0]:
            total += end[a[0]] * (1 - a[0] * w.gap_share[n]) * following(a[1], b[1]) * shown
        if a[0] and not b[0] and a[1] == b[1]:
            total += end[1] * w.gap_share[n] * shown
        return float(total)

    out = np.zeros((T, K))
    weight = {state: start(state) * density(0, state[2], None) for state in states}
    for t in range(T):
        if t:
            weight = {
                b: sum(weight[a] * step(t, a, b) * density(t, b[2], a[2]) for a in states) for b in states
            }
        for state, value in weight.items():
            out[t, state[1] if state[0] else 0] += value
    return out / out.sum(-1, keepdims=True)


def test_ideal_filter_is_the_sum_over_all_paths() -> None:
    streams = simulate(12, 5, 3, np.random.default_rng(3), replace(EXACT, visit_spread=(0.8, 0.8)))
    assert 0 < streams.world.has_blank.sum() < 12
    found = ideal_filter(streams)
    for n in range(12):
        np.testing.assert_allclose(found[:, n], brute_force(streams, n), atol=2e-4)


def test_ideal_filter_is_calibrated_and_better_than_the_classifier() -> None:
    streams = simulate(1000, 60, 6, np.random.default_rng(0), EXACT)
    found = ideal_filter(streams)
    right = found.argmax(-1) == streams.labels
    assert right.mean() > (streams.log_probabilities.argmax(-1) == streams.labels).mean() + 0.05
    assert abs(right.mean() - found.max(-1).mean()) < 0.01
    loss = -np.log(np.take_along_axis(found, streams.labels[..., None], -1)).mean()
    entropy = -(found * np.log(found.clip(1e-300))).sum(-1).mean()
    assert abs(loss / entropy - 1) < 0.08  # the standard error is 0.03: frames of a stream are alike


def test_ideal_filter_refuses_what_has_no_closed_form() -> None:
    with pytest.raises(InputError, match="EXACT"):
        ideal_filter(simulate(40, 5, 4, np.random.default_rng(0), TRAINED))
