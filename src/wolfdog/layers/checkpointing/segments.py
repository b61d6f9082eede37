"""A sequence run in pieces: the states between them are kept, and what lies within a piece is computed again."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...compiler.batched import batched
from ...errors import InputError
from ..cell.rng import drawing, generators
from .functional import PureRun


def in_pieces(
    run: PureRun, every: int, steps: int, x: Tensor, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states of a run over events, `every` steps at a time, `steps` in all; zeros after those."""
    pieces = Pieces(run, every, steps, lengths, resets)
    read = [*run.states, *run.read]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *read)):
        y, *last = Checkpointing.apply(pieces, x, len(run.states), *read)  # type: ignore[no-untyped-call]
    else:
        y, last, _ = pieces.forward(x, run.states, run.read)
    return y, last


class Pieces:
    """A sequence in pieces: run forwards, where the states between them are kept; backwards; or as one graph."""

    def __init__(
        self, run: PureRun, every: int, steps: int, lengths: Tensor | None, resets: Tensor | None
    ) -> None:
        self.run, self.resets = run, resets
        self.lengths = None if lengths is None else lengths.to(torch.int64)  # bytes do not go below 0
        self.shortest = steps if lengths is None else int(lengths.min())
        self.spans = [slice(begin, min(begin + every, steps)) for begin in range(0, steps, every)]
        self.drawn: list[list[Tensor] | None] = []  # for every piece, the generators before it, where it drew

    def forward(
        self, x: Tensor, states: Sequence[Tensor], read: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Outputs, last states, and those before every piece but the first, each [pieces - 1, B, ...]."""
        whole, between, now = None, [], list(states)
        for number, span in enumerate(self.spans):
            before = generators(x.device) if self.run.draws else []
            y, now = self._piece(span, x[span], now, read)
            still = not before or all(map(torch.equal, before, generators(x.device)))
            self.drawn.append(None if still else before)
            if whole is None:
                whole = y.new_empty(len(x), *y.shape[1:])
                whole[self.spans[-1].stop :] = 0
                # one block for each: many small ones would lie scattered between what is freed after every piece
                between = [state.new_empty(len(self.spans) - 1, *state.shape) for state in now]
            whole[span] = y
            if number < len(self.spans) - 1:
                for kept, state in zip(between, now, strict=True):
                    kept[number] = state
        assert whole is not None
        return whole, now, between

    def backward(
        self,
        x: Tensor,
        starts: Sequence[Sequence[Tensor]],
        read: Sequence[Tensor],
        wanted: Sequence[bool],
        gradient: Tensor | None,
        last: Sequence[Tensor | None],
    ) -> list[Tensor | None]:
        """Gradients of events, first states and what is read; `wanted` says of which."""
        dx = torch.zeros_like(x) if wanted[0] else None
        count = len(starts[0])
        leaves = [t.detach().requires_grad_(w) for t, w in zip(read, wanted[1 + count :], strict=True)]
        totals: list[Tensor | None] = [None] * len(read)
        carried = list(last)
        for span, start, drawn in list(zip(self.spans, starts, self.drawn, strict=True))[::-1]:
            events = x[span].detach().requires_grad_(wanted[0])
            states = [s.detach().requires_grad_(s.is_floating_point()) for s in start]
            given = [events, *states, *leaves]
            with torch.enable_grad(), drawing(drawn, x.device):
                y, after = self._piece(span, events, states, leaves)
            if span is self.spans[-1] and self.run.draws:
                _check_closed([y, *after], given)
            arrived = None if gradient is None else gradient[span]
            found = _gradients([y, *after], [arrived, *carried], given)
            if dx is not None and found[0] is not None:
                dx[span] = found[0]
            carried = found[1 : 1 + len(states)]
            for number, part in enumerate(found[1 + len(states) :]):
                total = totals[number]
                totals[number] = part if total is None else total if part is None else total + part
        return [dx, *carried, *totals]

    def graph(
        self, x: Tensor, states: Sequence[Tensor], read: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Outputs and last states once more, as one graph that can be differentiated any number of times."""
        parts, now = [], list(states)
        for span, drawn in zip(self.spans, self.drawn, strict=True):
            with drawing(drawn, x.device):
                y, now = self._piece(span, x[span], now, read)
            parts.append(y)
        left = len(x) - self.spans[-1].stop
        return torch.cat([*parts, y.new_zeros(left, *y.shape[1:])]), now

    def _piece(
        self, span: slice, events: Tensor, states: Sequence[Tensor], read: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        lengths = None
        if self.lengths is not None and self.shortest < span.stop:
            lengths = (self.lengths - span.start).clamp(0, span.stop - span.start)
        resets = None if self.resets is None else self.resets[span]
        return self.run(read, events, states, lengths, resets)


class Checkpointing(torch.autograd.Function):
    """apply(pieces, x, how many states, *states, *what is read) -> (y, *last states)."""

    @staticmethod
    def forward(ctx: Any, pieces: Pieces, x: Tensor, count: int, *tensors: Tensor) -> Any:
        y, last, between = pieces.forward(x, tensors[:count], tensors[count:])
        ctx.pieces, ctx.count = pieces, count
        ctx.save_for_backward(x, *tensors, pieces.lengths, pieces.resets, *between)
        ctx.inputs = 1 + len(tensors)
        ctx.set_materialize_grads(False)
        # Copies of what a cell hands through unchanged, and of views: users may write into what they are given.
        return (y, *(s.clone() if s._is_view() or any(s is t for t in tensors) else s for s in last))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, *last: Tensor | None) -> Any:
        pieces: Pieces = ctx.pieces
        x, *tensors = ctx.saved_tensors[: ctx.inputs]
        states, read = tensors[: ctx.count], tensors[ctx.count :]
        wanted = ctx.needs_input_grad[1:2] + ctx.needs_input_grad[3:]
        again = torch.is_grad_enabled()
        if again or batched((gradient, *last)):
            with torch.enable_grad():
                # new views stand for the tensors, so that this graph starts at them, whatever they came from
                given = [t.view_as(t) if want else t for t, want in zip((x, *tensors), wanted, strict=True)]
                y, now = pieces.graph(given[0], given[1 : 1 + ctx.count], given[1 + ctx.count :])
            found = _gradients([y, *now], [gradient, *last], given, again)
        else:
            between = ctx.saved_tensors[ctx.inputs + 2 :]
            starts = [states, *zip(*between, strict=True)]
            found = pieces.backward(x, starts, read, wanted, gradient, last)
        return None, found[0], None, *found[1:]


def _gradients(
    outputs: Sequence[Tensor], arrived: Sequence[Tensor | None], given: Sequence[Tensor], again: bool = False
) -> list[Tensor | None]:
    """Gradients of what is given, from those that arrived at the outputs; differentiable themselves, where `again`."""
    pairs = [(o, g) for o, g in zip(outputs, arrived, strict=True) if g is not None and o.requires_grad]
    wanted = [tensor for tensor in given if tensor.requires_grad]
    if not pairs or not wanted:
        return [None] * len(given)
    found = iter(
        torch.autograd.grad(
            [o for o, _ in pairs], wanted, [g for _, g in pairs], create_graph=again, allow_unused=True
        )
    )
    return [next(found) if tensor.requires_grad else None for tensor in given]


def _check_closed(outputs: Sequence[Tensor], given: Sequence[Tensor]) -> None:
    """Raises InputError where outputs depend on a tensor with a gradient that is not among those given."""
    known = {id(tensor) for tensor in given}
    left = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
    seen = set(left)
    while left:
        node = left.pop()
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor) and id(variable) not in known:
            raise InputError(
                f"checkpointing: a tensor {list(variable.shape)} is used that needs a gradient and is no parameter, "
                "buffer or attribute of the module, so that it is not found where the module is run again: register "
                "it in the module, or do without checkpoints"
            )
        new = {following for following, _ in node.next_functions if following is not None} - seen
        seen |= new
        left += new
