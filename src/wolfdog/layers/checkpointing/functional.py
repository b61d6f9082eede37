"""Runs over a sequence as functions of tensors, repeatable with the same result."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from ...compiler.batched import readable
from ..cell.protocol import initial_state
from ..cell.state import State, rebuilt, tensors, transform
from ..execution.cell_cache import Slot, slots_of
from ..execution.compiled import CompiledRunner, Ready
from ..execution.eager import EagerRunner

_replacement_lock = threading.RLock()


Call = Callable[[Tensor, State | None, Tensor | None, Tensor | None], tuple[Tensor, State]]
"""Function of events, state or None, lengths and resets that returns outputs and final state."""


class PureRun(Protocol):
    """Interface of a repeatable run over a sequence.

    Attributes:
        read: All tensors that the run reads besides events and states.
        states: Initial states; empty if the first step creates them.
        draws: Whether a step may draw random numbers.
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
        """Outputs [T, B, ...] and final states, with replacements for the tensors in `read`."""

    def rebuilt(self, states: Sequence[Tensor]) -> State:
        """State with the run's structure from its tensors."""


class CompiledRun:
    """Run of a cell by kernels."""

    def __init__(self, runner: CompiledRunner, ready: Ready) -> None:
        self.draws = ready.found.draws
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
        found = self._ready.found
        plain = readable((*read, x, *states))  # not what a hook on saved tensors made of them
        return found.sequence(
            named, x.to(self._ready.dtype), states, lengths, resets, fresh, operators=not plain
        )

    def rebuilt(self, states: Sequence[Tensor]) -> State:
        """State with the run's structure from its tensors."""
        return rebuilt(self._ready.before, states)


class ModuleRun:
    """Run of any module by PyTorch, under the autocast settings at construction."""

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
        # Without a graph, autocast's cache of converted weights must not outlive this run.
        autocast = torch.autocast(*self._autocast, cache_enabled=torch.is_grad_enabled())
        with _replaced(self._module, self._slots, read), autocast:
            y, after = self._call(x, state, lengths, resets)
        self._form = transform(lambda t: t.new_empty(0), after)
        return y, list(tensors(after))

    def rebuilt(self, states: Sequence[Tensor]) -> State:
        """State with the run's structure from its tensors."""
        assert self._form is not None
        return rebuilt(self._form, states)


def eager_run(runner: EagerRunner, x: Tensor, state: State | None) -> ModuleRun:
    """Run of a cell by the eager loop."""
    before = initial_state(runner.cell, x.shape[1]) if state is None else state
    return ModuleRun(runner.cell, runner.sequence, x.device, before)


@contextmanager
def _replaced(module: nn.Module, slots: Sequence[Slot], read: Sequence[Tensor]) -> Iterator[None]:
    """Context in which a module has other tensors in its slots, with the attributes that users gave to its own."""
    with _replacement_lock:
        own = [held[key] for held, key in slots]
        for (held, key), tensor, mine in zip(slots, read, own, strict=True):
            held[key] = tensor
            if mine is not None and tensor is not mine:
                vars(tensor).update(vars(mine))
        _relist(module)
        try:
            yield
        finally:
            for (held, key), tensor, mine in zip(slots, read, own, strict=True):
                if held.get(key) is tensor:  # else the module has replaced it itself
                    held[key] = mine
            _relist(module)


def _relist(module: nn.Module) -> None:
    """Refresh the second list of parameters that torch.nn's recurrent layers keep."""
    for layer in module.modules():
        if isinstance(layer, nn.RNNBase):
            layer._flat_weights = [layer._parameters.get(name) for name in layer._flat_weights_names]
