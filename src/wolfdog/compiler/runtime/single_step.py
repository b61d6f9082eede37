"""One step at a time, with packed weights that are kept while no parameter changes."""

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from ..backends.llvm.build import product_code
from ..backends.llvm.emit import FIELDS, HEADER
from ..backends.llvm.launch import Launch
from ..fork_safety import compiling
from ..frontend.trace import Traced
from ..passes.hoist import prepare, split
from .torch_program import as_function


class SingleStep:
    """One step as a kernel that reads the event itself: no graph, no gradient.

    Weights are packed at the first step, and again when a parameter is another tensor, has another version or lies
    elsewhere.
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
        self.output = self.launch.nest.aliases["y"]
        self.output_shape = outputs["y"].shape
        self._buffers = self.launch.kernel.buffers
        self._size = self.launch.target.bits // 8
        self._packed: tuple[list[_Mark], dict[str, Tensor]] | None = None
        self._tables: list[_Table] = []  # free ones; a step takes one, so that threads never share it

    def __call__(
        self, named: Sequence[Tensor], x: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output [B, ...] and the next states, from the cell's tensors (in the order of the parameter code)."""
        return self.run(self.packed(named), len(x), x.contiguous(), [state.contiguous() for state in states])

    def run(
        self, packed: Mapping[str, Tensor], batch: int, x: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same with packed weights, and an event and states that lie side by side."""
        try:
            table = self._tables.pop()
        except IndexError:
            table = _Table(self)
        if packed is not table.packed or batch != table.batch:
            table.prepare(packed, batch)
        result = table.step(x, *states)
        self._tables.append(table)
        return result

    def packed(self, named: Sequence[Tensor]) -> dict[str, Tensor]:
        """The packed weights, made anew where a tensor has changed."""
        kept = self._packed
        if kept is not None and all(mark.holds(tensor) for mark, tensor in zip(kept[0], named, strict=True)):
            return kept[1]
        with compiling, torch.no_grad(), torch.autocast("cpu", enabled=False):
            marks = [_Mark(tensor) for tensor in named]
            values = self.traced.parameters.run(dict(zip(self.traced.parameters.names, named, strict=True)))
            like = torch.empty(0, dtype=self.dtype, device="cpu")
            packed = self.launch.pack(self.early(like=like, **values))
            self._packed = (marks, packed)
        return packed


class _Mark:
    """What a tensor was when it was packed. Its memory is kept, so that nothing else can lie there."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.memory = tensor, tensor.detach()
        self.version = None if tensor.is_inference() else tensor._version

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is this one, unchanged; of one that counts no versions nobody can say."""
        return (
            tensor is self.tensor
            and self.version is not None
            and tensor._version == self.version
            and tensor.is_set_to(self.memory)
        )


class _Table:
    """The kernel's table, filled but for what changes from step to step, and the code that does that."""

    def __init__(self, single: SingleStep) -> None:
        self.single = single
        self.numbers = (ctypes.c_int64 * (HEADER + FIELDS * len(single._buffers)))()
        self.numbers[0] = 1
        self.numbers[2] = product_code(single.launch.target.bits).address if single.launch.products else 0
        self.batch = -1
        self.packed: Mapping[str, Tensor] | None = None

    def prepare(self, packed: Mapping[str, Tensor], batch: int) -> None:
        """Make ready for these weights and so many examples."""
        single, size = self.single, self.single._size
        self.scratch = {
            name: torch.empty(batch, width, dtype=single.dtype, device="cpu")
            for name, width in single.launch.kernel.scratch.items()
        }
        held = {**self.scratch, **packed}
        for number, name in enumerate(single._buffers):
            if name in held:
                at = HEADER + FIELDS * number
                row = held[name].shape[1] * size if name in self.scratch else 0
                self.numbers[at : at + FIELDS] = [held[name].data_ptr(), 0, row, 1]
        self.packed, self.batch = packed, batch
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
        self.step: Callable[..., tuple[Tensor, tuple[Tensor, ...]]] = scope["step"]

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
