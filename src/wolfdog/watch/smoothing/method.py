"""Interface of smoothing methods: from predictions to predictions with context probabilities."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.watch.predictions import Predictions

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Stream:
    """One deployment in the order of time, in the form that smoothing methods read: N rows of F frames, K classes.

    Args:
        table: Rows of one deployment, in the order of `Predictions.streams`.
    """

    def __init__(self, table: Predictions) -> None:
        self.table = table
        self.p: Floats = table.probabilities.astype(np.float64)
        """[N, K]: the classifier's probabilities."""
        self.frame: Integers = table.frame_numbers()
        """[N]: number of each row's frame."""
        self.first: Integers = np.flatnonzero(np.diff(self.frame, prepend=-1))
        """[F]: first row of each frame."""
        self.rows: Integers = np.diff(self.first, append=len(self.frame))
        """[F]: rows of each frame."""

    @property
    def blank(self) -> int | None:
        """Position of the blank class."""
        return self.table.blank_index

    @cached_property
    def labels(self) -> Integers:
        """Labels of the classifier [N]."""
        return self.table.labels()

    @cached_property
    def of_frames(self) -> Floats:
        """Mean of the probabilities of each frame's rows [F, K]."""
        return self.mean_of_frames(self.p)

    def mean_of_frames(self, values: Floats) -> Floats:
        """Mean of values over each frame's rows.

        Args:
            values: Values [N, ...].

        Returns:
            Means [F, ...].
        """
        total = np.add.reduceat(values, self.first, axis=0)
        return np.asarray(total / self.rows.reshape(-1, *[1] * (values.ndim - 1)))

    @cached_property
    def time(self) -> Floats:
        """Seconds of each frame [F]; NaN if unknown."""
        return self.table.time[self.first]

    def sequences(self, gap: float, *, inclusive: bool = True, from_first: bool = False) -> Integers:
        """Number of each frame's sequence; a longer pause, or an unknown time, begins a new one.

        Args:
            gap: Longest pause in seconds within a sequence.
            inclusive: Whether a pause of exactly `gap` is within.
            from_first: Whether the pause is counted from the first frame of the sequence instead of from the frame
                before.

        Returns:
            Numbers [F].
        """
        numbers = np.zeros(len(self.first), np.int64)
        start = 0
        for f in range(1, len(numbers)):
            passed = self.time[f] - self.time[start if from_first else f - 1]
            within = passed <= gap if inclusive else passed < gap
            if not within:
                start = f
            numbers[f] = numbers[f - 1] + (not within)
        return numbers


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """Smoothing method; its fields are its options.

    Attributes:
        name: Name in `METHODS`.
        causal: Whether it has a form in which a frame's context depends on earlier frames and itself alone.
        looks_ahead: Whether it has a form that reads later frames too.
    """

    name: ClassVar[str]
    causal: ClassVar[bool] = True
    looks_ahead: ClassVar[bool] = True

    def smooth(self, table: Predictions, *, ahead: bool = False) -> Predictions:
        """Predictions with this method's context probabilities; deployments are independent.

        Args:
            table: Predictions of any number of deployments, in any order.
            ahead: Whether later frames are read too.

        Returns:
            The predictions.

        Raises:
            InputError: The method has no such form.
        """
        if not (self.looks_ahead if ahead else self.causal):
            raise InputError(
                f"{self.name} has no {'looking-ahead' if ahead else 'causal'} form: "
                f"call it with ahead={not ahead}."
            )
        context = np.empty(table.probabilities.shape, np.float64)
        for _, rows in table.stream_rows():
            context[rows] = self.of_stream(Stream(table.take(rows)), ahead=ahead)
        context /= context.sum(-1, keepdims=True)
        return table.with_context(context, self.described(ahead=ahead))

    @abstractmethod
    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        """Context probabilities of one deployment, up to a factor for each row.

        Args:
            stream: The deployment.
            ahead: Whether later frames are read too.

        Returns:
            Probabilities [N, K].
        """

    def described(self, *, ahead: bool = False) -> str:
        """Name and options, as written into the table.

        Args:
            ahead: Whether later frames are read too.

        Returns:
            The text.
        """
        options = [f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr]
        return f"{self.name}({', '.join([*options, f'ahead={ahead}'])})"


def relabelled(p: Floats, labels: Integers, new: Integers) -> Floats:
    """Probabilities in which the new label and the old one are exchanged.

    Args:
        p: Probabilities [N, K].
        labels: Old labels [N].
        new: New labels [N].

    Returns:
        Probabilities [N, K].
    """
    changed = p.copy()
    rows = np.arange(len(p))
    changed[rows, labels], changed[rows, new] = p[rows, new], p[rows, labels]
    return changed
