"""Streams of RNN, LSTM and GRU, whose states have torch.nn's form, [layers, B, H]."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...errors import ShapeError
from ..cell.state import State, structure, tensors
from ..streaming import ChainStream, KernelStream, LoopStream, Stream
from .eligibility import state_sizes
from .run_layers import Named

if TYPE_CHECKING:
    from ...compiler.driver import Compiled


class _TorchState(Stream):
    """Stream whose state has the batch on the second axis."""

    def _check(self, state: State) -> None:
        if not all(isinstance(tensor, Tensor) for tensor in tensors(state)):
            raise ShapeError(f"a state is made of tensors; got {structure(state)}")


class _Stacked(_TorchState, ChainStream):
    """Chain whose state is torch.nn's: the states of all layers in one tensor, or in two."""

    def _state(self) -> State:
        parts = [tuple(tensors(part.state)) for part in self._parts if part.state is not None]
        stacked = tuple(torch.stack(layers) for layers in zip(*parts, strict=True))
        return stacked if len(stacked) > 1 else stacked[0]

    def _go_on_from(self, state: State) -> None:
        for part, own in zip(self._parts, zip(*tensors(state), strict=True), strict=True):
            part.state = own if len(own) > 1 else own[0]


class _Layer(_TorchState, LoopStream):
    """Stream of a layer that torch.nn's own forward runs."""


def kernel_stream(
    layer: nn.RNNBase, kernels: "Sequence[Compiled]", named: Sequence[Named], x: Tensor
) -> Stream:
    """Stream by kernels.

    Args:
        layer: The layer.
        kernels: Of every layer of the stack.
        named: Parameters of each.
        x: Buffer of events.
    """
    parts: list[Stream] = []
    for kernel, held in zip(kernels, named, strict=True):
        zeros = tuple(x.new_zeros(len(x), size) for size in state_sizes(layer))
        parts.append(KernelStream(kernel, held, x, zeros if len(zeros) > 1 else zeros[0]))
        x = parts[-1].y
    return _Stacked(parts)


def layer_stream(layer: nn.RNNBase, x: Tensor, reason: str) -> Stream:
    """Stream by the layer's own forward.

    Args:
        layer: The layer.
        x: Buffer of events.
        reason: Reason why no kernel runs.
    """
    axis = 1 if layer.batch_first else 0

    def step(event: Tensor, state: State | None, anew: Tensor | None) -> tuple[Tensor, State]:
        if state is not None and anew is not None:
            for tensor in tensors(state):
                tensor[:, anew] = 0
        y, after = layer(event.unsqueeze(axis), state)
        return y.squeeze(axis), after

    return _Layer(step, x, reason)
