"""Cells prepared for export: the traced step, its parameters, and its initial states."""

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
    """Cell prepared for export.

    Attributes:
        traced: One step, from the event "x" and the states "s0", "s1", ... to "y" and the next states.
        values: Values of the parameters that the step reads, by name.
        operator: ONNX's operator with the cell's weights; None if there is none.
        states: Names of the states, in the order of "s0", "s1", ...
        start: Initial states, each [1, ...].
        event: Shape of an event, without the batch.
        dtype: Type of all numbers.
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
        """Shape of an output, without the batch."""
        return self.traced.program.outputs["y"].shape

    @property
    def from_zeros(self) -> bool:
        """Whether every state starts from zeros."""
        return not any(start.any() for start in self.start)

    def parts(self, hoist_events: bool) -> Split:
        """Parts of the step; with `hoist_events`, computations that depend on events only are a separate part."""
        return split(prepare(self.traced.program, hoist_events=hoist_events))

    def numbers(self, parts: Split) -> dict[str, Numbers]:
        """Values of the parameters that the parts may read, by name."""
        like = torch.zeros(1, dtype=_FORMATS[self.dtype.name])
        known = {**self.values, **evaluate(parts.parameters, self.values, like)}
        return {name: value.detach().numpy() for name, value in known.items()}


_FORMATS = {"float32": torch.float32, "float64": torch.float64}


def unit_of(cell: nn.Module, returns: Returns | None = None, event: Sequence[int] | None = None) -> Unit:
    """Prepare a cell for export.

    Args:
        cell: The cell, on the CPU.
        returns: As of Recurrent.
        event: Shape of an event without the batch; None for `[cell.input_size]`.

    Raises:
        ONNXError: The cell cannot be exported; the message gives the reason and the place in the cell.
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
            f"{name}: all its parameters must be float32, or all float64; got {found}; "
            "convert it first, for example with layer.float()"
        )
    [dtype] = formats
    example = torch.zeros(2, *shape, dtype=dtype)
    with torch.no_grad():
        before = runner.zero(example)
        if before is None:
            raise ONNXError(
                f"{name} creates its initial state inside its first step, and it is not zero: give it a method "
                "initial_state(batch), so that the file can store it"
            )

        def step(x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
            output, after = runner.eager.step(x, rebuilt(before, states))
            return output, list(tensors(after))

        try:
            traced = trace(step, named, example, list(tensors(before)))
        except Refusal as refusal:
            raise ONNXError(f"{name} cannot be written to ONNX: {refusal}") from refusal
        if traced.draws:
            raise ONNXError(
                f"{name} draws random numbers in its step, as for dropout: export it in eval mode"
            )
        values = traced.parameters.run(named)
        start = tuple(_one_row(name, state) for state in tensors(before))
    kind = np.dtype(str(dtype).removeprefix("torch."))
    # Runtimes have the operators in float32 only (ONNX Runtime 1.32): float64 becomes a Scan.
    operator = operator_of(cell) if dtype is torch.float32 else None
    return Unit(traced, values, operator, _state_names(cell, len(start)), start, shape, kind)


def _event_shape(cell: nn.Module, event: Sequence[int] | None) -> tuple[int, ...]:
    if event is not None:
        return tuple(event)
    size = getattr(cell, "input_size", None)
    if not isinstance(size, int):
        raise ONNXError(f"{type(cell).__name__} has no attribute input_size: pass input_size=")
    return (size,)


def _state_names(cell: nn.Module, count: int) -> tuple[str, ...]:
    if isinstance(cell, nn.RNNCellBase):
        return ("stm", "ltm")[:count]
    own = getattr(cell, "state_names", ())
    return tuple(own) if len(own) == count else tuple(f"state{number}" for number in range(count))


def _one_row(name: str, state: Tensor) -> Numbers:
    if not torch.equal(state[:1].expand_as(state), state):
        raise ONNXError(f"{name}: its initial_state differs between examples, which ONNX cannot express")
    return state[:1].detach().contiguous().numpy()
