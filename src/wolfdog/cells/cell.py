"""What every unit has in common: sizes, names of its memories, zero state, checks of what it is given."""

from typing import ClassVar, TypeAlias

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from .masks import Masked

OneMemory: TypeAlias = Tensor
TwoMemories: TypeAlias = tuple[Tensor, Tensor]


class Cell(Masked):
    """One step of a recurrent unit, `cell(event, state) -> state`; the state's first tensor is the output.

    Events are [B, input_size], or [input_size] without a batch; every tensor of the state is [B,
    hidden_size], or [hidden_size], but for the output of a unit that projects it, [B, output_size].
    `state_names` names those tensors: "stm" is the short-term memory (the hidden state h), "ltm" the long-term
    memory (the cell state c). Subclasses give `forward` and `reset_parameters`.

    Raises InputError for a size that is not a positive whole number.
    """

    state_names: ClassVar[tuple[str, ...]] = ("stm",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.state_mask = self.candidate_mask = None
        self.input_size = positive("input_size", input_size)
        self.hidden_size = positive("hidden_size", hidden_size)

    @property
    def output_size(self) -> int:
        """The features of the short-term memory, which is the output."""
        return self.hidden_size

    def reset_parameters(self) -> None:
        """Draw every parameter afresh from torch's random number generator."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"

    def _zeros(
        self, size: int, batch: int | None, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> Tensor:
        like = next(self.parameters())
        shape = (size,) if batch is None else (batch, size)
        return torch.zeros(shape, device=device or like.device, dtype=dtype or like.dtype)

    def _check_event(self, event: Tensor) -> None:
        if event.dim() not in (1, 2) or event.shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}: an event must be [B, {self.input_size}], or [{self.input_size}] "
                f"without a batch, because input_size={self.input_size}; got {list(event.shape)}"
            )
        if not event.is_floating_point():
            raise ShapeError(
                f"{type(self).__name__}: an event must hold floating point numbers; got {event.dtype}; "
                "convert it, for example with event.float()"
            )

    def _check_memory(self, name: str, memory: Tensor, size: int, event: Tensor) -> None:
        expected = (*event.shape[:-1], size)
        if memory.shape != expected:
            raise ShapeError(
                f"{type(self).__name__}: {name} must be {list(expected)} for an event of "
                f"{list(event.shape)}; got {list(memory.shape)}"
            )


class OneMemoryCell(Cell):
    """A unit that keeps one memory, which is also its output: the state is the tensor STM (h)."""

    state_names: ClassVar[tuple[str, ...]] = ("stm",)

    def initial_state(
        self,
        batch: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> OneMemory:
        """Zeros, [batch, hidden_size] or [hidden_size]; device and dtype are the parameters' unless given."""
        return self._zeros(self.output_size, batch, device, dtype)

    def before(self, event: Tensor, state: OneMemory | None) -> OneMemory:
        """The checked state that a step starts from; zeros where there is none."""
        self._check_event(event)
        if state is None:
            return self.initial_state(*event.shape[:-1])
        if not isinstance(state, Tensor):
            raise ShapeError(
                f"{type(self).__name__}: the state must be one tensor; got {type(state).__name__}"
            )
        self._check_memory("the state", state, self.output_size, event)
        return state


class TwoMemoryCell(Cell):
    """A unit that keeps a short-term memory, its output, and a long-term one: (STM, LTM) = (h, c)."""

    state_names: ClassVar[tuple[str, ...]] = ("stm", "ltm")

    def initial_state(
        self,
        batch: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> TwoMemories:
        """Two tensors of zeros as OneMemoryCell's one."""
        stm = self._zeros(self.output_size, batch, device, dtype)
        return stm, self._zeros(self.hidden_size, batch, device, dtype)

    def before(self, event: Tensor, state: TwoMemories | None) -> TwoMemories:
        """The checked state that a step starts from; zeros where there is none."""
        self._check_event(event)
        if state is None:
            return self.initial_state(*event.shape[:-1])
        if not isinstance(state, tuple) or len(state) != 2:
            raise ShapeError(
                f"{type(self).__name__}: the state must be a pair (stm, ltm); got {_describe(state)}; "
                "pass (state, torch.zeros_like(state)) to start from a short-term memory alone"
            )
        stm, ltm = state
        self._check_memory("stm", stm, self.output_size, event)
        self._check_memory("ltm", ltm, self.hidden_size, event)
        return stm, ltm


def positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a positive whole number; got {value!r}")
    return value


def _describe(state: object) -> str:
    if isinstance(state, tuple):
        return f"a tuple of {len(state)}"
    return "one tensor" if isinstance(state, Tensor) else f"a {type(state).__name__}"
