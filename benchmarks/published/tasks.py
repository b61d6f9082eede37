"""Synthetic tasks of the literature: batches of events, targets, and the mask of the steps that are scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

REBER = {
    0: (("B", 1),),
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7),),
}
"""Reber grammar: symbols that may follow in each state, each with the state after it; 7 is the end."""

SYMBOLS = "BTPSXVE"


@dataclass(frozen=True)
class Batch:
    """Examples side by side.

    Args:
        events: [T, B, I].
        targets: [T, B, O], or classes [T, B].
        scored: Steps that count [T, B].
        lengths: Length of each example [B].
    """

    events: Tensor
    targets: Tensor
    scored: Tensor
    lengths: Tensor


def side_by_side(events: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> Batch:
    """Sequences of events [T, I] with a target for each, padded with zeros; every step is scored."""
    lengths = np.array(list(map(len, events)))
    x, y = (
        np.zeros((lengths.max(), len(each), *each[0].shape[1:]), each[0].dtype) for each in (events, targets)
    )
    for number, length in enumerate(lengths):
        x[:length, number], y[:length, number] = events[number], targets[number]
    scored = np.arange(len(x))[:, None] < lengths
    return Batch(*map(torch.from_numpy, (x, y, scored, lengths)))


Draw = Callable[[np.random.Generator, int], Batch]
Spikes = Callable[..., Batch]
"""Draw of streams of spikes, with the options `gap` and `spikes`."""


def adding(rng: np.random.Generator, count: int, *, length: int) -> Batch:
    """Adding problem (Hochreiter and Schmidhuber 1997, experiment 4): 1/2 + (a + b) / 4 of two marked numbers a and b.

    Numbers are uniform from -1 to 1, and a sequence has `length` of them or up to a tenth more. One of the first ten is
    marked by 1, and another one of the first `length / 2 - 1`; the marks of the first and the last number are -1. Where
    the first number would be marked, it counts as 0.
    """
    lengths = length + rng.integers(0, length // 10 + 1, count)
    column = np.arange(count)
    events = np.zeros((lengths.max(), count, 2), np.float32)
    events[..., 0] = rng.uniform(-1, 1, events.shape[:2])
    first = rng.integers(0, 10, count)
    second = rng.integers(0, length // 2 - 2, count)
    second += second >= first
    events[first, column, 1] = events[second, column, 1] = 1.0
    events[0, events[0, :, 1] == 1.0, 0] = 0.0
    events[0, :, 1] = events[lengths - 1, column, 1] = -1.0
    sums = 0.5 + (events[first, column, 0] + events[second, column, 0]) / 4
    events *= np.arange(len(events))[:, None, None] < lengths[:, None]
    targets = np.broadcast_to(sums[None, :, None], (len(events), count, 1))
    scored = np.arange(len(events))[:, None] == lengths - 1
    return Batch(*map(torch.from_numpy, (events, targets.copy(), scored, lengths)))


def temporal_order(rng: np.random.Generator, count: int, *, length: int = 105) -> Batch:
    """Order of three symbols X or Y among distractors: one of eight classes (Hochreiter and Schmidhuber 1997, 6b)."""
    events = np.zeros((length, count, 8), np.float32)
    column = np.arange(count)
    shown = rng.integers(4, 8, (length, count))  # distractors a to d
    shown[0], shown[-1] = 2, 3  # E begins and B ends a sequence
    label = np.zeros(count, np.int64)
    for low, high in ((10, 20), (33, 43), (66, 76)):
        which = rng.integers(0, 2, count)
        shown[rng.integers(low, high, count), column] = which
        label = 2 * label + which
    events[np.arange(length)[:, None], column, shown] = 1.0
    return _at_the_end(events, np.broadcast_to(label, (length, count)))


def embedded_reber(rng: np.random.Generator, count: int) -> Batch:
    """Symbols that may follow in the embedded Reber grammar; the last but one repeats the second."""
    strings = [_embedded(rng) for _ in range(count)]
    lengths = np.array([len(string) - 1 for string, _ in strings])
    events, targets = (np.zeros((lengths.max(), count, len(SYMBOLS)), np.float32) for _ in range(2))
    for number, (string, following) in enumerate(strings):
        for t in range(lengths[number]):
            events[t, number, SYMBOLS.index(string[t])] = 1.0
            for symbol in following[t]:
                targets[t, number, SYMBOLS.index(symbol)] = 1.0
    return _until(events, targets, lengths)


def counting(rng: np.random.Generator, count: int, *, low: int = 1, high: int = 10) -> Batch:
    """Symbols that may follow in S a^n b^n c^n T (Gers and Schmidhuber 2001); n is uniform from low to high."""
    numbers = rng.integers(low, high + 1, count)
    lengths = 3 * numbers + 1
    events, targets = (np.zeros((lengths.max(), count, 4), np.float32) for _ in range(2))  # S or T, a, b, c
    for number, n in enumerate(numbers):
        string = [0, *[1] * n, *[2] * n, *[3] * n, 0]
        for t in range(3 * n + 1):
            events[t, number, string[t]] = 1.0
            targets[t, number, string[t + 1]] = 1.0
            if string[t] == 1:  # after an a, another a or the first b may follow
                targets[t, number, 1:3] = 1.0
    return _until(events, targets, lengths)


def spikes_measured(rng: np.random.Generator, count: int, *, gap: int, spikes: int) -> Batch:
    """Delays between spikes: at each, 0 or 1 for `gap` or `gap + 1` steps since the last (Gers et al. 2002, MSD)."""
    longer = rng.integers(0, 2, (count, spikes))
    at = np.cumsum(gap + longer, 1)
    lengths = at[:, -1] + 1
    events, targets = (np.zeros((lengths.max(), count, 1), np.float32) for _ in range(2))
    scored = np.zeros(events.shape[:2], np.bool_)
    column = np.arange(count)[:, None]
    events[0, :, 0] = 1.0
    events[at, column, 0] = 1.0
    targets[at, column, 0] = longer
    scored[at, column] = True
    return Batch(*map(torch.from_numpy, (events, targets, scored, lengths)))


def spikes_generated(rng: np.random.Generator, count: int, *, gap: int, spikes: int) -> Batch:
    """Spikes to be made every `gap` or `gap + 1` steps, which a constant input tells (Gers et al. 2002, GTS)."""
    longer = rng.integers(0, 2, count)
    length = (gap + 1) * spikes
    events = np.broadcast_to(longer, (length, count)).astype(np.float32)[..., None]
    step = np.arange(1, length + 1)[:, None, None]
    targets = (step % (gap + longer)[:, None] == 0).astype(np.float32)
    lengths = (gap + longer) * spikes
    return _until(events, targets, lengths)


def copying(rng: np.random.Generator, count: int, *, blanks: int) -> Batch:
    """Ten symbols of eight, to be said in order after so many blanks and a mark (Arjovsky et al. 2016)."""
    length = blanks + 20
    symbols = rng.integers(1, 9, (10, count))
    shown, targets = np.zeros((length, count), np.int64), np.zeros((length, count), np.int64)
    shown[:10], shown[-11], targets[-10:] = symbols, 9, symbols
    events = np.eye(10, dtype=np.float32)[shown]
    scored = np.ones((length, count), np.bool_)
    return Batch(*map(torch.from_numpy, (events, targets, scored)), torch.full((count,), length))


def _embedded(rng: np.random.Generator) -> tuple[str, list[str]]:
    """A string of the grammar, and for each of its symbols but the last those that may follow it."""
    branch = "TP"[rng.integers(2)]
    string, following, state = "B" + branch, ["TP", "B"], 0
    while state != 7:
        options = REBER[state]
        symbol, state = options[rng.integers(len(options))]
        string += symbol
        following.append(branch if state == 7 else "".join(name for name, _ in REBER[state]))
    return string + branch + "E", [*following, "E"]


def _at_the_end(events: np.ndarray, targets: np.ndarray) -> Batch:
    length, count = events.shape[:2]
    scored = np.zeros((length, count), np.bool_)
    scored[-1] = True
    return Batch(*map(torch.from_numpy, (events, targets.copy(), scored)), torch.full((count,), length))


def _until(events: np.ndarray, targets: np.ndarray, lengths: np.ndarray) -> Batch:
    scored = np.arange(len(events))[:, None] < lengths
    return Batch(*map(torch.from_numpy, (events, targets, scored, lengths)))
