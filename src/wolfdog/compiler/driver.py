"""Compiled cells: the interface of the compiler to the layers."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from .backends.llvm.narrow import MatrixFormat as MatrixFormat
from .batched import recorded
from .errors import Refusal as Refusal
from .fork_safety import compiling, lazy
from .frontend.trace import NO_ROWS, Rows, Step, Traced, trace
from .ir.program import Program, rewrite
from .ir.values import Builder, Type, Value
from .ragged import zero_padding
from .runtime.affine import computed
from .runtime.call import Call
from .runtime.conversion import converted
from .runtime.packed_step import PackedStep
from .runtime.recurrence import Recurrence
from .runtime.recurrence_function import overheard, run
from .runtime.single_step import SingleStep

MANY = 6
"""Examples per thread from which the kernel, rather than PyTorch, computes what depends on events alone.

With fewer, the kernel would read the matrix from memory too often; measured at 64 to 512 units."""


class Compiled:
    """Compiled step of a cell, for one number format, one shape of events and one form of states.

    Args:
        step: Function of an event and states to an output and the next states.
        named: Every other tensor that the step may use, by name.
        event: An event, whose shape and dtype count.
        states: States, likewise.
        rows: Tensors of `named` with a row for each example, as dropout masks of a sequence.
        matrices: Format in which kernels keep the matrices of a step of float32. With int8, weights are taken to be
            frozen: kernels keep packed copies until PyTorch counts a change.
        outer: Format of the tensors that calls give and get, as bfloat16, where the step was traced in float32. None
            for that of the step.

    Raises:
        Refusal: The step cannot be compiled; the message has the reason and the line of the cell.
    """

    def __init__(
        self,
        step: Step,
        named: Mapping[str, Tensor],
        event: Tensor,
        states: Sequence[Tensor],
        rows: Rows = NO_ROWS,
        *,
        matrices: MatrixFormat = MatrixFormat.FLOAT32,
        outer: torch.dtype | None = None,
    ) -> None:
        if event.dtype is torch.bool or event.is_complex() or not all(t.is_floating_point() for t in states):
            raise Refusal(
                "kernels take events of floating-point or whole numbers, and states of floating-point numbers"
            )
        if 0 in (*event.shape[1:], *(n for state in states for n in state.shape[1:])):
            raise Refusal("kernels take events and states of at least one number")
        formats = {t.dtype for t in (*named.values(), event, *states) if t.is_floating_point()}
        if len(formats) != 1 or formats.isdisjoint({torch.float32, torch.float64}):
            found = ", ".join(sorted(str(f) for f in formats))
            raise Refusal(f"kernels compute in float32 or in float64 throughout; got {found}")
        (self.dtype,) = formats
        self.outer = self.dtype if outer is None else outer
        self.format = matrices if self.dtype is torch.float32 else MatrixFormat.FLOAT32
        if any(t.device.type != "cpu" for t in (*named.values(), event, *states)):
            raise Refusal("kernels run on the CPU; the cell, the events or the states are elsewhere")
        self.traced = trace(step, named, event, states, rows)
        self.rows = list(rows.names)
        _check(self.traced.program)
        self.names = [*self.traced.parameters.names, *self.rows]
        self._calls: dict[tuple[bool, bool], Call] = {}
        self.draws = bool(self.traced.draws)
        self.recurrence(resets=False, hoist_events=self.format is not MatrixFormat.INT8)

    @lazy
    def single(self) -> SingleStep | None:
        """Kernel of single steps; None where a step reads more than an event, or one row that it looks up."""
        read = [value.name for value in self.traced.program.inputs("event")]
        if self.rows or self.draws or len(read) != 1:
            return None
        return SingleStep(self.traced, self.dtype, self.format, self.outer)

    @property
    def converts(self) -> bool:
        """Whether the tensors of a call are converted to the format of the step, and back."""
        return self.outer is not self.dtype

    @lazy
    def packed_step(self) -> PackedStep | None:
        """Kernel of single steps over packed weights; None where a step reads more than an event."""
        read = [value.name for value in self.traced.program.inputs("event")]
        if self.rows or self.draws or self.traced.lookups or len(read) != 1:
            return None
        return PackedStep(self.traced, self.dtype, self.format)

    def call(self, resets: bool, hoist_events: bool) -> Call:
        """Lowered call with or without resets, and with or without hoisting of what depends on events alone."""
        made = self._calls.get((resets, hoist_events))
        if made is not None:
            return made
        with compiling:
            made = self._calls.get((resets, hoist_events))
            if made is None:
                program = _with_resets(self.traced) if resets else self.traced.program
                recurrence = Recurrence(program, self.dtype, hoist_events, self.format)
                made = Call(self.traced, self.rows, recurrence)
                self._calls[resets, hoist_events] = made
            return made

    @property
    def makes_tensors(self) -> bool:
        """Whether the step makes tensors of its own, whose format may be PyTorch's default."""
        return "device=" in self.traced.parameters.source()

    def recurrence(self, resets: bool, hoist_events: bool) -> Recurrence:
        """Recurrence of a lowered call."""
        return self.call(resets, hoist_events).recurrence

    def chosen(self, batch: int, resets: bool) -> Recurrence:
        """Recurrence for a batch size."""
        return self.recurrence(resets, self._hoists(batch))

    def _hoists(self, batch: int) -> bool:
        """Whether PyTorch computes what depends on events alone, which reads no matrix of int8."""
        return self.format is not MatrixFormat.INT8 and batch < MANY * torch.get_num_threads()

    def prepare_training(self, batch: int, resets: bool) -> None:
        """Schedule the kernels of training.

        Raises:
            Refusal: They cannot be made.
        """
        recurrence = self.chosen(batch, resets)
        recurrence.training  # noqa: B018  # made at the first access
        recurrence.backward_kernel  # noqa: B018

    def sequence(
        self,
        named: Mapping[str, Tensor],
        x: Tensor,
        states: Sequence[Tensor],
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        fresh: Sequence[Tensor] = (),
        operators: bool = False,
    ) -> tuple[Tensor, list[Tensor]]:
        """Outputs `[T, B, ...]` and last states over a sequence.

        Args:
            named: Tensors of the cell by name.
            x: Events `[T, B, ...]`.
            states: States before the sequence, `[B, ...]`.
            lengths: Lengths `[B]` in any order, or None.
            resets: Booleans `[T, B]`, true where states become `fresh` before the step, or None.
            fresh: States after a reset, `[B, ...]`.
            operators: Whether PyTorch's operators run the recurrence, not kernels.
        """
        if self.converts:
            named = {name: self._inside(tensor) for name, tensor in named.items()}
            x, states, fresh = (
                self._inside(x),
                list(map(self._inside, states)),
                list(map(self._inside, fresh)),
            )
        return self._computed(named, x, states, lengths, resets, fresh, operators)

    def _inside(self, tensor: Tensor) -> Tensor:
        """Tensor in the format of the step; whole numbers as they are."""
        return converted(tensor, self.dtype) if tensor.is_floating_point() else tensor

    def _computed(
        self,
        named: Mapping[str, Tensor],
        x: Tensor,
        states: Sequence[Tensor],
        lengths: Tensor | None,
        resets: Tensor | None,
        fresh: Sequence[Tensor],
        operators: bool,
    ) -> tuple[Tensor, list[Tensor]]:
        # NaN in the padding times a gradient of zero would be NaN in what PyTorch computes for all events
        hoists = self._hoists(x.shape[1])
        hoisted = hoists and torch.is_grad_enabled()
        if lengths is not None and (hoisted or self.traced.lookups):  # whole numbers there may name no row
            x = zero_padding(x, lengths)
        used = None if lengths is None or not self.draws else int(lengths.max())
        call = self.call(resets is not None, hoists)
        autocast = torch.is_autocast_enabled("cpu")
        with torch.autocast("cpu", enabled=False) if autocast else nullcontext():
            packed = self.format is MatrixFormat.INT8 and not (
                operators or overheard() or recorded((x, *states, *fresh, *named.values()))
            )
            events, parameters = call.arguments(named, x, resets, fresh, used, packed=packed)
            if operators:
                y, last = call.recurrence.eager(computed(events), parameters, states, len(x), lengths)
                return y.to(self.outer), [state.to(self.outer) for state in last]
            return run(call.recurrence, events, parameters, states, len(x), lengths, self.outer)


def _with_resets(traced: Traced) -> Program:
    """Program whose states are replaced by fresh ones ("f0", ...) where the input "reset" is not zero."""

    def rule(b: Builder, value: Value, _: tuple[Value, ...]) -> Value | None:
        if value.op != "input" or value.role != "state":
            return None
        state = b.input(value.name, "state", value.type)
        fresh = b.input(f"f{value.name[1:]}", "event", value.type)
        mark = b.input("reset", "event", Type((), True))
        mark = b("reshape", mark, shape=(1,) * len(value.shape)) if value.shape else mark
        return b("where", b("ne", mark, b.fill(0.0)), fresh, state)

    return rewrite(traced.program, rule)


def _check(program: Program) -> None:
    """Raise Refusal for outputs that are not numbers."""
    for name, value in program.outputs.items():
        if value.type.boolean:
            raise Refusal(f"the output {name} is true or false, not a number")
