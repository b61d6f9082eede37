"""Multiple-instance learning of a linear head: labels that hold for at least one frame of a bag."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..classifiers.linear_head import fit_linear_head

ROUNDS = 6
"""Rounds of expectation and maximisation."""


@dataclass(frozen=True, eq=False)
class Bag:
    """Frames of a file or a sequence, and the classes of which each is in at least one of them.

    Attributes:
        name: Name of the file or sequence.
        rows: Positions of its frames.
        classes: Positions of its classes.
    """

    name: str
    rows: NDArray[np.int64]
    classes: tuple[int, ...]


def bag_targets(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    bags: Sequence[Bag],
    classes: tuple[str, ...],
    blank: int | None,
    *,
    rounds: int = ROUNDS,
) -> NDArray[np.float32]:
    """Targets in which each frame of a bag has the probability that it shows the bag's classes.

    Expectation and maximisation. A head gives p for each frame; with q_t the probability of the class k at frame t
    among the classes of the bag and `blank`,

        r_t = q_t / (1 - product over the bag of (1 - q_s))

    is the probability that frame t shows k, given that at least one frame does; the head is fitted to it again. The
    rest goes to `blank`, where there is such a class, and else has no weight. At first, each frame shows the bag's
    classes.

    Source: Dempster, Laird and Rubin 1977; the assumption is that of Dietterich et al. 1997, "Solving the multiple
    instance problem with axis-parallel rectangles".

    Args:
        features: [N, F].
        targets: [N, K] weights of the classes of frames that have labels of their own; zeros elsewhere.
        bags: Bags; of their frames, those with labels of their own keep them.
        classes: K names.
        blank: Position of the class that says that nothing is there.
        rounds: Number of rounds.

    Returns:
        Targets [N, K] of all frames.

    Examples:
        >>> features = np.float32([[0], [0.1], [0], [5], [5.1], [0]])
        >>> known = np.zeros((6, 2), np.float32)
        >>> known[:2, 0] = 1  # two frames of "blank"
        >>> found = bag_targets(features, known, [Bag("a.mp4", np.arange(2, 6), (1,))], ("blank", "fox"), 0)
        >>> (found[2:, 1] > 0.5).tolist()
        [False, True, True, False]
    """
    fixed = targets.sum(1) > 0
    current = targets.copy()
    for bag in bags:
        free = bag.rows[~fixed[bag.rows]]
        current[np.ix_(free, np.array(bag.classes))] = 1 / len(bag.classes)
    for _ in range(rounds):
        weighted = np.flatnonzero(current.any(1))
        head = fit_linear_head(features[weighted], current[weighted], classes)
        for bag in bags:
            free = bag.rows[~fixed[bag.rows]]
            current[free] = expected_targets(head.probabilities(features[free]), bag.classes, blank)
    return current


def expected_targets(
    p: NDArray[np.float32], classes: tuple[int, ...], blank: int | None
) -> NDArray[np.float32]:
    """Targets [T, K] of the frames of a bag, from their probabilities: r_t of `bag_targets`.

    Args:
        p: Probabilities [T, K].
        classes: Positions of the classes of the bag.
        blank: Position of the class that says that nothing is there.

    Returns:
        The targets, whose sums are at most 1.

    Examples:
        >>> p = np.float32([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]])
        >>> (100 * expected_targets(p, (1,), 0)).round().astype(int).tolist()
        [[88, 12], [5, 95], [88, 12]]
    """
    among = p[:, [*classes, *(() if blank is None else (blank,))]].sum(1) if blank is not None else p.sum(1)
    targets = np.zeros_like(p)
    for k in classes:
        q = (p[:, k] / among.clip(1e-12)).clip(1e-6, 1 - 1e-6).astype(np.float64)
        targets[:, k] = q / -np.expm1(np.log1p(-q).sum())
    total = targets.sum(1)
    targets /= np.maximum(total, 1)[:, None]
    if blank is not None:
        targets[:, blank] = np.maximum(0, 1 - total)
    return targets
