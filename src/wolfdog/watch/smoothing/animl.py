"""Mean of scores times detector's confidence within sequences, after animl."""

from dataclasses import dataclass

import numpy as np

from wolfdog.errors import InputError

from .method import Floats, Integers, Method, Stream


@dataclass(frozen=True, kw_only=True)
class Animl(Method):
    """Mean of scores times detector's confidence within sequences, after animl's classification of sequences.

    Source: animl, `sequence_classification`. A sequence has the frames up to `gap` seconds after its first one. Its
        context is
    the mean over its rows of probabilities times the detector's confidence (1 if unknown). If some of its rows are
    blank, an image all of whose rows are blank keeps the mean of its own rows, and all others take the mean over the
    rows that are not blank. A sequence of one row is not changed. The causal form uses the sequence up to the current
    frame.

    Attributes:
        gap: Seconds.
    """

    name = "animl"
    gap: float = 60.0

    def __post_init__(self) -> None:
        if not self.gap >= 0:
            raise InputError(f"gap is in seconds and must not be below 0, got {self.gap}.")

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        confidence = np.nan_to_num(stream.table.confidence.astype(np.float64), nan=1.0)
        weighted = stream.p * confidence[:, None]
        is_blank = np.zeros(len(stream.p), bool) if stream.blank is None else stream.labels == stream.blank
        empty = np.logical_and.reduceat(is_blank, stream.first)[stream.frame]
        sequence = stream.sequences(self.gap, from_first=True)[stream.frame]
        own = stream.mean_of_frames(weighted)[stream.frame]
        context = np.where(empty[:, None], own, 0.0)
        for number in range(int(sequence[-1]) + 1):
            rows = np.flatnonzero(sequence == number)
            taking = rows[~empty[rows]]
            if len(taking):
                context[taking] = self._means(stream, weighted, rows[~is_blank[rows]], taking, ahead)
        return context + 1e-12 * stream.p

    def _means(
        self, stream: Stream, weighted: Floats, voting: Integers, taking: Integers, ahead: bool
    ) -> Floats:
        """[taking, K]: the mean over the voting rows, all or those up to each row's frame."""
        total = weighted[voting].cumsum(0)
        last = np.full(len(taking), len(voting) - 1)
        if not ahead:
            last = np.searchsorted(stream.frame[voting], stream.frame[taking], side="right") - 1
        return np.asarray(total[last] / (last[:, None] + 1))
