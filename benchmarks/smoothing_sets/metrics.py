"""Metrics of smoothed predictions."""

from itertools import pairwise

import numpy as np

from .labelled import Judged

RARE = 0.1
"""Share of a stream's rows below which a class is rare in it."""


def metrics(judged: list[Judged], *, by_stream: bool) -> dict[str, float]:
    """All metrics of one method on one set; in per cent but log loss, flips and lost.

    Args:
        judged: the parts of the set.
        by_stream: whether macro-F1 is the mean over streams (whose classes differ) or of all rows together.
    """
    streams = [stream for part in judged for stream in _streams(part)]
    y = np.concatenate([one["y"] for one in streams])
    label = np.concatenate([one["label"] for one in streams])
    blank = np.concatenate([one["is_blank"] for one in streams])
    picked = np.concatenate([one["picked"] for one in streams])
    sure = np.concatenate([one["sure"] for one in streams])
    right = label == y
    groups = [(one["y"], one["label"]) for one in streams] if by_stream else [(y, label)]
    rare = [hit for one in streams for hit in one["rare"]]
    minutes = sum(one["minutes"] for one in streams)
    found = {
        "accuracy": 100 * right.mean(),
        "animals": 100 * right[~blank].mean() if (~blank).any() else np.nan,
        "blanks": 100 * right[blank].mean() if blank.any() else np.nan,
        "macro-F1": 100 * np.mean([macro_f1(*group) for group in groups]),
        "log loss": float(-np.log(picked.clip(1e-6)).mean()),
        "ECE": 100 * calibration_error(sure, right),
        "rare recall": 100 * float(np.mean([recall for recall, _ in rare])) if rare else np.nan,
        "flips/min": sum(one["flips"] for one in streams) / minutes if minutes else np.nan,
    }
    for overlap in (10, 25, 50):
        counts = np.sum(
            [event_counts(one["y"], one["label"], one["blank"], overlap / 100) for one in streams], 0
        )
        hits, false, missed = counts
        found[f"F1@{overlap}"] = 100 * 2 * hits / max(2 * hits + false + missed, 1)
    return found


def lost_species(judged: list[Judged], classifier: list[Judged]) -> float:
    """Rare classes of streams that the classifier named rightly at least once and the method never, in per cent."""
    had = lost = 0
    for part, before in zip(judged, classifier, strict=True):
        for one, other in zip(_streams(part), _streams(before), strict=True):
            for (recall, k), (recall_before, k_before) in zip(one["rare"], other["rare"], strict=True):
                assert k == k_before
                had += recall_before > 0
                lost += recall_before > 0 and recall == 0
    return 100 * lost / max(had, 1)


def _streams(part: Judged) -> list[dict]:
    table, found = part.of.table, []
    blank = table.blank_index
    for _, rows in table.stream_rows():
        known = rows[part.of.labels[rows] >= 0]
        y, q = part.of.labels[known], part.q[known]
        label = q.argmax(-1)
        share = np.bincount(y, minlength=q.shape[1]) / max(len(y), 1)
        seconds = np.diff(table.time[known])
        near = (seconds <= 60) & (seconds > 0)
        found.append(
            {
                "y": y,
                "label": label,
                "blank": blank,
                "is_blank": np.zeros(len(y), bool) if blank is None else y == blank,
                "picked": q[np.arange(len(y)), y],
                "sure": q.max(-1),
                "rare": [
                    ((label[y == k] == k).mean(), k) for k in np.flatnonzero((share > 0) & (share < RARE))
                ],
                "flips": int((label[1:] != label[:-1])[near].sum()),
                "minutes": float(seconds[near].sum() / 60),
            }
        )
    return found


def macro_f1(y: np.ndarray, label: np.ndarray) -> float:
    """Mean F1 of the classes that are there."""
    hits = np.bincount(y[y == label], minlength=1 + max(y.max(), label.max()))
    total = np.bincount(y, minlength=len(hits)) + np.bincount(label, minlength=len(hits))
    there = np.unique(y)
    return float((2 * hits[there] / total[there]).mean())


def calibration_error(sure: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over bins of even width (Guo et al. 2017)."""
    number = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        abs(sure[number == b].mean() - right[number == b].mean()) * (number == b).mean()
        for b in range(bins)
        if (number == b).any()
    ]
    return float(sum(gaps))


def event_counts(y: np.ndarray, label: np.ndarray, blank: int | None, overlap: float) -> tuple[int, int, int]:
    """Events found, false and missed, at a least overlap (intersection over union; Lea et al. 2017)."""
    true, said = _events(y, blank), _events(label, blank)
    free = [True] * len(true)
    hits = 0
    for kind, start, end in said:
        best, place = 0.0, -1
        for i, (other, a, b) in enumerate(true):
            if other == kind and free[i]:
                inside = min(end, b) - max(start, a)
                ratio = inside / (max(end, b) - min(start, a)) if inside > 0 else 0.0
                if ratio > best:
                    best, place = ratio, i
        if best >= overlap:
            free[place] = False
            hits += 1
    return hits, len(said) - hits, len(true) - hits


def _events(labels: np.ndarray, blank: int | None) -> list[tuple[int, int, int]]:
    edges = np.flatnonzero(np.diff(labels, prepend=-1, append=-1))
    return [(int(labels[a]), int(a), int(b)) for a, b in pairwise(edges) if labels[a] != blank]
