"""Base classes of recurrent cells: sizes, state names, zero state, argument checks."""

from typing import ClassVar, TypeAlias

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from .masks import Masked

OneMemory: TypeAlias = Tensor
TwoMemories: TypeAlias = tuple[Tensor, Tensor]


class Cell(Masked):
    """Base class of recurrent cells: one step `cell(event, state) -> state`.

    Events are [B, input_size], or [input_size] without a batch. Every tensor of the state is [B, hidden_size] or
    [hidden_size]; the output of a cell with a projection is [B, output_size]. The first tensor of the state is the
    output. Subclasses define `forward` and `reset_parameters`.

    Attributes:
        state_names: Names of the state's tensors: "stm" is the short-term memory (hidden state h), "ltm" the long-term
            memory (cell state c).

    Args:
        input_size: Features of an event.
        hidden_size: Features of the state.

    Raises:
        InputError: A size is not a positive integer.
    """

    state_names: ClassVar[tuple[str, ...]] = ("stm",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.state_mask = self.candidate_mask = None
        self.input_size = positive("input_size", input_size)
        self.hidden_size = positive("hidden_size", hidden_size)

    @property
    def output_size(self) -> int:
        """Features of the output, the short-term memory."""
        return self.hidden_size

    def reset_parameters(self) -> None:
        """Initialise every parameter with torch's random number generator."""
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
    """Base class of cells whose state is one tensor, the output STM (h)."""

    state_names: ClassVar[tuple[str, ...]] = ("stm",)

    def initial_state(
        self,
        batch: int | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> OneMemory:
        """Zero state, [batch, output_size] or [output_size]; device and dtype default to those of the parameters."""
        return self._zeros(self.output_size, batch, device, dtype)

    def before(self, event: Tensor, state: OneMemory | None) -> OneMemory:
        """Checked previous state; zeros if `state` is None.

        Raises:
            ShapeError: The event or the state has the wrong shape or type.
        """
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
    """Base class of cells whose state is a pair (STM, LTM), that is (h, c); STM is the output."""

    state_names: ClassVar[tuple[str, ...]] = ("stm", "ltm")

    def initial_state(
        self,
        batch: int | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> TwoMemories:
        """Zero states (stm, ltm), each with or without a batch; device and dtype default to those of the parameters."""
        stm = self._zeros(self.output_size, batch, device, dtype)
        return stm, self._zeros(self.hidden_size, batch, device, dtype)

    def before(self, event: Tensor, state: TwoMemories | None) -> TwoMemories:
        """Checked previous states; zeros if `state` is None.

        Raises:
            ShapeError: The event or a state has the wrong shape or type.
        """
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
    """Value, checked to be a positive integer.

    Raises:
        InputError: It is not; the message calls the argument `name`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a positive whole number; got {value!r}")
    return value


def _describe(state: object) -> str:
    if isinstance(state, tuple):
        return f"a tuple of {len(state)}"
    return "one tensor" if isinstance(state, Tensor) else f"a {type(state).__name__}"
