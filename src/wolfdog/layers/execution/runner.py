"""What runs a layer, and how one is chosen: the place where a compiled backend comes in."""

import os
from typing import Protocol

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..cell.protocol import Returns
from ..cell.state import State
from .compiled import CompiledRunner
from .eager import EagerRunner

BACKENDS = ("eager", "llvm")


class Runner(Protocol):
    """Runs one cell over checked events, laid out as [T, B, ...]; EagerRunner is the meaning."""

    @property
    def backend(self) -> str: ...

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]: ...

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]: ...


def asked_backend(backend: str | None) -> str | None:
    """The backend asked for by argument, or else by the variable WOLFDOG_BACKEND; None for the fastest.

    Raises InputError for a backend that does not exist.
    """
    asked = backend if backend is not None else os.environ.get("WOLFDOG_BACKEND") or None
    if asked is not None and asked not in BACKENDS:
        origin = "backend" if backend is not None else "the environment variable WOLFDOG_BACKEND"
        known = ", ".join(repr(name) for name in BACKENDS)
        raise InputError(f"{origin} must be one of {known}, or be left out for the fastest; got {asked!r}")
    return asked


def choose(cell: nn.Module, returns: Returns | None, asked: str | None) -> tuple[Runner, str | None]:
    """The runner for a cell, and why there is none faster (None where this is the fastest)."""
    if asked == "eager":
        return EagerRunner(cell, returns), "the eager backend was asked for"
    if isinstance(cell, torch.jit.ScriptModule):
        return EagerRunner(
            cell, returns
        ), "the cell is a program of TorchScript, of which no step can be traced"
    return CompiledRunner(cell, returns), None
