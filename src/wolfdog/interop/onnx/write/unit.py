"""A cell made ready to be written: one step as a program, the numbers that it reads, its memories by name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ....compiler.errors import Refusal
from ....compiler.frontend.trace import Traced, trace
from ....compiler.ir.evaluate import evaluate
from ....compiler.passes.hoist import Split, prepare, split
from ....errors import ONNXError
from ....layers.cell.protocol import Returns
from ....layers.cell.state import rebuilt, tensors
from ....layers.execution.compiled import CompiledRunner
from ...arrays import Numbers
from .operators import Operator, operator_of


@dataclass(frozen=True)
class Unit:
    """One cell, ready to be written in either form.

    traced    one step, from the event "x" and the states "s0", "s1", ... to "y" and the next states
    operator  ONNX's own operator with the cell's weights, where there is one that runtimes have
    states    the names of the memories, in the order of "s0", "s1", ...
    start     the memories before anything was seen, each [1, ...]
    event     the shape of an event, without the batch
    dtype     the format of all numbers
    """

    traced: Traced
    values: dict[str, Tensor]
    operator: Operator | None
    states: tuple[str, ...]
    start: tuple[Numbers, ...]
    event: tuple[int, ...]
    dtype: np.dtype[np.floating]

    @property
    def output(self) -> tuple[int, ...]:
        """The shape of an output, without the batch."""
        return self.traced.program.outputs["y"].shape

    @property
    def from_zeros(self) -> bool:
        """Whether every memory starts from zeros."""
        return not any(start.any() for start in self.start)

    def parts(self, over_events: bool) -> Split:
        """The step in parts: with `over_events`, what depends on events alone is a part of its own."""
        return split(prepare(self.traced.program, hoist_events=over_events))

    def numbers(self, parts: Split) -> dict[str, Numbers]:
        """All that the parts may read of the cell's parameters, by name."""
        like = torch.zeros(1, dtype=_FORMATS[self.dtype.name])
        known = {**self.values, **evaluate(parts.parameters, self.values, like)}
        return {name: value.detach().numpy() for name, value in known.items()}


_FORMATS = {"float32": torch.float32, "float64": torch.float64}


def unit_of(cell: nn.Module, returns: Returns | None = None, event: Sequence[int] | None = None) -> Unit:
    """A cell, made ready.

    Args:
        cell: the cell, on the CPU.
        returns: as Recurrent's.
        event: the shape of an event without the batch; `[cell.input_size]` where None.

    Raises ONNXError for a cell that cannot be written: the message says why, and where in the cell.
    """
    name = type(cell).__name__
    shape = _event_shape(cell, event)
    runner = CompiledRunner(cell, returns)
    named = runner.record.named()
    formats = {t.dtype for t in named.values() if t.is_floating_point() or t.is_complex()}
    formats = formats or {torch.get_default_dtype()}
    if len(formats) != 1 or not formats <= set(_FORMATS.values()):
        found = ", ".join(sorted(str(dtype) for dtype in formats))
        raise ONNXError(
            f"{name}: its numbers must be float32 throughout, or float64; got {found}; "
            "convert it first, for example with layer.float()"
        )
    [dtype] = formats
    example = torch.zeros(2, *shape, dtype=dtype)
    with torch.no_grad():
        before = runner.zero(example)
        if before is None:
            raise ONNXError(
                f"{name} makes its own first state, which is not zeros, inside its first step: give it a method "
                "initial_state(batch), so that the file can say what it starts from"
            )

        def step(x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
            output, after = runner.eager.step(x, rebuilt(before, states))
            return output, list(tensors(after))

        try:
            traced = trace(step, named, example, list(tensors(before)))
        except Refusal as refusal:
            raise ONNXError(f"{name} cannot be written to ONNX: {refusal}") from refusal
        values = traced.parameters.run(named)
        start = tuple(_one_row(name, state) for state in tensors(before))
    kind = np.dtype(str(dtype).removeprefix("torch."))
    # Runtimes have the operators in float32 alone (ONNX Runtime 1.32): float64 goes by Scan.
    operator = operator_of(cell) if dtype is torch.float32 else None
    return Unit(traced, values, operator, _state_names(cell, len(start)), start, shape, kind)


def _event_shape(cell: nn.Module, event: Sequence[int] | None) -> tuple[int, ...]:
    if event is not None:
        return tuple(event)
    size = getattr(cell, "input_size", None)
    if not isinstance(size, int):
        raise ONNXError(
            f"{type(cell).__name__} does not say its input_size: pass input_size=, or give it that attribute"
        )
    return (size,)


def _state_names(cell: nn.Module, count: int) -> tuple[str, ...]:
    if isinstance(cell, nn.RNNCellBase):
        return ("stm", "ltm")[:count]
    own = getattr(cell, "state_names", ())
    return tuple(own) if len(own) == count else tuple(f"state{number}" for number in range(count))


def _one_row(name: str, state: Tensor) -> Numbers:
    if not torch.equal(state[:1].expand_as(state), state):
        raise ONNXError(f"{name}: its initial_state differs from example to example; in ONNX all start alike")
    return state[:1].detach().contiguous().numpy()
