"""Models that have layers in them: what lies around the layers is traced, event by event, and written as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....compiler.ir.program import Program
from ....compiler.ir.values import Value
from ...arrays import Numbers
from .graph import Graph
from .level import Lengths
from .operations import Place
from .part import Memory, Part
from .program import write_program


@dataclass(frozen=True)
class Table:
    """An nn.Embedding: a row for each of the model's events, which are whole numbers."""

    rows: Numbers

    @property
    def output(self) -> tuple[int, ...]:
        """The shape of a row."""
        return self.rows.shape[1:]


@dataclass(frozen=True)
class Model(Part):
    """A model: its layers, in the order in which they are called, and a program of all that happens around them.

    parts    by name: layers, and tables that events are looked up in
    program  from the event "x" and what the parts put out, "s0", "s1", ..., to what they take, "in0", "in1", ...,
             and to the model's output "y"
    numbers  what the program reads of the model's parameters
    """

    parts: tuple[tuple[str, Part | Table], ...]
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
        """The parts that have memories."""
        return [(name, part) for name, part in self.parts if isinstance(part, Part)]

    @property
    def looks_up(self) -> bool:
        """Whether events are whole numbers."""
        return any(isinstance(part, Table) for _, part in self.parts)

    def memories(self) -> list[Memory]:
        if len(self.layers) == 1:
            return self.layers[0][1].memories()
        return [memory.of(name) for name, part in self.layers for memory in part.memories()]

    def step(self, graph: Graph, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        return self._write(graph, x, states, None, over_time=False)

    def sequence(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        if lengths is not None and not self.looks_up:  # past its end, nothing of a sequence goes past a layer
            axes = range(2, 2 + len(self.event))
            going = graph("Unsqueeze", lengths.running, graph.integers(*axes))
            x = graph("Where", going, x, graph.number(0.0))
        return self._write(graph, x, states, lengths, over_time=True)

    def _write(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None, over_time: bool
    ) -> tuple[str, list[str]]:
        place = Place(graph, 2 if over_time else 1)
        read = {value.name for value in self.program.inputs("parameter")}
        inputs = {name: graph.constant(self.numbers[name], name) for name in sorted(read)} | {"x": x}
        known: dict[Value, str] = {}
        left = None if states is None else list(states)
        after: list[str] = []
        for number, (_, part) in enumerate(self.parts):
            if isinstance(part, Table):
                inputs[f"s{number}"] = graph("Gather", graph.constant(part.rows, "table"), x, axis=0)
                continue
            taken = self._value(f"in{number}", place, inputs, known)
            own = None
            if left is not None:
                count = len(part.memories())
                own, left = left[:count], left[count:]
            if over_time:
                y, last = part.sequence(graph, taken, own, lengths)
            else:
                y, last = part.step(graph, taken, own or [])
            inputs[f"s{number}"] = y
            after += last
        return self._value("y", place, inputs, known), after

    def _value(self, output: str, place: Place, inputs: Mapping[str, str], known: dict[Value, str]) -> str:
        """One of the program's outputs; its inputs must be there by now."""
        return write_program(Program({output: self.program.outputs[output]}), place, inputs, known)[output]
