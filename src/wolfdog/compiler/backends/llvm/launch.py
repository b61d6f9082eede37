"""Kernel launches: the kernels of a program, and the tables of tensor addresses that they run on."""

from array import array
from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor

from ...fork_safety import lazy
from ...ir.program import Program
from ...passes.loop_nest import LoopNest
from ...passes.schedule import schedule
from ...ragged import SortedLengths
from .barrier import shared_numbers
from .build import Code, build, narrow_product_code, product_code
from .emit import CallerStreams, Kernel, emit
from .narrow import MatrixFormat, narrow_matrix
from .openmp import Team, team, yielding
from .packing import panels
from .target import Target, target
from .thread_pool import cuts, run, shares

ALWAYS = 1 << 62
"""Number of steps, in the table, of a buffer that holds the whole sequence."""

FEW = 2
"""Examples per thread below which the cooperative kernel runs."""

WORTH_BARRIER = 20_000
"""Multiplications per step and thread below which a barrier costs more than it saves."""

WORTH_TEAM = 1_000_000
"""Multiplications of a call and thread below which waking threads costs more than they save.

Calls of 10 steps and one example of an LSTM: of 128 units 0.30 ms by one thread and 0.39 by two, of 256 units 0.66 and
0.57."""


NO_STREAMS = CallerStreams()
"""Streams of a kernel whose examples are always in the kernel's own order."""


class Launch:
    """One program as kernels of one number format.

    Args:
        program: Program of one step.
        dtype: torch.float32 or torch.float64.
        reverse: Whether the loop over time runs from the last step to the first, as for an adjoint.
        callers: Streams in the caller's order of examples.
        matrices: Format of the matrices of its products; other than float32 for float32 programs alone.

    Raises:
        Refusal: The program cannot be compiled to a kernel.
    """

    def __init__(
        self,
        program: Program,
        dtype: torch.dtype,
        reverse: bool = False,
        callers: CallerStreams = NO_STREAMS,
        matrices: MatrixFormat = MatrixFormat.FLOAT32,
    ) -> None:
        self.dtype, self.callers, self.format = dtype, callers, matrices
        self.target: Target = target(torch.finfo(dtype).bits)
        self.nest: LoopNest = schedule(program, reverse)
        self.kernel: Kernel = emit(self.nest, self.target, self.callers)
        self.products = [product for stage in self.nest.stages for product in stage.products]
        self.matrices = {product.matrix: product for product in self.products}
        self.work = sum(product.depth * product.width * product.times for product in self.products)
        self.work += 8 * sum(
            prod(loop.domain) * len(loop.items) for s in self.nest.stages for loop in s.loops
        )

    @lazy
    def whole(self) -> frozenset[str]:
        """Buffers that hold an output of every step."""
        return frozenset(place.buffer for place in self.nest.aliases.values())

    @lazy
    def code(self) -> Code:
        """Machine code of the batch-split kernel, from the cache or compiled."""
        return build(self.kernel.source, self.target.bits)

    @lazy
    def cooperative(self) -> Kernel:
        """Cooperative kernel."""
        return emit(self.nest, self.target, self.callers, cooperative=True)

    @lazy
    def cooperative_code(self) -> Code:
        """Machine code of the cooperative kernel."""
        return build(self.cooperative.source, self.target.bits)

    @lazy
    def product(self) -> int:
        """Address of the matrix product that the kernel calls; 0 where it calls none."""
        if not self.products:
            return 0
        narrow = self.format is not MatrixFormat.FLOAT32
        return (narrow_product_code(self.format.value) if narrow else product_code(self.target.bits)).address

    def pack(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters in the kernel's layout: matrices packed in panels, others contiguous.

        Matrices that are bytes have been packed before.
        """
        packed = {}
        for name in self.kernel.buffers:
            if name in self.matrices and parameters[name].dtype is torch.uint8:
                packed[name] = parameters[name]
            elif name in self.matrices and self.format is not MatrixFormat.FLOAT32:
                packed[name] = narrow_matrix(parameters[name].detach(), self.format)
            elif name in self.matrices:
                packed[name] = panels(parameters[name].detach())
            elif name in parameters:
                packed[name] = parameters[name].detach().contiguous()
        return packed

    def __call__(
        self,
        steps: int,
        batch: int,
        tensors: Mapping[str, tuple[Tensor, int]],
        ragged: SortedLengths | None = None,
    ) -> None:
        """Run the kernel over a batch of sequences.

        Args:
            steps: Number of steps.
            batch: Number of examples.
            tensors: For every buffer but scratch: a tensor `[steps, B, ...]` with contiguous features, and the number
                of steps that it holds, 0 for parameters. Outputs in the caller's order, as "y_out", are written if
                their buffers are given.
            ragged: Lengths of the sequences; None where every sequence has `steps` events.
        """
        parts = shares(batch, self.work * steps * batch)
        order = None if ragged is None else ragged.order
        workers = self._workers(steps, batch) if steps > 1 and order is None else None
        kernel, code = (
            (self.kernel, self.code) if workers is None else (self.cooperative, self.cooperative_code)
        )
        scratch = [
            torch.empty(batch, width, dtype=self.dtype, device="cpu") for width in kernel.scratch.values()
        ]
        shared = None if workers is None else array("q", shared_numbers(torch.get_num_threads()))
        numbers = [
            steps,
            0 if ragged is None else ragged.lengths.data_ptr(),
            self.product,
            0 if shared is None else shared.buffer_info()[0],
            0 if shared is None else yielding(),
            batch,
            0 if order is None else order.data_ptr(),
        ]
        size = self.target.bits // 8
        lying = dict(zip(kernel.scratch, scratch, strict=True))
        for name in kernel.buffers:
            if name in tensors:
                tensor, room = tensors[name]
                numbers.append(tensor.data_ptr())
                if room:
                    over_steps, over_examples, *_ = tensor.stride()
                    numbers += (over_steps * size, over_examples * size, room)
                else:
                    numbers += (0, 0, 1)
            elif name in lying:
                numbers += (lying[name].data_ptr(), 0, kernel.scratch[name] * size, 1)
            else:  # an output that nobody asked for
                numbers += (0, 0, 0, 1)
        table = array("q", numbers)
        address = table.buffer_info()[0]
        if workers is not None:
            workers.cooperative(code.address, address, torch.get_num_threads())
            return
        listed = None if ragged is None or parts == 1 else ragged.lengths.numpy()
        run(code, address, cuts(batch, parts, listed))

    def _workers(self, steps: int, batch: int) -> Team | None:
        """Threads for the cooperative kernel; None where the batch-split kernel is faster."""
        threads = torch.get_num_threads()
        if threads == 1 or batch >= FEW * threads:
            return None
        work = self.work * batch
        if work < WORTH_BARRIER * threads or work * steps < WORTH_TEAM * threads:
            return None
        return team()


def side_by_side(tensor: Tensor, features: int) -> Tensor:
    """Tensor with its last `features` axes in row-major order: itself, or a copy."""
    expected = 1
    for axis in range(1, features + 1):
        if tensor.shape[-axis] != 1 and tensor.stride(-axis) != expected:
            return tensor.contiguous()
        expected *= tensor.shape[-axis]
    return tensor
