"""Options of each baseline, tuned on training streams."""

from itertools import product

import numpy as np

from wolfdog.watch.smoothing import (
    METHODS,
    Animl,
    ExponentialMovingAverage,
    HiddenMarkov,
    Majority,
    Mean,
    Median,
    MegaDetector,
    Method,
    SequenceMean,
    SitePrior,
)

from .labelled import Labelled, judge
from .metrics import macro_f1

GRIDS: dict[str, list[Method]] = {
    "none": [METHODS["none"]()],
    "mean": [Mean(frames=n) for n in (2, 3, 5, 10)],
    "ema": [ExponentialMovingAverage(weight=w) for w in (0.15, 0.3, 0.5, 0.7, 0.85)],
    "majority": [Majority(frames=n) for n in (3, 5, 10)],
    "median10": [Median()],
    "sequence-mean": [SequenceMean(gap=g) for g in (20, 60)],
    "animl": [Animl()],
    "megadetector": [MegaDetector(mode=m) for m in ("mild", "normal", "aggressive")],
    "hmm": [
        HiddenMarkov(stay=s, sharpness=a)
        for s, a in product((0.3, 0.5, 0.7, 0.9, 0.97), (0.2, 0.4, 0.7, 1.0, 1.5))
    ],
    "site-prior": [SitePrior(weight=w) for w in (0.25, 0.5, 1.0)],
}
"""The options that are tried; the rules of other tools have their published ones."""


def tuned(parts: list[Labelled], *, by_stream: bool) -> dict[str, tuple[Method, Method]]:
    """Of each baseline, the options with the least log loss and those with the largest macro-F1."""
    found = {}
    for name, grid in GRIDS.items():
        scores = [_score(method, parts, by_stream) for method in grid] if len(grid) > 1 else [(0.0, 0.0)]
        found[name] = (
            grid[int(np.argmin([loss for loss, _ in scores]))],
            grid[int(np.argmax([f1 for _, f1 in scores]))],
        )
    return found


def _score(method: Method, parts: list[Labelled], by_stream: bool) -> tuple[float, float]:
    losses, groups = [], []
    for judged in judge(method, parts):
        known = np.flatnonzero(judged.of.labels >= 0)
        y = judged.of.labels[known]
        losses.append(-np.log(judged.q[known, y].clip(1e-6)))
        label = judged.q.argmax(-1)
        if by_stream:
            streams = [rows for _, rows in judged.of.table.stream_rows()]
            groups += [(judged.of.labels[rows], label[rows]) for rows in streams]
        else:
            groups.append((y, label[known]))
    return float(np.concatenate(losses).mean()), float(np.mean([macro_f1(*group) for group in groups]))
