"""Vote by summed scores within sequences, after DeepFaune."""

from dataclasses import dataclass

import numpy as np

from wolfdog.errors import InputError

from .method import Floats, Method, Stream, relabelled


@dataclass(frozen=True, kw_only=True)
class SequenceMean(Method):
    """Vote by summed scores within sequences, after DeepFaune's correction of labels.

    Source: DeepFaune, `correctPredictionWithSequence`. A sequence ends at a pause of `gap` seconds or more. All its
        rows whose
    label is not blank take the label with the largest sum of scores among the labels that are not blank; the score of a
    row is the probability of its label. The new label's probability is the mean score of the rows that had it; the
    other classes share the rest in the classifier's proportions. Blank rows are not changed. The causal form uses the
    sequence up to the current frame.

    Attributes:
        gap: Seconds.
    """

    name = "sequence-mean"
    gap: float = 20.0

    def __post_init__(self) -> None:
        if not self.gap > 0:
            raise InputError(f"gap is in seconds and must be above 0, got {self.gap}.")

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        sequence = stream.sequences(self.gap, inclusive=False)[stream.frame]
        context = stream.p.copy()
        K = stream.p.shape[1]
        score = stream.p.max(-1)
        for number in range(int(sequence[-1]) + 1):
            rows = np.flatnonzero(sequence == number)
            votes = np.zeros((len(rows), K))
            votes[np.arange(len(rows)), stream.labels[rows]] = score[rows]
            counts = (votes > 0).astype(np.float64)
            if stream.blank is not None:
                votes[:, stream.blank] = counts[:, stream.blank] = 0
            voting = votes.any(-1)
            votes, counts = votes.cumsum(0), counts.cumsum(0)
            last = np.full(len(rows), len(rows) - 1)
            if not ahead:
                last = np.searchsorted(stream.frame[rows], stream.frame[rows], side="right") - 1
            best = votes[last].argmax(-1)
            mean = votes[last, best] / np.maximum(counts[last, best], 1)
            for row, label, probability in zip(rows[voting], best[voting], mean[voting], strict=True):
                context[row] = _with_probability(stream.p[row], int(stream.labels[row]), label, probability)
        return context


def _with_probability(p: Floats, old: int, new: int, probability: float) -> Floats:
    """Row with the new label at this probability; the other classes share the rest in their proportions."""
    row = relabelled(p[None], np.array([old]), np.array([new]))[0]
    rest = 1 - row[new]
    row *= (1 - probability) / rest if rest > 0 else 0
    row[new] = probability
    if row.argmax() != new:  # a mean score below one half may be topped by another class
        row[new] = row.max() * (1 + 1e-6)
    return np.asarray(row / row.sum())
