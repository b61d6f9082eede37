"""A program made ready to run: its kernel, and the table that tells the kernel where its tensors are."""

from array import array
from collections.abc import Mapping
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from ...ir.program import Program
from ...passes.loop_nest import Plan
from ...passes.schedule import plan
from ...ragged import Ends
from .build import Code, build, product_code
from .emit import Callers, Kernel, emit
from .openmp import Team, team, yielding
from .packing import panels
from .target import Target, target
from .thread_pool import cuts, run, shares

ALWAYS = 1 << 62
"""Room of a buffer that is as long as the sequence."""

FEW = 2
"""Examples for each thread below which threads run all of them together."""

WORTH_MEETING = 20_000
"""Multiplications of a step for each thread below which meeting costs more than it gains."""


NOBODYS = Callers()
"""Where there is no other order than the kernel's."""


class Launch:
    """One program as a kernel, for one number format.

    callers  what the caller gives and gets for every step, which lies in the caller's order

    Raises:
        Refusal: where the program cannot be made a kernel.
    """

    def __init__(
        self, program: Program, dtype: torch.dtype, reverse: bool = False, callers: Callers = NOBODYS
    ) -> None:
        self.dtype, self.callers = dtype, callers
        self.target: Target = target(torch.finfo(dtype).bits)
        self.plan: Plan = plan(program, reverse)
        self.kernel: Kernel = emit(self.plan, self.target, self.callers)
        self.products = [product for stage in self.plan.stages for product in stage.products]
        self.matrices = {product.matrix: product for product in self.products}
        self.work = sum(product.depth * product.width * product.times for product in self.products)
        self.work += 8 * sum(
            prod(loop.domain) * len(loop.items) for s in self.plan.stages for loop in s.loops
        )

    @cached_property
    def whole(self) -> frozenset[str]:
        """Buffers in which what is wanted of every step lies."""
        return frozenset(place.buffer for place in self.plan.aliases.values())

    @cached_property
    def code(self) -> Code:
        """The machine code, compiled or found in the cache."""
        return build(self.kernel.source, self.target.bits)

    @cached_property
    def together(self) -> Kernel:
        """The form in which threads run all examples together."""
        return emit(self.plan, self.target, self.callers, together=True)

    @cached_property
    def code_together(self) -> Code:
        """The machine code of that form."""
        return build(self.together.source, self.target.bits)

    def pack(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters as the kernel reads them: matrices in panels, the others side by side."""
        packed = {}
        for name in self.kernel.buffers:
            if name in self.matrices:
                packed[name] = panels(parameters[name].detach())
            elif name in parameters:
                packed[name] = parameters[name].detach().contiguous()
        return packed

    def __call__(
        self,
        steps: int,
        batch: int,
        tensors: Mapping[str, tuple[Tensor, int]],
        ends: Ends | None = None,
    ) -> None:
        """Run.

        Args:
            steps: number of steps.
            batch: number of examples.
            tensors: for every buffer but scratch, a tensor, and the number of steps that it has room for; 0 for
                parameters. `[steps, B, ...]` with features side by side. What is delivered in the caller's order, as
                "y_out", is written where it is among them.
            ends: where sequences end.
        """
        parts = shares(batch, self.work * steps * batch)
        order = None if ends is None else ends.order
        workers = self._workers(batch) if steps > 1 and order is None else None
        kernel, code = (self.kernel, self.code) if workers is None else (self.together, self.code_together)
        scratch = [torch.empty(batch, width, dtype=self.dtype, device="cpu") for width in kernel.scratch.values()]
        counter = None if workers is None else torch.zeros((), dtype=torch.int64, device="cpu")
        numbers = [
            steps,
            0 if ends is None else ends.lengths.data_ptr(),
            product_code(self.target.bits).address if self.products else 0,
            0 if counter is None else counter.data_ptr(),
            0 if counter is None else yielding(),
            batch,
            0 if order is None else order.data_ptr(),
        ]
        size = self.target.bits // 8
        lying = dict(zip(kernel.scratch, scratch, strict=True))
        for name in kernel.buffers:
            if name in tensors:
                tensor, room = tensors[name]
                numbers.append(tensor.data_ptr())
                numbers += (tensor.stride(0) * size, tensor.stride(1) * size, room) if room else (0, 0, 1)
            elif name in lying:
                numbers += (lying[name].data_ptr(), 0, kernel.scratch[name] * size, 1)
            else:  # nothing is delivered
                numbers += (0, 0, 0, 1)
        table = array("q", numbers)
        address = table.buffer_info()[0]
        if workers is not None:
            workers.together(code.address, address, torch.get_num_threads())
            return
        listed = None if ends is None or parts == 1 else ends.lengths.numpy()
        run(code, address, cuts(batch, parts, listed))

    def _workers(self, batch: int) -> Team | None:
        """The threads that run so many examples together; None where it is better to run examples apart."""
        threads = torch.get_num_threads()
        if threads == 1 or batch >= FEW * threads or self.work * batch < WORTH_MEETING * threads:
            return None
        return team()


def side_by_side(tensor: Tensor, features: int) -> Tensor:
    """The tensor, copied where its last axes do not lie in row-major order."""
    expected = 1
    for axis in range(1, features + 1):
        if tensor.shape[-axis] != 1 and tensor.stride(-axis) != expected:
            return tensor.contiguous()
        expected *= tensor.shape[-axis]
    return tensor
