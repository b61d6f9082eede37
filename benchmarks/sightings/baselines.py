"""Baselines for what comes next and when: probabilities [events, classes] of the species and of the waits."""

from collections.abc import Sequence

import numpy as np

from .reading import DAY, WAITS, Sightings, Site, targets

Pair = tuple[np.ndarray, np.ndarray]
KINDS = len(WAITS) + 1


def log_loss(p: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -log p of what came, in nats."""
    return float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean())


def overall(sightings: Sightings, sites: Sequence[Site]) -> Pair:
    """Frequencies in the training sites."""
    return tuple(
        np.tile(_frequency(truth, count), (len(targets(sites)[0]), 1))
        for truth, count in zip(targets(sightings.parts["train"]), _counts(sightings), strict=True)
    )


def site_frequency(sightings: Sightings, sites: Sequence[Site]) -> Pair:
    """Frequencies at the site so far, with the training sites' as so many events as suits the validation sites."""
    return _best(sightings, sites, (1, 3, 10, 30, 100), _site_frequency)


def same_as_last(sightings: Sightings, sites: Sequence[Site]) -> Pair:
    """What came last, with the share of repetitions in the training sites, else their frequencies."""
    found = []
    train = sightings.parts["train"]
    for kind, count in enumerate(_counts(sightings)):
        last, truth = _last(train)[kind], targets(train)[kind]
        share = float(np.clip((last == truth)[last >= 0].mean(), 0.001, 0.999))
        base = _frequency(truth, count)
        p = np.tile(base, (len(targets(sites)[0]), 1))
        now = _last(sites)[kind]
        known = np.flatnonzero(now >= 0)
        rest = base[None] * (1 - share) / np.maximum(1 - base[now[known]], 1e-9)[:, None]
        rest[np.arange(len(known)), now[known]] = share
        p[known] = rest
        found.append(p)
    return found[0], found[1]


def markov(sightings: Sightings, sites: Sequence[Site]) -> Pair:
    """Frequencies after the last species in the training sites, smoothed as suits the validation sites."""
    return _best(sightings, sites, (1, 10, 100), _markov)


def boosted_trees(sightings: Sightings, sites: Sequence[Site], *, most: int = 60) -> Pair:
    """Gradient-boosted trees on hand-made features; of at most so many rounds those of the lowest validation loss."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    count = len(sightings.classes)
    x, valid, now = (
        features(part, count) for part in (sightings.parts["train"], sightings.parts["validation"], sites)
    )
    found = []
    for kind, of_kind in enumerate(_counts(sightings)):
        truth, truth_valid = (targets(sightings.parts[part])[kind] for part in ("train", "validation"))
        if len(np.unique(truth)) < 2:
            found.append(np.tile(_frequency(truth, of_kind), (len(now), 1)))
            continue
        trees = HistGradientBoostingClassifier(
            learning_rate=0.1,
            max_iter=most,
            max_leaf_nodes=15,
            l2_regularization=1.0,
            categorical_features=[0, 1, 2],
            early_stopping=False,
            random_state=0,
        ).fit(x, truth)
        losses = [
            log_loss(_spread(p, trees.classes_, of_kind), truth_valid)
            for p in trees.staged_predict_proba(valid)
        ]
        best = int(np.argmin(losses))
        p = next(p for number, p in enumerate(trees.staged_predict_proba(now)) if number == best)
        found.append(_spread(p, trees.classes_, of_kind))
    return found[0], found[1]


def features(sites: Sequence[Site], count: int) -> np.ndarray:
    """Features of each event but the last of its site.

    The last three species, the last three gaps, hour and day, the number of events, the share of each species so far,
    and the time since it was seen.
    """
    rows = []
    for site in sites:
        seen, last = np.zeros(count), np.full(count, -np.inf)
        gaps = np.log1p(site.gaps)
        for t in range(len(site) - 1):
            seen[site.species[t]] += 1
            last[site.species[t]] = site.times[t]
            back = [site.species[t - k] if t >= k else count for k in range(3)]
            since = np.log1p(np.minimum(site.times[t] - last, 1000 * DAY))
            of_gap = [gaps[t - k] if t >= k else np.nan for k in range(3)]
            rows.append([*back, *of_gap, site.hours[t], site.days[t], t, *(seen / seen.sum()), *since])
    return np.array(rows)


def _counts(sightings: Sightings) -> tuple[int, int]:
    return len(sightings.classes), KINDS


def _frequency(truth: np.ndarray, count: int) -> np.ndarray:
    counts = np.bincount(truth, minlength=count) + 0.5
    return counts / counts.sum()


def _spread(p: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """Probabilities of all classes, where training saw some of them only."""
    whole = np.full((len(p), count), 1e-6)
    whole[:, classes] += p
    return whole / whole.sum(1, keepdims=True)


def _last(sites: Sequence[Site]) -> Pair:
    """Species of each event but a site's last, and class of the time since the one before it; -1 for a first event."""
    waits = [np.concatenate(([-1], site.waits))[:-1] for site in sites]
    return np.concatenate([site.species[:-1] for site in sites]), np.concatenate(waits)


def _site_frequency(sightings: Sightings, sites: Sequence[Site], kind: int, weight: float) -> np.ndarray:
    count = _counts(sightings)[kind]
    base = weight * _frequency(targets(sightings.parts["train"])[kind], count)
    rows = []
    for site in sites:
        seen = np.zeros(count)
        of_kind = site.species if kind == 0 else np.concatenate(([-1], site.waits))
        for value in of_kind[:-1]:
            if value >= 0:
                seen[value] += 1
            rows.append((seen + base) / (seen.sum() + weight))
    return np.array(rows)


def _markov(sightings: Sightings, sites: Sequence[Site], kind: int, weight: float) -> np.ndarray:
    count = _counts(sightings)[kind]
    train = sightings.parts["train"]
    truth = targets(train)[kind]
    counts = np.zeros((len(sightings.classes), count))
    np.add.at(counts, (_last(train)[0], truth), 1)
    counts += weight * _frequency(truth, count)
    return (counts / counts.sum(1, keepdims=True))[_last(sites)[0]]


def _best(sightings: Sightings, sites: Sequence[Site], weights: Sequence[float], method) -> Pair:
    """A method with the weight that has the lowest loss on the validation sites, for species and for waits."""
    valid = sightings.parts["validation"]
    found = []
    for kind, truth in enumerate(targets(valid)):
        losses = [log_loss(method(sightings, valid, kind, weight), truth) for weight in weights]
        found.append(method(sightings, sites, kind, weights[int(np.argmin(losses))]))
    return found[0], found[1]
