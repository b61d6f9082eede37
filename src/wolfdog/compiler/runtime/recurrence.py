"""Compiled recurrences: kernels of the loop over time, and their gradients."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..backends.llvm.buffer_pool import empty
from ..backends.llvm.call_plan import Buffer
from ..backends.llvm.emit import CallerStreams
from ..backends.llvm.launch import ALWAYS, Launch, side_by_side
from ..backends.llvm.narrow import MatrixFormat
from ..fork_safety import lazy
from ..ir.evaluate import evaluate
from ..ir.program import Program
from ..passes.adjoint import adjoint
from ..passes.buffers import BufferView
from ..passes.hoist import Split, prepare, split
from ..passes.rematerialize import Differentiated, cut
from ..ragged import SortedLengths
from ..saved_tensors import SavedForms
from .affine import affine, deferred_affine
from .torch_program import as_function, as_they_are
from .weight_gradients import matrix_gradient, summed


@dataclass(frozen=True)
class Saved:
    """Tensors that the forward pass saves for the backward pass, by name, and sizes."""

    tensors: dict[str, Tensor]
    steps: int
    batch: int


class Recurrence:
    """Loop over time of a traced step, for one number format.

    With `hoist_events`, PyTorch computes what depends on events alone, for all steps at once: faster for small batches.
    Without, the kernel computes it step by step, which saves memory traffic: faster for large batches.

    Args:
        program: Program of a step.
        dtype: torch.float32 or torch.float64.
        hoist_events: See above.
        matrices: Format of the matrices of products.
    """

    def __init__(
        self,
        program: Program,
        dtype: torch.dtype,
        hoist_events: bool = True,
        matrices: MatrixFormat = MatrixFormat.FLOAT32,
    ) -> None:
        self.dtype, self.format = dtype, matrices
        self.split: Split = split(prepare(program, hoist_events))
        step = self.split.recurrence
        self.states = sorted((name for name in step.outputs if name != "y"), key=lambda name: int(name[1:]))
        self.shapes = {name: step.outputs[name].shape for name in self.states}
        self.events = [value.name for value in step.inputs("event", "now")]
        self.event_shapes = {value.name: value.shape for value in step.inputs("event", "now")}
        self.parameters = [
            n for n in self.split.parameters.outputs if n in {v.name for v in step.inputs("parameter")}
        ]
        self.output_shape = step.outputs["y"].shape
        self.early = as_function(self.split.parameters)
        self.over_events = (
            as_function(
                self.split.events, partial(affine, form=matrices), partial(deferred_affine, form=matrices)
            )
            if hoist_events
            else as_they_are
        )
        self.callers = CallerStreams(frozenset(self.events), ("y",))
        self.inference = Launch(step, dtype, callers=self.callers, matrices=matrices)
        self.saved_forms = SavedForms()

    @lazy
    def differentiated(self) -> Differentiated:
        """Forward and backward programs, with the values saved between them."""
        return cut(adjoint(self.split.recurrence))

    @property
    def _differentiated_format(self) -> MatrixFormat:
        """Format of matrices where gradients are computed; weights of int8 are for inference."""
        return MatrixFormat.FLOAT32 if self.format is MatrixFormat.INT8 else self.format

    @lazy
    def training(self) -> Launch:
        """Forward kernel of training."""
        return Launch(
            self.differentiated.forward,
            self.dtype,
            callers=self.callers,
            matrices=self._differentiated_format,
        )

    @lazy
    def backward_kernel(self) -> Launch:
        """Backward kernel."""
        adjoint = self.differentiated.backward
        gets = tuple(name for name in self.events if name in adjoint.outputs)
        callers = CallerStreams(frozenset(["dy", *self.events]), gets)
        return Launch(adjoint, self.dtype, True, callers, self._differentiated_format)

    @lazy
    def backward_parameters(self) -> Callable[..., dict[str, Tensor]]:
        """Function of the recurrence's parameters to those of the backward kernel."""
        return as_function(self.differentiated.parameters)

    @lazy
    def taped(self) -> set[str]:
        """Names of states that the backward pass reads at every step."""
        read = {v.name.removesuffix("_next") for v in self.differentiated.backward.inputs("state", "next")}
        read |= {stream.name.removesuffix("_next") for _, stream, _, _ in self.differentiated.matrices}
        return read & set(self.states)

    @lazy
    def kept(self) -> list[str]:
        """Names of other streams that the backward pass reads."""
        read = [v.name for v in self.differentiated.backward.inputs("saved")]
        read += [stream.name for _, stream, _, _ in self.differentiated.matrices]
        return [n for n in dict.fromkeys(read) if n.removesuffix("_next") not in self.states]

    def forward(
        self,
        events: Sequence[Tensor],
        parameters: Sequence[Tensor],
        states: Sequence[Tensor],
        steps: int,
        lengths: Tensor | None,
        save: bool,
    ) -> tuple[Tensor, list[Tensor], Saved | None]:
        """Outputs `[T, B, ...]`, last states, and saved tensors.

        Args:
            events: Kernel inputs of every event, `[T, B, ...]`, in the order of `self.events`.
            parameters: Kernel inputs of the parameters, in the order of `self.parameters`.
            states: States before the sequence, `[B, ...]`.
            steps: Number of steps, T.
            lengths: Integers `[B]`, or None.
            save: Whether a backward pass will follow.
        """
        launch = self.training if save else self.inference
        ragged = None if lengths is None else SortedLengths.of(lengths)
        turned = ragged is not None and ragged.order is not None
        batch = states[0].shape[0] if states else events[0].shape[1]
        plan, workers = launch.plan(
            steps, batch, turned, lambda: self._buffers(launch, steps, batch, save or not turned, save)
        )
        own = plan.buffers()
        tapes = own[: len(states)]
        for tape, state in zip(tapes, states, strict=True):
            tape[0].copy_(state if ragged is None else ragged.sort(state))
        kept = {name: self._rows(event, 2) for name, event in zip(self.events, events, strict=True)}
        streams = {name: (tensor, ALWAYS) for name, tensor in kept.items()}
        if turned:
            output = empty(steps, batch, *self.output_shape, dtype=self.dtype)
            streams["y_out"] = (output, ALWAYS)
        plan.run(own, streams, dict(zip(self.parameters, parameters, strict=True)), ragged, workers)

        def found(name: str) -> Tensor:
            view = plan.view(name, own)
            return self._found(launch, name, kept) if view is None else view

        if not turned:
            output = found("y")
        last = [self._last(tape, steps, ragged) for tape in tapes]
        if not save:
            return output, last, None
        keep = {name: kept[name] if name in self.events else found(name) for name in self.kept}
        keep |= {name: tape for name, tape in zip(self.states, tapes, strict=True) if name in self.taped}
        return output, last, Saved(keep, steps, batch)

    def _buffers(self, launch: Launch, steps: int, batch: int, whole: bool, save: bool) -> dict[str, Buffer]:
        """Buffers of a forward call: the states at every step where something reads them, and the other streams.

        Args:
            launch: Its kernel.
            steps: Number of steps.
            batch: Number of examples.
            whole: Whether outputs of every step are views of these buffers.
            save: Whether a backward pass will follow.
        """
        always = (launch.whole if whole else frozenset()) | (self.taped if save else set())
        found = {}
        for name in self.states:
            room = steps + 1 if name in always else 2
            found[name] = Buffer((room, batch, *self.shapes[name]), room)
        for name, shape in launch.nest.streams.items():
            room = steps if whole else 1
            found[name] = Buffer((room, batch, *shape), room)
        return found

    def _rows(self, tensor: Tensor, lead: int) -> Tensor:
        tensor = tensor.detach()
        return tensor if tensor.is_contiguous() else side_by_side(tensor, tensor.dim() - lead)

    def _found(self, launch: Launch, name: str, given: Mapping[str, Tensor]) -> Tensor:
        """Output of every step, which is a view of a stream that the kernel was given."""
        place = launch.nest.aliases[name]
        base = given[place.buffer]
        size = (*base.shape[:2], *place.shape)
        return base.as_strided(
            size, (*base.stride()[:2], *place.strides), base.storage_offset() + place.offset
        )

    def _last(self, tape: Tensor, steps: int, ragged: SortedLengths | None) -> Tensor:
        room = tape.shape[0]
        if ragged is None:
            state = tape[steps % room]
            return state.clone() if room > steps else state  # outputs may be views of a tape of all steps
        return ragged.unsort(tape[ragged.lengths % room, torch.arange(tape.shape[1], device="cpu")])

    def backward(
        self,
        saved: Saved,
        parameters: Sequence[Tensor],
        gradient: Tensor | None,
        last: Sequence[Tensor | None],
        lengths: Tensor | None,
        wanted: tuple[Sequence[bool], Sequence[bool]],
    ) -> tuple[list[Tensor | None], list[Tensor | None], list[Tensor | None]]:
        """Gradients of events, parameters and first states, from those of the outputs and of the last states.

        `wanted` has, for every event stream and every parameter, whether its gradient is computed.
        """
        launch, steps, batch = self.backward_kernel, saved.steps, saved.batch
        ragged = None if lengths is None else SortedLengths.of(lengths)
        named = dict(zip(self.parameters, parameters, strict=True))
        like = (
            saved.tensors[next(iter(saved.tensors))]
            if saved.tensors
            else torch.empty(0, dtype=self.dtype, device="cpu")
        )
        streams = {
            name: (tensor, steps + 1 if name in self.states else ALWAYS)
            for name, tensor in saved.tensors.items()
        }
        given = self.backward_parameters(like=like, **named)
        if gradient is None:
            gradient = torch.zeros((), dtype=self.dtype, device="cpu")
            gradient = gradient.expand(steps, batch, *self.output_shape)
        streams["dy"] = (self._rows(gradient, 2), ALWAYS)
        to_events, to_parameters = wanted
        needed = [name if want else None for name, want in zip(self.events, to_events, strict=True)]
        copied: tuple[str, ...] = ()
        turned = ragged is not None and ragged.order is not None
        if turned:
            copied = tuple(name for name in launch.callers.outputs if name in needed)
            for name in copied:
                made = empty(steps, batch, *self.event_shapes[name], dtype=self.dtype)
                streams[f"{name}_out"] = (made, ALWAYS)
        passing = self._passing(copied)
        plan, workers = launch.plan(
            steps,
            batch,
            turned,
            lambda: self._backward_buffers(steps, batch, passing),
            variant=copied,
        )
        own = plan.buffers()
        carries = own[: len(self.states)]
        for carry, final in zip(carries, last, strict=True):
            if final is None:
                carry.zero_()
            else:
                carry.copy_(final if ragged is None else ragged.sort(final))
        plan.run(own, streams, given, ragged, workers)
        read = {name: tensor for name, (tensor, _) in streams.items()}

        def found(name: str) -> Tensor:
            view = plan.view(name, own)
            return self._found(launch, name, read) if view is None else view

        kept = {name for name, place in launch.nest.aliases.items() if place.buffer not in passing}
        events = [
            read[f"{name}_out"] if name in copied else found(name) if name in kept else None
            for name in needed
        ]
        first = [carry[0] for carry in carries]
        if ragged is not None:
            first = [ragged.unsort(gradient) for gradient in first]
        return events, self._parameter_gradients(found, kept, read, steps, ragged, to_parameters), list(first)

    def _backward_buffers(self, steps: int, batch: int, passing: Collection[str]) -> dict[str, Buffer]:
        """Buffers of a backward call: the gradients of the states, and the kernel's streams."""
        found = {f"d{name}": Buffer((2, batch, *self.shapes[name]), 2) for name in self.states}
        for name, wide in self.backward_kernel.nest.streams.items():
            room, held = (1, 1) if name in passing else (steps, ALWAYS)
            found[name] = Buffer((room, batch, *wide), held)
        return found

    def _passing(self, copied: Collection[str]) -> set[str]:
        """Streams of the backward kernel that are only copied to the caller's order: they need room for one step."""
        if not copied:
            return set()
        nest = self.backward_kernel.nest
        return set(nest.streams) - {
            place.buffer for name, place in nest.aliases.items() if name not in copied
        }

    def _parameter_gradients(
        self,
        found: Callable[[str], Tensor],
        outputs: Collection[str],
        operands: Mapping[str, Tensor],
        steps: int,
        ragged: SortedLengths | None,
        wanted: Sequence[bool],
    ) -> list[Tensor | None]:
        """Gradients of the parameters that are wanted.

        Args:
            found: Function of a name to an output of the backward kernel at every step.
            outputs: Names of these outputs.
            operands: Saved streams by name.
            steps: Number of steps.
            ragged: Lengths.
            wanted: Whether each parameter's gradient is computed.
        """
        running = None if ragged is None else ragged.valid_rows(steps)
        totals: dict[str, Tensor] = {}
        needed = {name for name, want in zip(self.parameters, wanted, strict=True) if want}
        places = self.backward_kernel.nest.aliases
        known: list[tuple[BufferView, Tensor]] = []  # sums over rows, which products compute as well
        for parameter, stream, gradient, heads in self.differentiated.matrices:
            if parameter not in needed:
                continue
            base, shift = stream.name.removesuffix("_next"), int(stream.name.endswith("_next"))
            operand = operands[base]
            operand = operand[shift : shift + steps] if base in self.states else operand
            rows = None if running is None else (running[0], running[base in self.events])
            part, sums = matrix_gradient(operand, found(gradient), rows, heads, self._differentiated_format)
            totals[parameter] = totals[parameter] + part if parameter in totals else part
            if sums is not None:
                known.append((places[gradient], sums))
        for name in needed.intersection(outputs):
            parts = (sums[within] for of, sums in known if (within := places[name].within(of)) is not None)
            total = next(parts, None)
            total = summed(found(name), None if running is None else running[0]) if total is None else total
            totals[name] = totals[name] + total if name in totals else total
        return [totals.get(name) for name in self.parameters]

    def eager(
        self,
        events: Sequence[Tensor],
        parameters: Sequence[Tensor],
        states: Sequence[Tensor],
        steps: int,
        lengths: Tensor | None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Outputs and last states by PyTorch's operators, for second derivatives and batched gradients."""
        named = dict(zip(self.parameters, parameters, strict=True))
        current, outputs = list(states), []
        for step in range(steps):
            now = {name: event[step] for name, event in zip(self.events, events, strict=True)}
            if lengths is not None:  # padding may hold anything
                running = lengths > step
                now = {name: torch.where(_column(running, event), event, 0) for name, event in now.items()}
            before = dict(zip(self.states, current, strict=True))
            after = evaluate(
                self.split.recurrence, named | now | before, current[0] if current else events[0]
            )
            output = after["y"]
            new = [after[name] for name in self.states]
            if lengths is not None:
                output = torch.where(_column(running, output), output, 0)
                new = [torch.where(_column(running, n), n, o) for n, o in zip(new, current, strict=True)]
            outputs.append(output)
            current = new
        return torch.stack(outputs), current


def _column(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *(1,) * (like.dim() - 1))
