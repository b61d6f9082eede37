"""Interface of labellers that take one picture after the other."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..moments import Evidence
from .gates import Gates
from .pictures import LivePicture

Floats = NDArray[np.float32]


class Step(NamedTuple):
    """Labels of one picture.

    Attributes:
        snapshot: Probabilities [K] from the picture alone.
        context: Probabilities [K] from the picture and all before it.
        evidence: Past moments with attention weights, if the memory has them.
        inside: Input of the memory and its state before it, for gates and for contributions; None without.
    """

    snapshot: Floats
    context: Floats
    evidence: tuple[Evidence, ...] = ()
    inside: tuple[Any, Any] | None = None


class Past(NamedTuple):
    """Moments up to the present one, T of them.

    Attributes:
        times: Seconds [T].
        snapshot: Probabilities [T, K].
        inside: `Step.inside` of each.
    """

    times: NDArray[np.float64]
    snapshot: Floats
    inside: Sequence[tuple[Any, Any] | None]


class StepLabeller(ABC):
    """Labeller of one source, picture by picture, without delay.

    Attributes:
        classes: Names of the K classes.
        blank: Name of the class for empty pictures; None if there is none.
        classifier: Name of the frame classifier.
        method: Name of the memory.
        fps: Pictures a second that it is made for.
    """

    classes: tuple[str, ...]
    blank: str | None
    classifier: str
    method: str
    fps: float

    @abstractmethod
    def step(self, picture: LivePicture) -> Step:
        """Labels of the next picture.

        Args:
            picture: The picture.

        Returns:
            Its labels.
        """

    @abstractmethod
    def warm_up(self) -> None:
        """Compile what the first picture would have to wait for; the memory stays empty."""

    @abstractmethod
    def losses(self, past: Past, ends: Sequence[int], label: int) -> NDArray[np.float64]:
        """Loss of a label's log odds at the last moment when the memory is run without the first moments.

        Args:
            past: Moments up to the last one.
            ends: Numbers of moments that are left out.
            label: Position of the label.

        Returns:
            logit q(label) - logit q(label | without the first `end` moments), in nats, for each end.
        """

    @abstractmethod
    def gates(self, inside: Sequence[tuple[Any, Any] | None]) -> Gates | None:
        """Gates of the memory at consecutive moments; None of memories without gates.

        Args:
            inside: `Step.inside` of each moment.

        Returns:
            The gates.
        """
