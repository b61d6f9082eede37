"""Cross-fitting of a linear head: predictions of labelled videos by heads fitted without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..classifiers.linear_head import LinearHead, fit_linear_head

PENALTIES = (1e-2, 1e-1, 1.0)
"""Candidate strengths of the penalty."""
FOLDS = 5
MOST_FRAMES = 20_000
"""Largest number of frames that a head is fitted on; of more, evenly spaced ones are taken."""


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Head of all labelled frames, and held-out predictions of each frame.

    Attributes:
        head: Fitted on all labelled frames.
        penalty: Strength with the best held-out loss.
        probabilities: [N, K] for each frame, of a head fitted without its video.
        unseen: [N], True where the training videos of that head have no frame of the frame's class.
    """

    head: LinearHead
    penalty: float
    probabilities: NDArray[np.float32]
    unseen: NDArray[np.bool_]


def cross_fit(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: Sequence[str],
    classes: tuple[str, ...],
    *,
    targets: NDArray[np.float32] | None = None,
    folds: int = FOLDS,
) -> CrossFit:
    """Linear head with the penalty chosen on videos that were held out.

    Videos are divided into folds, never the frames of one. A single video is divided into intervals of time.

    Args:
        features: [N, F] in order of video and time.
        labels: [N] positions of classes, negative where unknown.
        groups: [N] names of the videos.
        classes: K names.
        targets: [N, K] weights of the classes in place of one label, where several hold or labels are uncertain;
            zeros where nothing is known.
        folds: Largest number of folds.

    Returns:
        The head of all frames, and held-out predictions.

    Raises:
        InputError: No frame has a label.
    """
    if not (labels >= 0).any():
        raise InputError("training needs labelled frames: no label meets a frame of these videos.")
    parts = divided(groups, labels, folds)
    held = np.unique(parts[parts >= 0])
    unseen = np.zeros(len(labels), bool)
    for part in held:
        known = np.unique(labels[(parts != part) & (labels >= 0)])
        unseen |= (parts == part) & (labels >= 0) & ~np.isin(labels, known)
    judged = (labels >= 0) & ~unseen
    fitted = labels if targets is None else targets
    best: tuple[float, float, NDArray[np.float32]] | None = None
    for penalty in PENALTIES:
        said = _held_out(features, fitted, parts, held, classes, penalty)
        loss = -np.log(said[judged, labels[judged]].clip(1e-7)).mean() if judged.any() else penalty
        if best is None or loss < best[0]:
            best = float(loss), penalty, said
    assert best is not None
    _, penalty, said = best
    everything = _thinned(_known(fitted))
    head = fit_linear_head(features[everything], fitted[everything], classes, penalty=penalty)
    return CrossFit(head, penalty, said, unseen)


def _held_out(
    features: NDArray[np.float32],
    labels: NDArray[np.int64] | NDArray[np.float32],
    parts: NDArray[np.int64],
    held: NDArray[np.int64],
    classes: tuple[str, ...],
    penalty: float,
) -> NDArray[np.float32]:
    """Probabilities [N, K] of each frame by the head of the other parts; of unlabelled videos, by that of all."""
    said = np.empty((len(labels), len(classes)), np.float32)
    for part in (*held.tolist(), -1):
        rows = parts == part
        if not rows.any():
            continue
        known = _known(labels)
        others = known[parts[known] != part]
        if not len(others):  # there is only one part
            others = known
        some = _thinned(others)
        said[rows] = fit_linear_head(features[some], labels[some], classes, penalty=penalty).probabilities(
            features[rows]
        )
    return said


def _known(labels: NDArray[np.int64] | NDArray[np.float32]) -> NDArray[np.int64]:
    """Rows with a label, or with weights."""
    return np.flatnonzero(labels.any(1) if labels.ndim == 2 else labels >= 0)


def divided(groups: Sequence[str], labels: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """Folds of the videos.

    Args:
        groups: [N] names of the videos.
        labels: [N] positions of classes, negative where unknown.
        folds: Largest number of folds.

    Returns:
        [N] fold of each frame, from 0; -1 for frames of videos without a label.
    """
    names = np.asarray(groups, object)
    labelled = [name for name in dict.fromkeys(groups) if (labels[names == name] >= 0).any()]
    parts = np.full(len(labels), -1, np.int64)
    if len(labelled) == 1:
        rows = np.flatnonzero(names == labelled[0])
        parts[rows] = np.arange(len(rows)) * folds // len(rows)
        return parts
    # An order independent of the names; videos of the same label are adjacent and assigned to the folds in turn.
    first = {name: int(labels[(names == name) & (labels >= 0)][0]) for name in labelled}
    order = sorted(labelled, key=lambda name: (first[name], sha256(name.encode()).digest()))
    for number, name in enumerate(order):
        parts[names == name] = number % min(folds, len(labelled))
    return parts


def _thinned(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `MOST_FRAMES` of the rows, evenly spaced."""
    if len(rows) <= MOST_FRAMES:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_FRAMES).astype(np.int64)]
