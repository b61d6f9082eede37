"""No smoothing: the classifier's own probabilities."""

from dataclasses import dataclass

from .method import Floats, Method, Stream


@dataclass(frozen=True, kw_only=True)
class NoSmoothing(Method):
    """No smoothing: the context is what the classifier says of the frame."""

    name = "none"

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        return stream.p
