"""Common form of exported layers and models."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import Numbers
from .graph import Dim, Graph
from .level import Lengths


@dataclass(frozen=True)
class StateInput:
    """State as an input: its name, its shape, and its initial values for a batch of one."""

    name: str
    shape: tuple[Dim, ...]
    start: Numbers

    @property
    def from_zeros(self) -> bool:
        """Whether the initial values are zeros."""
        return not self.start.any()

    def of(self, owner: str) -> "StateInput":
        """Same with its owner's name as a prefix."""
        return StateInput(f"{owner.replace('.', '_')}_{self.name}", self.shape, self.start)


class Part(ABC):
    """Base class of exported layers and models, which read events and have states.

    In a graph, events and outputs are [T, B, ...] over sequences, [B, ...] in a step.

    Attributes:
        batch_first: Whether sequences are [B, T, ...] in PyTorch.
        event: Shape of an event, without time and batch.
        output: Shape of an output, likewise.
        dtype: Type of all numbers.
    """

    batch_first: bool

    @property
    @abstractmethod
    def event(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def output(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]: ...

    @abstractmethod
    def state_inputs(self) -> list[StateInput]:
        """States, in the order of inputs and outputs."""

    @abstractmethod
    def step(self, graph: Graph, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        """Write one step: from the event and the states to the output and the next states.

        Raises:
            ONNXError: The part has a backward direction.
        """

    @abstractmethod
    def sequence(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        """Write a sequence: from events and initial states (its own if None) to outputs and final states."""
