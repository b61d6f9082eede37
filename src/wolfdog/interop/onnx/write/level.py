"""Level of a layer: one unit, or two of opposite directions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....errors import ONNXError
from ..read.node import Direction
from .graph import Graph
from .operations import Target
from .operators import Operator, activation_attributes
from .program import write_program
from .scan import parameter_constants, write_scan
from .unit import Unit

_INT32 = 6
"""ONNX's code for int32, the type of lengths of its operators."""


@dataclass(frozen=True)
class Lengths:
    """Lengths of sequences [B] int64, and the mask [T, B] that is true before their ends."""

    counts: str
    running: str


@dataclass(frozen=True)
class Level:
    """Units that read the same events, one for each direction."""

    units: tuple[Unit, ...]
    direction: Direction = "forward"

    def start(self, graph: Graph, x: str) -> list[str]:
        """Initial states, unit by unit, for the batch of x [T, B, ...]."""
        batch = graph("Shape", x, start=1, end=2)
        made = []
        for unit in self.units:
            for name, start in zip(unit.states, unit.start, strict=True):
                shape = graph("Concat", batch, graph.integers(*start.shape[1:]), axis=0)
                made.append(graph("Expand", graph.constant(start, f"{name}_start"), shape))
        return made

    def step(self, graph: Graph, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        """Write one step in plain operations.

        Args:
            graph: The graph.
            x: Event [B, ...].
            states: States [B, ...].

        Returns:
            The output and the next states.
        """
        if self.direction != "forward":
            raise ONNXError(
                "a layer with a backward direction cannot run single steps: export it as a sequence"
            )
        [unit] = self.units
        parts = unit.parts(hoist_events=False)
        inputs = parameter_constants(graph, unit, parts, parts.recurrence)
        inputs |= {f"s{number}": state for number, state in enumerate(states)} | {"x": x}
        outputs = write_program(parts.recurrence, Target(graph, 1), inputs)
        return outputs["y"], [outputs[f"s{number}"] for number in range(len(states))]

    def sequence(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        """Write a sequence.

        Args:
            graph: The graph.
            x: Events [T, B, ...].
            states: Initial states [B, ...]; None for the units' own.
            lengths: Lengths, or None.

        Returns:
            The outputs and the final states.
        """
        operators = [unit.operator for unit in self.units if unit.operator is not None]
        together = len(operators) == len(self.units) and operators[0].beside(operators[-1])
        if together:
            if states is None and not all(unit.from_zeros for unit in self.units):
                states = self.start(graph, x)
            return self._operator(graph, operators, x, states, lengths)
        if len(self.units) == 2:
            return self._apart(graph, x, states, lengths)
        [unit] = self.units
        before = self.start(graph, x) if states is None else states
        running = None if lengths is None else lengths.running
        return write_scan(graph, unit, x, before, running, self.direction == "reverse")

    def _apart(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        """Both directions one after the other, if no single node is both."""
        ys, after = [], []
        left = None if states is None else list(states)
        ways: tuple[Direction, Direction] = ("forward", "reverse")
        for unit, way in zip(self.units, ways, strict=True):
            own = None
            if left is not None:
                own, left = left[: len(unit.states)], left[len(unit.states) :]
            y, last = Level((unit,), way).sequence(graph, x, own, lengths)
            ys.append(y)
            after += last
        return graph("Concat", *ys, axis=-1), after

    def _operator(
        self,
        graph: Graph,
        operators: Sequence[Operator],
        x: str,
        states: Sequence[str] | None,
        lengths: Lengths | None,
    ) -> tuple[str, list[str]]:
        first = operators[0]
        weights = {
            name: graph.constant(np.concatenate([operator.weights[name] for operator in operators]), name)
            for name in first.weights
        }
        before = [""] * first.memories
        if states is not None:  # memory by memory, [directions, B, H]
            before = [
                _side_by_side(graph, states[memory :: first.memories]) for memory in range(first.memories)
            ]
        ends = "" if lengths is None else graph("Cast", lengths.counts, to=_INT32)
        inputs = [x, weights["W"], weights["R"], weights.get("B", ""), ends, *before, weights.get("P", "")]
        while not inputs[-1]:
            inputs.pop()
        results = graph.node(
            first.op,
            inputs,
            1 + first.memories,
            hidden_size=first.hidden_size,
            direction=self.direction,
            **first.attributes,
            **activation_attributes(operators),
        )
        after = [
            graph("Gather", last, graph.constant(np.asarray(way, np.int64)), axis=0)
            for way in range(len(operators))
            for last in results[1:]
        ]
        if lengths is not None and states is not None:
            # For a sequence without events, runtimes return zeros; here the states stay unchanged.
            some = graph("Greater", lengths.counts, graph.constant(np.asarray(0, np.int64)))
            some = graph("Unsqueeze", some, graph.integers(1))
            after = [graph("Where", some, new, old) for new, old in zip(after, states, strict=True)]
        if len(operators) == 1:
            return graph("Squeeze", results[0], graph.integers(1)), after  # [T, 1, B, H]
        beside = graph("Transpose", results[0], perm=[0, 2, 1, 3])  # [T, B, 2, H]
        return graph("Reshape", beside, graph.integers(0, 0, 2 * first.hidden_size)), after


def _side_by_side(graph: Graph, states: Sequence[str]) -> str:
    """States [B, H] of each direction as one tensor [directions, B, H]."""
    pieces = [graph("Unsqueeze", state, graph.integers(0)) for state in states]
    return pieces[0] if len(pieces) == 1 else graph("Concat", *pieces, axis=0)


def lengths_of(graph: Graph, counts: str, x: str) -> Lengths:
    """Lengths with their mask, for events x [T, B, ...]."""
    steps = graph("Squeeze", graph("Shape", x, start=0, end=1))
    zero, one = (graph.constant(np.asarray(n, np.int64)) for n in (0, 1))
    times = graph("Unsqueeze", graph("Range", zero, steps, one), graph.integers(1))
    return Lengths(counts, graph("Less", times, graph("Unsqueeze", counts, graph.integers(0))))
