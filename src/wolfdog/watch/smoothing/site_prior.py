"""Frequencies of a deployment as the prior of its frames."""

from dataclasses import dataclass

import numpy as np

from wolfdog.errors import InputError

from .method import Floats, Method, Stream


@dataclass(frozen=True, kw_only=True)
class SitePrior(Method):
    """Frequencies of a deployment as the prior of its frames.

        q_k ∝ p_k (π_k / π'_k)^weight

    with equal π'. The causal form estimates π from the sum of the probabilities of all frames so far,

        π_t = (pseudocount / K + Σ_{s<=t} p_s) / (pseudocount + t),

    the looking-ahead form from all frames of the deployment, by the EM algorithm of Saerens et al. 2002, "Adjusting the
    outputs of a classifier to new a priori probabilities".

    Attributes:
        weight: Exponent of the prior; 0 keeps the classifier's probabilities.
        pseudocount: Weight of the uniform prior, in frames.
        iterations: Iterations of EM.
    """

    name = "site-prior"
    weight: float = 1.0
    pseudocount: float = 10.0
    iterations: int = 20

    def __post_init__(self) -> None:
        if not (self.weight >= 0 and self.pseudocount > 0 and self.iterations >= 1):
            raise InputError(
                "site-prior needs a weight of 0 or more, a pseudocount above 0 and at least 1 iteration; got "
                f"{self.weight}, {self.pseudocount}, {self.iterations}."
            )

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        F, K = stream.of_frames.shape
        even = self.pseudocount / K
        if not ahead:
            seen = stream.of_frames.cumsum(0) + even
            prior = seen / (self.pseudocount + np.arange(1, F + 1))[:, None]
            return np.asarray(stream.p * (K * prior[stream.frame]) ** self.weight)
        one = np.full(K, 1 / K)
        for _ in range(self.iterations):
            posterior = stream.p * (K * one) ** self.weight
            posterior /= posterior.sum(-1, keepdims=True)
            one = (stream.mean_of_frames(posterior).sum(0) + even) / (F + self.pseudocount)
        return np.asarray(stream.p * (K * one) ** self.weight)
