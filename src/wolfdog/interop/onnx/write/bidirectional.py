"""Bidirectional layers in ONNX: one node if ONNX has it, else one direction after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import ONNXError
from .graph import Graph
from .layer_form import LayerPart
from .level import Lengths, Level
from .part import Part, StateInput


@dataclass(frozen=True)
class BidirectionalPart(Part):
    """Exported wolfdog.Bidirectional: a part for each direction, and the merge of their outputs."""

    forwards: Part
    backwards: Part
    merge: str
    batch_first: bool

    @property
    def event(self) -> tuple[int, ...]:
        return self.forwards.event

    @property
    def output(self) -> tuple[int, ...]:
        one, other = self.forwards.output, self.backwards.output
        return (*one[:-1], one[-1] + other[-1]) if self.merge == "concat" else one

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.forwards.dtype

    def state_inputs(self) -> list[StateInput]:
        ways = (("forwards", self.forwards), ("backwards", self.backwards))
        return [memory.of(way) for way, part in ways for memory in part.state_inputs()]

    def step(self, graph: Graph, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        raise ONNXError("a layer with a backward direction cannot run single steps: export it as a sequence")

    def sequence(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        one, other = _single_unit(self.forwards), _single_unit(self.backwards)
        if self.merge == "concat" and one is not None and other is not None:
            return Level((one, other), "bidirectional").sequence(graph, x, states, lengths)
        before = behind = None
        if states is not None:
            count = len(self.forwards.state_inputs())
            before, behind = states[:count], states[count:]
        y, last = self.forwards.sequence(graph, x, before, lengths)
        if other is not None:
            back, first = Level((other,), "reverse").sequence(graph, x, behind, lengths)
        else:
            back, first = self.backwards.sequence(graph, _reversed(graph, x, lengths), behind, lengths)
            back = _reversed(graph, back, lengths)
        return self._merged(graph, y, back), [*last, *first]

    def _merged(self, graph: Graph, y: str, back: str) -> str:
        if self.merge == "concat":
            return graph("Concat", y, back, axis=-1)
        merged = graph("Mul" if self.merge == "product" else "Add", y, back)
        return graph("Mul", merged, graph.number(0.5)) if self.merge == "mean" else merged


def _single_unit(part: Part) -> Any:
    """Unit of a layer with one unit; None for any other."""
    return part.units[0] if isinstance(part, LayerPart) and not part.stacked else None


def _reversed(graph: Graph, x: str, lengths: Lengths | None) -> str:
    """Sequences x [T, B, ...] in reversed order; values past their ends stay."""
    if lengths is not None:
        return graph("ReverseSequence", x, lengths.counts, time_axis=0, batch_axis=1)
    end, stop, axis, step = (graph.integers(n) for n in (-1, -(2**63), 0, -1))
    return graph("Slice", x, end, stop, axis, step)
