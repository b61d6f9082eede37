"""Interface of runners, and the choice between the compiled and the eager one."""

from typing import Protocol

import torch
from torch import Tensor, nn

from ..cell.protocol import Returns
from ..cell.state import State
from .compiled import CompiledRunner
from .eager import EagerRunner
from .precision import Precision
from .program_choice import Kept


class Runner(Protocol):
    """Interface of a runner of one cell over checked events [T, B, ...]; EagerRunner defines the results."""

    @property
    def backend(self) -> str: ...

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]: ...

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]: ...


def choose(
    cell: nn.Module,
    returns: Returns | None,
    asked: str | None,
    kept: Kept | None = None,
    precision: Precision | None = None,
) -> tuple[Runner, str | None]:
    """Runner for a cell, and the reason why there is no faster one.

    Args:
        cell: The cell.
        returns: As of `Recurrent`.
        asked: The requested backend, or None.
        kept: Checks that a layer stores for the runner between calls.
        precision: As of `Recurrent`.

    Returns:
        The runner, and the reason (None where this is the fastest).
    """
    if asked == "eager":
        return EagerRunner(cell, returns), "the eager backend was asked for"
    if isinstance(cell, torch.jit.ScriptModule):
        return EagerRunner(
            cell, returns
        ), "the cell is a program of TorchScript, of which no step can be traced"
    return CompiledRunner(cell, returns, kept, precision), None
