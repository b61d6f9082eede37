"""Streams whose classifier errs into a background class, hesitates where it errs, or has nothing to remember."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

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
        flicker: Share of streams whose classifier errs anew in nearly each frame, and there sees a large share of the
            true class too: one animal that is read as several.
        flicker_fade: Probability a frame that the appearance is drawn anew, in these.
        flicker_error: Least probability that a visit looks like another species, in these. The blank class keeps
            its own.
        flicker_hesitation: Largest share of the true class's look in a wrong appearance, in these; the least is half of
            it.
        flicker_noise: Factor of the noise of frames and visits, in these.
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
    flicker: float = 0.0
    flicker_fade: Span = (0.5, 1.0)
    flicker_error: Span = (0.3, 0.9)
    flicker_hesitation: Span = (0.6, 1.0)
    flicker_noise: Span = (0.2, 1.0)

    def __post_init__(self) -> None:
        for name in ("background", "hesitant", "unrelated", "idle", "flicker"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"the share of streams {name!r} must be between 0 and 1, got {getattr(self, name)}."
                )


VARIED = Variation()
"""The kinds of streams that the causal form of the memory in the package is trained on."""

VARIED_AHEAD = Variation(flicker=0.4)
"""The kinds of streams that its form that looks ahead is trained on."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Blend:
    """Shares that the look of a visit of N streams takes from other looks. Vectors are [N].

    Attributes:
        hesitation: Largest share of the true class's look in a wrong appearance.
        least: Least share, as a part of the largest one.
        background: The background class.
        hidden: Largest share of the background's look in that of another class.
    """

    hesitation: Floats
    least: Floats
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
        of_truth = ((self.least + (1 - self.least) * share[:, 0]) * self.hesitation)[:, None]
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
    blend = Blend(hesitation=hesitation, least=np.zeros(N, np.float32), background=background, hidden=hidden)
    return _flickering(varied, blend, rng, variation) if variation.flicker else (varied, blend)


def _flickering(
    world: World, blend: Blend, rng: np.random.Generator, variation: Variation
) -> tuple[World, Blend]:
    """Streams of which some have a classifier that errs anew in nearly each frame."""
    N = len(world.fade)
    flickers = rng.random(N) < variation.flicker

    def chosen(span: Span, others: Floats | float) -> Floats:
        return np.asarray(np.where(flickers, uniform(rng, span, N), others), np.float32)

    noise = chosen(variation.flicker_noise, 1.0)
    flickering = replace(
        world,
        fade=chosen(variation.flicker_fade, world.fade),
        confusion=_with_errors(world.confusion, chosen(variation.flicker_error, 0.0), world.has_blank),
        frame_noise=noise * world.frame_noise,
        visit_noise=noise * world.visit_noise,
    )
    hesitation = chosen(variation.flicker_hesitation, blend.hesitation)
    return flickering, replace(
        blend, hesitation=hesitation, least=np.where(flickers, np.float32(0.5), blend.least)
    )


def _with_errors(confusion: Floats, least: Floats, has_blank: NDArray[np.bool_]) -> Floats:
    """Confusions [N, K, K] in which each species but the blank class is mistaken at least as often as `least` [N]."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    goal = np.minimum(right, 1 - least[:, None])
    goal[has_blank, 0] = right[has_blank, 0]
    wrong = np.where(np.eye(confusion.shape[1], dtype=bool), 0, confusion + np.float32(1e-6))
    wrong *= ((1 - goal) / wrong.sum(-1))[..., None]
    return np.asarray(wrong + goal[..., None] * np.eye(confusion.shape[1]), np.float32)
