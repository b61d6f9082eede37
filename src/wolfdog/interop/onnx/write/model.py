"""Models with layers: the operations around the layers are traced on one event and written as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....compiler.ir.program import Program
from ....compiler.ir.values import Value
from ...arrays import Numbers
from .graph import Graph
from .level import Lengths
from .operations import Target
from .part import Part, StateInput
from .program import write_program


@dataclass(frozen=True)
class EmbeddingTable:
    """Embedding table (nn.Embedding): one row for each event index."""

    rows: Numbers

    @property
    def output(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self.rows.shape[1:]


@dataclass(frozen=True)
class ModelPart(Part):
    """Exported model: its layers in the order of their calls, and a program of all operations around them.

    Attributes:
        parts: Layers and embedding tables by name.
        program: Program from the event "x" and the outputs of parts, "s0", "s1", ..., to the inputs of parts, "in0",
            "in1", ..., and to the model's output "y".
        numbers: Values of the model's parameters that the program reads.
        size: Shape of an event.
        kind: Type of all numbers.
        batch_first: Whether events and outputs are [B, T, ...].
    """

    parts: tuple[tuple[str, Part | EmbeddingTable], ...]
    program: Program
    numbers: Mapping[str, Numbers]
    size: tuple[int, ...]
    kind: np.dtype[Any]
    batch_first: bool

    @property
    def event(self) -> tuple[int, ...]:
        return self.size

    @property
    def output(self) -> tuple[int, ...]:
        return self.program.outputs["y"].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.kind

    @property
    def layers(self) -> list[tuple[str, Part]]:
        """Parts with states."""
        return [(name, part) for name, part in self.parts if isinstance(part, Part)]

    @property
    def looks_up(self) -> bool:
        """Whether events are indices of an embedding table."""
        return any(isinstance(part, EmbeddingTable) for _, part in self.parts)

    def state_inputs(self) -> list[StateInput]:
        if len(self.layers) == 1:
            return self.layers[0][1].state_inputs()
        return [memory.of(name) for name, part in self.layers for memory in part.state_inputs()]

    def step(self, graph: Graph, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        return self._write(graph, x, states, None, over_time=False)

    def sequence(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        if lengths is not None and not self.looks_up:  # zeros in the padding, which skip connections pass on
            axes = range(2, 2 + len(self.event))
            going = graph("Unsqueeze", lengths.running, graph.integers(*axes))
            x = graph("Where", going, x, graph.number(0.0))
        return self._write(graph, x, states, lengths, over_time=True)

    def _write(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None, over_time: bool
    ) -> tuple[str, list[str]]:
        target = Target(graph, 2 if over_time else 1)
        read = {value.name for value in self.program.inputs("parameter")}
        inputs = {name: graph.constant(self.numbers[name], name) for name in sorted(read)} | {"x": x}
        known: dict[Value, str] = {}
        left = None if states is None else list(states)
        after: list[str] = []
        for number, (_, part) in enumerate(self.parts):
            if isinstance(part, EmbeddingTable):
                inputs[f"s{number}"] = graph("Gather", graph.constant(part.rows, "table"), x, axis=0)
                continue
            argument = self._value(f"in{number}", target, inputs, known)
            own = None
            if left is not None:
                count = len(part.state_inputs())
                own, left = left[:count], left[count:]
            if over_time:
                y, last = part.sequence(graph, argument, own, lengths)
            else:
                y, last = part.step(graph, argument, own or [])
            inputs[f"s{number}"] = y
            after += last
        return self._value("y", target, inputs, known), after

    def _value(self, output: str, target: Target, inputs: Mapping[str, str], known: dict[Value, str]) -> str:
        """One output of the program, whose inputs have been written."""
        return write_program(Program({output: self.program.outputs[output]}), target, inputs, known)[output]
