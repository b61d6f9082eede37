"""Table of addresses for the kernel of a single step, and the code that fills and runs it at each step."""

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from ..backends.llvm.emit import FIELDS, HEADER
from ..backends.llvm.in_place import in_place_code, place_of
from ..backends.llvm.launch import Launch

Step = Callable[..., tuple[Tensor, tuple[Tensor, ...]]]
"""Function of an event and the states to the output and the next states."""


@dataclass(frozen=True)
class StepKernel:
    """Kernel of a single step, and the features of what it reads and writes.

    Attributes:
        launch: The kernel.
        outer: Number format of events, states and results; the kernel's own, or torch.bfloat16 or torch.float16.
        packed: Whether it reads packed copies of its matrices.
        event: Features of an event.
        states: Features of each state by name, in order.
        output: Features of the output.
    """

    launch: Launch
    outer: torch.dtype
    packed: bool
    event: tuple[int, ...]
    states: Mapping[str, tuple[int, ...]]
    output: tuple[int, ...]

    @property
    def output_state(self) -> str | None:
        """Name of the state that the output is, if it is one."""
        name = self.launch.nest.aliases["y"].buffer
        return name if name in self.states else None


class StepTable:
    """Table of a kernel, filled but for what changes from step to step; one thread uses it at a time.

    Args:
        kernel: Kernel of a step.
    """

    def __init__(self, kernel: StepKernel) -> None:
        self.kernel, self.size = kernel, kernel.launch.target.bits // 8
        self.buffers = kernel.launch.kernel.buffers
        self.numbers = (ctypes.c_int64 * (HEADER + FIELDS * len(self.buffers)))()
        self.numbers[0] = 1
        if kernel.packed:
            self.numbers[2] = kernel.launch.product
        elif kernel.launch.products:
            self.numbers[2] = in_place_code(kernel.launch.target.bits, kernel.outer).address
        self.batch = -1
        self.weights: Mapping[str, Tensor] | None = None

    def prepare(self, weights: Mapping[str, Tensor], batch: int) -> None:
        """Make ready for these weights and so many examples."""
        kernel, launch = self.kernel, self.kernel.launch
        self.scratch = {name: self._room(batch, width) for name, width in launch.kernel.scratch.items()}
        matrices = () if kernel.packed else launch.matrices
        self.matrices = {name: place_of(weights[name], launch.target.bits) for name in matrices}
        vectors = {name: tensor for name, tensor in weights.items() if name not in self.matrices}
        widened = {
            name: tensor
            for name, tensor in vectors.items()
            if tensor.dtype is not launch.dtype and not kernel.packed
        }
        inside = {name: self._room(*tensor.shape) for name, tensor in widened.items()}
        held = {**self.scratch, **vectors, **inside}
        for name, tensor in held.items():
            row = tensor.shape[1] * self.size if name in self.scratch else 0
            self._write(name, tensor.data_ptr(), 0, row, 1)
        for name, place in self.matrices.items():
            self._write(name, place.buffer_info()[0], 0, 0, 1)
        self.weights, self.batch = weights, batch
        moving = [name for name in self.buffers if name not in held and name not in self.matrices]
        run = launch.code.bound(ctypes.addressof(self.numbers), 0, batch)
        if kernel.outer is launch.dtype:
            self.step: Step = self._moving(moving, run)
        else:
            self.step = self._converting(moving, run, list(inside.values()), list(widened.values()))

    def _room(self, *shape: int) -> Tensor:
        with torch.inference_mode(False):  # any later step writes to it
            return torch.empty(shape, dtype=self.kernel.launch.dtype, device="cpu")

    def _write(self, name: str, *fields: int) -> None:
        if name in self.buffers:
            at = HEADER + FIELDS * self.buffers.index(name)
            self.numbers[at : at + FIELDS] = list(fields)

    def _moving(self, moving: Sequence[str], run: Callable[[], object]) -> Step:
        """A function that makes the results, says where everything lies, and runs the kernel."""
        kernel, size = self.kernel, self.size
        after = {name: f"{name}_after" for name in kernel.states}
        lines = [f"def step(x, {', '.join(kernel.states)}):"]
        lines += [f"    {new} = empty_like({name})" for name, new in after.items()]
        y = "y" if kernel.output_state is None else after[kernel.output_state]
        if y == "y":
            lines.append("    y = empty(shape, dtype=dtype, device=device)")
        fields = []
        for name in moving:
            if name in after:
                lines.append(f"    at_{name} = address({name})")
                row = size * prod(kernel.states[name])
                fields += [f"at_{name}", f"address({after[name]}) - at_{name}", str(row), "2"]
            elif name == "x":
                fields += ["address(x)", "0", f"{size} * x.stride(0)", "1"]
            else:
                fields += ["address(y)", "0", str(size * prod(kernel.output)), "1"]
        lines += [f"    write(table, {HEADER * 8}, {', '.join(fields)})", "    run()"]
        lines.append(f"    return {y}, ({''.join(new + ', ' for new in after.values())})")
        return _made(
            lines,
            empty=torch.empty,
            empty_like=torch.empty_like,
            address=Tensor.data_ptr,
            table=self.numbers,
            write=struct.Struct(f"={FIELDS * len(moving)}q").pack_into,
            run=run,
            shape=(self.batch, *kernel.output),
            dtype=kernel.launch.dtype,
            device=torch.device("cpu"),
        )

    def _converting(
        self, moving: Sequence[str], run: Callable[[], object], inside: list[Tensor], widened: list[Tensor]
    ) -> Step:
        """A function that widens what the kernel reads into buffers of its own, and narrows the results."""
        kernel, size = self.kernel, self.size
        before = {name: self._room(self.batch, *kernel.states[name]) for name in kernel.states}
        after = {f"{name}_after": torch.empty_like(tensor) for name, tensor in before.items()}
        x, y = self._room(self.batch, *kernel.event), self._room(self.batch, *kernel.output)
        for name in moving:
            tensor = before.get(name, x if name == "x" else y)
            away = after[f"{name}_after"].data_ptr() - tensor.data_ptr() if name in before else 0
            row = size * prod(tensor.shape[1:])
            self._write(name, tensor.data_ptr(), away, row, 2 if name in before else 1)
        names = ", ".join(kernel.states)
        results = [f"{name}_after" for name in kernel.states]
        found = "y" if kernel.output_state is None else f"{kernel.output_state}_after"
        lines = [
            f"def step(x, {names}):",
            f"    copy(inside, [x, {names}{''.join(f', w{n}' for n in range(len(widened)))}])",
            "    run()",
            *(f"    {name} = narrow({name}_found)" for name in dict.fromkeys([*results, found])),
            f"    return {found}, ({''.join(name + ', ' for name in results)})",
        ]
        return _made(
            lines,
            copy=torch._foreach_copy_,
            inside=[x, *before.values(), *inside],
            narrow=Tensor.bfloat16 if kernel.outer is torch.bfloat16 else Tensor.half,
            run=run,
            y_found=y,
            **{f"{name}_found": tensor for name, tensor in after.items()},
            **{f"w{number}": tensor for number, tensor in enumerate(widened)},
        )


def _made(lines: Sequence[str], **scope: Any) -> Step:
    exec("\n".join(lines), scope)  # our own text
    step: Step = scope.pop("step")
    return step
