"""Named activations of a cell over time, computed by a cell that returns them beside its state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..cell.protocol import Returns, initial_state
from ..cell.recurrent_dropout import fresh_dropout_masks
from ..cell.rng import generators, replayed
from ..cell.state import State, tensors, transform
from ..cell.torch_cells import equal_cell
from ..cell.wrapper import innermost
from ..execution.compiled import CompiledRunner
from ..execution.eager import EagerRunner
from ..execution.runner import Runner, choose
from .local_names import Local, names_of, recorded

BATCH_SIZES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)


@dataclass(frozen=True)
class Quantity:
    """Quantity under one name: a local variable, a tensor of the state (by its index), or the output."""

    name: str
    source: Local | int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of values of one example."""
        return prod(self.shape)


OUTPUT = -1
"""Index of an output that is not a tensor of the state."""

_made: WeakKeyDictionary[nn.Module, "Quantities"] = WeakKeyDictionary()


def over_time(
    layer: nn.Module,
    cell: nn.Module,
    returns: Returns | None,
    backend: str | None,
    x: Tensor,
    state: State | None,
    lengths: Tensor | None,
    resets: Tensor | None,
) -> dict[str, Tensor]:
    """Activations of a layer's cell, [T, B, ...] by name. Arguments are those of EagerRunner.sequence and `choose`."""
    cell = getattr(cell, "_orig_mod", cell)  # compiled code has no names
    made = _made.get(layer)
    if made is None or made.original is not cell:
        made = _made[layer] = Quantities(cell, returns)
    tried = x[0] if len(x) and x.shape[1] else x.new_zeros(1, *x.shape[2:])
    made.learn(tried, state if x.shape[1] else None)
    own, _ = choose(cell, returns, backend)
    compiled = isinstance(own, CompiledRunner) and own.ready(x, state, resets is not None) is not None
    runner: Runner = (CompiledRunner if compiled else EagerRunner)(made, "output, state")
    columns, _ = runner.sequence(x, state, lengths, resets)
    parts = torch.split(columns, [one.size for one in made.layout], -1)
    return {
        one.name: part.reshape(*part.shape[:2], *one.shape)
        for one, part in zip(made.layout, parts, strict=True)
    }


class Quantities(nn.Module):
    """Cell `cell(event, state) -> (quantities, state)` that returns the named quantities of another cell's step.

    The quantities are concatenated, [B, N].

    Attributes:
        layout: Positions of the quantities, found by `learn` from an event and a state.
    """

    def __init__(self, cell: nn.Module, returns: Returns | None) -> None:
        super().__init__()
        self.original = cell
        self.cell = equal_cell(cell)
        self._returns = returns
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
            if value is None or value.shape[1:] != one.shape:  # this step took another branch than the trial
                value = event.new_full((len(event), *one.shape), torch.nan)
            columns.append(value.reshape(len(event), one.size).to(output.dtype))
        return torch.cat(columns, -1), after

    def learn(self, event: Tensor, state: State | None) -> None:
        """Find the names and shapes of a step's quantities by running it on copies of the first example [1, ...]."""
        taken = {n for held in (*self.parameters(), *self.buffers(), event) for n in held.shape}
        sizes = [size for size in BATCH_SIZES if size not in taken][:2]
        with replayed(generators(event.device), event.device):
            (first, form), (second, _) = (self._tried(event, state, size) for size in sizes)
        # A tensor whose first dimension equals one batch size by chance does not equal the other.
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
        with fresh_dropout_masks(self.cell, size):
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
        """Local variables in the order of the source code, then the output, then the state."""
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
        # A runner of its own for each step: one that is kept holds the cell's tensors, and a program that read it would
        # be made again for every call.
        runner = EagerRunner(self.cell, self._returns)
        with recorded(self.cell, given) as recorder:
            output, after = runner.step(event, state)
        return recorder.in_order(), output, after


def _state_names(cell: nn.Module, form: State) -> list[str]:
    """Name of every tensor of a state.

    Examples:
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
