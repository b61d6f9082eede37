"""Gradient checkpointing over time for models and for runners."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..cell.recurrent_dropout import shared_dropout_masks
from ..cell.state import State
from ..cell.symbolic_trace import SYMBOLIC, traced_call
from ..execution.compiled import CompiledRunner, refusal
from ..execution.eager import EagerRunner
from ..execution.kernel_access import transformed
from ..execution.runner import Runner
from .functional import Call, CompiledRun, ModuleRun, PureRun, eager_run
from .segments import run_in_segments

Every = int | Literal["auto"]

MIN_STEPS = 64
"""Minimum number of steps of a segment with "auto": below, the start of a kernel outweighs the saved memory."""


def check_every(every: Every, name: str) -> Every:
    """Number of steps between checkpoints, or "auto".

    Raises:
        InputError: It is neither "auto" nor a positive integer.
    """
    whole = isinstance(every, int) and not isinstance(every, bool) and every >= 1
    if not (every == "auto" or whole):
        raise InputError(f'{name} must be a number of steps, 1 or more, or "auto"; got {every!r}')
    return every


def steps_of(every: Every, steps: int) -> int:
    """Number of steps of a segment.

    Examples:
        >>> steps_of("auto", 100_000), steps_of("auto", 100), steps_of(7, 100)
        (316, 64, 7)
    """
    return max(MIN_STEPS, math.isqrt(steps)) if every == "auto" else every


class Checkpointed(nn.Module):
    """Gradient checkpointing over time of a whole model: training stores only the states between segments.

    Outputs and gradients are those of the model. The backward pass runs each segment a second time. Intermediate values
    of a segment, such as the memory's outputs before a head, never exist for the whole sequence.

    The model must give the same results for segments with carried-over state as for the whole sequence; it cannot
    contain a bidirectional layer. Random numbers (dropout) are drawn for each segment and replayed in the backward
    pass; masks of `RecurrentDropout` are drawn once for all segments.

    Args:
        model: `model(x, state) -> (y, state)` with time as the first dimension of x and y: a layer of this library or
            of torch.nn, or a module with an encoder before and a head behind one. Given lengths and resets are passed
            by name. A state is a tensor or a tuple of states.
        every: Number of steps of a segment; "auto" is about the square root of T.
        batch_first: Whether the batch is the first dimension of x and y, and time the second.

    Raises:
        InputError: `every` is not a number of steps; in the backward pass: the model uses a tensor that requires a
            gradient and is not one of its parameters, buffers or attributes.

    Examples:
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

    def __init__(self, model: nn.Module, *, every: Every = "auto", batch_first: bool = False) -> None:
        super().__init__()
        self.model, self.every, self.batch_first = model, check_every(every, "every"), batch_first

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Outputs of the model over the sequence, and its final state.

        Args:
            x: Events.
            state: State before the sequence, or None.
            lengths: [B] integers, or None.
            resets: Booleans in the layout of x, or None.
        """
        if isinstance(x, SYMBOLIC):
            return traced_call(self, x, state=state, lengths=lengths, resets=resets)
        return checkpointed(self, self._run, self.every, self.batch_first, x, state, lengths, resets)

    def extra_repr(self) -> str:
        return f"every={self.every!r}"

    def _run(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        options = {"lengths": lengths, "resets": resets}
        y, after = self.model(
            x, state, **{name: value for name, value in options.items() if value is not None}
        )
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
    """Result of `call`, which runs this module, computed in segments; x has the layout that `call` takes."""
    steps = x.shape[1 if batch_first else 0] if lengths is None else int(lengths.max())
    length = steps_of(every, steps)
    if steps <= length or transformed():
        return call(x, state, lengths, resets)

    def time_first(tensor: Tensor) -> Tensor:
        return tensor.transpose(0, 1) if batch_first else tensor

    def segment(
        x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        y, final = call(time_first(x), state, lengths, None if resets is None else time_first(resets))
        return time_first(y), final

    x, resets = time_first(x), None if resets is None else time_first(resets)
    unbatched = x.dim() < 3 and x.is_floating_point()  # [T, I], not a batch of word indices
    with shared_dropout_masks(module, 1 if unbatched else x.shape[1]):
        run = ModuleRun(module, segment, x.device, state)
        y, last = run_in_segments(run, length, steps, x, lengths, resets)
    return time_first(y), run.rebuilt(last)


class CheckpointedRunner:
    """Runner that runs another runner in segments and stores the states between them for gradients."""

    def __init__(self, runner: Runner, every: Every) -> None:
        self.runner, self.every = runner, every

    @property
    def backend(self) -> str:
        """Backend of the inner runner."""
        return self.runner.backend

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Output and state of one event, as of EagerRunner."""
        return self.runner.step(event, state)

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """Outputs and final state of a sequence, as of EagerRunner."""
        steps = len(x) if lengths is None else int(lengths.max()) if len(lengths) else 0
        every = steps_of(self.every, steps)
        if steps <= every or x.shape[1] == 0 or transformed():
            return self.runner.sequence(x, state, lengths, resets)
        run = self._pure(x, state, resets)
        y, last = run_in_segments(run, every, steps, x, lengths, resets)
        return y, run.rebuilt(last)

    def _pure(self, x: Tensor, state: State | None, resets: Tensor | None) -> PureRun:
        if not isinstance(self.runner, CompiledRunner):
            assert isinstance(self.runner, EagerRunner)
            return eager_run(self.runner, x, state)
        ready = self.runner.ready(x, state, resets is not None)
        if ready is not None:
            try:
                if torch.is_grad_enabled():
                    ready.found.prepare_training(x.shape[1], resets is not None)
                return CompiledRun(self.runner, ready)
            except refusal() as reason:
                self.runner.refuse(x, ready, str(reason))
        return eager_run(self.runner.eager, x, state)
