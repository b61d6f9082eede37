"""Smoothing methods of other tools: hand-worked cases, and properties that all methods share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wolfdog.errors import InputError
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import (
    METHODS,
    Animl,
    AnyClass,
    ExponentialMovingAverage,
    HiddenMarkov,
    Majority,
    Mean,
    Median,
    MegaDetector,
    Method,
    SequenceMean,
    SitePrior,
    Viterbi,
)

ABC = ["blank", "wolf", "dog"]
BASELINES = [name for name in METHODS if name != AnyClass.name]


def table(rows: Sequence[Sequence[float]], **columns: Any) -> Predictions:
    columns.setdefault("time", np.arange(len(rows), dtype=float))
    columns.setdefault("blank", "blank")
    return Predictions.from_columns(ABC, rows, **columns)


def labels(*names: str, score: float = 0.8, classes: Sequence[str] = ABC) -> list[list[float]]:
    """Rows with these labels and this score, the rest divided evenly."""
    rest = (1 - score) / (len(classes) - 1)
    return [[score if name == one else rest for name in classes] for one in names]


def said(method: Method, predictions: Predictions, ahead: bool = True) -> list[str]:
    return method.smooth(predictions, ahead=ahead).label_names(context=True).tolist()


def context(method: Method, predictions: Predictions, ahead: bool) -> np.ndarray[Any, Any]:
    found = method.smooth(predictions, ahead=ahead).context
    assert found is not None
    return found


def random_table(seed: int, rows: int, detections: bool = False) -> Predictions:
    rng = np.random.default_rng(seed)
    frame = np.arange(rows) // (2 if detections else 1)
    seconds = np.cumsum(rng.choice([0.5, 3.0, 30.0, 100.0], rows))
    return table(
        rng.dirichlet(np.full(3, 0.5), rows).tolist(),
        frame=frame,
        time=seconds[frame],
        media="a",
        detection=np.arange(rows) % 2 if detections else np.full(rows, -1),
        confidence=rng.random(rows) if detections else np.full(rows, np.nan),
    )


@pytest.mark.parametrize("name", BASELINES)
@given(seed=st.integers(0, 1000), rows=st.integers(1, 12), detections=st.booleans(), ahead=st.booleans())
@settings(max_examples=20, deadline=None)
def test_context_is_a_distribution_and_deployments_are_independent(
    name: str, seed: int, rows: int, detections: bool, ahead: bool
) -> None:
    method = METHODS[name]()
    if not (method.looks_ahead if ahead else method.causal):
        return
    one, other = random_table(seed, rows, detections), random_table(seed + 1, rows + 1, detections)
    alone = context(method, one, ahead)
    np.testing.assert_allclose(alone.sum(-1), 1, atol=1e-5)
    moved = Predictions.concat(
        [
            Predictions.from_columns(
                ABC,
                part.probabilities,
                deployment=place,
                time=part.time,
                frame=part.frame,
                media="a",
                detection=part.detection,
                confidence=part.confidence,
                blank="blank",
            )
            for part, place in ((one, "a"), (other, "b"))
        ]
    )
    shuffled = np.random.default_rng(seed).permutation(len(moved))
    together = context(method, moved.take(shuffled), ahead)
    np.testing.assert_allclose(together[np.argsort(shuffled)][: len(one)], alone, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in BASELINES if METHODS[name].causal])
@given(seed=st.integers(0, 1000), rows=st.integers(2, 12), detections=st.booleans())
@settings(max_examples=20, deadline=None)
def test_causal_form_reads_no_later_frame(name: str, seed: int, rows: int, detections: bool) -> None:
    whole = random_table(seed, rows, detections)
    cut = rows // 2 + rows // 2 % 2 if detections else rows // 2
    first = whole.take(slice(0, cut))
    np.testing.assert_allclose(
        context(METHODS[name](), whole, False)[:cut], context(METHODS[name](), first, False), atol=1e-6
    )


def test_windows_by_hand() -> None:
    p = table([[0, 1, 0], [0, 0, 1], [0, 0.25, 0.75], [0, 1, 0]])
    half = 1 / 2
    np.testing.assert_allclose(
        context(Mean(frames=2), p, False), [[0, 1, 0], [0, half, half], [0, 0.125, 0.875], [0, 0.625, 0.375]]
    )
    np.testing.assert_allclose(
        context(Mean(frames=3), p, True)[:2], [[0, half, half], [0, 1.25 / 3, 1.75 / 3]], atol=1e-7
    )
    np.testing.assert_allclose(
        context(ExponentialMovingAverage(weight=0.25), p, False)[:3],
        [[0, 1, 0], [0, 0.75, 0.25], [0, 0.625, 0.375]],
    )
    np.testing.assert_allclose(
        context(Majority(frames=3), p, False)[2:], [[0, 1.25 / 4, 2.75 / 4], [0, 2 / 4, 2 / 4]], atol=1e-7
    )
    medians = context(Median(frames=3), p, False)
    np.testing.assert_allclose(medians[2], [0, 0.25 / 1.0, 0.75], atol=1e-5)
    np.testing.assert_allclose(medians[1], [0, 0.5, 0.5], atol=1e-5)


def test_detection_keeps_its_own_row_in_its_frame() -> None:
    p = table(labels("wolf", "dog", "wolf"), frame=[0, 1, 1], time=[0, 1, 1], media="a", detection=[-1, 0, 1])
    np.testing.assert_allclose(
        context(Mean(frames=2), p, False)[1:], [[0.1, 0.45, 0.45], [0.1, 0.8, 0.1]], atol=1e-6
    )


def test_raccoon_of_seven_frames() -> None:
    """A documented case: one raccoon, read as three species and as nothing."""
    names = ["blank", "raccoon", "badger", "opossum"]
    seen = ["raccoon", "badger", "badger", "blank", "opossum", "raccoon", "blank"]
    rows = []
    for name in seen:
        row = dict.fromkeys(names, 0.05) | {"raccoon": 0.35}
        row[name] = 0.55
        total = sum(row.values())
        rows.append([row[one] / total for one in names])
    p = Predictions.from_columns(names, rows, time=np.arange(7.0), blank="blank")
    assert said(METHODS["none"](), p) == seen
    kept = [name if name == "blank" else "raccoon" for name in seen]
    assert said(SequenceMean(), p) == kept
    assert said(Animl(), p) == kept
    # Blank counts as "other", raccoon was counted first of two: then 4 raccoons outvote one opossum.
    assert said(MegaDetector(), p) == ["raccoon", "badger", "badger", *["raccoon"] * 4]
    assert said(HiddenMarkov(stay=0.9), p) == ["raccoon"] * 7


def test_sequence_mean_by_hand() -> None:
    """DeepFaune: summed scores 0.8 + 0.5 for wolf against 0.9 for dog; blank stays; 20 s ends a sequence."""
    rows = [
        *labels("wolf", score=0.8),
        *labels("dog", score=0.9),
        *labels("blank"),
        *labels("wolf", score=0.5),
    ]
    p = table([*rows, *labels("dog")], time=[0, 5, 10, 15, 35])
    smoothed = SequenceMean().smooth(p, ahead=True)
    assert smoothed.label_names(context=True).tolist() == ["wolf", "wolf", "blank", "wolf", "dog"]
    assert smoothed.context is not None
    np.testing.assert_allclose(smoothed.context[[0, 1, 3], 1], 0.65, atol=1e-6)
    assert said(SequenceMean(), p, ahead=False) == ["wolf", "dog", "blank", "wolf", "dog"]
    assert said(SequenceMean(gap=20.5), p) == ["dog", "dog", "blank", "dog", "dog"]


def test_animl_by_hand() -> None:
    """animl: mean of score times confidence, within 60 s of the first image; empty images keep their label."""
    p = table(
        [*labels("wolf", "dog"), *labels("blank"), *labels("dog")],
        time=[0, 30, 60, 61],
        confidence=[0.9, 0.2, 0.5, 0.3],
    )
    assert said(Animl(), p) == ["wolf", "wolf", "blank", "dog"]
    assert said(Animl(gap=30), p) == ["wolf", "wolf", "blank", "dog"]
    assert said(Animl(gap=29), p) == ["wolf", "dog", "blank", "dog"]
    expected = np.array([0.1 * 0.9 + 0.1 * 0.2, 0.8 * 0.9 + 0.1 * 0.2, 0.1 * 0.9 + 0.8 * 0.2])
    np.testing.assert_allclose(context(Animl(), p, True)[1], expected / expected.sum(), atol=1e-6)


def test_animl_image_with_an_empty_and_a_full_detection() -> None:
    p = table(labels("blank", "dog", "wolf"), frame=[0, 0, 1], time=[0, 0, 9], media="a", detection=[0, 1, 0])
    first, second, third = context(Animl(), p, True)
    np.testing.assert_allclose(first, [0.1, 0.45, 0.45], atol=1e-6)
    np.testing.assert_allclose(first, second)
    np.testing.assert_allclose(first, third)


@pytest.mark.parametrize(
    ("mode", "seen", "smoothed"),
    [
        ("normal", "dog dog unknown", "dog dog dog"),
        ("normal", "dog unknown", "dog unknown"),
        ("aggressive", "dog unknown", "dog dog"),
        ("mild", "dog dog unknown", "dog dog unknown"),
        ("normal", "dog dog dog wolf", "dog dog dog wolf"),
        ("normal", "dog dog dog dog wolf", "dog dog dog dog dog"),
        ("normal", "dog dog dog dog wolf wolf", "dog dog dog dog wolf wolf"),
        ("mild", "dog dog dog dog wolf", "dog dog dog dog wolf"),
        ("mild", "dog dog dog dog dog dog wolf", "dog dog dog dog dog dog dog"),
        ("aggressive", "dog dog wolf", "dog dog dog"),
        ("normal", "unknown unknown dog", "unknown unknown dog"),
        ("normal", "unknown unknown dog dog", "dog dog dog dog"),
    ],
)
def test_megadetector_by_hand(mode: Any, seen: str, smoothed: str) -> None:
    names = ["wolf", "dog", "unknown"]
    rows = labels(*seen.split(), classes=names)
    p = Predictions.from_columns(names, rows, time=np.arange(len(rows)))
    assert said(MegaDetector(mode=mode), p) == smoothed.split()


def test_megadetector_ignores_what_is_unsure_and_what_is_apart() -> None:
    names = ["wolf", "dog", "person"]
    rows = labels("dog", "dog", "dog", "dog", "wolf", classes=names)
    unsure = Predictions.from_columns(names, [*rows[:4], [0.45, 0.3, 0.25]], time=np.arange(5))
    assert said(MegaDetector(), unsure)[-1] == "wolf"
    assert said(MegaDetector(mode="aggressive"), unsure)[-1] == "dog"
    low = Predictions.from_columns(
        names, rows, time=np.arange(5), confidence=[1, 1, 1, 1, 0.1], detection=[0] * 5
    )
    assert said(MegaDetector(), low)[-1] == "wolf"
    later = Predictions.from_columns(names, rows, time=[0, 1, 2, 3, 64])
    assert said(MegaDetector(), later)[-1] == "wolf"
    assert said(MegaDetector(gap=61), later)[-1] == "dog"
    person = Predictions.from_columns(
        names, labels("dog", "dog", "dog", "dog", "person", classes=names), time=np.arange(5)
    )
    assert said(MegaDetector(), person)[-1] == "person"


def test_megadetector_taxonomy() -> None:
    taxonomy = {
        "fox": "mammalia;carnivora;canidae;vulpes;vulpes",
        "carnivore": "mammalia;carnivora;;;",
        "coyote": "mammalia;carnivora;canidae;canis;latrans",
        "deer": "mammalia;cetartiodactyla;cervidae;odocoileus;virginianus",
    }
    names = list(taxonomy)

    def after(seen: str, **options: Any) -> str:
        rows = labels(*seen.split(), classes=names)
        p = Predictions.from_columns(names, rows, time=np.arange(len(rows)))
        return " ".join(said(MegaDetector(taxonomy=taxonomy, **options), p))

    assert after("carnivore fox fox deer") == "fox fox fox deer"
    assert after("carnivore carnivore carnivore carnivore fox") == "fox fox fox fox fox"
    assert after("fox fox coyote") == "fox fox coyote"
    assert after("fox fox coyote", same_family=1) == "fox fox fox"
    assert after("fox fox deer", same_family=1) == "fox fox deer"
    with pytest.raises(InputError, match="taxonomy of 'fox'"):
        said(MegaDetector(taxonomy={"fox": "vulpes"}), Predictions.from_columns(["fox"], [[1.0]], time=[0]))


def brute_force(p: Predictions, stay: float, power: float) -> tuple[np.ndarray[Any, Any], list[int]]:
    """Smoother and best path by the sum over all sequences of labels."""
    likely = p.probabilities.astype(float) ** power
    F, K = likely.shape
    total, best, path = np.zeros((F, K)), -1.0, []
    for number in range(K**F):
        s = [number // K**t % K for t in range(F)]
        weight = likely[0, s[0]] / K
        for t in range(1, F):
            weight *= (stay * (s[t] == s[t - 1]) + (1 - stay) / K) * likely[t, s[t]]
        total[np.arange(F), s] += weight
        if weight > best:
            best, path = weight, s
    return total / total.sum(-1, keepdims=True), path


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_hidden_markov_is_the_sum_over_all_paths(seed: int) -> None:
    p = random_table(seed, 6)
    smoothed, path = brute_force(p, 0.8, 0.6)
    np.testing.assert_allclose(context(HiddenMarkov(stay=0.8, sharpness=0.6), p, True), smoothed, atol=1e-6)
    filtered, _ = brute_force(p.take(slice(0, 4)), 0.8, 0.6)
    np.testing.assert_allclose(
        context(HiddenMarkov(stay=0.8, sharpness=0.6), p, False)[3], filtered[3], atol=1e-6
    )
    found = Viterbi(stay=0.8, sharpness=0.6).smooth(p, ahead=True).labels(context=True)
    assert found.tolist() == path


def simulated_chain(stay: float, frames: int, seed: int) -> tuple[Predictions, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    y = np.zeros(frames, np.int64)
    for t in range(1, frames):
        y[t] = y[t - 1] if rng.random() < stay else rng.choice(3, p=[0.2, 0.3, 0.5])
    logits = 2 * np.eye(3)[y] + rng.normal(size=(frames, 3))
    p = np.exp(2 * logits)
    return table((p / p.sum(-1, keepdims=True)).tolist()), y


def test_hidden_markov_is_fitted_to_labels_and_to_the_stream() -> None:
    p, y = simulated_chain(0.9, 1500, 0)
    fitted = HiddenMarkov().fit(p, y)
    assert abs(fitted.stay - 0.9) < 0.03
    assert fitted.frequencies is not None
    np.testing.assert_allclose(fitted.frequencies, [0.2, 0.3, 0.5], atol=0.1)
    unlabelled = np.where(np.arange(1500) < 700, y, -1)
    assert abs(HiddenMarkov().fit(p, unlabelled).stay - 0.9) < 0.04
    fixed, em = (
        (HiddenMarkov(stay=0.3, sharpness=1.0, em=em).smooth(p, ahead=True).labels(context=True) == y).mean()
        for em in (False, True)
    )
    assert em > fixed + 0.01
    with pytest.raises(InputError, match="ahead=True"):
        HiddenMarkov(em=True).smooth(p)
    with pytest.raises(InputError, match="two labelled rows"):
        HiddenMarkov().fit(p, np.full(1500, -1))


def test_site_prior_by_hand() -> None:
    p = table([[0.2, 0.4, 0.4], [0.2, 0.6, 0.2]])
    prior = (np.array([0.4, 1.0, 0.6]) + 1) / 5
    expected = prior * [0.2, 0.6, 0.2]
    np.testing.assert_allclose(
        context(SitePrior(pseudocount=3), p, False)[1], expected / expected.sum(), atol=1e-6
    )
    common = table([*labels("wolf") * 20, [0.1, 0.4, 0.5]])
    assert said(SitePrior(), common)[-1] == "wolf"
    assert said(SitePrior(weight=0), common)[-1] == "dog"


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (Mean, {"frames": 0}),
        (Majority, {"frames": 1.5}),
        (Median, {"frames": -1}),
        (ExponentialMovingAverage, {"weight": 0.0}),
        (SequenceMean, {"gap": 0.0}),
        (Animl, {"gap": -1.0}),
        (MegaDetector, {"mode": "wild"}),
        (MegaDetector, {"gap": float("nan")}),
        (HiddenMarkov, {"stay": 1.0}),
        (HiddenMarkov, {"sharpness": 0.0}),
        (HiddenMarkov, {"frequencies": (0.0, 1.0)}),
        (SitePrior, {"pseudocount": 0.0}),
    ],
)
def test_options_that_cannot_be_are_refused(method: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        method(**options)


def test_forms_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InputError, match="viterbi has no causal form"):
        Viterbi().smooth(table(labels("wolf")))
    with pytest.raises(InputError, match="of 2 classes"):
        HiddenMarkov(frequencies=(0.5, 0.5)).smooth(table(labels("wolf")))
    assert Mean(frames=3).smooth(table(labels("wolf"))).method == "mean(frames=3, ahead=False)"
