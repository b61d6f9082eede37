"""What is written to ONNX: layers, and models that have layers in them, in one form."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import Numbers
from .graph import Dim, Graph
from .level import Lengths


@dataclass(frozen=True)
class Memory:
    """A state as an input: its name, its shape, and the values that it starts from, with a batch of one."""

    name: str
    shape: tuple[Dim, ...]
    start: Numbers

    @property
    def from_zeros(self) -> bool:
        """Whether it starts from zeros."""
        return not self.start.any()

    def of(self, owner: str) -> "Memory":
        """The same with its owner's name before its own."""
        return Memory(f"{owner.replace('.', '_')}_{self.name}", self.shape, self.start)


class Part(ABC):
    """Something that takes events and has memories, ready to be written.

    In a graph, events and outputs are [T, B, ...] over sequences, [B, ...] in a step.

    batch_first  how PyTorch has sequences: [B, T, ...] where true
    event        the shape of an event, without time and batch
    output       the same of an output
    dtype        the format of all numbers
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
    def memories(self) -> list[Memory]:
        """The memories, in the order in which states go in and come out."""

    @abstractmethod
    def step(self, graph: Graph, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        """Write one step: the event and the memories before it, to the output and the memories after it.

        Raises ONNXError for what reads sequences from their end.
        """

    @abstractmethod
    def sequence(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        """Write a sequence: events and memories, its own where None, to outputs and memories."""
