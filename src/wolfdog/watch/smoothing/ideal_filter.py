"""Ideal filter of simulated streams: the Bayesian posterior of the label, given the stream's parameters."""

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from .simulation import Streams, gap_ends, visit_ends
from .world import World

Array = NDArray[np.float64]


def ideal_filter(streams: Streams) -> Array:
    """Posterior [T, N, K] of each frame's label given all logits up to it.

    The exact forward algorithm over in view or not, species and appearance. With autoregressive frame noise
    the likelihood of a frame depends on the frame before it,

        P(x_t | x_{t-1}, c, c') = Normal(x_t - m_c' - ρ (x_{t-1} - m_c); 0, σ² (1 - ρ²)),

    on the subspace of logits that sum to zero, since a classifier's softmax loses their sum.

    Raises:
        InputError: A stream has visit noise, unclear stretches, blended looks, a classifier of several frames or only
            its top few probabilities: simulate with `EXACT`.
    """
    w = streams.world
    T, N, K = streams.logits.shape
    blended = streams.blend is not None
    if blended or w.visit_noise.any() or w.unclear.any() or w.window.any() or (w.few < K).any():
        raise InputError(
            "the ideal filter has no closed form for streams with visit noise, unclear stretches, blended looks, a "
            "classifier of several frames or only the top few probabilities: simulate them with ranges=EXACT."
        )
    confusion, follow = w.confusion.astype(np.float64), _following(w)
    means = w.means - w.means.mean(-1, keepdims=True)
    x = streams.logits.astype(np.float64) * w.temperature[:, None]
    x -= x.mean(-1, keepdims=True)
    likely = _likelihood(x[0], means, 0 * x[0], np.zeros(N), w.frame_noise)[:, 0]
    start = np.where(w.has_blank, 0.5, 1.0)[:, None, None]
    seen = start * w.frequencies[:, :, None] * confusion * likely[:, None]
    blank = (1 - start) * w.frequencies[:, :, None] * (confusion[:, :1] * likely[:, None])
    out = np.empty((T, N, K))
    fade = w.fade[:, None, None].astype(np.float64)
    gap = w.gap_share[:, None, None].astype(np.float64)
    for t in range(T):
        if t:
            visit = visit_ends(w, streams.intervals[t])[:, :, None].astype(np.float64)
            pause = gap_ends(w, streams.intervals[t], streams.bursts[t])[:, None, None].astype(np.float64)
            rho = np.power(w.correlation, streams.intervals[t]).astype(np.float64)
            likely = _likelihood(x[t], means, x[t - 1], rho, w.frame_noise)
            same = np.diagonal(likely, axis1=1, axis2=2)[:, None]
            from_seen, from_blank = seen @ likely, blank @ likely
            arrive = follow @ (visit * (1 - gap) * from_seen + pause * from_blank)
            seen, blank = (
                (1 - visit) * ((1 - fade) * seen * same + fade * from_seen * confusion) + arrive * confusion,
                (1 - pause) * ((1 - fade) * blank * same + fade * from_blank * confusion[:, :1])
                + visit * gap * from_seen * confusion[:, :1],
            )
        total = seen.sum((1, 2), keepdims=True) + blank.sum((1, 2), keepdims=True)
        seen, blank = seen / total, blank / total
        out[t] = seen.sum(-1)
        out[t, :, 0] += blank.sum((1, 2))
    return out


def _following(world: World) -> Array:
    """Probability [N, K', K] that a visit of species K' follows one of K."""
    K = world.frequencies.shape[1]
    eye = np.eye(K)
    again = world.again[:, None, None]
    procedure = world.procedure[:, None, None]
    after = eye[world.successor].swapaxes(1, 2)
    drawn = np.repeat(world.frequencies[:, :, None], K, 2)
    return np.asarray(again * eye + procedure * after + (1 - again - procedure) * drawn, np.float64)


def _likelihood(
    now: Array, means: NDArray[np.floating], before: Array, rho: Array, noise: NDArray[np.floating]
) -> Array:
    """[N, K, K]: likelihood of logits given the appearance before (rows) and now (columns), up to a factor."""
    r = rho[:, None, None]
    moved = means[:, None] - r[..., None] * means[:, :, None]
    innovation = (now - rho[:, None] * before)[:, None, None]
    square = ((innovation - moved) ** 2).sum(-1)
    scale = 2 * noise[:, None, None].astype(np.float64) ** 2 * np.maximum(1 - r**2, 1e-6)
    exponent = -square / scale
    return np.asarray(np.exp(exponent - exponent.max((1, 2), keepdims=True)))
