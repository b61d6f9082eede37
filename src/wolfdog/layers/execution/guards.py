"""What was run last, run again where nothing has changed: checks cost more than small kernels.

Every check is a pass in C over all that it is about, of a few tenths of a microsecond.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from ..cell.arguments import checked_lengths
from ..cell.protocol import Returns
from ..cell.state import State, tensors
from .cell_attributes import changing
from .cell_cache import CellRecord

if TYPE_CHECKING:
    from ...compiler.driver import Compiled
    from ...compiler.runtime.single_step import SingleStep

Alike = Callable[..., bool]
"""Whether tensors look as others did: type, number format, device, sizes, strides, and what modes make of them."""

_version: Callable[[Tensor], int] = Tensor._version.__get__  # type: ignore[attr-defined]
_address: Callable[[Tensor], int] = Tensor.data_ptr
_get: Callable[[dict[str, Any], str], Any] = dict.get
_functorch = torch._C._functorch.peek_interpreter_stack


class Unchanged:
    """Whether a cell, and an event and a state that it is given, are as those that this was made for.

    cell, returns  what is run
    """

    def __init__(
        self,
        cell: nn.Module,
        returns: Returns | None,
        record: CellRecord,
        names: Sequence[str],
        event: Tensor,
        state: State,
    ) -> None:
        self.cell, self.returns = cell, returns
        states = list(tensors(state))
        self._alone, self._count = isinstance(state, Tensor), len(states)
        self._dicts, self._keys = record.places(names)
        self._values, self._number = list(map(_get, self._dicts, self._keys)), len(names)
        self._sized = record.sized()
        self._sizes = list(map(len, self._sized))
        self._lists = [value for value in self._values if changing(value)]
        self._were = [value.copy() for value in self._lists]
        self._alike = alike([event, *states, *self._values[: self._number]])

    def is_of(self, cell: object, returns: Returns | None) -> bool:
        """Whether it is that cell, in that form."""
        return cell is self.cell and returns == self.returns

    def read(self, event: Tensor, states: Any) -> list[Tensor] | None:
        """The tensors named, as they are now; None where something is not as it was.

        Of attributes, equal is enough: what is equal says the same.
        """
        if type(states) is not tuple or len(states) != self._count or transformed():
            return None
        try:
            values = list(map(_get, self._dicts, self._keys))
            read = values[: self._number]
            same = (
                values == self._values
                and list(map(len, self._sized)) == self._sizes
                and self._alike(event, *states, *read)
                and (not self._lists or self._lists == self._were)
            )
        except (RuntimeError, ValueError, TypeError):  # a tensor or an array is where something else was
            return None
        return read if same else None

    def parts(self, state: Any) -> Any:
        """The tensors of a state of the form it was made for; whatever else a state is comes back."""
        return (state,) if self._alone else state

    def whole(self, parts: Sequence[Tensor]) -> State:
        """The state of these tensors."""
        return parts[0] if self._alone else tuple(parts)


class StepAgain(Unchanged):
    """A step without a gradient, as a function of an event and a state that look as those that it was made for."""

    def __init__(
        self,
        cell: nn.Module,
        returns: Returns | None,
        record: CellRecord,
        single: "SingleStep",
        names: Sequence[str],
        event: Tensor,
        state: State,
    ) -> None:
        super().__init__(cell, returns, record, names, event, state)
        read = self._values[: self._number]
        self._single, self._packed, self._batch = single, single.packed(read), len(event)
        self._versions, self._addresses = list(map(_version, read)), list(map(_address, read))
        self._memory = [tensor.detach() for tensor in read]  # kept, so that nothing else comes to lie there

    def __call__(self, event: Tensor, state: Any) -> tuple[Tensor, State] | None:
        """The output and the state after; None where something is not as it was.

        A tensor that is equal but not the one that it was lies elsewhere.
        """
        states = self.parts(state)
        read = None if torch.is_grad_enabled() else self.read(event, states)
        if (
            read is None
            or list(map(_version, read)) != self._versions
            or list(map(_address, read)) != self._addresses
        ):
            return None
        y, after = self._single.run(self._packed, self._batch, event, states)
        return y, self.whole(after)


class SequenceAgain(Unchanged):
    """Sequences without resets, as a function of events and a state that look as those that it was made for.

    found  what is compiled for them
    state  one of the form that is given
    start  the one where none is given; None where only the cell knows it
    """

    def __init__(
        self,
        cell: nn.Module,
        returns: Returns | None,
        record: CellRecord,
        found: "Compiled",
        x: Tensor,
        state: State,
        start: State | None,
    ) -> None:
        super().__init__(cell, returns, record, found.names, x, state)
        self._found, self._start = found, start

    def __call__(
        self, x: Tensor, state: Any, lengths: Tensor | Sequence[int] | None
    ) -> tuple[Tensor, State] | None:
        """The outputs [T, B, ...] and the state after; None where something is not as it was.

        Raises as the layer does for lengths that are none.
        """
        states = self.parts(self._start if state is None else state)
        read = self.read(x, states)
        if read is None or torch.is_autocast_enabled("cpu"):
            return None
        checked = None if lengths is None else checked_lengths(lengths, x.shape[0], x.shape[1])
        y, after = self._found.sequence(dict(zip(self._found.names, read, strict=True)), x, states, checked)
        return y, self.whole(after)


def transformed() -> bool:
    """Whether a transform of torch.func, or forward-mode differentiation, is at work."""
    return _functorch() is not None or forward_ad._current_level >= 0


def alike(like: Sequence[Tensor]) -> Alike:
    """A function that says whether as many tensors look as these do; PyTorch's own guards, where it has them."""
    guards = getattr(getattr(torch._C, "_dynamo", None), "guards", None)
    made = getattr(guards, "TensorGuards", None)
    if made is None:
        return alike_in_python(like)
    sizes, strides = [list(t.shape) for t in like], [list(t.stride()) for t in like]
    check: Alike = made(*like, dynamic_dims_sizes=sizes, dynamic_dims_strides=strides).check
    return check


def alike_in_python(like: Sequence[Tensor]) -> Alike:
    """The same, one question after another."""
    looks = list(map(_look, like))
    return lambda *given: len(given) == len(looks) and list(map(_look, given)) == looks


def _look(tensor: Any) -> Any:
    if not isinstance(tensor, Tensor):
        return type(tensor)
    kind = type(tensor), tensor.dtype, tensor.device, tensor.layout, tensor.requires_grad
    return *kind, tensor.shape, tensor.stride(), tensor.is_neg(), tensor.is_conj(), tensor.is_inference()
