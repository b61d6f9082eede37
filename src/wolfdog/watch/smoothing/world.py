"""Parameters of simulated streams, and the ranges that they are drawn from."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .camera_times import Span, Times, log_uniform, uniform

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """Ranges that the parameters of streams are drawn from, evenly; those marked (log) evenly in the logarithm.

    Attributes:
        visit: Mean frames of a visit (log).
        visit_spread: Deviation of the logarithm of a species' mean visit about that of the stream.
        gap: Mean frames of a gap (log).
        no_blank: Share of streams without a blank class.
        gap_share: Probability that a gap follows a visit.
        concentration: Concentration of the Dirichlet distribution of the site's frequencies (log).
        dominant: Share of streams in which one species has most of the visits, and the others are rare.
        dominance: Share of the visits that such a species has.
        again: Probability that the next visit is of the last species; 0 in a quarter of the streams.
        procedure: Probability of the successor in a hidden order; above 0 in a quarter of the streams.
        strength: Logit of the class that is seen, in units of 1.5, before the temperature.
        visit_noise: Deviation of the noise that stays for a visit; 0 in 40 % of the streams.
        frame_noise: Deviation of the noise of frames.
        correlation: Correlation of the frame noise from frame to frame, in half of the streams; in the others 0 to its
            lower bound.
        confusion: Probability that a visit looks like another species.
        false_alarm: Probability that a gap looks like a species.
        accurate: Share of streams whose classifier is nearly always right: a tenth of the confusions and false alarms,
            a third of the noise.
        fade: Probability a frame that the appearance is drawn anew, in a third of the streams; 0 in the others.
        single: Share of the cameras that take bursts (`times`) whose classifier errs in each image anew.
        single_fade: The same probability as `fade`, in these.
        sink: Share of streams in which the classifier takes what is unclear for one class, which is the blank class
            where there is one; this class is itself seldom taken for others.
        bias: Deviation of the classifier's fixed preferences among the classes.
        unlike: Share of streams in which some appearances are unlike some classes.
        unlikeness: By which the logits of such classes are lower, at most.
        sharpening: By which the logit of the class that is seen rises with the logarithm of the number of classes.
        temperature: Divides the logits (log).
        unclear: Share of streams in which stretches of frames are unclear.
        stretch: Probability a frame that such a stretch begins or ends.
        smoothed: Share of streams whose classifier reads several frames; 0 of the cameras that take bursts.
        window: Frames that such a classifier reads on either side (log).
        few: Share of streams of which only the top few probabilities are known, the rest spread evenly; three times
            as large among the cameras that take bursts.
        detector: Share of streams with a detector's confidence, lower in gaps and unclear stretches.
        times: Times of the seconds between frames.
    """

    visit: Span = (2.0, 80.0)
    visit_spread: Span = (0.0, 0.0)
    gap: Span = (1.0, 40.0)
    no_blank: float = 0.4
    gap_share: Span = (0.3, 1.0)
    concentration: Span = (0.1, 2.0)
    dominant: float = 0.0
    dominance: Span = (0.6, 0.97)
    again: Span = (0.0, 0.95)
    procedure: Span = (0.3, 0.95)
    strength: Span = (0.7, 4.0)
    visit_noise: Span = (0.0, 2.5)
    frame_noise: Span = (0.3, 2.4)
    correlation: Span = (0.8, 0.99)
    confusion: Span = (0.0, 0.6)
    false_alarm: Span = (0.0, 0.3)
    accurate: float = 0.0
    fade: Span = (0.0, 0.25)
    single: float = 0.6
    single_fade: Span = (0.2, 0.9)
    sink: float = 0.3
    bias: Span = (0.0, 1.0)
    unlike: float = 0.5
    unlikeness: Span = (0.0, 5.0)
    sharpening: Span = (0.0, 1.0)
    temperature: Span = (0.25, 2.5)
    unclear: float = 0.25
    stretch: Span = (0.02, 0.2)
    smoothed: float = 0.4
    window: Span = (1.0, 16.0)
    few: float = 0.12
    detector: float = 0.25
    times: Times = field(default_factory=Times)


STANDARD = Ranges()
"""Ranges that are wide, with one length of visits for all species of a stream."""

TRAINED = Ranges(visit_spread=(0.0, 0.8), dominant=0.15, accurate=0.2)
"""The ranges that the memory in the package is trained on."""

WIDER = Ranges(
    visit=(1.5, 160.0),
    gap=(1.0, 120.0),
    gap_share=(0.05, 1.0),
    concentration=(0.05, 3.0),
    again=(0.0, 0.99),
    strength=(0.5, 5.0),
    visit_noise=(0.0, 3.0),
    frame_noise=(0.2, 2.8),
    correlation=(0.7, 0.995),
    confusion=(0.0, 0.7),
    false_alarm=(0.0, 0.4),
    bias=(0.0, 1.3),
    temperature=(0.3, 3.0),
)
"""Ranges beyond the trained ones, for tests."""

EXACT = replace(STANDARD, visit_noise=(0.0, 0.0), unclear=0.0, smoothed=0.0, few=0.0, detector=0.0)
"""The standard ranges, of the streams for which the ideal filter can be computed."""

PLAIN = replace(EXACT, single=0.0, sink=0.0, unlike=0.0, sharpening=(0.0, 0.0), temperature=(0.4, 2.5))
"""Ranges of simpler streams, whose classifier errs in the same way for a whole visit."""


@dataclass(frozen=True, eq=False, kw_only=True)
class World:
    """Parameters of N streams of K classes. Vectors are [N]; `visit`, `frequencies` [N, K], `confusion` [N, K, K]."""

    has_blank: NDArray[np.bool_]
    bursty: NDArray[np.bool_]
    """Whether the camera takes bursts."""
    visit: Floats
    gap: Floats
    gap_share: Floats
    again: Floats
    procedure: Floats
    successor: NDArray[np.int64]
    frequencies: Floats
    confusion: Floats
    fade: Floats
    means: Floats
    """[N, K, K]: mean logits (columns) of each appearance (rows), before the temperature."""
    visit_noise: Floats
    frame_noise: Floats
    correlation: Floats
    temperature: Floats
    unclear: NDArray[np.bool_]
    stretch: Floats
    fallback: NDArray[np.int64]
    """The class that unclear frames look like."""
    window: NDArray[np.int64]
    """Frames that the classifier reads on either side; 0 where it reads one frame."""
    few: NDArray[np.int64]
    """Number of top probabilities that are known."""
    detector: NDArray[np.bool_]
    """Whether a detector's confidence is known."""


def draw_world(streams: int, classes: int, rng: np.random.Generator, ranges: Ranges = TRAINED) -> World:
    """Parameters of `streams` streams of `classes` classes, at least 2."""
    N, K = streams, classes
    has_blank = (rng.random(N) >= ranges.no_blank) & (K > 2)
    bursty = rng.random(N) < ranges.times.bursty
    concentration = log_uniform(rng, ranges.concentration, N)
    weights = rng.gamma(concentration[:, None], size=(N, K)).astype(np.float32) + 1e-6
    weights[has_blank, 0] = 0
    leader = _lead(rng, weights, has_blank, ranges)
    accurate = rng.random(N) < ranges.accurate
    noise = np.where(accurate, np.float32(1 / 3), np.float32(1))
    again = uniform(rng, ranges.again, N) * (rng.random(N) < 0.75)
    procedure = uniform(rng, ranges.procedure, N) * (rng.random(N) < 0.25) * (1 - again)
    half = rng.random(N) < 0.5
    low, high = ranges.correlation
    fade = uniform(rng, ranges.fade, N) * (rng.random(N) < 0.35)
    single = bursty & (rng.random(N) < ranges.single)
    few = rng.random(N) < np.where(bursty, 3, 1) * ranges.few
    top = np.where(rng.random(N) < 0.4, 1, rng.integers(1, min(6, K), N))
    return World(
        has_blank=has_blank,
        bursty=bursty,
        visit=_visits(rng, N, K, ranges),
        gap=log_uniform(rng, ranges.gap, N),
        gap_share=uniform(rng, ranges.gap_share, N) * has_blank,
        again=again.astype(np.float32),
        procedure=procedure.astype(np.float32),
        successor=_successors(rng, has_blank, K),
        frequencies=weights / weights.sum(-1, keepdims=True),
        confusion=_confusions(rng, has_blank, K, ranges, leader, accurate),
        fade=np.where(single, uniform(rng, ranges.single_fade, N), fade),
        means=_means(rng, N, K, ranges),
        visit_noise=uniform(rng, ranges.visit_noise, N) * (rng.random(N) < 0.6) * noise,
        frame_noise=uniform(rng, ranges.frame_noise, N) * noise,
        correlation=np.where(half, uniform(rng, (low, high), N), uniform(rng, (0.0, low), N)),
        temperature=log_uniform(rng, ranges.temperature, N),
        unclear=rng.random(N) < ranges.unclear,
        stretch=uniform(rng, ranges.stretch, N),
        window=np.where(
            ~bursty & (rng.random(N) < ranges.smoothed), log_uniform(rng, ranges.window, N), 0
        ).astype(np.int64),
        fallback=np.where(has_blank & (rng.random(N) < 0.5), 0, rng.integers(0, K, N)),
        few=np.where(few, top, K),
        detector=rng.random(N) < ranges.detector,
    )


def _lead(
    rng: np.random.Generator, weights: Floats, has_blank: NDArray[np.bool_], ranges: Ranges
) -> NDArray[np.int64]:
    """[N]: a species, and in streams with a dominant one this species, whose weight [N, K] is raised in place."""
    N, K = weights.shape
    leader = rng.integers(has_blank.astype(np.int64), K, N)
    dominant = np.flatnonzero(rng.random(N) < ranges.dominant)
    share = uniform(rng, ranges.dominance, N)[dominant]
    weights[dominant, leader[dominant]] = 0
    others = weights[dominant].sum(-1) + np.float32(1e-6)
    weights[dominant, leader[dominant]] = share / (1 - share) * others
    return np.asarray(leader, np.int64)


def _visits(rng: np.random.Generator, N: int, K: int, ranges: Ranges) -> Floats:
    """[N, K]: mean frames of a visit of each species."""
    of_stream = log_uniform(rng, ranges.visit, N)[:, None]
    spread = uniform(rng, ranges.visit_spread, N)[:, None]
    return np.asarray((of_stream * np.exp(spread * rng.normal(size=(N, K)))).clip(1.0), np.float32)


def _means(rng: np.random.Generator, N: int, K: int, ranges: Ranges) -> Floats:
    """[N, K, K]: mean logits (columns) of each appearance (rows)."""
    strengths = 1.5 * uniform(rng, ranges.strength, N)[:, None] * rng.uniform(0.7, 1.3, (N, K))
    strengths += uniform(rng, ranges.sharpening, N)[:, None] * np.log(K)
    bias = rng.normal(size=(N, K)) * uniform(rng, ranges.bias, N)[:, None]
    unlike = (uniform(rng, ranges.unlikeness, N) * (rng.random(N) < ranges.unlike))[:, None, None]
    lower = unlike * rng.random((N, K, K)) * (1 - np.eye(K))
    return np.asarray(np.eye(K) * strengths[:, None, :] + bias[:, None, :] - lower, np.float32)


def _successors(rng: np.random.Generator, has_blank: NDArray[np.bool_], K: int) -> NDArray[np.int64]:
    """The successor of each class in a random order of the species; the blank class succeeds itself."""
    after = np.tile(np.arange(K), (len(has_blank), 1))
    for n, first in enumerate(has_blank.astype(int)):
        order = first + rng.permutation(K - first)
        after[n, order] = np.roll(order, -1)
    return after


def _confusions(
    rng: np.random.Generator,
    has_blank: NDArray[np.bool_],
    K: int,
    ranges: Ranges,
    leader: NDArray[np.int64],
    accurate: NDArray[np.bool_],
) -> Floats:
    """[N, K, K]: the probability that a visit of the row's class looks like the column's.

    A sink is the blank class where there is one, else in half of the streams the species `leader` [N].
    """
    N = len(has_blank)
    error = uniform(rng, ranges.confusion, N)[:, None] * rng.uniform(0, 2, (N, K)).clip(0, 1.4)
    error = error.clip(0, 0.75)
    error[has_blank, 0] = uniform(rng, ranges.false_alarm, N)[has_blank]
    mate = np.argsort(rng.random((N, K)), -1)
    sink = np.flatnonzero(rng.random(N) < ranges.sink)
    other = np.where(rng.random(len(sink)) < 0.5, leader[sink], rng.integers(0, K, len(sink)))
    into = np.where(has_blank[sink], 0, other)
    mate[sink] = into[:, None]
    error[sink, into] *= 0.1
    error[accurate] *= 0.1
    others = rng.gamma(0.5, size=(N, K, K)) + 1e-9
    others[:, np.arange(K), np.arange(K)] = 0
    others /= others.sum(-1, keepdims=True)
    to_mate = np.eye(K)[mate]
    whole = np.eye(K) * (1 - error[..., None]) + error[..., None] * (0.7 * to_mate + 0.3 * others)
    return np.asarray(whole / whole.sum(-1, keepdims=True), np.float32)
