"""Training over long sequences: states kept every so many steps, and what lies between computed again for gradients."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..cell.recurrent_dropout import shared_dropout_masks
from ..cell.state import State
from ..execution.compiled import CompiledRunner, refusal
from ..execution.eager import EagerRunner
from ..execution.kernel_access import transformed
from ..execution.runner import Runner
from .functional import Call, CompiledRun, ModuleRun, PureRun, of_eager
from .segments import in_pieces

Every = int | Literal["auto"]

LEAST = 64
"""Steps that "auto" keeps no states between: starting a kernel costs more than it would save."""


def check_every(every: Every, name: str) -> Every:
    """Raises InputError unless this is a number of steps, 1 or more, or "auto"."""
    whole = isinstance(every, int) and not isinstance(every, bool) and every >= 1
    if not (every == "auto" or whole):
        raise InputError(f'{name} must be a number of steps, 1 or more, or "auto"; got {every!r}')
    return every


def steps_of(every: Every, steps: int) -> int:
    """How many steps a piece has.

    >>> steps_of("auto", 100_000), steps_of("auto", 100), steps_of(7, 100)
    (316, 64, 7)
    """
    return max(LEAST, math.isqrt(steps)) if every == "auto" else every


class Checkpointed(nn.Module):
    """A whole model over a long sequence, run in pieces, of which training keeps no more than the states between.

    Outputs and gradients are those of the model; backwards, every piece is run once more. What the model makes within
    a piece (the memory's outputs, where a head follows) is never held for the whole sequence.

    model        `model(x, state) -> (y, state)`, with the time as first dimension of x and y, as a layer of this
                 library, torch.nn's, or a module with an encoder before and a head behind one. Lengths and resets,
                 where they are given, are handed on by these names. A state is a tensor or a tuple of states
    every        steps of a piece; "auto" is about the square root of T
    batch_first  the batch is the first dimension of x and y, and time the second

    The model must give for pieces, with the state carried over, what it gives for the whole; so no layer of it may
    run backwards in time. Its random numbers (dropout) are drawn anew for each piece, and the same again backwards; the
    masks of `RecurrentDropout` once for all pieces.

    Raises InputError for `every` that is no number of steps, and backwards for a model that uses a tensor with a
    gradient that is no parameter, buffer or attribute of it.

    >>> import torch, wolfdog as wd
    >>> class Labels(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.memory, self.head = wd.Recurrent(wd.cells.GRUCell(3, 16)), torch.nn.Linear(16, 5)
    ...     def forward(self, x, state=None):
    ...         y, state = self.memory(x, state)
    ...         return self.head(y), state
    >>> labels, state = wd.Checkpointed(Labels())(torch.zeros(1000, 2, 3))
    >>> labels.shape
    torch.Size([1000, 2, 5])
    """

    def __init__(self, model: nn.Module, every: Every = "auto", *, batch_first: bool = False) -> None:
        super().__init__()
        self.model, self.every, self.batch_first = model, check_every(every, "every"), batch_first

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """The model's outputs over the sequence, and the state after it.

        lengths  [B] whole numbers, or None
        resets   booleans laid out as x, or None
        """
        return checkpointed(self, self._run, self.every, self.batch_first, x, state, lengths, resets)

    def extra_repr(self) -> str:
        return f"every={self.every!r}"

    def _run(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        given = {"lengths": lengths, "resets": resets}
        y, after = self.model(x, state, **{name: value for name, value in given.items() if value is not None})
        return y, after


def checkpointed(
    module: nn.Module,
    call: Call,
    every: Every,
    batch_first: bool,
    x: Tensor,
    state: State | None,
    lengths: Tensor | None,
    resets: Tensor | None,
) -> tuple[Tensor, State]:
    """What `call` gives, a method or function that runs this module, run in pieces; x as `call` takes it."""
    steps = x.shape[1 if batch_first else 0] if lengths is None else int(lengths.max())
    length = steps_of(every, steps)
    if steps <= length or transformed():
        return call(x, state, lengths, resets)

    def turned(tensor: Tensor) -> Tensor:
        return tensor.transpose(0, 1) if batch_first else tensor

    def piece(
        x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        y, after = call(turned(x), state, lengths, None if resets is None else turned(resets))
        return turned(y), after

    x, resets = turned(x), None if resets is None else turned(resets)
    alone = x.dim() < 3 and x.is_floating_point()  # one sequence of events, and not a batch of words
    with shared_dropout_masks(module, 1 if alone else x.shape[1]):
        run = ModuleRun(module, piece, x.device, state)
        y, last = in_pieces(run, length, steps, x, lengths, resets)
    return turned(y), run.rebuilt(last)


class CheckpointedRunner:
    """Runs what another runner runs, in pieces; for gradients it keeps the states between them."""

    def __init__(self, runner: Runner, every: Every) -> None:
        self.runner, self.every = runner, every

    @property
    def backend(self) -> str:
        """The runner's own."""
        return self.runner.backend

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]:
        """As EagerRunner's."""
        return self.runner.step(event, state)

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """As EagerRunner's."""
        steps = len(x) if lengths is None else int(lengths.max()) if len(lengths) else 0
        every = steps_of(self.every, steps)
        if steps <= every or x.shape[1] == 0 or transformed():
            return self.runner.sequence(x, state, lengths, resets)
        run = self._pure(x, state, resets)
        y, last = in_pieces(run, every, steps, x, lengths, resets)
        return y, run.rebuilt(last)

    def _pure(self, x: Tensor, state: State | None, resets: Tensor | None) -> PureRun:
        if not isinstance(self.runner, CompiledRunner):
            assert isinstance(self.runner, EagerRunner)
            return of_eager(self.runner, x, state)
        ready = self.runner.ready(x, state, resets is not None)
        if ready is not None:
            try:
                if torch.is_grad_enabled():
                    ready.found.prepare_training(x.shape[1], resets is not None)
                return CompiledRun(self.runner, ready)
            except refusal() as reason:
                self.runner.refuse(x, ready, str(reason))
        return of_eager(self.runner.eager, x, state)
