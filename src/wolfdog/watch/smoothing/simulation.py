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
                that reads several frames. With a `Blend`, an appearance has a share of the look of the true
                class, and of the look of a background class.

Class 0 is the blank class of streams that have one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera_times import draw_times
from .variation import Blend
from .world import TRAINED, Floats, Ranges, World, draw_world


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
    blend: Blend | None = None
    """None where no look is blended."""


def simulate(
    streams: int,
    frames: int,
    classes: int,
    rng: np.random.Generator,
    ranges: Ranges = TRAINED,
    world: World | None = None,
    times: tuple[Floats, Floats, NDArray[np.bool_]] | None = None,
    blend: Blend | None = None,
) -> Streams:
    """Simulated streams.

    Args:
        streams: N.
        frames: T.
        classes: K, at least 2.
        rng: The source of all that is random.
        ranges: Ranges of the parameters, and of the times.
        world: Parameters of the streams; drawn from `ranges` where None.
        times: Times of the frames, as `draw_times` gives them; drawn from `ranges` where None.
        blend: Shares that the look of a visit takes from other looks; none where None.

    >>> streams = simulate(5, 100, 8, np.random.default_rng(0))
    >>> streams.labels.shape, streams.log_probabilities.shape
    ((100, 5), (100, 5, 8))
    """
    N = streams
    w = draw_world(N, classes, rng, ranges) if world is None else world
    if times is None:
        times = draw_times(frames, N, rng, ranges.times, w.bursty)
    seconds, intervals, bursts = times
    species = _draw(rng, w.frequencies)
    view = ~w.has_blank | (rng.random(N) < 0.5)
    labels, in_view = np.empty((frames, N), np.int64), np.empty((frames, N), bool)
    changed = np.zeros((frames, N), bool)
    for t in range(frames):
        if t:
            of_visit = visit_ends(w, intervals[t])[np.arange(N), species]
            leave = rng.random(N) < np.where(view, of_visit, gap_ends(w, intervals[t], bursts[t]))
            gap = leave & view & (rng.random(N) < w.gap_share)
            species = np.where(leave & ~gap, _next(rng, w, species), species)
            view = np.where(leave, ~gap, view)
            changed[t] = leave
        labels[t], in_view[t] = np.where(view, species, 0), view
    log_p, logits, confidence, spread = observe(w, labels, in_view, changed, intervals, rng, blend)
    return Streams(
        labels=labels,
        log_probabilities=log_p,
        seconds=seconds,
        intervals=intervals,
        bursts=bursts,
        spread=spread,
        confidence=confidence,
        in_view=in_view,
        logits=logits,
        world=w,
        blend=blend,
    )


def observe(
    world: World,
    labels: NDArray[np.int64],
    in_view: NDArray[np.bool_],
    changed: NDArray[np.bool_],
    intervals: Floats,
    rng: np.random.Generator,
    blend: Blend | None = None,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Simulated classifier's probabilities for streams of these labels.

    Args:
        world: Parameters of the N streams.
        labels: [T, N].
        in_view: [T, N]: False in gaps.
        changed: [T, N]: True where a visit or gap begins.
        intervals: [T, N]: time since the frame before, in usual intervals.
        rng: The source of all that is random.
        blend: Shares that the look of a visit takes from other looks; none where None.

    Returns:
        Log probabilities [T, N, K], logits [T, N, K], a detector's confidence [T, N], and the probability that was
        spread [T, N].
    """
    w = world
    T, N = labels.shape
    K = w.frequencies.shape[1]
    rows = np.arange(N)
    appearance = _draw(rng, w.confusion[rows, labels[0]])
    frame_noise = rng.normal(size=(N, K)).astype(np.float32)
    visit_noise = rng.normal(size=(N, K)).astype(np.float32) * w.visit_noise[:, None]
    clear = np.ones(N, bool)
    share = np.zeros((N, 2), np.float32) if blend is None else rng.random((N, 2), np.float32)
    logits, confidence = np.empty((T, N, K), np.float32), np.empty((T, N), np.float32)
    for t in range(T):
        if t:
            anew = changed[t] | (rng.random(N) < w.fade)
            appearance = np.where(anew, _draw(rng, w.confusion[rows, labels[t]]), appearance)
            if blend is not None:
                share = np.where(anew[:, None], rng.random((N, 2), np.float32), share)
            fresh = rng.normal(size=(N, K)).astype(np.float32) * w.visit_noise[:, None]
            visit_noise = np.where(changed[t][:, None], fresh, visit_noise)
            clear = np.where(changed[t] | (rng.random(N) < w.stretch), rng.random(N) < 0.5, clear)
            rho = np.power(w.correlation, intervals[t])[:, None]
            frame_noise = rho * frame_noise + np.sqrt(1 - rho**2) * rng.normal(size=(N, K))
        plain = w.means[rows, appearance]
        mean = plain if blend is None else blend.means(w.means, appearance, labels[t], share)
        dim = w.unclear & ~clear
        mean = np.where(dim[:, None], 0.25 * mean + 0.5 * w.means[rows, w.fallback], mean)
        total = mean + visit_noise + w.frame_noise[:, None] * frame_noise
        logits[t] = total / w.temperature[:, None]
        sure = 1.5 * np.where(in_view[t], 1.0, -1.0) - 1.5 * dim + rng.normal(size=N)
        confidence[t] = np.where(w.detector, 1 / (1 + np.exp(-sure)), np.nan)
    _smooth(logits, w.window)
    log_p, spread = _top_few(logits - _log_sum(logits), w.few)
    return log_p, logits, confidence, spread


def visit_ends(world: World, intervals: Floats) -> Floats:
    """[N, K]: the probability that a visit of each species ended."""
    return np.asarray(-np.expm1(-intervals[:, None] / world.visit))


def gap_ends(world: World, intervals: Floats, burst: NDArray[np.bool_]) -> Floats:
    """[N]: the probability that a gap ended; a new burst of a triggered camera ends most gaps."""
    ends = -np.expm1(-intervals / world.gap)
    return np.asarray(np.where(burst, np.maximum(ends, 0.7), ends))


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
