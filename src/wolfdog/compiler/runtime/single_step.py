"""One step at a time, with weights that are read where they lie.

Nothing is copied, so that nothing can be out of date: another process, a fused optimizer or a view of NumPy's may write
to a parameter in ways that PyTorch does not count.
"""

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from ..backends.llvm.emit import FIELDS, HEADER
from ..backends.llvm.in_place import in_place_code, place_of, readable
from ..backends.llvm.launch import Launch
from ..backends.llvm.narrow import MatrixFormat
from ..frontend.trace import Traced
from ..ir.program import rewrite
from ..ir.values import Builder, Value
from ..passes.hoist import prepare, prepare_in_place, split
from .frozen import Frozen
from .torch_program import as_function

Weights = Mapping[str, Tensor]
"""Views of the parameters that the kernel reads, by name."""


class SingleStep:
    """Kernel of one step, which reads the event itself: no graph, no gradient.

    Matrices of int8 are frozen weights: they are read from packed copies, which hold until PyTorch counts a change.
    """

    def __init__(
        self, traced: Traced, dtype: torch.dtype, matrices: MatrixFormat = MatrixFormat.FLOAT32
    ) -> None:
        self.dtype = dtype
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
        self.states = sorted((name for name in outputs if name != "y"), key=lambda name: int(name[1:]))
        self.shapes = [outputs[name].shape for name in self.states]
        self.output = self.launch.nest.aliases["y"]
        self.output_shape = outputs["y"].shape
        self._buffers = self.launch.kernel.buffers
        self._size = self.launch.target.bits // 8
        self._tables: list[_Table] = []  # free ones; a step takes one, so that threads never share it

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
            fits = readable(tensor) if name in self.launch.matrices else tensor.is_contiguous()
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

        Args:
            x: The event, [B, ...].
            named: The cell's tensors, in the order of the parameter code.
        """
        if self._lookup is None or self._indices is None:
            return x
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
            table = _Table(self)
        if weights is not table.weights or batch != table.batch:
            table.prepare(weights, batch)
        result = table.step(x, *states)
        self._tables.append(table)
        return result


def _looked_up(b: Builder, value: Value, _: tuple[Value, ...]) -> Value | None:
    return b.input("x", value.role, value.type) if value.op == "input" and value.name == "l0" else None


class _Table:
    """The kernel's table, filled but for what changes from step to step, and the code that does that."""

    def __init__(self, single: SingleStep) -> None:
        self.single = single
        self.numbers = (ctypes.c_int64 * (HEADER + FIELDS * len(single._buffers)))()
        self.numbers[0] = 1
        if single.packs:
            self.numbers[2] = single.launch.product
        else:
            self.numbers[2] = (
                in_place_code(single.launch.target.bits).address if single.launch.products else 0
            )
        self.batch = -1
        self.weights: Weights | None = None

    def prepare(self, weights: Weights, batch: int) -> None:
        """Make ready for these weights and so many examples."""
        single, size = self.single, self.single._size
        self.scratch = {
            name: torch.empty(batch, width, dtype=single.dtype, device="cpu")
            for name, width in single.launch.kernel.scratch.items()
        }
        self.matrices = {name: place_of(weights[name]) for name in single.launch.matrices if not single.packs}
        held = {**self.scratch, **weights}
        for number, name in enumerate(single._buffers):
            if name in held:
                at = HEADER + FIELDS * number
                row = held[name].shape[1] * size if name in self.scratch else 0
                lies = self.matrices.get(name)
                address = held[name].data_ptr() if lies is None else lies.buffer_info()[0]
                self.numbers[at : at + FIELDS] = [address, 0, row, 1]
        self.weights, self.batch = weights, batch
        moving = [name for name in single._buffers if name not in held]
        scope: dict[str, Any] = {
            "empty": torch.empty,
            "empty_like": torch.empty_like,
            "address": Tensor.data_ptr,
            "table": self.numbers,
            "write": struct.Struct(f"={FIELDS * len(moving)}q").pack_into,
            "run": single.launch.code.bound(ctypes.addressof(self.numbers), 0, batch),
            "shape": (batch, *single.output_shape),
            "dtype": single.dtype,
            "device": torch.device("cpu"),
        }
        exec(self._source(moving), scope)  # our own text
        self.step: Callable[..., tuple[Tensor, tuple[Tensor, ...]]] = scope.pop("step")

    def _source(self, moving: Sequence[str]) -> str:
        """A function of the event and the states: makes the results, says where everything lies, runs the kernel."""
        single, size = self.single, self.single._size
        after = {name: f"{name}_after" for name in single.states}
        lines = [f"def step(x, {', '.join(single.states)}):"]
        lines += [f"    {new} = empty_like({name})" for name, new in after.items()]
        y = after.get(single.output.buffer, "y")
        if y == "y":
            lines.append("    y = empty(shape, dtype=dtype, device=device)")
        fields = []
        for name in moving:
            if name in after:
                lines.append(f"    at_{name} = address({name})")
                row = size * prod(single.shapes[single.states.index(name)])
                fields += [f"at_{name}", f"address({after[name]}) - at_{name}", str(row), "2"]
            elif name == "x":
                fields += ["address(x)", "0", f"{size} * x.stride(0)", "1"]
            else:
                fields += ["address(y)", "0", str(size * prod(single.output_shape)), "1"]
        lines += [f"    write(table, {HEADER * 8}, {', '.join(fields)})", "    run()"]
        return "\n".join([*lines, f"    return {y}, ({''.join(new + ', ' for new in after.values())})"])
