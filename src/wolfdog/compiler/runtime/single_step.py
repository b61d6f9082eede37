"""One step at a time, with weights that are read where they lie.

Nothing is copied, so that nothing can be out of date: another process, a fused optimizer or a view of NumPy's may write
to a parameter in ways that PyTorch does not count.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..backends.llvm.in_place import readable
from ..backends.llvm.launch import Launch
from ..backends.llvm.narrow import MatrixFormat
from ..frontend.trace import Traced
from ..ir.program import rewrite
from ..ir.values import Builder, Value
from ..passes.hoist import prepare, prepare_in_place, split
from .frozen import Frozen
from .step_table import StepKernel, StepTable
from .torch_program import as_function

Weights = Mapping[str, Tensor]
"""Views of the parameters that the kernel reads, by name."""


class SingleStep:
    """Kernel of one step, which reads the event itself: no graph, no gradient.

    Matrices of int8 are frozen weights: they are read from packed copies, which hold until PyTorch counts a change.
    Matrices of bfloat16 and float16 are widened as they are read, and all else of these formats is converted.

    Args:
        traced: Traced step of a cell.
        dtype: torch.float32 or torch.float64.
        matrices: Format of packed matrices.
        outer: Format of the cell's tensors, of events and of states; `dtype` where None.
    """

    def __init__(
        self,
        traced: Traced,
        dtype: torch.dtype,
        matrices: MatrixFormat = MatrixFormat.FLOAT32,
        outer: torch.dtype | None = None,
    ) -> None:
        self.dtype, self.outer = dtype, outer or dtype
        self.packs = matrices is MatrixFormat.INT8
        self._frozen: Frozen[Weights] = Frozen()
        self.traced = traced
        lookup = next(iter(traced.lookups), None)
        # the row that a step looks up takes the place of the event
        program = traced.program if lookup is None else rewrite(traced.program, _looked_up)
        self._indices = None if lookup is None else as_function(lookup.indices)
        self._lookup = lookup
        if self.packs:
            parts = split(prepare(program, hoist_events=False))
        else:
            parts = split(prepare_in_place(program), in_place=True)
        self.early = as_function(parts.parameters)
        packing = matrices if self.packs else MatrixFormat.FLOAT32
        self.launch = Launch(parts.recurrence, dtype, matrices=packing)
        outputs = parts.recurrence.outputs
        states = sorted((name for name in outputs if name != "y"), key=lambda name: int(name[1:]))
        self.kernel = StepKernel(
            launch=self.launch,
            outer=self.outer,
            packed=self.packs,
            event=program.inputs("event")[0].shape,
            states={name: outputs[name].shape for name in states},
            output=outputs["y"].shape,
        )
        self._buffers = self.launch.kernel.buffers
        self._tables: list[StepTable] = []  # free ones; a step takes one, so that threads never share it

    def weights(self, named: Sequence[Tensor]) -> Weights | None:
        """Views of the cell's tensors that the kernel reads; None where it would read what is computed from them.

        Args:
            named: The cell's tensors, in the order of the parameter code.
        """
        if self.packs:
            return self._frozen.get(named, lambda: self._packed(named))
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            values = self.traced.parameters.run(dict(zip(self.traced.parameters.names, named, strict=True)))
            found = self.early(like=torch.empty(0, dtype=self.dtype, device="cpu"), **values)
        read = {name: found[name].detach() for name in self._buffers if name in found}
        given = {tensor.untyped_storage().data_ptr() for tensor in named}
        for name, tensor in read.items():
            matrix = name in self.launch.matrices
            converts = tensor.dtype is not self.dtype
            fits = (
                readable(tensor) and tensor.dtype is self.outer
                if matrix
                else tensor.is_contiguous() or converts
            )
            if not fits or tensor.untyped_storage().data_ptr() not in given:
                return None
        return read

    def _packed(self, named: Sequence[Tensor]) -> Weights:
        code = self.traced.parameters
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            values = code.run(dict(zip(code.names, named, strict=True)))
            early = self.early(like=torch.empty(0, dtype=self.dtype, device="cpu"), **values)
            # vectors that are parameters are copied too: they are frozen like the matrices
            return {name: tensor.clone() for name, tensor in self.launch.pack(early).items()}

    def event(self, x: Tensor, named: Sequence[Tensor]) -> Tensor:
        """Event that the kernel reads: the given one, or the row that the step looks up by its whole numbers.

        Whole numbers that the step computes with become numbers of the kernel's format.

        Args:
            x: The event, [B, ...].
            named: The cell's tensors, in the order of the parameter code.
        """
        if self._lookup is None or self._indices is None:
            # a kernel of half formats converts what it reads
            return x if x.is_floating_point() or self.outer is not self.dtype else x.to(self.dtype)
        code = self.traced.parameters
        with torch.no_grad():
            table = code.run(dict(zip(code.names, named, strict=True)))[self._lookup.table]
            return self._lookup.rows(table, self._indices(like=x, x=x)["i"])

    def run(
        self, weights: Weights, batch: int, x: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output [B, ...] and the next states, from an event and states that lie side by side."""
        try:
            table = self._tables.pop()
        except IndexError:
            table = StepTable(self.kernel)
        if weights is not table.weights or batch != table.batch:
            table.prepare(weights, batch)
        result = table.step(x, *states)
        self._tables.append(table)
        return result


def _looked_up(b: Builder, value: Value, _: tuple[Value, ...]) -> Value | None:
    return b.input("x", value.role, value.type) if value.op == "input" and value.name == "l0" else None
