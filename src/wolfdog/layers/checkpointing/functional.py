"""A run over a sequence as a function of tensors alone, so that it can be run again later and give the same numbers."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from ..cell.protocol import initial_state
from ..cell.state import State, rebuilt, tensors, transform
from ..execution.cell_cache import Slot, slots_of
from ..execution.compiled import CompiledRunner, Ready
from ..execution.eager import EagerRunner

_swapping = threading.RLock()


Call = Callable[[Tensor, State | None, Tensor | None, Tensor | None], tuple[Tensor, State]]
"""Events, a state or None, lengths and resets, to outputs and the state after."""


class PureRun(Protocol):
    """One way of running over a sequence.

    read    every tensor that it reads beside events and states
    states  the states that it starts from; none where only the first step makes them
    draws   whether a step may draw random numbers
    """

    read: list[Tensor]
    states: list[Tensor]
    draws: bool

    def __call__(
        self,
        read: Sequence[Tensor],
        x: Tensor,
        states: Sequence[Tensor],
        lengths: Tensor | None,
        resets: Tensor | None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Outputs [T, B, ...] and last states, with what stands for the tensors in `read`."""

    def rebuilt(self, states: Sequence[Tensor]) -> State:
        """A state of the right form from its tensors."""


class CompiledRun:
    """A run of a cell by kernels."""

    draws = False

    def __init__(self, runner: CompiledRunner, ready: Ready) -> None:
        self._ready, self._names = ready, ready.found.names
        self.read = [ready.named[name] for name in self._names] + ready.fresh
        self.states = list(tensors(ready.before))

    def __call__(
        self,
        read: Sequence[Tensor],
        x: Tensor,
        states: Sequence[Tensor],
        lengths: Tensor | None,
        resets: Tensor | None,
    ) -> tuple[Tensor, list[Tensor]]:
        named, fresh = dict(zip(self._names, read, strict=False)), read[len(self._names) :]
        return self._ready.found.sequence(named, x.to(self._ready.dtype), states, lengths, resets, fresh)

    def rebuilt(self, states: Sequence[Tensor]) -> State:
        """As PureRun's."""
        return rebuilt(self._ready.before, states)


class ModuleRun:
    """A run of any module that PyTorch runs, under the autocast of now."""

    draws = True

    def __init__(self, module: nn.Module, call: Call, device: torch.device, state: State | None) -> None:
        self._call = call
        self._module, self._slots = module, list(slots_of(module).values())
        self.read = [held[key] for held, key in self._slots]
        self.states = [] if state is None else list(tensors(state))
        self._form = state
        kind = device.type
        self._autocast = (kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))

    def __call__(
        self,
        read: Sequence[Tensor],
        x: Tensor,
        states: Sequence[Tensor],
        lengths: Tensor | None,
        resets: Tensor | None,
    ) -> tuple[Tensor, list[Tensor]]:
        state = self.rebuilt(states) if states else None
        # Autocast keeps what it converted: without a graph that must not outlast this run.
        autocast = torch.autocast(*self._autocast, cache_enabled=torch.is_grad_enabled())
        with _standing_in(self._module, self._slots, read), autocast:
            y, after = self._call(x, state, lengths, resets)
        self._form = transform(lambda t: t.new_empty(0), after)
        return y, list(tensors(after))

    def rebuilt(self, states: Sequence[Tensor]) -> State:
        """As PureRun's."""
        assert self._form is not None
        return rebuilt(self._form, states)


def of_eager(runner: EagerRunner, x: Tensor, state: State | None) -> ModuleRun:
    """A run of a cell by the loop."""
    before = initial_state(runner.cell, x.shape[1]) if state is None else state
    return ModuleRun(runner.cell, runner.sequence, x.device, before)


@contextmanager
def _standing_in(module: nn.Module, slots: Sequence[Slot], read: Sequence[Tensor]) -> Iterator[None]:
    """The module with other tensors in its places, for as long as this lasts."""
    with _swapping:
        own = [held[key] for held, key in slots]
        for (held, key), tensor in zip(slots, read, strict=True):
            held[key] = tensor
        _relist(module)
        try:
            yield
        finally:
            for (held, key), tensor, mine in zip(slots, read, own, strict=True):
                if held.get(key) is tensor:  # unless the module put another one there
                    held[key] = mine
            _relist(module)


def _relist(module: nn.Module) -> None:
    """torch.nn's layers keep a second list of their parameters."""
    for layer in module.modules():
        if isinstance(layer, nn.RNNBase):
            layer._flat_weights = [layer._parameters.get(name) for name in layer._flat_weights_names]
