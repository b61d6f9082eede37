"""Ideal observer: the exact Bayesian filter over the hidden states.

With S hidden states s, their transition matrix A and the observation e_t at frame t, the forward recursion
(Rabiner, "A tutorial on hidden Markov models and selected applications in speech recognition", Proceedings
of the IEEE 77(2), 1989) is

    a_1(s) ∝ initial(s) p(e_1 | s)
    a_t(s) ∝ p(e_t | s) Σ_r a_{t-1}(r) A(r, s)

normalised at each step, so that a_t(s) = p(s | e_1 ... e_t). Summed over the states of a label it is the
probability of that label given all observations so far: no observer of the same frames can do better.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wolfdog.errors import InputError, ShapeError, WorldError
from wolfdog.tv.chain import Chain, Floats, Ints
from wolfdog.tv.programme import Programme
from wolfdog.tv.world import World

LEAST = 1e-12
"""Lower bound of a frame classifier's probabilities; a probability of 0 could contradict the world."""


@dataclass(frozen=True, eq=False)
class Belief:
    """Beliefs of an observer after each of T frames of N streams.

    Args:
        labels: [T, N, labels], probability of each label of the frame given all frames so far.
        channels: [T, N, channels], probability of each channel.
        state: [N, S], probability of each hidden state after the last frame; the input of the next chunk.
    """

    labels: Floats
    channels: Floats
    state: Floats


class IdealObserver:
    """Exact forward filter of a world.

    Args:
        world: The world that generates the frames.

    Examples:
        >>> from wolfdog.tv import Sampler, default_world
        >>> world = default_world()
        >>> programme = Sampler(world, streams=2, seed=0).draw(50)
        >>> labels = IdealObserver(world).perfect(programme)
        >>> labels.shape, bool(np.allclose(labels.sum(-1), 1))
        ((50, 2, 5), True)
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.chain = Chain.of(world)
        self._of_label = _one_hot(self.chain.label, len(world.labels))  # [S, labels]
        self._of_channel = _one_hot(self.chain.channel, len(world.channels))  # [S, channels]

    def perfect(self, programme: Programme) -> Floats:
        """p(label | all looks so far), for a frame classifier that identifies every look, but not the channel.

        Args:
            programme: The programme.

        Returns:
            The probabilities, [T, N, labels].

        Raises:
            WorldError: The programme shows looks that this world does not have, or has other labels.
        """
        return self.filter(self.seen(programme)).labels

    def given_classifier(
        self, probabilities: ArrayLike, prior: ArrayLike, *, cuts: NDArray[np.bool_] | None = None
    ) -> Floats:
        """p(label | all frames so far), given the probabilities of a frame classifier.

        Without `cuts`, the result is exact if the frame classifier is calibrated and frames are independent given their
        labels. However, the errors of a frame classifier persist over a whole shot, and this observer counts them once
        per frame, as if they were independent. With `cuts`, a shot counts as one observation, the geometric mean of the
        classifier's probabilities over its frames so far, and the observer knows where shots begin: exact if shots are
        independent given their labels.

        Args:
            probabilities: [T, N, labels], the frame classifier's p(label | this frame alone).
            prior: [labels], the frequency of each label in the data on which the frame classifier was calibrated.
            cuts: [T, N], whether a frame is the first of its shot.

        Returns:
            The probabilities, [T, N, labels].

        Raises:
            ShapeError: A shape does not fit.
            InputError: A probability is negative or not a number, or a prior is not above 0.
        """
        evidence = self.reported(probabilities, prior)
        if cuts is None:
            return self.filter(evidence).labels
        if cuts.shape != evidence.shape[:2]:
            raise ShapeError(f"cuts: expected {list(evidence.shape[:2])}, got {list(cuts.shape)}.")
        return self._by_shot(evidence, cuts)

    def _by_shot(self, evidence: Floats, cuts: NDArray[np.bool_]) -> Floats:
        """Forward recursion in which the frames of a shot together count as one observation.

            b_t(s) ∝ Σ_r a_{t-1}(r) C(r, s)  at a cut,   Σ_r b_{t-1}(r) (A - C)(r, s)  within a shot
            a_t(s) ∝ b_t(s) (p(e_k | s) ... p(e_t | s))^(1 / (t - k + 1)),   k the first frame of the shot

        C are the transitions with a cut.
        """
        chain = self.chain
        going_on = chain.transition - chain.with_cut
        of_frame = np.log(evidence)
        labels = np.empty(evidence.shape)
        before = after = np.tile(
            chain.initial, (evidence.shape[1], 1)
        )  # [N, S], without and with this shot's evidence
        said, frames = np.zeros(of_frame.shape[1:]), np.zeros((evidence.shape[1], 1))
        for t, cut in enumerate(cuts[:, :, None]):
            if t > 0:
                before = self._normalised(np.where(cut, after @ chain.with_cut, before @ going_on), t)
            said = np.where(cut, 0, said) + of_frame[t]
            frames = np.where(cut, 0, frames) + 1
            mean = said / frames
            after = self._normalised(before * np.exp(mean - mean.max(-1, keepdims=True))[:, chain.label], t)
            labels[t] = after @ self._of_label
        return labels

    def seen(self, programme: Programme) -> Floats:
        """p(look of the frame | label): 1 for the labels with that look, else 0.

        Args:
            programme: The programme.

        Returns:
            The likelihoods, [T, N, labels].

        Raises:
            WorldError: The programme has other labels than the observer's world.
        """
        if programme.world.labels != self.world.labels:
            raise WorldError(
                f"the programme has the labels {', '.join(programme.world.labels)}, the observer's world "
                f"{', '.join(self.world.labels)}. Build the observer from the programme's world."
            )
        looks = np.array([self.world.look_names.index(self.world.look(label)) for label in self.world.labels])
        evidence: Floats = (programme.look[..., None] == looks).astype(np.float64)
        return evidence

    def reported(self, probabilities: ArrayLike, prior: ArrayLike) -> Floats:
        """p(frame | label) up to a factor per frame: p(label | frame) / prior, by Bayes' theorem.

        Args:
            probabilities: [T, N, labels], p(label | frame).
            prior: [labels].

        Returns:
            The likelihoods, [T, N, labels].

        Raises:
            ShapeError: A shape does not fit.
            InputError: A probability is negative or not a number, or a prior is not above 0.
        """
        given = np.asarray(probabilities, dtype=np.float64)
        before = np.asarray(prior, dtype=np.float64)
        count = len(self.world.labels)
        if given.ndim != 3 or given.shape[2] != count:
            raise ShapeError(f"probabilities: expected [T, N, {count}], got {list(given.shape)}.")
        if before.shape != (count,):
            raise ShapeError(f"prior: expected [{count}], got {list(before.shape)}.")
        if not (np.isfinite(given).all() and (given >= 0).all()):
            raise InputError("probabilities: expected numbers from 0 up, got a negative one or NaN.")
        if not (np.isfinite(before).all() and (before > 0).all()):
            raise InputError(f"prior: expected numbers above 0, got {before.tolist()}. Leave no label out.")
        return np.maximum(given, LEAST) / before

    def filter(self, evidence: Floats, state: Floats | None = None) -> Belief:
        """Forward recursion over likelihoods.

        Args:
            evidence: [T, N, labels], p(frame | label) up to a factor per frame, as of `seen` or `reported`.
            state: [N, S], the `state` of the belief at the end of the previous chunk; None at the beginning.

        Returns:
            The beliefs.

        Raises:
            ShapeError: A shape does not fit.
            WorldError: All states have probability zero: the evidence contradicts the world.
        """
        chain = self.chain
        if evidence.ndim != 3:
            raise ShapeError(f"evidence: expected [T, N, labels], got {list(evidence.shape)}.")
        frames, streams, count = evidence.shape
        if count != len(self.world.labels) or (
            state is not None and state.shape != (streams, len(chain.initial))
        ):
            raise ShapeError(
                f"evidence: expected [T, N, {len(self.world.labels)}] and state [N, {len(chain.initial)}], "
                "got "
                f"{list(evidence.shape)} and {None if state is None else list(state.shape)}."
            )
        labels = np.empty((frames, streams, count))
        channels = np.empty((frames, streams, len(self.world.channels)))
        for t in range(frames):
            expected = chain.initial if state is None else state @ chain.transition
            state = self._normalised(expected * evidence[t][:, chain.label], t)  # [N, S]
            labels[t] = state @ self._of_label
            channels[t] = state @ self._of_channel
        if state is None:
            state = np.tile(chain.initial, (streams, 1))
        return Belief(labels, channels, state)

    def _normalised(self, joint: Floats, frame: int) -> Floats:
        total = joint.sum(-1, keepdims=True)
        if not (total > 0).all():
            stream = int(np.argmin(total[:, 0] > 0))
            raise WorldError(
                f"frame {frame}, stream {stream}: these frames cannot follow the earlier ones in the world "
                f"{self.world.name!r}. Build the observer from the world that was broadcast."
            )
        normalised: Floats = joint / total
        return normalised


def _one_hot(index: Ints, count: int) -> Floats:
    rows: Floats = np.eye(count)[index]
    return rows
