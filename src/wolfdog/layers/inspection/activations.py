"""Every quantity that a cell's step names, over time: a cell that returns them beside its state, run as any cell is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..cell.protocol import Returns, initial_state
from ..cell.recurrent_dropout import other_masks
from ..cell.rng import drawing, generators
from ..cell.state import State, tensors, transform
from ..cell.twins import twin_of
from ..cell.wrapper import innermost
from ..execution.compiled import CompiledRunner
from ..execution.eager import EagerRunner
from ..execution.runner import Runner, choose
from .local_names import Local, names_of, watched

SIZES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)


@dataclass(frozen=True)
class Quantity:
    """What is traced under one name: a local variable, a part of the state (by its number), or the output."""

    name: str
    source: Local | int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it has for one example."""
        return prod(self.shape)


OUTPUT = -1
"""The number of the output, where it is no part of the state."""

_made: WeakKeyDictionary[nn.Module, "Quantities"] = WeakKeyDictionary()


def over_time(
    layer: nn.Module,
    cell: nn.Module,
    returns: Returns | None,
    asked: str | None,
    x: Tensor,
    state: State | None,
    lengths: Tensor | None,
    resets: Tensor | None,
) -> dict[str, Tensor]:
    """What a layer's cell names, [T, B, ...] by name. Arguments are those of EagerRunner.sequence and `choose`."""
    cell = getattr(cell, "_orig_mod", cell)  # of torch.compile, whose code has no names
    made = _made.get(layer)
    if made is None or made.original is not cell:
        made = _made[layer] = Quantities(cell, returns)
    tried = x[0] if len(x) and x.shape[1] else x.new_zeros(1, *x.shape[2:])
    made.learn(tried, state if x.shape[1] else None)
    own, _ = choose(cell, returns, asked)
    compiled = isinstance(own, CompiledRunner) and own.ready(x, state, resets is not None) is not None
    runner: Runner = (CompiledRunner if compiled else EagerRunner)(made, "output, state")
    columns, _ = runner.sequence(x, state, lengths, resets)
    parts = torch.split(columns, [one.size for one in made.layout], -1)
    return {
        one.name: part.reshape(*part.shape[:2], *one.shape)
        for one, part in zip(made.layout, parts, strict=True)
    }


class Quantities(nn.Module):
    """The cell `cell(event, state) -> (quantities, state)`: all that a cell's step names, one after another [B, N].

    `layout` says what lies where; `learn` makes it, from an event and a state.
    """

    def __init__(self, cell: nn.Module, returns: Returns | None) -> None:
        super().__init__()
        self.original = cell
        self.cell = twin_of(cell)
        self._runner = EagerRunner(self.cell, returns)
        self.layout: list[Quantity] = []
        if initial_state(cell, 1) is not None:
            self.initial_state = partial(initial_state, cell)

    def forward(self, event: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        found, output, after = self._step(event, state)
        parts = list(tensors(after))
        columns = []
        for one in self.layout:
            if isinstance(one.source, Local):
                value = found.get(one.source)
            else:
                value = output if one.source == OUTPUT else parts[one.source]
            if (
                value is None or value.shape[1:] != one.shape
            ):  # this step has another course than the one tried
                value = event.new_full((len(event), *one.shape), torch.nan)
            columns.append(value.reshape(len(event), one.size).to(output.dtype))
        return torch.cat(columns, -1), after

    def learn(self, event: Tensor, state: State | None) -> None:
        """Find out what a step names, and in which shapes, by trying it on the first example [1, ...]."""
        taken = {n for held in (*self.parameters(), *self.buffers(), event) for n in held.shape}
        sizes = [size for size in SIZES if size not in taken][:2]
        with drawing(generators(event.device), event.device):
            (first, form), (second, _) = (self._tried(event, state, size) for size in sizes)
        # What has as many rows as examples by chance does not have them again with another number of examples.
        named = [
            local for local in first if local in second and first[local].shape[1:] == second[local].shape[1:]
        ]
        self.layout = list(self._named(named, first, form))

    def _tried(
        self, event: Tensor, state: State | None, size: int
    ) -> tuple[dict[Local | int, Tensor], State]:
        def repeated(tensor: Tensor) -> Tensor:
            return tensor[:1].expand(size, *tensor.shape[1:]).clone()

        event, state = repeated(event), None if state is None else transform(repeated, state)
        if state is None:
            state = initial_state(self.original, size)
        with other_masks(self.cell, size):
            if state is None:
                _, _, state = self._step(event, None)
            found, output, after = self._step(event, state)
        batched: dict[Local | int, Tensor] = {
            local: tensor
            for local, tensor in found.items()
            if tensor.dim() and len(tensor) == size and not tensor.is_complex()
        }
        parts = list(tensors(after))
        if output is not parts[0]:
            batched[OUTPUT] = output
        return batched | dict(enumerate(parts)), after

    def _named(
        self, order: Sequence[Local | int], values: dict[Local | int, Tensor], form: State
    ) -> Iterator[Quantity]:
        """Local variables in the order of the source, then the output, then the state."""
        states = dict(enumerate(_state_names(self.original, form)))
        hidden = {*states.values(), *getattr(innermost(self.cell), "state_names", ())}
        locals_ = names_of([one for one in order if isinstance(one, Local)])
        for local, name in locals_.items():
            if name not in hidden:
                yield Quantity(name, local, tuple(values[local].shape[1:]))
        if OUTPUT in order:
            yield Quantity("output", OUTPUT, tuple(values[OUTPUT].shape[1:]))
        for number, name in states.items():
            yield Quantity(name, number, tuple(values[number].shape[1:]))

    def _step(self, event: Tensor, state: State | None) -> tuple[dict[Local, Tensor], Tensor, State]:
        given = [event, *(() if state is None else tensors(state))]
        with watched(self.cell, given) as watch:
            output, after = self._runner.step(event, state)
        return watch.in_order(), output, after


def _state_names(cell: nn.Module, form: State) -> list[str]:
    """A name for every tensor of a state.

    >>> _state_names(nn.Identity(), (torch.zeros(1), (torch.zeros(1), torch.zeros(1))))
    ['state.0', 'state.1.0', 'state.1.1']
    """
    cell, count = innermost(cell), len(list(tensors(form)))
    own = getattr(cell, "state_names", ())
    if len(own) == count:
        return list(own)
    if isinstance(cell, nn.RNNCellBase):
        return ["h", "c"][:count]
    return list(_numbered("" if hasattr(form, "_fields") else "state", form))


def _numbered(name: str, form: State) -> Iterator[str]:
    if isinstance(form, Tensor):
        yield name
        return
    fields = getattr(form, "_fields", range(len(form)))
    for field, part in zip(fields, form, strict=True):
        yield from _numbered(f"{name}.{field}" if name else str(field), part)
