"""One step at a time, with packed weights that are kept while no parameter changes."""

import ctypes
import threading
from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor

from .backends.numba.build import product_code
from .backends.numba.emit import FIELDS, HEADER
from .backends.numba.launch import Launch
from .passes.split import prepare, split
from .recurrence import as_function
from .trace import Traced


class SingleStep:
    """One step as a kernel that reads the event itself: no graph, no gradient.

    Weights are packed at the first step, and again when a parameter is another tensor or has another version.
    """

    def __init__(self, traced: Traced, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.traced = traced
        parts = split(prepare(traced.program, hoist_events=False))
        self.early = as_function(parts.parameters)
        self.launch = Launch(parts.recurrence, dtype)
        outputs = parts.recurrence.outputs
        self.states = sorted((name for name in outputs if name != "y"), key=lambda name: int(name[1:]))
        self.shapes = [outputs[name].shape for name in self.states]
        self.output = self.launch.plan.aliases["y"]
        self.output_shape = outputs["y"].shape
        self._buffers = self.launch.kernel.buffers
        self._size = self.launch.target.bits // 8
        self._packed: tuple[list[tuple[Tensor, int]], dict[str, Tensor]] | None = None
        self._tables: list[_Table] = []  # free ones; a step takes one, so that threads never share it
        self._lock = threading.Lock()

    def __call__(
        self, named: Sequence[Tensor], x: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """The output [B, ...] and the next states, from the cell's tensors (in the order of the parameter code)."""
        packed = self._weights(named)
        batch = x.shape[0]
        try:
            table = self._tables.pop()
        except IndexError:
            table = _Table(self)
        result = table.run(packed, batch, x, states)
        self._tables.append(table)
        return result

    def _weights(self, named: Sequence[Tensor]) -> dict[str, Tensor]:
        kept = self._packed
        if kept is not None:
            for tensor, (other, version) in zip(named, kept[0], strict=True):
                if tensor is not other or tensor._version != version:
                    break
            else:
                return kept[1]
        with self._lock, torch.no_grad(), torch.autocast("cpu", enabled=False):
            versions = [(tensor, tensor._version) for tensor in named]
            values = self.traced.parameters.run(dict(zip(self.traced.parameters.names, named, strict=True)))
            like = torch.empty(0, dtype=self.dtype)
            packed = self.launch.pack(self.early(like=like, **values))
            self._packed = (versions, packed)
        return packed


class _Table:
    """The kernel's table, filled but for what changes from step to step."""

    def __init__(self, single: SingleStep) -> None:
        self.single = single
        self.numbers = (ctypes.c_int64 * (HEADER + FIELDS * len(single._buffers)))()
        self.numbers[0] = 1
        self.numbers[2] = product_code(single.launch.target.bits).address if single.launch.products else 0
        self.address = ctypes.addressof(self.numbers)
        self.batch = -1
        self.packed: Mapping[str, Tensor] | None = None
        self.place = {name: HEADER + FIELDS * number for number, name in enumerate(single._buffers)}
        self.x_at = self.place.get("x")
        self.row_sizes = [prod(shape) for shape in single.shapes]
        self.output_row = prod(single.output_shape)

    def _prepare(self, packed: Mapping[str, Tensor], batch: int) -> None:
        single, size = self.single, self.single._size
        self.scratch = {
            name: torch.empty(batch, width, dtype=single.dtype)
            for name, width in single.launch.kernel.scratch.items()
        }
        for name, at in self.place.items():
            if name in self.scratch:
                row = self.scratch[name].shape[1] * size
                self.numbers[at : at + FIELDS] = [self.scratch[name].data_ptr(), 0, row, 1]
            elif name in packed:
                self.numbers[at : at + FIELDS] = [packed[name].data_ptr(), 0, 0, 1]
            elif name == "x":
                self.numbers[at + 3] = 1
            elif name in single.states:
                row = self.row_sizes[single.states.index(name)] * size
                self.numbers[at : at + FIELDS] = [0, 0, row, 2]
            else:
                self.numbers[at : at + FIELDS] = [0, 0, self.output_row * size, 1]
        self.packed, self.batch = packed, batch

    def run(
        self, packed: Mapping[str, Tensor], batch: int, x: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Run one step."""
        if packed is not self.packed or batch != self.batch:
            self._prepare(packed, batch)
        single, numbers = self.single, self.numbers
        if self.x_at is not None:
            x = x.contiguous()
            numbers[self.x_at] = x.data_ptr()
            numbers[self.x_at + 2] = x.stride(0) * single._size
        after, held = [], []
        for name, state in zip(single.states, states, strict=True):
            state = state.contiguous()
            new = torch.empty_like(state)
            after.append(new)
            held.append(state)
            at = self.place.get(name)
            if at is not None:
                first = state.data_ptr()
                numbers[at], numbers[at + 1] = first, new.data_ptr() - first
        output = single.output
        if output.buffer in single.states:
            y = after[single.states.index(output.buffer)]
        else:
            y = torch.empty(batch, *single.output_shape, dtype=single.dtype)
            numbers[self.place[output.buffer]] = y.data_ptr()
        single.launch.code(self.address, 0, batch)
        return y, after
