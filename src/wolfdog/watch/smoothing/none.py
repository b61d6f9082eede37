"""Absence of smoothing: the classifier's own probabilities."""

from dataclasses import dataclass

from .method import Floats, Method, Stream


@dataclass(frozen=True, kw_only=True)
class NoSmoothing(Method):
    """Absence of smoothing: the context is the classifier's prediction for the frame."""

    name = "none"

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        return stream.p
