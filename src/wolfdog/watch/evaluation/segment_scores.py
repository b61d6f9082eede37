"""Scores of events: edit score, and F1 of events that overlap the true ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

OVERLAPS = (0.10, 0.25, 0.50)
"""Shares of overlap at which events are counted as found."""


@dataclass(frozen=True)
class Segment:
    """Run of frames with one label, from `start` up to, not including, `end`."""

    label: int
    start: int
    end: int


def segments_of(labels: Integers, *, background: int | None = None) -> list[Segment]:
    """Runs of equal labels; those of the background are left out.

    Examples:
        >>> segments_of(np.array([1, 1, 0, 2]), background=0)
        [Segment(label=1, start=0, end=2), Segment(label=2, start=3, end=4)]
    """
    if not len(labels):
        return []
    starts = np.concatenate(([0], np.flatnonzero(np.diff(labels)) + 1))
    ends = np.append(starts[1:], len(labels))
    return [
        Segment(int(labels[s]), int(s), int(e))
        for s, e in zip(starts, ends, strict=True)
        if labels[s] != background
    ]


def edit_score(predicted: Sequence[Segment], true: Sequence[Segment]) -> float:
    """Edit score, 0 to 1: one minus the normalised Levenshtein distance of the sequences of labels.

        1 - D(predicted, true) / max(|predicted|, |true|)

    It counts labels in a wrong order and labels that flicker, and not the times at which they change.

    Source: Lea et al. (2017), "Temporal convolutional networks for action segmentation and detection".

    Examples:
        >>> edit_score(segments_of(np.array([1, 2, 1, 1])), segments_of(np.array([1, 1, 1, 1])))
        0.33333333333333337
    """
    longest = max(len(predicted), len(true))
    if not longest:
        return 1.0
    reference = np.array([segment.label for segment in true], np.int64)
    columns = np.arange(len(reference) + 1)
    row = columns.copy()
    for segment in predicted:
        changed = row[:-1] + (reference != segment.label)
        best = np.minimum(row[1:] + 1, changed)
        # the least over insertions to the left: D[j] = min over i <= j of (candidate[i] + j - i)
        candidate = np.concatenate(([row[0] + 1], best))
        row = np.minimum.accumulate(candidate - columns) + columns
    return float(1 - row[-1] / longest)


def found_events(
    predicted: Sequence[Segment], true: Sequence[Segment], overlap: float
) -> tuple[int, int, int]:
    """Events found, events that are none, and events missed.

    Each event predicted is held against the true event of its label with which it has the largest intersection over
    union, in frames. It is found where that is at least `overlap` and that event was not found before.

    Source: Lea et al. (2017), with the counts of all sequences added up before F1 is taken.

    Examples:
        >>> found_events(segments_of(np.array([1, 1, 0, 0])), segments_of(np.array([1, 0, 0, 0])), 0.5)
        (2, 0, 0)
    """
    used = [False] * len(true)
    hits = 0
    for one in predicted:
        best, place = 0.0, -1
        for number, other in enumerate(true):
            if other.label != one.label:
                continue
            shared = min(one.end, other.end) - max(one.start, other.start)
            union = max(one.end, other.end) - min(one.start, other.start)
            if shared / union > best:
                best, place = shared / union, number
        if place >= 0 and best >= overlap and not used[place]:
            used[place] = True
            hits += 1
    return hits, len(predicted) - hits, len(true) - hits
