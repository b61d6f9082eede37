"""Streams over kernels with packed weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from ..cell.state import State, rebuilt, tensors
from .stream import Stream, copied

if TYPE_CHECKING:
    from ...compiler.driver import Compiled


class KernelStream(Stream):
    """Stream of one cell: a step is one call of a kernel, which allocates nothing.

    Weights are packed when the stream is made. A step after they have changed raises an error where PyTorch counts the
    change; `refresh` packs them again.

    Args:
        compiled: Compiled step of the cell, with a kernel over packed weights.
        named: Tensors of the cell by name.
        x: Buffer of events.
        initial: Initial state.
    """

    def __init__(self, compiled: "Compiled", named: Mapping[str, Tensor], x: Tensor, initial: State) -> None:
        kernel = compiled.packed_step
        assert kernel is not None
        self._kernel, self._initial = kernel, copied(initial)
        self._weights: Sequence[Tensor] = [named[name] for name in compiled.names]
        with torch.inference_mode(False), torch.no_grad():  # steps outside of inference mode write to these
            y = torch.zeros(len(x), *kernel.output_shape, dtype=kernel.dtype, device="cpu")
            # buffers in the kernel's format, where it is not that of the events
            self._inside = None if x.dtype is kernel.dtype else (x.to(kernel.dtype), y)
            super().__init__(x, y.to(compiled.outer))
            self._tapes = [
                torch.stack([part, part]).to(kernel.dtype).contiguous() for part in tensors(self._initial)
            ]
        self._current = 0  # half of the tapes that holds the state
        self.refresh()

    @property
    def fallback_reason(self) -> str | None:
        """None: a kernel runs the steps."""
        return None

    def refresh(self) -> None:
        """Pack the weights as they are now."""
        self._changed = _compiled_check([weight for weight in self._weights if not weight.is_inference()])
        packed = self._kernel.packed(self._weights)
        first, second = self._kernel.bound(packed, *(self._inside or (self.x, self.y)), self._tapes)
        self._turns = first.run, second.run
        self._bound = first, second  # the tables that the calls read

    def step(self, x: "Tensor | NDArray[Any] | None" = None) -> Tensor:
        """Output after the next event; see `Stream`."""
        if x is not None or self._inside is not None or self._changed():
            return super().step(x)
        self._turns[self._current]()
        self._current ^= 1
        return self.y

    def _advance(self) -> None:
        if self._changed():
            raise InputError(
                "a weight has changed since this stream packed it: call refresh() to take the weights as they are "
                "now, or make another stream"
            )
        if self._inside is None:
            self._turns[self._current]()
        else:
            with torch.no_grad():
                self._inside[0].copy_(self.x)
                self._turns[self._current]()
                self.y.copy_(self._inside[1])
        self._current ^= 1

    def _state(self) -> State:
        return rebuilt(
            self._initial, [tape[self._current].to(self.y.dtype, copy=True) for tape in self._tapes]
        )

    def _go_on_from(self, state: State) -> None:
        for tape, part in zip(self._tapes, tensors(state), strict=True):
            tape[self._current].copy_(part)

    def _restart(self, examples: Tensor | None) -> None:
        rows = slice(None) if examples is None else examples
        for tape, part in zip(self._tapes, tensors(self._initial), strict=True):
            tape[self._current][rows] = part[rows].to(tape.dtype)


def _compiled_check(weights: Sequence[Tensor]) -> Callable[[], bool]:
    """Function that says whether PyTorch has counted a change of a weight since now, without a loop."""
    scope: dict[str, Any] = {f"w{number}": weight for number, weight in enumerate(weights)}
    changes = [f"w{number}._version != {weight._version}" for number, weight in enumerate(weights)]
    check: Callable[[], bool] = eval(f"lambda: {' or '.join(changes) or False}", scope)  # our own text
    return check
