"""The any-class network that comes with the package."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from any_class_networks import context
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass
from wolfdog.watch.smoothing.any_class_file import PRETRAINED, pretrained_network
from wolfdog.watch.smoothing.simulation import simulate
from wolfdog.watch.smoothing.variation import Variation, vary
from wolfdog.watch.smoothing.world import EXACT, WIDER, draw_world


def streams_as_table(ranges: Any, classes: int, seed: int) -> tuple[Predictions, np.ndarray[Any, Any]]:
    streams = simulate(24, 150, classes, np.random.default_rng(seed), ranges)
    _, N, K = streams.log_probabilities.shape
    parts = [
        Predictions.from_columns(
            ["blank", *map(str, range(1, K))],
            np.exp(streams.log_probabilities[:, n]),
            time=np.cumsum(streams.seconds[:, n]),
            deployment=str(n),
            confidence=streams.confidence[:, n],
            spread=streams.spread[:, n],
            blank="blank",
        )
        for n in range(N)
        if streams.world.has_blank[n]
    ]
    return Predictions.concat(parts), streams.labels[:, streams.world.has_blank].T.ravel()


@pytest.mark.parametrize(("ranges", "classes"), [(EXACT, 8), (WIDER, 30)])
def test_pretrained_memory_is_ahead_of_the_classifier(ranges: Any, classes: int) -> None:
    table, labels = streams_as_table(ranges, classes, 17)
    rows = np.arange(len(table))
    right = [(table.labels() == labels).mean()]
    loss = [-np.log(table.probabilities[rows, labels].clip(1e-12)).mean()]
    for ahead in (False, True):
        found = context(AnyClass(), table, ahead)
        right.append((found.argmax(-1) == labels).mean())
        loss.append(-np.log(found[rows, labels].clip(1e-12)).mean())
    assert right[0] + 0.01 < min(right[1:])
    assert loss[0] - 0.3 > loss[1] > loss[2]


@pytest.mark.parametrize("accurate", [0.0, 1.0])
def test_pretrained_memory_does_no_harm_where_one_class_is_the_background(accurate: float) -> None:
    rng = np.random.default_rng(0)
    ranges = replace(EXACT, no_blank=1.0, accurate=accurate)
    world, blend = vary(draw_world(24, 5, rng, ranges), rng, Variation(background=1.0))
    streams = simulate(24, 120, 5, rng, ranges, world, blend=blend)
    parts = [
        Predictions.from_columns(
            list("abcde"),
            np.exp(streams.log_probabilities[:, n]),
            time=np.cumsum(streams.seconds[:, n]),
            deployment=str(n),
        )
        for n in range(24)
    ]
    table, labels = Predictions.concat(parts), streams.labels.T.ravel()
    other = labels != np.repeat(blend.background, 120)
    before = table.labels() == labels
    for ahead in (False, True):
        after = context(AnyClass(), table, ahead).argmax(-1) == labels
        assert after.mean() > before.mean()
        assert after[other].mean() > before[other].mean()


def test_pretrained_memory_leaves_a_sure_classifier() -> None:
    names = ["blank", "wolf", "dog", "bear"]
    labels = np.repeat([0, 1, 0, 2, 3, 0], [5, 9, 3, 7, 1, 6])
    table = Predictions.from_columns(
        names, np.eye(4)[labels] * 0.96 + 0.01, time=np.arange(31) * 0.5, blank="blank"
    )
    for ahead in (False, True):
        assert AnyClass().smooth(table, ahead=ahead).labels(context=True).tolist() == labels.tolist()


@pytest.mark.parametrize("classes", [47, 150])
def test_many_classes_are_not_flattened(classes: int) -> None:
    """A classifier that says 0.84 again and again is made no less sure."""
    p = np.full((20, classes), 0.16 / (classes - 1))
    p[:, 3] = 0.84
    table = Predictions.from_columns(list(map(str, range(classes))), p, time=np.arange(20) / 5)
    assert context(AnyClass(), table)[-1, 3] > 0.8


def test_pretrained_memory_sees_one_raccoon() -> None:
    """A documented case: one raccoon on seven frames, read as three species and as nothing."""
    names = ["blank", "raccoon", "badger", "opossum", "deer", "coyote"]
    seen = ["raccoon", "badger", "badger", "blank", "opossum", "raccoon", "blank"]
    rows = []
    for name in seen:
        row = dict.fromkeys(names, 0.02) | {"raccoon": 0.35}
        row[name] = 0.55
        rows.append([row[one] / sum(row.values()) for one in names])
    table = Predictions.from_columns(names, rows, time=np.arange(7.0), blank="blank")
    smoothed = AnyClass().smooth(table, ahead=True)
    found = smoothed.label_names(context=True).tolist()
    assert set(found) <= {"raccoon", "blank"}
    assert found[:3] == ["raccoon"] * 3
    assert smoothed.context is not None
    assert smoothed.classes[smoothed.context.mean(0).argmax()] == "raccoon"


def test_pretrained_file_is_small_and_shared() -> None:
    assert PRETRAINED.stat().st_size < 1_000_000
    assert pretrained_network() is pretrained_network()
