"""Pool of large buffers, reused from call to call.

New memory is expensive: the system maps each page at its first use. On a virtual machine with two cores, 20 MB took
3.5 ms, and 0.3 ms when their pages were mapped already. Released blocks are therefore kept for later calls, up to a
limit, for as long as the layers live that used them: see `PoolUser`.
"""

from math import prod

import numpy as np
import torch
from torch import Tensor

from ...fork_safety import pools

Block = np.ndarray[tuple[int], np.dtype[np.uint8]]

WORTH = 1 << 17
"""Smallest block in bytes; the C library reuses smaller ones itself."""

MOST = 1 << 29
"""Largest total of idle blocks in bytes."""

LINE = 64
"""Alignment of tensors in bytes: a cache line."""

_idle: list[Block] = []  # the latest released comes last
_age = 0  # number of times that the pool was emptied


class _Loan(np.ndarray[tuple[int], np.dtype[np.uint8]]):
    """View of a block that releases the block when it is deleted."""

    block: Block | None = None
    age = 0

    def __del__(self) -> None:
        if self.block is not None and _let_go is not None:  # the interpreter may be shutting down
            _let_go(self.block, self.age)


class PoolUser:
    """Mark of a layer that uses the pool, which is emptied when the layer goes.

    Blocks that are in use at that moment are freed when they are released. Layers that stay get new blocks once.
    """

    __slots__ = ()

    def __del__(self) -> None:
        if empty_pool is not None:  # the interpreter may be shutting down
            empty_pool()


def empty_pool() -> None:
    """Free all idle blocks, and those in use as soon as they are released."""
    global _age
    with pools:  # reentrant: a finaliser may run at any point of the same thread
        _age += 1
        _idle.clear()


def empty(*shape: int, dtype: torch.dtype) -> Tensor:
    """Uninitialised tensor, as torch.empty."""
    size = prod(shape) * dtype.itemsize
    if size < WORTH:
        return torch.empty(shape, dtype=dtype, device="cpu")
    block = _block(-(-size // WORTH) * WORTH)
    loan = block[:size].view(_Loan)
    loan.block, loan.age = block, _age
    memory = torch.from_numpy(loan).untyped_storage()  # keeps the loan alive
    found = torch.empty(0, dtype=dtype, device="cpu")
    found.set_(memory, 0, shape)  # type: ignore[call-overload]  # not a view: users may write into it
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if fills and torch.are_deterministic_algorithms_enabled():
        found.fill_(torch.nan)
    return found


def copied(tensor: Tensor) -> Tensor:
    """Contiguous copy of a tensor."""
    if tensor.nbytes < WORTH:
        return tensor.clone(memory_format=torch.contiguous_format)
    return empty(*tensor.shape, dtype=tensor.dtype).copy_(tensor)


def _block(size: int) -> Block:
    with pools:  # reentrant: a finaliser may release a block at any point of the same thread
        best, least = -1, 2 * size
        for at, block in enumerate(_idle):
            if size <= len(block) <= least:  # of equal ones the latest released: it may still be cached
                best, least = at, len(block)
        if best >= 0:
            return _idle.pop(best)
    room = np.empty(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size]


def _let_go(block: Block, age: int) -> None:
    with pools:  # reentrant: a finaliser may release a block at any point of the same thread
        if age == _age:
            _idle.append(block)
        while sum(map(len, _idle)) > MOST:
            del _idle[0]
