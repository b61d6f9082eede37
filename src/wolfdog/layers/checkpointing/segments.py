"""Runs in segments: states between segments are stored, values inside are recomputed for gradients."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...compiler.batched import batched, recorded
from ...compiler.saved_tensors import as_saved, saved_forms
from ...errors import InputError
from ..cell.rng import generators, replayed
from .functional import PureRun


def run_in_segments(
    run: PureRun, every: int, steps: int, x: Tensor, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """Outputs and final states of a run over events.

    Args:
        run: The run.
        every: Number of steps of a segment.
        steps: Number of steps; later outputs are zero.
        x: Events [T, B, ...].
        lengths: [B] or None.
        resets: [T, B] or None.
    """
    segments = Segments(run, every, steps, lengths, resets)
    read = [*run.states, *run.read]
    if recorded((x, *read)):
        y, *last = Checkpointing.apply(segments, x, len(run.states), *read)  # type: ignore[no-untyped-call]
    else:
        y, last, _ = segments.forward(x, run.states, run.read)
    return y, last


class Segments:
    """Sequence in segments: forward pass with stored states, backward pass with recomputation, differentiable graph."""

    def __init__(
        self, run: PureRun, every: int, steps: int, lengths: Tensor | None, resets: Tensor | None
    ) -> None:
        self.run, self.resets = run, resets
        self.lengths = None if lengths is None else lengths.to(torch.int64)  # signed, for differences
        self.shortest = steps if lengths is None else int(lengths.min())
        self.spans = [slice(begin, min(begin + every, steps)) for begin in range(0, steps, every)]
        self.generator_states: list[list[Tensor] | None] = []  # before each segment, None if it drew nothing

    def forward(
        self, x: Tensor, states: Sequence[Tensor], read: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Outputs, final states, and the states before each segment but the first, each [segments - 1, B, ...]."""
        whole, between, now = None, [], list(states)
        for number, span in enumerate(self.spans):
            before = generators(x.device) if self.run.draws else []
            y, now = self._segment(span, x[span], now, read)
            still = not before or all(map(torch.equal, before, generators(x.device)))
            self.generator_states.append(None if still else before)
            if whole is None:
                whole = y.new_empty(len(x), *y.shape[1:])
                whole[self.spans[-1].stop :] = 0
                # One block for all segments: many small ones would fragment the memory that segments free.
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
        needed: Sequence[bool],
        dy: Tensor | None,
        last: Sequence[Tensor | None],
    ) -> list[Tensor | None]:
        """Gradients of events, initial states and read tensors, where `needed` is True."""
        dx = torch.zeros_like(x) if needed[0] else None
        count = len(starts[0])
        leaves = [t.detach().requires_grad_(w) for t, w in zip(read, needed[1 + count :], strict=True)]
        totals: list[Tensor | None] = [None] * len(read)
        carried = list(last)
        for span, start, generator_state in list(zip(self.spans, starts, self.generator_states, strict=True))[
            ::-1
        ]:
            events = x[span].detach().requires_grad_(needed[0])
            states = [s.detach().requires_grad_(s.is_floating_point()) for s in start]
            inputs = [events, *states, *leaves]
            with torch.enable_grad(), replayed(generator_state, x.device):
                y, after = self._segment(span, events, states, leaves)
            if span is self.spans[-1] and self.run.draws:
                _check_closed([y, *after], inputs)
            upstream = None if dy is None else dy[span]
            gradients = _gradients([y, *after], [upstream, *carried], inputs)
            if dx is not None and gradients[0] is not None:
                dx[span] = gradients[0]
            carried = gradients[1 : 1 + len(states)]
            for number, part in enumerate(gradients[1 + len(states) :]):
                total = totals[number]
                totals[number] = part if total is None else total if part is None else total + part
        return [dx, *carried, *totals]

    def graph(
        self, x: Tensor, states: Sequence[Tensor], read: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Outputs and final states as one graph that can be differentiated repeatedly."""
        parts, now = [], list(states)
        for span, generator_state in zip(self.spans, self.generator_states, strict=True):
            with replayed(generator_state, x.device):
                y, now = self._segment(span, x[span], now, read)
            parts.append(y)
        left = len(x) - self.spans[-1].stop
        return torch.cat([*parts, y.new_zeros(left, *y.shape[1:])]), now

    def _segment(
        self, span: slice, events: Tensor, states: Sequence[Tensor], read: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        lengths = None
        if self.lengths is not None and self.shortest < span.stop:
            lengths = (self.lengths - span.start).clamp(0, span.stop - span.start)
        resets = None if self.resets is None else self.resets[span]
        return self.run(read, events, states, lengths, resets)


class Checkpointing(torch.autograd.Function):
    """Autograd function of a run in segments.

    Its signature is apply(segments, x, number of states, *states, *read) -> (y, *final states).
    """

    @staticmethod
    def forward(ctx: Any, segments: Segments, x: Tensor, count: int, *tensors: Tensor) -> Any:
        y, last, between = segments.forward(x, tensors[:count], tensors[count:])
        ctx.segments, ctx.count = segments, count
        saved = (x, *tensors, segments.lengths, segments.resets, *between)
        ctx.save_for_backward(*saved)
        ctx.forms = saved_forms(saved)
        ctx.inputs = 1 + len(tensors)
        ctx.set_materialize_grads(False)
        # Copies of unchanged inputs and of views, since callers may write into the results.
        return (y, *(s.clone() if s._is_view() or any(s is t for t in tensors) else s for s in last))

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, *last: Tensor | None) -> Any:
        segments: Segments = ctx.segments
        everything, _ = as_saved(ctx.saved_tensors, ctx.forms)
        x, *tensors = everything[: ctx.inputs]
        states, read = tensors[: ctx.count], tensors[ctx.count :]
        needed = ctx.needs_input_grad[1:2] + ctx.needs_input_grad[3:]
        create_graph = torch.is_grad_enabled()
        if create_graph or batched((dy, *last)):
            with torch.enable_grad():
                # New views of the tensors, so that this graph ends there and not in the graphs that made them.
                inputs = [t.view_as(t) if n else t for t, n in zip((x, *tensors), needed, strict=True)]
                y, now = segments.graph(inputs[0], inputs[1 : 1 + ctx.count], inputs[1 + ctx.count :])
            gradients = _gradients([y, *now], [dy, *last], inputs, create_graph)
        else:
            between = everything[ctx.inputs + 2 :]
            starts = [states, *zip(*between, strict=True)]
            gradients = segments.backward(x, starts, read, needed, dy, last)
        return None, gradients[0], None, *gradients[1:]


def _gradients(
    outputs: Sequence[Tensor],
    upstream: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    create_graph: bool = False,
) -> list[Tensor | None]:
    """Gradients with respect to `inputs` from those of the outputs; differentiable if `create_graph`."""
    pairs = [(o, g) for o, g in zip(outputs, upstream, strict=True) if g is not None and o.requires_grad]
    targets = [tensor for tensor in inputs if tensor.requires_grad]
    if not pairs or not targets:
        return [None] * len(inputs)
    found = iter(
        torch.autograd.grad(
            [o for o, _ in pairs],
            targets,
            [g for _, g in pairs],
            create_graph=create_graph,
            allow_unused=True,
        )
    )
    return [next(found) if tensor.requires_grad else None for tensor in inputs]


def _check_closed(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Check that outputs depend on no tensors with gradients other than `inputs`.

    Raises:
        InputError: They do.
    """
    known = {id(tensor) for tensor in inputs}
    left = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
    seen = set(left)
    while left:
        node = left.pop()
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor) and id(variable) not in known:
            raise InputError(
                f"checkpointing: the model uses a tensor {list(variable.shape)} that requires a gradient and is none "
                "of its parameters, buffers or attributes, so that the second run cannot replace it: register "
                "it in the model, or do not use checkpoints"
            )
        new = {following for following, _ in node.next_functions if following is not None} - seen
        seen |= new
        left += new
