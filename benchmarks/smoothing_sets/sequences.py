"""Real sequences of labels from camera traps, as a simulated classifier would see them."""

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

import numpy as np

from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing.simulation import observe
from wolfdog.watch.smoothing.world import STANDARD, World, draw_world

from .labelled import Labelled

SPECIES = 20
"""The most frequent species are classes of their own, the others are one class."""


def load_sequences(file: Path, seed: int, *, train: bool, sites: int, images: int) -> Labelled:
    """Images of sites with the probabilities of a simulated classifier, one for all sites.

    Args:
        file: CSV with the columns site, datetime and species, sorted.
        seed: of the classifier.
        train: the training sites (crc32 of the name modulo 10 below 6), or the test sites (8 and 9).
        sites: at most so many.
        images: at most so many of each site, the first ones.
    """
    rows = _rows(file)
    species = [
        name for name, _ in Counter(name for images in rows.values() for _, name in images).most_common()
    ]
    classes = [*species[:SPECIES], "other species"] if len(species) > SPECIES else species
    position = {name: k for k, name in enumerate(classes)}
    chosen = [
        site
        for site in rows
        if len(rows[site]) >= 10
        and (crc32(site.encode()) % 10 < 6) == train
        and crc32(site.encode()) % 10 not in (6, 7)
    ][:sites]
    N, T, K = len(chosen), min(images, max(len(rows[site]) for site in chosen)), max(len(classes), 2)
    labels = np.zeros((T, N), np.int64)
    times = np.zeros((T, N))
    length = [min(T, len(rows[site])) for site in chosen]
    for n, site in enumerate(chosen):
        for t, (time, name) in enumerate(rows[site][:T]):
            labels[t, n], times[t, n] = position.get(name, K - 1), time
        times[length[n] :, n] = times[length[n] - 1, n]
    seconds = np.diff(times, axis=0, prepend=times[:1])
    changed = np.zeros((T, N), bool)
    changed[1:] = (labels[1:] != labels[:-1]) | (seconds[1:] > 60)
    rng = np.random.default_rng([seed, 5_000_003])
    log_p, _, confidence, spread = observe(
        _same_classifier(draw_world(1, K, rng, STANDARD), N), labels, np.ones((T, N), bool), changed,
        (seconds / 2).clip(0, 1e4).astype(np.float32), np.random.default_rng([seed, train]),
    )  # fmt: skip
    kept = np.concatenate([np.arange(count) * N + n for n, count in enumerate(length)])
    p = np.exp(log_p.reshape(T * N, K)[kept])
    table = Predictions.from_columns(
        classes if len(classes) == K else [*classes, "none"],
        p / p.sum(-1, keepdims=True),
        time=times.ravel()[kept],
        deployment=np.repeat(np.array(chosen, object), length),
        confidence=confidence.ravel()[kept],
        spread=spread.ravel()[kept].clip(0, 1),
        utc=True,
    )
    return Labelled(table, labels.ravel()[kept])


def _rows(file: Path) -> dict[str, list[tuple[float, str]]]:
    found: dict[str, list[tuple[float, str]]] = {}
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            try:
                time = datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC).timestamp()
            except ValueError:
                continue
            found.setdefault(row["site"], []).append((time, row["species"]))
    return {site: sorted(images, key=lambda image: image[0]) for site, images in found.items()}


def _same_classifier(world: World, count: int) -> World:
    """The one stream's parameters for `count` streams."""
    return World(**{name: np.repeat(values, count, 0) for name, values in vars(world).items()})
