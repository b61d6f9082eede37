"""Simulated streams of a classifier's probabilities: programmes in which every shot shows one photograph."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.tv import Programme

from .bank import Bank

LEAST = -12.0
"""Log probabilities below are raised to this: some classifiers round small probabilities to zero."""

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class SimulatedStreams:
    """T frames of N streams.

    Attributes:
        labels: Positions of the classes [T, N].
        log_p: Log probabilities of the classifier [T, N, K].
        seconds: Seconds since the frame before [T, N]; 0 at the first.
        clarity: Clarity of the frames [T, N]; NaN if unknown.
        degradations: Positions of the degradations [T, N].
        cuts: Whether a frame is the first of its shot [T, N].
    """

    labels: Integers
    log_p: Floats
    seconds: Floats
    clarity: Floats
    degradations: Integers
    cuts: NDArray[np.bool_]


def show(
    bank: Bank,
    programme: Programme,
    *,
    seed: int = 0,
    mix: Sequence[float] | None = None,
) -> SimulatedStreams:
    """Streams of a programme in which each shot shows one photograph in one degradation, each frame another crop.

    Args:
        bank: Bank of the programme's labels.
        programme: Programme of N streams.
        seed: Seed of the choice of photographs, degradations and crops.
        mix: Share of each degradation of the bank among the shots; None for equal ones.

    Returns:
        The streams.

    Raises:
        InputError: The bank lacks photographs of a label, or `mix` does not fit.
    """
    rng = np.random.default_rng(seed)
    labels = labels_of(bank, programme)
    D = len(bank.degradations)
    weights = np.full(D, 1 / D) if mix is None else np.asarray(mix, np.float64)
    if weights.shape != (D,) or (weights < 0).any() or not weights.sum() > 0:
        raise InputError(f"mix: expected {D} shares from 0 up, not all 0, got {mix!r}.")
    cuts = np.diff(programme.shot, axis=0, prepend=programme.shot[:1] - 1) != 0
    number = cuts.cumsum(0) - 1
    shots = int(number.max()) + 1
    photograph = of_shots(photographs_of(bank, labels, rng.random((shots, labels.shape[1])), number), number)
    cumulative = weights.cumsum() / weights.sum()
    kind = (rng.random((shots, labels.shape[1]))[..., None] >= cumulative[:-1]).sum(-1)
    degradations = of_shots(kind, number)
    crop = rng.integers(0, bank.probabilities.shape[2], labels.shape)
    seconds = np.full(labels.shape, 1 / programme.world.fps, np.float32)
    seconds[:1] = 0
    p = bank.probabilities[photograph, degradations, crop]
    clear = clarity_of(bank)[photograph, degradations, crop]
    return SimulatedStreams(labels, log_of(p), seconds, clear, degradations, cuts)


def clarity_of(bank: Bank) -> Floats:
    """Clarity of a bank's pictures [N, D, J]; NaN where it is unknown."""
    if bank.clarity is not None:
        return bank.clarity
    return np.full(bank.probabilities.shape[:3], np.nan, np.float32)


def labels_of(bank: Bank, programme: Programme) -> Integers:
    """Labels of the programme [T, N], as positions of the bank's classes.

    Args:
        bank: The bank.
        programme: The programme.

    Returns:
        Positions [T, N].

    Raises:
        InputError: The bank lacks photographs of a label.
    """
    positions = []
    for label in programme.world.labels:
        if label not in bank.classes or not (bank.labels == bank.classes.index(label)).any():
            raise InputError(f"the bank has no photographs of {label!r}, which the programme shows.")
        positions.append(bank.classes.index(label))
    return np.asarray(np.array(positions, np.int64)[programme.label])


def photographs_of(bank: Bank, labels: Integers, chance: NDArray[np.float64], number: Integers) -> Integers:
    """Photograph of each shot, by `chance` [shots, N]; `number` [T, N] is the number of each frame's shot."""
    of_shot = np.zeros(chance.shape, np.int64)
    of_shot[number, np.arange(labels.shape[1])] = labels
    by_class = [np.flatnonzero(bank.labels == k) for k in range(len(bank.classes))]
    start = np.cumsum([0, *map(len, by_class)])
    count = np.diff(start)[of_shot]
    place = start[of_shot] + np.minimum((chance * count).astype(np.int64), np.maximum(count - 1, 0))
    return np.asarray(np.concatenate(by_class)[np.minimum(place, len(bank) - 1)])


def of_shots(values: NDArray[Scalar], number: Integers) -> NDArray[Scalar]:
    """For each frame, the value of its shot [T, N], from values [shots, N]."""
    return np.asarray(np.take_along_axis(values, number, 0))


def log_of(p: NDArray[np.floating]) -> Floats:
    """Logarithms of probabilities, at least `LEAST`."""
    return np.asarray(np.log(np.maximum(p, np.exp(LEAST))), np.float32)
