"""From one step of a cell to something that runs over sequences: what `layers` uses of the compiler."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from .errors import Refusal as Refusal
from .fork_safety import compiling, lazy
from .frontend.trace import NO_ROWS, Rows, Step, Traced, trace
from .ir.program import Program, rewrite
from .ir.values import Builder, Type, Value
from .ragged import zero_padding
from .runtime.recurrence import Recurrence
from .runtime.single_step import SingleStep
from .runtime.torch_op import run

MANY = 6
"""Examples for each thread from which on the kernel computes what depends on events alone, step by step.

With fewer, a matrix is read from memory too often for what is done with it; measured at 64 to 512 units."""


class Compiled:
    """A step, compiled for one number format, one shape of events and one form of states.

    Args:
        step: event and states to output and next states.
        named: every tensor that the step may use besides, by name.
        event: an event, of which shape and dtype count.
        states: the states, likewise.
        rows: which of `named` have a row for each example, as dropout masks of a sequence have.

    Raises:
        Refusal: where the step cannot be compiled; the message says why, and where in the cell.
    """

    def __init__(
        self,
        step: Step,
        named: Mapping[str, Tensor],
        event: Tensor,
        states: Sequence[Tensor],
        rows: Rows = NO_ROWS,
    ) -> None:
        if not all(t.is_floating_point() for t in (event, *states)):
            raise Refusal("kernels take events and states of floating-point numbers")
        if 0 in (*event.shape[1:], *(n for state in states for n in state.shape[1:])):
            raise Refusal("kernels take events and states of at least one number")
        formats = {t.dtype for t in (*named.values(), event, *states) if t.is_floating_point()}
        if len(formats) != 1 or formats.isdisjoint({torch.float32, torch.float64}):
            found = ", ".join(sorted(str(f) for f in formats))
            raise Refusal(f"kernels compute in float32 or in float64 throughout; got {found}")
        (self.dtype,) = formats
        if any(t.device.type != "cpu" for t in (*named.values(), event, *states)):
            raise Refusal("kernels run on the CPU; the cell, the events or the states are elsewhere")
        self.traced = trace(step, named, event, states, rows)
        self.rows = list(rows.names)
        _check(self.traced.program)
        self.names = [*self.traced.parameters.names, *self.rows]
        self._recurrences: dict[tuple[bool, bool], Recurrence] = {}
        self.recurrence(resets=False, hoist_events=True)

    @lazy
    def single(self) -> SingleStep:
        """One step at a time."""
        return SingleStep(self.traced, self.dtype)

    def recurrence(self, resets: bool, hoist_events: bool) -> Recurrence:
        """The recurrence with or without resets, and with or without what depends on events alone."""
        with compiling:
            made = self._recurrences.get((resets, hoist_events))
            if made is None:
                program = _with_resets(self.traced) if resets else self.traced.program
                made = self._recurrences[resets, hoist_events] = Recurrence(program, self.dtype, hoist_events)
            return made

    @property
    def makes_tensors(self) -> bool:
        """Whether the step makes tensors of its own, whose format may be PyTorch's default."""
        return "device=" in self.traced.parameters.source()

    def chosen(self, batch: int, resets: bool) -> Recurrence:
        """The recurrence for so many examples."""
        return self.recurrence(resets, _hoists(batch))

    def prepare_training(self, batch: int, resets: bool) -> None:
        """Plan the kernels that training takes; raises Refusal where they cannot be made."""
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
    ) -> tuple[Tensor, list[Tensor]]:
        """Outputs [T, B, ...] and last states.

        Args:
            named: the cell's tensors by name.
            x: events `[T, B, ...]`.
            states: the states before, `[B, ...]`.
            lengths: `[B]`, in any order, or None.
            resets: booleans `[T, B]`, or None: where states become `fresh` before the step.
            fresh: states `[B, ...]`.
        """
        rows = [named[name].to(self.dtype) for name in self.rows]
        # In gradients of what PyTorch computes for all events, not a number times zero is not a number.
        if lengths is not None and torch.is_grad_enabled() and _hoists(x.shape[1]):
            x = zero_padding(x, lengths)
        steps = len(x)
        recurrence = self.chosen(x.shape[1], resets is not None)
        inputs = {"x": x} | {f"a{number}": row.expand(steps, *row.shape) for number, row in enumerate(rows)}
        if resets is not None:
            inputs["reset"] = resets.to(self.dtype)
            inputs |= {f"f{number}": f.expand(steps, *f.shape) for number, f in enumerate(fresh)}
        autocast = torch.is_autocast_enabled("cpu")
        with torch.autocast("cpu", enabled=False) if autocast else nullcontext():
            values = self.traced.parameters.run(named)
            early = recurrence.early(like=x, **values)
            events = recurrence.over_events(like=x, **inputs, **values, **early)
            return run(
                recurrence,
                [events[name] for name in recurrence.events],
                [early[name] for name in recurrence.parameters],
                states,
                steps,
                lengths,
            )


def _hoists(batch: int) -> bool:
    return batch < MANY * torch.get_num_threads()


def _with_resets(traced: Traced) -> Program:
    """The step with its states replaced by fresh ones ("f0", ...) where the input "reset" is not zero."""

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
    """Raises Refusal where a state is not used as a batch of numbers."""
    for name, value in program.outputs.items():
        if value.type.boolean:
            raise Refusal(f"the output {name} is true or false, not a number")
