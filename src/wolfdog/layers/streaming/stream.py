"""Base class of streams."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import ShapeError
from ..cell.arguments import described
from ..cell.protocol import check_state
from ..cell.state import State, rebuilt, structure, tensors, transform


class Stream(ABC):
    """One step at a time without gradient, over events that come one by one, as `layer.stream()` makes it.

        y, state = step(x, state)

    The state belongs to the stream, and so do the buffers `x` and `y`: write an event into `x`, call `step()`, read
    `y`. Neither buffer ever moves; `x.numpy()` and `y.numpy()` are views of them. A stream is for one thread at a time.

    Args:
        x: Buffer of events.
        y: Buffer of outputs.

    Attributes:
        x: Event [B, ...] of the next step.
        y: Output [B, ...] of the last step; zeros before the first.
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    @property
    def batch(self) -> int:
        """Number of streams that are run side by side."""
        return len(self.x)

    @property
    def state(self) -> State | None:
        """Copy of the state, each tensor [B, ...]; None before the first step of a cell that makes its own first state.

        Assign a state to go on from it, and None to return to the initial state.
        """
        return self._state()

    @state.setter
    def state(self, state: State | None) -> None:
        if state is None:
            self.reset()
            return
        self._check(state)
        now = self._state()
        if now is not None and _form(state) != _form(now):
            raise ShapeError(
                f"the state of this stream is {structure(now)} of {_sizes(now)}; got {structure(state)} of "
                f"{_sizes(state)}"
            )
        self._go_on_from(copied(state))

    @property
    @abstractmethod
    def fallback_reason(self) -> str | None:
        """Reason why steps run by PyTorch's operators; None where a kernel runs them."""

    def step(self, x: "Tensor | NDArray[Any] | None" = None) -> Tensor:
        """Output after the next event.

        Args:
            x: Event [B, ...], which is copied into the buffer; None where it has been written there already.

        Returns:
            The buffer `y`, which the next step overwrites.

        Raises:
            ShapeError: The event has another shape.
            InputError: Weights have changed since they were packed.
        """
        if x is not None:
            event = x if isinstance(x, Tensor) else torch.as_tensor(x, device="cpu")
            if event.shape != self.x.shape:
                raise ShapeError(f"an event of this stream is {list(self.x.shape)}; got {described(event)}")
            with torch.no_grad():
                self.x.copy_(event)
        self._advance()
        return self.y

    def reset(self, examples: Tensor | Sequence[int] | None = None) -> None:
        """Return to the initial state.

        Args:
            examples: Booleans [B], or the numbers of the examples; None for all.

        Raises:
            ShapeError: They are neither.
        """
        if examples is None:
            self._restart(None)
            return
        chosen = examples if isinstance(examples, Tensor) else torch.as_tensor(examples, device="cpu")
        fits = chosen.shape == (self.batch,) if chosen.dtype is torch.bool else chosen.dtype is torch.int64
        if not fits or chosen.dim() != 1:
            raise ShapeError(
                f"examples must be booleans of shape [{self.batch}], or whole numbers; got {described(chosen)}"
            )
        mask = torch.zeros(self.batch, dtype=torch.bool, device=self.x.device)
        mask[chosen] = True
        self._restart(mask)

    @abstractmethod
    def refresh(self) -> None:
        """Take the weights as they are now, after they have changed."""

    @abstractmethod
    def _advance(self) -> None:
        """Run a step from `x` to `y`."""

    def _check(self, state: State) -> None:
        """Check that a value is a state of this batch.

        Raises:
            ShapeError: It is not.
        """
        check_state(state, self.batch)

    @abstractmethod
    def _state(self) -> State | None:
        """Copy of the state."""

    @abstractmethod
    def _go_on_from(self, state: State) -> None:
        """Take a checked state."""

    @abstractmethod
    def _restart(self, examples: Tensor | None) -> None:
        """Return the examples of a mask [B], or all, to the initial state."""


def copied(state: State) -> State:
    """Copy of a state that shares no memory with it."""
    return transform(lambda tensor: tensor.detach().clone(), state)


def mixed(examples: Tensor, chosen: State, others: State) -> State:
    """State with the examples of a mask [B] from one state, and the others from another of the same form."""
    pairs = zip(tensors(chosen), tensors(others), strict=True)
    return rebuilt(
        others, [torch.where(examples.view(-1, *[1] * (a.dim() - 1)), a.to(b.dtype), b) for a, b in pairs]
    )


def _form(state: State) -> object:
    return structure(state), [tensor.shape for tensor in tensors(state)]


def _sizes(state: State) -> str:
    return ", ".join(str(list(tensor.shape)) for tensor in tensors(state))
