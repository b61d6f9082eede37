"""Hidden Markov models of the label: filter, smoother and best path."""

from dataclasses import dataclass, replace

import numpy as np

from wolfdog.errors import InputError
from wolfdog.watch.predictions import Predictions

from .method import Floats, Integers, Method, Stream, relabelled


@dataclass(frozen=True, kw_only=True)
class HiddenMarkov(Method):
    """Hidden Markov model of the label: the forward filter; looking ahead, the forward-backward smoother.

        P(s_t = k | s_{t-1} = j) = stay [j = k] + (1 - stay) π_k
        P(x_t | s_t = k) ∝ p_t(k)^sharpness

    Earlier and later frames count with the mean of their rows, the row's own frame with the row itself.

    Source: Rabiner 1989, "A tutorial on hidden Markov models".

    Attributes:
        stay: Probability that the label is kept from a frame to the next and not drawn again, 0 up to below 1.
        sharpness: Exponent of the classifier's probabilities, above 0.
        frequencies: π, by class; None for equal ones.
        em: Whether `stay` and π are fitted to each deployment by EM before it is smoothed, from `stay` and
            `frequencies`; for the looking-ahead form alone, since it reads all frames.
    """

    name = "hmm"
    stay: float = 0.9
    sharpness: float = 0.5
    frequencies: tuple[float, ...] | None = None
    em: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.stay < 1 and self.sharpness > 0):
            raise InputError(
                f"stay must be from 0 to below 1 and sharpness above 0, got {self.stay} and {self.sharpness}."
            )
        if self.frequencies is not None and not (min(self.frequencies) > 0):
            raise InputError(f"frequencies must all be above 0, got {self.frequencies}.")

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        if self.em and not ahead:
            raise InputError(
                "hmm with em=True is fitted to the whole deployment: call it with ahead=True, or fit it before on "
                "labels or other streams."
            )
        likely = stream.of_frames**self.sharpness
        stay, pi = self._expectation_maximisation(likely) if self.em else (self.stay, self._pi(likely))
        predicted, _ = forward(likely, stay, pi)
        context = predicted[stream.frame] * stream.p**self.sharpness
        if ahead:
            context = context * backward(likely, stay, pi)[stream.frame]
        return context

    def fit(self, table: Predictions, labels: Integers) -> "HiddenMarkov":
        """Model with `stay`, `frequencies` and `sharpness` fitted to labels.

        `stay` and the frequencies are counted; the sharpness is that of a grid with the least log loss of the filter.

        Args:
            table: Predictions.
            labels: Positions of the right classes [N]; -1 if unknown.

        Returns:
            The model.

        Raises:
            InputError: Nothing is labelled.
        """
        same, pairs, K = 0.0, 0.0, len(table.classes)
        starts = np.full(K, 1.0)
        for _, rows in table.stream_rows():
            y = labels[rows]
            y = y[y >= 0]
            same += (y[1:] == y[:-1]).sum()
            pairs += max(len(y) - 1, 0)
            starts += np.bincount(y[np.flatnonzero(np.diff(y, prepend=-1))], minlength=K)
        if not pairs:
            raise InputError("hmm needs at least two labelled rows of one deployment, got none.")
        pi = starts / starts.sum()
        stay = min(max((same / pairs - (pi**2).sum()) / (1 - (pi**2).sum()), 0.0), 0.9999)
        models = [
            replace(self, stay=float(stay), sharpness=power, frequencies=tuple(pi.tolist()), em=False)
            for power in (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0)
        ]
        known = np.flatnonzero(labels >= 0)

        def loss(model: HiddenMarkov) -> float:
            context = model.smooth(table, ahead=not model.causal).context
            assert context is not None
            return float(-np.log(context[known, labels[known]].clip(1e-12)).mean())

        return min(models, key=loss)

    def _pi(self, likely: Floats) -> Floats:
        K = likely.shape[1]
        if self.frequencies is None:
            return np.full(K, 1 / K)
        if len(self.frequencies) != K:
            raise InputError(f"frequencies are of {len(self.frequencies)} classes, the predictions of {K}.")
        pi = np.array(self.frequencies)
        return np.asarray(pi / pi.sum())

    def _expectation_maximisation(self, likely: Floats, iterations: int = 15) -> tuple[float, Floats]:
        """`stay` and π of greatest likelihood on one deployment (with a pseudocount of one frame)."""
        stay, pi = max(self.stay, 0.01), self._pi(likely)
        K = likely.shape[1]
        for _ in range(iterations):
            predicted, filtered = forward(likely, stay, pi)
            after = backward(likely, stay, pi) * likely
            stayed = stay * filtered[:-1] * after[1:]
            drawn = (1 - stay) * pi * after[1:]
            total = stayed.sum(-1, keepdims=True) + drawn.sum(-1, keepdims=True)
            anew = (drawn / total).sum(0)
            first = predicted[0] * after[0]
            counts = anew + first / first.sum() + 1 / K
            frames = len(likely) - 1
            stay = float(np.clip(1 - (anew.sum() + 1 - self.stay) / (frames + 1), 0.0, 0.9999))
            pi = counts / counts.sum()
        return stay, pi


@dataclass(frozen=True, kw_only=True)
class Viterbi(HiddenMarkov):
    """Most probable sequence of labels of the hidden Markov model (Viterbi's algorithm).

    Its probabilities are those of the smoother, with the probability of the path's label and the largest one exchanged.

    Attributes:
        stay: As of `HiddenMarkov`.
        sharpness: As of `HiddenMarkov`.
        frequencies: As of `HiddenMarkov`.
        em: As of `HiddenMarkov`.
    """

    name = "viterbi"
    causal = False

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        smoothed = HiddenMarkov.of_stream(self, stream, ahead=True)
        likely = stream.of_frames**self.sharpness
        stay, pi = self._expectation_maximisation(likely) if self.em else (self.stay, self._pi(likely))
        path = best_path(np.log(likely.clip(1e-300)), stay, pi)
        several = stream.rows[stream.frame] > 1
        labels = smoothed.argmax(-1)
        return relabelled(smoothed, labels, np.where(several, labels, path[stream.frame]))


def forward(likely: Floats, stay: float, pi: Floats) -> tuple[Floats, Floats]:
    """Distributions [F, K] before each frame, and given it and all before."""
    predicted, filtered = np.empty_like(likely), np.empty_like(likely)
    now = pi
    for t, one in enumerate(likely):
        predicted[t] = now
        now = now * one
        now = now / now.sum()
        filtered[t] = now
        now = stay * now + (1 - stay) * pi
    return predicted, filtered


def backward(likely: Floats, stay: float, pi: Floats) -> Floats:
    """Likelihoods [F, K] of all later frames, each row up to a factor."""
    after = np.ones_like(likely)
    for t in range(len(likely) - 2, -1, -1):
        one = likely[t + 1] * after[t + 1]
        one = one / one.sum()
        after[t] = stay * one + (1 - stay) * (pi @ one)
    return after


def best_path(log_likely: Floats, stay: float, pi: Floats) -> Integers:
    """Most probable sequence of labels [F]."""
    F, K = log_likely.shape
    log_pi = np.log(pi)
    with np.errstate(divide="ignore"):
        to_other = np.log1p(-stay) + log_pi
        to_same = np.log(stay + (1 - stay) * pi)
    best, came = log_pi + log_likely[0], np.zeros((F, K), np.int64)
    for t in range(1, F):
        top = int(best.argmax())
        moved, kept = best[top] + to_other, best + to_same
        came[t] = np.where(kept >= moved, np.arange(K), top)
        best = np.maximum(kept, moved) + log_likely[t]
    path = np.empty(F, np.int64)
    path[-1] = best.argmax()
    for t in range(F - 1, 0, -1):
        path[t - 1] = came[t, path[t]]
    return path
