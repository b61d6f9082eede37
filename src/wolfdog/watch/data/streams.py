"""Streams side by side, in chunks, as truncated backpropagation through time reads them."""

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
        events: Embeddings or frames [T, N, ...].
        labels: Indices of classes [T, N], int64.
        resets: Beginnings of deployments [T, N], bool; there the memory is reset.
        times: Seconds [T, N], float64, increasing within a deployment.
    """

    events: Tensor
    labels: Tensor
    resets: Tensor
    times: Tensor

    def of(self, streams: slice) -> "StreamBatch":
        """Moments of some of the streams.

        Args:
            streams: Positions of the streams.

        Returns:
            The moments.
        """
        parts = (self.events, self.labels, self.resets, self.times)
        return StreamBatch(*(part[:, streams] for part in parts))


class Streams(Protocol):
    """N endless labelled streams."""

    def draw(self, length: int, progress: float) -> StreamBatch:
        """Next moments of all streams.

        Args:
            length: Number of moments, T.
            progress: Progress of the training, from 0 to 1, for a curriculum.

        Returns:
            The moments.
        """

    def state_dict(self) -> dict[str, Any]:
        """State of the streams, for JSON."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Args:
            state: State of the streams.

        Raises:
            InputError: The state is that of other streams.
        """


@dataclass(frozen=True)
class Curriculum:
    """Share of informative moments over a training: high at first, as in the data at the end.

    Args:
        until: Share of the training after which the streams are as the data are.
        dense: At the beginning, the share of informative shots (television) or the share of uninformative spans that
            are kept (footage).

    Raises:
        InputError: A share lies outside (0, 1].
    """

    until: float = 0.5
    dense: float = 0.5

    def __post_init__(self) -> None:
        for name, share in (("until", self.until), ("dense", self.dense)):
            if not 0 < share <= 1:
                raise InputError(f"curriculum: {name} must lie in (0, 1]; got {share!r}")

    def between(self, start: float, end: float, progress: float) -> float:
        """Value that moves from `start` to `end` geometrically while the progress goes from 0 to `until`.

        Args:
            start: Value at progress 0.
            end: Value from `until` on.
            progress: Progress of the training, from 0 to 1.

        Returns:
            The value at that progress.
        """
        if progress >= self.until:
            return end  # exactly, which the power below may miss by a rounding
        return float(start * (end / start) ** (progress / self.until))


def saved_generator(state: dict[str, Any]) -> np.random.Generator:
    """Random number generator of a `state_dict`, under "rng".

    Args:
        state: State of streams.

    Returns:
        The generator.

    Raises:
        InputError: The state has none.
    """
    generator = np.random.default_rng()
    try:
        generator.bit_generator.state = state["rng"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"streams: not a state of their random numbers: {error!r}") from error
    return generator


def saved_numbers(
    state: dict[str, Any], name: str, shape: tuple[int, ...], least: int, below: Sequence[int] | int
) -> NDArray[np.int64]:
    """Whole numbers of a `state_dict`.

    Args:
        state: State of streams.
        name: Key of the numbers.
        shape: Expected shape.
        least: Smallest number allowed.
        below: Bound that the numbers must lie below, for all or for each.

    Returns:
        The numbers.

    Raises:
        InputError: They are missing, or have another shape or range.
    """
    try:
        numbers = np.array(state[name], np.int64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"streams: not a state of {name!r}: {error!r}") from error
    if numbers.shape != shape or not ((least <= numbers) & (numbers < below)).all():
        raise InputError(f"streams: {name!r} is of other streams or other footage")
    return numbers
