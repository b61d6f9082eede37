"""Simulated streams of classifier probabilities: labels, classifier and times of many cameras at once.

A stream is drawn from a hidden Markov model. Its hidden state holds the species s of the present or last
visit, whether it is in view, and the appearance c: the class that the classifier is inclined to see.

    species     a visit or gap ends between two frames with probability 1 - exp(-n / length), where n counts the
                stream's usual intervals that passed. The next species is that of the last visit with
                probability `again`, its successor in a hidden order with probability `procedure`, else drawn
                from the site's frequencies (Dirichlet). After a visit comes a gap with probability `gap_share`,
                in streams that have a blank class.
    appearance  drawn at the start of each visit and gap from the row s of a confusion matrix, in which most of
                the error falls on one other class; drawn anew within a visit with probability `fade` a frame
    logits      (strength of c at c + bias + visit noise + frame noise) / temperature. The frame noise is an
                autoregressive process with correlation `correlation` over one usual interval. Where `unclear`,
                the strength of single stretches falls to a fraction, and the rest goes to one fixed class.
                Where `smoothed`, the logits are the means over a window around the frame, as of a classifier
                that reads several frames.

Class 0 is the blank class of streams that have one.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .camera_times import Span, Times, draw_times, log_uniform, uniform

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """Ranges that the parameters of streams are drawn from, evenly; those marked (log) evenly in the logarithm.

    Attributes:
        visit: mean frames of a visit (log).
        gap: mean frames of a gap (log).
        no_blank: share of streams without a blank class.
        gap_share: probability that a gap follows a visit.
        concentration: of the Dirichlet distribution of the site's frequencies (log).
        again: probability that the next visit is of the last species; 0 in a quarter of the streams.
        procedure: probability of the successor in a hidden order; above 0 in a quarter of the streams.
        strength: logit of the class that is seen, in units of 1.5, before the temperature.
        visit_noise: deviation of the noise that stays for a visit; 0 in 40 % of the streams.
        frame_noise: deviation of the noise of frames.
        correlation: of the frame noise from frame to frame, in half of the streams; in the others 0 to its
            lower bound.
        confusion: probability that a visit looks like another species.
        false_alarm: probability that a gap looks like a species.
        fade: probability a frame that the appearance is drawn anew, in a third of the streams; 0 in the others.
        bias: deviation of the classifier's fixed preferences among the classes.
        temperature: divides the logits (log).
        unclear: share of streams in which stretches of frames are unclear.
        stretch: probability a frame that such a stretch begins or ends.
        smoothed: share of streams whose classifier reads several frames.
        window: frames that such a classifier reads on either side (log).
        few: share of streams of which only the top few probabilities are known, the rest spread evenly.
        detector: share of streams with a detector's confidence, lower in gaps and unclear stretches.
        times: of the seconds between frames.
    """

    visit: Span = (2.0, 80.0)
    gap: Span = (1.0, 40.0)
    no_blank: float = 0.4
    gap_share: Span = (0.3, 1.0)
    concentration: Span = (0.2, 2.0)
    again: Span = (0.0, 0.8)
    procedure: Span = (0.3, 0.95)
    strength: Span = (1.0, 4.0)
    visit_noise: Span = (0.0, 2.5)
    frame_noise: Span = (0.3, 2.2)
    correlation: Span = (0.8, 0.99)
    confusion: Span = (0.0, 0.5)
    false_alarm: Span = (0.0, 0.3)
    fade: Span = (0.0, 0.25)
    bias: Span = (0.0, 0.8)
    temperature: Span = (0.5, 2.5)
    unclear: float = 0.25
    stretch: Span = (0.02, 0.2)
    smoothed: float = 0.25
    window: Span = (1.0, 12.0)
    few: float = 0.12
    detector: float = 0.25
    times: Times = field(default_factory=Times)


TRAINED = Ranges()
"""The ranges that the memory in the package is trained on."""

WIDER = Ranges(
    visit=(1.5, 160.0),
    gap=(1.0, 120.0),
    gap_share=(0.05, 1.0),
    concentration=(0.1, 3.0),
    strength=(0.8, 5.0),
    visit_noise=(0.0, 3.0),
    frame_noise=(0.2, 2.6),
    correlation=(0.7, 0.995),
    confusion=(0.0, 0.6),
    false_alarm=(0.0, 0.4),
    bias=(0.0, 1.2),
    temperature=(0.4, 3.0),
)
"""Ranges beyond the trained ones, for tests."""

EXACT = Ranges(visit_noise=(0.0, 0.0), unclear=0.0, smoothed=0.0, few=0.0, detector=0.0)
"""The trained ranges, of the streams for which the ideal filter can be computed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class World:
    """Parameters of N streams of K classes. Vectors are [N]; `frequencies` [N, K], `confusion` [N, K, K]."""

    has_blank: NDArray[np.bool_]
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
    """How many of the top probabilities are known."""
    detector: NDArray[np.bool_]
    """Whether a detector's confidence is known."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Streams:
    """N simulated streams of T frames and K classes."""

    labels: NDArray[np.int64]
    """[T, N]"""
    log_probabilities: Floats
    """[T, N, K]: the classifier's."""
    seconds: Floats
    """[T, N]: since the frame before; NaN where not known, and 0 at the first."""
    intervals: Floats
    """[T, N]: the same in units of the stream's usual interval, always known."""
    bursts: NDArray[np.bool_]
    """[T, N]: whether the frame is the first of a burst."""
    spread: Floats
    """[T, N]: probability that was spread evenly."""
    confidence: Floats
    """[T, N]: a detector's; NaN where not known."""
    in_view: NDArray[np.bool_]
    """[T, N]: False in gaps."""
    logits: Floats
    """[T, N, K]: before the top few were taken."""
    world: World


def draw_world(streams: int, classes: int, rng: np.random.Generator, ranges: Ranges = TRAINED) -> World:
    """Parameters of `streams` streams of `classes` classes, at least 2."""
    N, K = streams, classes
    has_blank = (rng.random(N) >= ranges.no_blank) & (K > 2)
    concentration = log_uniform(rng, ranges.concentration, N)
    weights = rng.gamma(concentration[:, None], size=(N, K)).astype(np.float32) + 1e-6
    weights[has_blank, 0] = 0
    again = uniform(rng, ranges.again, N) * (rng.random(N) < 0.75)
    procedure = uniform(rng, ranges.procedure, N) * (rng.random(N) < 0.25) * (1 - again)
    half = rng.random(N) < 0.5
    low, high = ranges.correlation
    strengths = 1.5 * uniform(rng, ranges.strength, N)[:, None] * rng.uniform(0.7, 1.3, (N, K))
    bias = rng.normal(size=(N, K)) * uniform(rng, ranges.bias, N)[:, None]
    means = np.eye(K) * strengths[:, None, :] + bias[:, None, :]
    few = np.where(rng.random(N) < ranges.few, rng.integers(1, min(6, K), N), K)
    return World(
        has_blank=has_blank,
        visit=log_uniform(rng, ranges.visit, N),
        gap=log_uniform(rng, ranges.gap, N),
        gap_share=uniform(rng, ranges.gap_share, N) * has_blank,
        again=again.astype(np.float32),
        procedure=procedure.astype(np.float32),
        successor=_successors(rng, has_blank, K),
        frequencies=weights / weights.sum(-1, keepdims=True),
        confusion=_confusions(rng, has_blank, K, ranges),
        fade=uniform(rng, ranges.fade, N) * (rng.random(N) < 0.35),
        means=means.astype(np.float32),
        visit_noise=uniform(rng, ranges.visit_noise, N) * (rng.random(N) < 0.6),
        frame_noise=uniform(rng, ranges.frame_noise, N),
        correlation=np.where(half, uniform(rng, (low, high), N), uniform(rng, (0.0, low), N)),
        temperature=log_uniform(rng, ranges.temperature, N),
        unclear=rng.random(N) < ranges.unclear,
        stretch=uniform(rng, ranges.stretch, N),
        window=(log_uniform(rng, ranges.window, N) * (rng.random(N) < ranges.smoothed)).astype(np.int64),
        fallback=np.where(has_blank & (rng.random(N) < 0.5), 0, rng.integers(0, K, N)),
        few=few,
        detector=rng.random(N) < ranges.detector,
    )


def _successors(rng: np.random.Generator, has_blank: NDArray[np.bool_], K: int) -> NDArray[np.int64]:
    """The successor of each class in a random order of the species; the blank class succeeds itself."""
    after = np.tile(np.arange(K), (len(has_blank), 1))
    for n, first in enumerate(has_blank.astype(int)):
        order = first + rng.permutation(K - first)
        after[n, order] = np.roll(order, -1)
    return after


def _confusions(rng: np.random.Generator, has_blank: NDArray[np.bool_], K: int, ranges: Ranges) -> Floats:
    """[N, K, K]: the probability that a visit of the row's class looks like the column's."""
    N = len(has_blank)
    error = uniform(rng, ranges.confusion, N)[:, None] * rng.uniform(0, 2, (N, K)).clip(0, 1.4)
    error = error.clip(0, 0.75)
    error[has_blank, 0] = uniform(rng, ranges.false_alarm, N)[has_blank]
    mate = np.argsort(rng.random((N, K)), -1)
    others = rng.gamma(0.5, size=(N, K, K)) + 1e-9
    others[:, np.arange(K), np.arange(K)] = 0
    others /= others.sum(-1, keepdims=True)
    to_mate = np.eye(K)[mate]
    whole = np.eye(K) * (1 - error[..., None]) + error[..., None] * (0.7 * to_mate + 0.3 * others)
    return np.asarray(whole / whole.sum(-1, keepdims=True), np.float32)


def simulate(
    streams: int,
    frames: int,
    classes: int,
    rng: np.random.Generator,
    ranges: Ranges = TRAINED,
    world: World | None = None,
    times: tuple[Floats, Floats, NDArray[np.bool_]] | None = None,
) -> Streams:
    """Simulated streams.

    Args:
        streams: N.
        frames: T.
        classes: K, at least 2.
        rng: the source of all that is random.
        ranges: of the parameters, and of the times.
        world: parameters of the streams; drawn from `ranges` where None.
        times: of the frames, as `draw_times` gives them; drawn from `ranges` where None.

    >>> streams = simulate(5, 100, 8, np.random.default_rng(0))
    >>> streams.labels.shape, streams.log_probabilities.shape
    ((100, 5), (100, 5, 8))
    """
    N, T, K = streams, frames, classes
    w = draw_world(N, K, rng, ranges) if world is None else world
    seconds, intervals, bursts = draw_times(T, N, rng, ranges.times) if times is None else times
    rows = np.arange(N)
    species = _draw(rng, w.frequencies)
    in_view = ~w.has_blank | (rng.random(N) < 0.5)
    label = np.where(in_view, species, 0)
    appearance = _draw(rng, w.confusion[rows, label])
    frame_noise = rng.normal(size=(N, K)).astype(np.float32)
    visit_noise = rng.normal(size=(N, K)).astype(np.float32) * w.visit_noise[:, None]
    clear = np.ones(N, bool)
    labels, views = np.empty((T, N), np.int64), np.empty((T, N), bool)
    logits, confidence = np.empty((T, N, K), np.float32), np.empty((T, N), np.float32)
    for t in range(T):
        if t:
            leave = rng.random(N) < leaving(w, intervals[t], bursts[t], in_view)
            gap = leave & in_view & (rng.random(N) < w.gap_share)
            arrive = leave & ~gap
            species = np.where(arrive, _next(rng, w, species), species)
            in_view = np.where(leave, ~gap, in_view)
            label = np.where(in_view, species, 0)
            anew = leave | (rng.random(N) < w.fade)
            appearance = np.where(anew, _draw(rng, w.confusion[rows, label]), appearance)
            fresh = rng.normal(size=(N, K)).astype(np.float32) * w.visit_noise[:, None]
            visit_noise = np.where(leave[:, None], fresh, visit_noise)
            clear = np.where(leave | (rng.random(N) < w.stretch), rng.random(N) < 0.5, clear)
            rho = np.power(w.correlation, intervals[t])[:, None]
            frame_noise = rho * frame_noise + np.sqrt(1 - rho**2) * rng.normal(size=(N, K))
        mean = w.means[rows, appearance]
        dim = (w.unclear & ~clear)[:, None]
        mean = np.where(dim, 0.25 * mean + 0.5 * w.means[rows, w.fallback], mean)
        total = mean + visit_noise + w.frame_noise[:, None] * frame_noise
        logits[t], labels[t], views[t] = total / w.temperature[:, None], label, in_view
        sure = 1.5 * np.where(in_view, 1.0, -1.0) - 1.5 * dim[:, 0] + rng.normal(size=N)
        confidence[t] = np.where(w.detector, 1 / (1 + np.exp(-sure)), np.nan)
    _smooth(logits, w.window)
    log_p, spread = _top_few(logits - _log_sum(logits), w.few)
    return Streams(
        labels=labels,
        log_probabilities=log_p,
        seconds=seconds,
        intervals=intervals,
        bursts=bursts,
        spread=spread,
        confidence=confidence,
        in_view=views,
        logits=logits,
        world=w,
    )


def leaving(
    world: World, intervals: Floats, burst: NDArray[np.bool_], in_view: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[N]: the probability that the visit or gap ended; a new burst of a triggered camera ends most gaps."""
    ends = -np.expm1(-intervals / np.where(in_view, world.visit, world.gap))
    return np.where(burst & ~in_view, np.maximum(ends, 0.7), ends)


def _next(rng: np.random.Generator, world: World, species: NDArray[np.int64]) -> NDArray[np.int64]:
    """The species of the next visit."""
    u = rng.random(len(species))
    drawn = _draw(rng, world.frequencies)
    after = world.successor[np.arange(len(species)), species]
    following = np.where(u < world.again + world.procedure, after, drawn)
    return np.asarray(np.where(u < world.again, species, following), np.int64)


def _draw(rng: np.random.Generator, probabilities: Floats) -> NDArray[np.int64]:
    """One class for each row of probabilities [N, K]."""
    total = probabilities.cumsum(-1)
    u = rng.random((len(probabilities), 1)) * total[:, -1:]
    return np.asarray(np.minimum((u >= total).sum(-1), probabilities.shape[-1] - 1), np.int64)


def _log_sum(logits: Floats) -> Floats:
    top = logits.max(-1, keepdims=True)
    return np.asarray(top + np.log(np.exp(logits - top).sum(-1, keepdims=True)), np.float32)


def _smooth(logits: Floats, window: NDArray[np.int64]) -> None:
    """Replace the logits [T, N, K] of streams by their means over windows around each frame."""
    t = np.arange(len(logits))
    for half in np.unique(window[window > 0]):
        streams = np.flatnonzero(window == half)
        total = np.concatenate((0 * logits[:1, streams], logits[:, streams].cumsum(0)))
        start, end = np.maximum(t - half, 0), np.minimum(t + half + 1, len(t))
        logits[:, streams] = (total[end] - total[start]) / (end - start)[:, None, None]


def _top_few(log_p: Floats, few: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Log probabilities with all but the top few spread evenly, and the probability that was spread."""
    T, N, K = log_p.shape
    spread = np.zeros((T, N), np.float32)
    cut = np.flatnonzero(few < K)
    if not len(cut):
        return log_p, spread
    p = np.exp(log_p[:, cut])
    rank = (-p).argsort(-1).argsort(-1)
    kept = rank < few[cut][:, None]
    rest = np.where(kept, 0, p).sum(-1)
    even = rest[..., None] / (K - few[cut])[:, None]
    whole = log_p.copy()
    whole[:, cut] = np.log(np.where(kept, p, even).clip(1e-12))
    spread[:, cut] = rest
    return whole, spread
