"""Many streams side by side, chunk after chunk: what truncated backpropagation reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError


@dataclass(frozen=True)
class StreamBatch:
    """T moments of N streams.

    Args:
        events: [T, N, ...] embeddings or frames.
        labels: [T, N] int64.
        resets: [T, N] bool, True where a new deployment begins and the memory with it.
        times: [T, N] seconds, float64, rising within a deployment.
    """

    events: Tensor
    labels: Tensor
    resets: Tensor
    times: Tensor


class Streams(Protocol):
    """Endless labelled streams, N side by side."""

    def draw(self, length: int, progress: float) -> StreamBatch:
        """The next `length` moments; `progress` (0 to 1) says how far training has come, for a curriculum."""

    def state_dict(self) -> dict[str, Any]:
        """State of the streams, for JSON."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there. Raises InputError for a state of other streams."""


@dataclass(frozen=True)
class Curriculum:
    """Gaps that grow: dense in informative moments at first, as they are in the end.

    Args:
        until: the share of the training after which streams are as they are.
        dense: at the very beginning, the share of informative shots (television) or of the uninformative spans
            that stay (footage).

    Raises InputError for shares outside (0, 1].
    """

    until: float = 0.5
    dense: float = 0.5

    def __post_init__(self) -> None:
        for name, share in (("until", self.until), ("dense", self.dense)):
            if not 0 < share <= 1:
                raise InputError(f"curriculum: {name} must lie in (0, 1]; got {share!r}")

    def between(self, start: float, end: float, progress: float) -> float:
        """From start to end, geometrically, while progress goes from 0 to `until`."""
        if progress >= self.until:
            return end  # exactly, which the power below may miss by a rounding
        return float(start * (end / start) ** (progress / self.until))


def saved_generator(state: dict[str, Any]) -> np.random.Generator:
    """The random number generator of a `state_dict`, under "rng". Raises InputError where there is none."""
    generator = np.random.default_rng()
    try:
        generator.bit_generator.state = state["rng"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"streams: not a state of their random numbers: {error!r}") from error
    return generator


def saved_numbers(
    state: dict[str, Any], name: str, shape: tuple[int, ...], least: int, below: Sequence[int] | int
) -> NDArray[np.int64]:
    """The whole numbers of a `state_dict` under `name`. Raises InputError unless they have that shape and range."""
    try:
        numbers = np.array(state[name], np.int64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"streams: not a state of {name!r}: {error!r}") from error
    if numbers.shape != shape or not ((least <= numbers) & (numbers < below)).all():
        raise InputError(f"streams: {name!r} is of other streams or other footage")
    return numbers
