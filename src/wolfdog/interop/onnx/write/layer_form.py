"""Layers as levels of units, with the layout of their states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ....errors import ONNXError
from ....layers import Recurrent
from ..read.layer import ONNXLayer
from .graph import Graph
from .level import Lengths, Level
from .part import Part, StateInput
from .unit import Unit, unit_of


@dataclass(frozen=True)
class LayerPart(Part):
    """Exported layer: units in levels.

    Attributes:
        levels: Levels from bottom to top.
        batch_first: Whether events and outputs are [B, T, ...].
        stacked: Whether each state is one tensor for all units, [levels * directions, B, H], as in torch.nn's layers;
            else each unit has its own, [B, ...].
    """

    levels: tuple[Level, ...]
    batch_first: bool
    stacked: bool

    @property
    def units(self) -> list[Unit]:
        """All units, in the order of their states."""
        return [unit for level in self.levels for unit in level.units]

    @property
    def output(self) -> tuple[int, ...]:
        shapes = [unit.output for unit in self.levels[-1].units]
        return shapes[0] if len(shapes) == 1 else (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.units[0].dtype

    @property
    def event(self) -> tuple[int, ...]:
        return self.units[0].event

    def state_inputs(self) -> list[StateInput]:
        if not self.stacked:
            [unit] = self.units
            return [
                StateInput(name, ("batch", *start.shape[1:]), start)
                for name, start in zip(unit.states, unit.start, strict=True)
            ]
        names = self.units[0].states
        starts = [np.stack([unit.start[memory] for unit in self.units]) for memory in range(len(names))]
        return [
            StateInput(name, (len(self.units), "batch", *start.shape[2:]), start)
            for name, start in zip(names, starts, strict=True)
        ]

    def step(self, graph: Graph, x: str, states: Sequence[str]) -> tuple[str, list[str]]:
        after = []
        for level, before in zip(self.levels, self.separated(graph, states), strict=True):
            x, last = level.step(graph, x, before)
            after.append(last)
        return x, self.combined(graph, after)

    def sequence(
        self, graph: Graph, x: str, states: Sequence[str] | None, lengths: Lengths | None
    ) -> tuple[str, list[str]]:
        befores = [None] * len(self.levels) if states is None else self.separated(graph, states)
        after = []
        for level, before in zip(self.levels, befores, strict=True):
            x, last = level.sequence(graph, x, before, lengths)
            after.append(last)
        return x, self.combined(graph, after)

    def separated(self, graph: Graph, states: Sequence[str]) -> list[list[str]]:
        """Input states of each level, unit by unit."""
        if not self.stacked:
            return [list(states)]
        result, number = [], 0
        for level in self.levels:
            own = []
            for _ in level.units:
                place = graph.constant(np.asarray(number, np.int64))
                own += [graph("Gather", state, place, axis=0) for state in states]
                number += 1
            result.append(own)
        return result

    def combined(self, graph: Graph, states: Sequence[Sequence[str]]) -> list[str]:
        """Output states: the inverse of `separated`."""
        flat = [state for own in states for state in own]
        if not self.stacked:
            return flat
        count = len(self.units[0].states)
        rows = [graph("Unsqueeze", state, graph.integers(0)) for state in flat]
        return [graph("Concat", *rows[memory::count], axis=0) for memory in range(count)]


def form_of(layer: nn.Module, event: Sequence[int] | None) -> LayerPart | None:
    """Exported form of a layer; None for a module that is not a layer of a known type.

    Args:
        layer: The module.
        event: Shape of an event, if the cell does not define it.
    """
    if isinstance(layer, Recurrent):
        unit = unit_of(layer.cell, layer.returns, event)
        return LayerPart((Level((unit,)),), layer.batch_first, stacked=False)
    if isinstance(layer, nn.RNNBase):
        return _of_torch(layer)
    if isinstance(layer, ONNXLayer):
        return _of_onnx(layer)
    return None


class _Projected(nn.Module):
    """Step of torch.nn.LSTM with proj_size: STM = W_hr (sigmoid(o) tanh(LTM))."""

    state_names = ("stm", "ltm")

    def __init__(
        self, weight_ih: Tensor, weight_hh: Tensor, biases: Sequence[Tensor], weight_hr: Tensor
    ) -> None:
        super().__init__()
        self.input_size, self.units = weight_ih.shape[1], weight_hr.shape
        self.weight_ih, self.weight_hh, self.weight_hr = weight_ih, weight_hh, weight_hr
        self.bias = biases[0] + biases[1] if biases else None

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        projected, hidden = self.units
        return self.weight_hr.new_zeros(batch, projected), self.weight_hr.new_zeros(batch, hidden)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        stm, ltm = state
        i, f, g, o = (linear(x, self.weight_ih, self.bias) + linear(stm, self.weight_hh)).chunk(4, -1)
        ltm = torch.sigmoid(f) * ltm + torch.sigmoid(i) * torch.tanh(g)
        return linear(torch.sigmoid(o) * torch.tanh(ltm), self.weight_hr), ltm


_CELLS: dict[str, type[nn.RNNCellBase]] = {
    "LSTM": nn.LSTMCell,
    "GRU": nn.GRUCell,
    "RNN_TANH": nn.RNNCell,
    "RNN_RELU": nn.RNNCell,
}
"""Cells of torch.nn's layers, by the layer's mode."""


def _of_torch(layer: nn.RNNBase) -> LayerPart:
    levels = []
    for number in range(layer.num_layers):
        ways = ("", "_reverse") if layer.bidirectional else ("",)
        units = tuple(unit_of(_cell(layer, f"_l{number}{way}")) for way in ways)
        levels.append(Level(units, "bidirectional" if layer.bidirectional else "forward"))
    return LayerPart(tuple(levels), layer.batch_first, stacked=True)


def _of_onnx(layer: ONNXLayer) -> LayerPart:
    """Form of a result of from_onnx; its file may have fixed the batch size."""
    starts = {"start_h": layer.start_h, "start_c": layer.start_c}
    for name, held in [*starts.items(), ("lengths", layer.lengths)]:
        rows = 1 if held is None else held.shape[0 if name == "lengths" else 1]
        if rows != 1 or (name == "lengths" and held is not None):
            raise ONNXError(
                f"export_onnx: {layer.op} {layer.name!r} has {name} for a fixed batch of {rows}, which other "
                f"batches cannot use: set layer.{name} = None, and pass it in each call"
            )
    units = []
    for way, part in enumerate(part for part in (layer.forwards, layer.backwards) if part is not None):
        unit = unit_of(part.cell, part.returns)
        own = zip(starts.values(), unit.start, strict=False)
        start = tuple(zeros if held is None else held.detach()[way].numpy() for held, zeros in own)
        units.append(replace(unit, start=start))
    return LayerPart((Level(tuple(units), layer.direction),), layer.batch_first, stacked=True)


def _cell(layer: nn.RNNBase, suffix: str) -> nn.Module:
    """Cell of a torch.nn layer with the layer's parameters."""
    weight_ih: Tensor = getattr(layer, f"weight_ih{suffix}")
    weight_hh: Tensor = getattr(layer, f"weight_hh{suffix}")
    biases = [getattr(layer, f"{name}{suffix}") for name in ("bias_ih", "bias_hh")] if layer.bias else []
    if layer.proj_size:
        return _Projected(weight_ih, weight_hh, biases, getattr(layer, f"weight_hr{suffix}"))
    options: dict[str, Any] = {"nonlinearity": "relu"} if layer.mode == "RNN_RELU" else {}
    with torch.device("meta"):
        cell = _CELLS[layer.mode](weight_ih.shape[1], layer.hidden_size, layer.bias, **options)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    for name, tensor in zip(names, (weight_ih, weight_hh, *biases), strict=False):
        setattr(cell, name, nn.Parameter(tensor.detach(), requires_grad=False))
    return cell
