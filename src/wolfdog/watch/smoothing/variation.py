"""Streams whose classifier errs into a background class, hesitates where it errs, or has nothing to remember."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .camera_times import Floats, Span, log_uniform, uniform
from .world import World


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Ranges of the kinds of streams that are drawn besides those of `Ranges`, evenly over the spans.

    Attributes:
        background: Share, of the streams without a blank class, of those with a background class that is not marked as
            such, as "unknown" or "other" of a real classifier. It has most of the visits and is seldom taken for other
            classes, and other classes look partly like it.
        visits: Share of the visits that the background class has.
        alarm: Factor of the probability that the background class looks like another one.
        hidden: Largest share of the background's look in that of another class. The share is drawn anew at each
            appearance, from 0 to this.
        faintness: Factor of the logits of the other classes' appearances.
        hesitant: Share of streams whose classifier is less sure where it errs.
        hesitation: Largest share of the true class's look in a wrong appearance. The share is drawn anew at each
            appearance, from 0 to this.
        unrelated: Share of streams in which each frame is a visit of its own, drawn by the site's frequencies.
        idle: Share of streams with longer gaps.
        idleness: Factor of the frames of these gaps (log).
    """

    background: float = 0.6
    visits: Span = (0.3, 0.9)
    alarm: Span = (0.0, 0.25)
    hidden: Span = (0.2, 1.0)
    faintness: Span = (0.5, 1.0)
    hesitant: float = 0.6
    hesitation: Span = (0.2, 1.0)
    unrelated: float = 0.08
    idle: float = 0.15
    idleness: Span = (1.0, 3.0)


VARIED = Variation()
"""The kinds of streams that the memory in the package is trained on."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Blend:
    """Shares that the look of a visit of N streams takes from other looks. Vectors are [N].

    Attributes:
        hesitation: Largest share of the true class's look in a wrong appearance.
        background: The background class.
        hidden: Largest share of the background's look in that of another class.
    """

    hesitation: Floats
    background: NDArray[np.int64]
    hidden: Floats

    def means(
        self, means: Floats, appearance: NDArray[np.int64], label: NDArray[np.int64], share: Floats
    ) -> Floats:
        """Mean logits [N, K] of appearances.

        Args:
            means: Mean logits (columns) of each appearance (rows) [N, K, K].
            appearance: Classes that are seen [N].
            label: True classes [N].
            share: Numbers from 0 to 1 that were drawn with the appearance [N, 2].

        Returns:
            The mean logits.
        """
        rows = np.arange(len(label))
        of_truth = (share[:, 0] * self.hesitation)[:, None]
        of_background = np.where(label == self.background, 0, share[:, 1] * self.hidden)[:, None]
        look = (1 - of_truth) * means[rows, appearance] + of_truth * means[rows, label]
        return np.asarray(
            (1 - of_background) * look + of_background * means[rows, self.background], np.float32
        )


def vary(world: World, rng: np.random.Generator, variation: Variation) -> tuple[World, Blend]:
    """Streams of which some are of the kinds of a variation.

    Args:
        world: Parameters of N streams, which are not changed.
        rng: Source of random numbers.
        variation: The ranges.

    Returns:
        The parameters of the streams, and the blends of their looks.
    """
    N, K = world.frequencies.shape
    chosen = np.flatnonzero(~world.has_blank & (rng.random(N) < variation.background))
    background: NDArray[np.int64] = rng.integers(0, K, (N,))
    visits = uniform(rng, variation.visits, N)
    alarm, faintness = uniform(rng, variation.alarm, N), uniform(rng, variation.faintness, N)
    hidden = np.zeros(N, np.float32)
    hidden[chosen] = uniform(rng, variation.hidden, N)[chosen]
    confusion, means, frequencies = world.confusion.copy(), world.means.copy(), world.frequencies.copy()
    for n in chosen:
        own = background[n]
        others = np.arange(K) != own
        confusion[n, own] = alarm[n] * confusion[n, own] + (1 - alarm[n]) * np.eye(K)[own]
        means[n, others] *= faintness[n]
        frequencies[n, others] *= (1 - visits[n]) / max(frequencies[n, others].sum(), 1e-6)
        frequencies[n, own] = visits[n]
    hesitant = rng.random(N) < variation.hesitant
    hesitation = uniform(rng, variation.hesitation, N) * hesitant
    unrelated = np.asarray(rng.random(N) < variation.unrelated)
    longer = np.where(rng.random(N) < variation.idle, log_uniform(rng, variation.idleness, N), np.float32(1))
    varied = replace(
        world,
        confusion=confusion,
        means=means,
        frequencies=frequencies / frequencies.sum(-1, keepdims=True),
        fallback=np.where(hidden > 0, background, world.fallback),
        visit=np.where(unrelated[:, None], np.float32(0.05), world.visit),
        gap=np.where(unrelated, np.float32(0.05), longer * world.gap),
        again=np.where(unrelated, np.float32(0), world.again),
        procedure=np.where(unrelated, np.float32(0), world.procedure),
    )
    return varied, Blend(hesitation=hesitation, background=background, hidden=hidden)
