"""One step at a time over weights that were packed once, between buffers that stay where they are."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from math import prod

import torch
from torch import Tensor

from ..backends.llvm.emit import FIELDS, HEADER
from ..backends.llvm.launch import Launch
from ..backends.llvm.narrow import MatrixFormat
from ..frontend.trace import Traced
from ..passes.hoist import prepare, split
from .torch_program import as_function

Packed = Mapping[str, Tensor]
"""Parameters in the kernel's layout, by name."""


class PackedStep:
    """Kernel of one step over packed weights: no graph, no gradient, and no tensor that is made for a step.

    Args:
        traced: Traced step of a cell, which reads an event and nothing else besides its parameters.
        dtype: torch.float32 or torch.float64.
        matrices: Format of the matrices.
    """

    def __init__(
        self, traced: Traced, dtype: torch.dtype, matrices: MatrixFormat = MatrixFormat.FLOAT32
    ) -> None:
        self.dtype, self._traced = dtype, traced
        parts = split(prepare(traced.program, hoist_events=False))
        self._early = as_function(parts.parameters)
        self._launch = Launch(parts.recurrence, dtype, matrices=matrices)
        outputs = parts.recurrence.outputs
        self._states = sorted((name for name in outputs if name != "y"), key=lambda name: int(name[1:]))
        self.state_shapes = [outputs[name].shape for name in self._states]
        self.output_shape = outputs["y"].shape

    def packed(self, named: Sequence[Tensor]) -> Packed:
        """Packed copies of the cell's tensors, and of what is computed from them alone.

        Args:
            named: The cell's tensors, in the order of the parameter code.
        """
        code = self._traced.parameters
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            inside = [t.to(self.dtype) if t.is_floating_point() else t for t in named]
            values = code.run(dict(zip(code.names, inside, strict=True)))
            like = torch.empty(0, dtype=self.dtype, device="cpu")
            found = self._launch.pack(self._early(like=like, **values))
            shared = {tensor.untyped_storage().data_ptr() for tensor in named}
            return {
                name: tensor.clone() if tensor.untyped_storage().data_ptr() in shared else tensor
                for name, tensor in found.items()
            }

    def bound(self, packed: Packed, x: Tensor, y: Tensor, tapes: Sequence[Tensor]) -> "tuple[Turn, Turn]":
        """Calls of the kernel from the first half of each tape to the second, and back.

        Args:
            packed: Of `packed`.
            x: Event [B, ...], contiguous.
            y: Output [B, ...], contiguous.
            tapes: [2, B, ...] for each state, contiguous.

        Returns:
            Both calls. They read and write these buffers for as long as they live.
        """
        return Turn(self._launch, packed, x, y, self._on(tapes, 0)), Turn(
            self._launch, packed, x, y, self._on(tapes, 1)
        )

    def _on(self, tapes: Sequence[Tensor], first: int) -> dict[str, tuple[Tensor, Tensor]]:
        return {name: (tape[first], tape[1 - first]) for name, tape in zip(self._states, tapes, strict=True)}


class Turn:
    """Call of a kernel with a table whose addresses never change.

    Args:
        launch: Of the kernel.
        packed: Parameters.
        x: Event.
        y: Output.
        states: Tensor that each state is read from, and the one that the next is written to.
    """

    def __init__(
        self,
        launch: Launch,
        packed: Packed,
        x: Tensor,
        y: Tensor,
        states: Mapping[str, tuple[Tensor, Tensor]],
    ) -> None:
        batch, size = len(x), launch.target.bits // 8
        scratch = {
            name: torch.empty(batch, width, dtype=x.dtype, device="cpu")
            for name, width in launch.kernel.scratch.items()
        }
        place = launch.nest.aliases["y"]
        numbers = (ctypes.c_int64 * (HEADER + FIELDS * len(launch.kernel.buffers)))()
        numbers[0] = 1
        numbers[2] = launch.product
        made: Tensor | None = None
        for number, name in enumerate(launch.kernel.buffers):
            if name in states:
                before, after = states[name]
                row = size * prod(before.shape[1:])
                fields = [before.data_ptr(), after.data_ptr() - before.data_ptr(), row, 2]
            elif name in scratch:
                fields = [scratch[name].data_ptr(), 0, size * scratch[name].shape[1], 1]
            elif name in packed:
                fields = [packed[name].data_ptr(), 0, 0, 1]
            elif name == "x":
                fields = [x.data_ptr(), 0, size * prod(x.shape[1:]), 1]
            else:
                wide = launch.nest.streams[name]
                made = y if wide == y.shape[1:] else torch.empty(batch, *wide, dtype=x.dtype, device="cpu")
                fields = [made.data_ptr(), 0, size * prod(wide), 1]
            at = HEADER + FIELDS * number
            for place_in, field in enumerate(fields, start=at):
                numbers[place_in] = field
        base = states[place.buffer][1] if place.buffer in states else made
        assert base is not None
        found = base.as_strided(
            (batch, *place.shape), (base.stride(0), *place.strides), base.storage_offset() + place.offset
        )
        self._held = (numbers, scratch, packed, x, y, states, made)  # what the kernel has addresses of
        run = launch.code.bound(ctypes.addressof(numbers), 0, batch)
        self.run: Callable[[], object] = run
        if found.data_ptr() == y.data_ptr():
            return
        if found.is_contiguous():
            move = (ctypes.c_void_p(y.data_ptr()), ctypes.c_void_p(found.data_ptr()), y.numel() * size)
            memmove = ctypes.memmove

            def run_and_move() -> None:
                run()
                memmove(*move)

            self.run = run_and_move
        else:

            def run_and_copy() -> None:
                run()
                y.copy_(found)

            self.run = run_and_copy
