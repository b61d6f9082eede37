"""Kernels of a program, and their launches."""

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from math import prod

import torch
from torch import Tensor

from ...fork_safety import lazy
from ...ir.program import Program
from ...passes.loop_nest import LoopNest
from ...passes.schedule import schedule
from .build import Code, build, narrow_product_code, product_code
from .call_plan import Buffer, CallPlan, Pack, Size
from .emit import CallerStreams, Kernel, emit
from .narrow import MatrixFormat, packed
from .openmp import Team, team
from .target import Target, target
from .thread_pool import shares

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

IN_PLACE = 32
"""Rows of all steps together up to which matrices are read where they lie: packed copies would cost more."""

LARGE = 4 << 20
"""Bytes of a kernel's matrices from which they are read where they lie for few passes alone.

Read along rows longer than a page, memory is slower than the packed copies. The backward pass of an LSTM of 1024 units
(16 MiB) took, of one step and 4, 8 and 32 examples, 7.3, 31.5 and 45 ms in place and 7.5, 28.3 and 21.6 packed."""

PASSES = 4
"""Passes over large matrices up to which packed copies cost more."""

AT_ONCE = 4
"""Rows for which one pass over a matrix in place computes the product."""

PLANS = 64
"""Plans of calls that are kept for a kernel; when there are more, all are made anew."""

Plan = tuple[CallPlan, Team | None]

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
        self._plans: dict[tuple[Hashable, ...], CallPlan] = {}
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

    @lazy
    def pack(self) -> Pack:
        """Function of parameters by name to parameters in the kernel's layout."""
        return partial(packed, tuple(self.kernel.buffers), frozenset(self.matrices), self.format)

    def plan(
        self,
        steps: int,
        batch: int,
        ordered: bool,
        buffers: Callable[[], Mapping[str, Buffer]],
        variant: Hashable = None,
    ) -> Plan:
        """Plan of calls of one size, and the threads for it.

        Args:
            steps: Number of steps.
            batch: Number of examples.
            ordered: Whether the kernel's order of examples is not the caller's.
            buffers: Function that gives the buffers that a call makes; called for a size that is new.
            variant: What else the buffers depend on.

        Returns:
            The plan, and the threads of a cooperative kernel or None.
        """
        threads = torch.get_num_threads()
        workers = None if threads == 1 or steps == 1 or ordered else self._workers(steps, batch)
        key = steps, batch, ordered, threads, workers is None, variant
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._planned(steps, batch, workers is not None, buffers())
        return plan, workers

    def _planned(self, steps: int, batch: int, cooperative: bool, buffers: Mapping[str, Buffer]) -> CallPlan:
        reads_in_place = not cooperative and self._reads_in_place(steps, batch)
        return CallPlan(
            self.cooperative if cooperative else self.kernel,
            self.cooperative_code if cooperative else self.code,
            dtype=self.dtype,
            size=Size(steps, batch, shares(batch, self.work * steps * batch)),
            product=self.product,
            pack=self.pack,
            in_place=self.matrices if reads_in_place else (),
            buffers=buffers,
            places=self.nest.aliases,
        )

    def _reads_in_place(self, steps: int, batch: int) -> bool:
        """Whether packed copies of the matrices would cost more than they save."""
        if self.format is not MatrixFormat.FLOAT32:
            return False
        repeated = max((1 if p.heads else p.times for p in self.products), default=1)
        if steps * batch * repeated > IN_PLACE:
            return False
        numbers = sum(p.depth * p.width * (p.times if p.heads else 1) for p in self.matrices.values())
        passes = steps * repeated * -(-batch // AT_ONCE)
        return numbers * self.dtype.itemsize <= LARGE or passes <= PASSES

    def _workers(self, steps: int, batch: int) -> Team | None:
        """Threads for the cooperative kernel; None where the batch-split kernel is faster."""
        threads = torch.get_num_threads()
        if batch >= FEW * threads:
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
