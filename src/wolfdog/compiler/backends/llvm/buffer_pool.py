"""Memory for what is as long as a sequence, used again and again.

Fresh memory costs more than what is computed in it: the system hands it out page by page, at the first touch of each.
On a virtual machine with two cores 20 MB took 3.5 ms, and 0.3 ms where they had been touched before. So what a call
lets go is kept for the next one, up to a limit.
"""

import threading
from math import prod

import numpy as np
import torch
from torch import Tensor

Block = np.ndarray[tuple[int], np.dtype[np.uint8]]

WORTH = 1 << 17
"""Bytes from which on memory is kept here: with fewer, the C library keeps it."""

MOST = 1 << 29
"""Bytes that are kept at most while nothing uses them."""

LINE = 64
"""Bytes of a line of the processor's caches, at which tensors start."""

_lock = threading.RLock()  # letting go may happen at any moment of the same thread
_idle: list[Block] = []  # what was let go last comes last


class _Loan(np.ndarray[tuple[int], np.dtype[np.uint8]]):
    """A part of a block, which is let go with it."""

    block: Block | None = None

    def __del__(self) -> None:
        if self.block is not None and _let_go is not None:  # Python may be ending
            _let_go(self.block)


def empty(*shape: int, dtype: torch.dtype) -> Tensor:
    """A tensor of numbers not set, as torch.empty's."""
    size = prod(shape) * dtype.itemsize
    if size < WORTH:
        return torch.empty(shape, dtype=dtype, device="cpu")
    block = _block(-(-size // WORTH) * WORTH + LINE)
    start = -block.ctypes.data % LINE
    loan = block[start : start + size].view(_Loan)
    loan.block = block
    memory = torch.from_numpy(loan).untyped_storage()  # holds on to the loan
    found = torch.empty(0, dtype=dtype, device="cpu")
    found.set_(memory, 0, shape)  # type: ignore[call-overload]  # and so no view: users may write into it
    if torch.are_deterministic_algorithms_enabled() and torch.utils.deterministic.fill_uninitialized_memory:  # type: ignore[attr-defined]
        found.fill_(torch.nan)
    return found


def copied(tensor: Tensor) -> Tensor:
    """A copy, its numbers side by side."""
    return empty(*tensor.shape, dtype=tensor.dtype).copy_(tensor)


def _block(size: int) -> Block:
    with _lock:
        fitting = [block for block in _idle if size <= block.nbytes <= 2 * size]
        if fitting:
            best = min(
                reversed(fitting), key=lambda block: block.nbytes
            )  # the last let go: it may be in a cache
            _idle[:] = [block for block in _idle if block is not best]
            return best
    return np.empty(size, np.uint8)


def _let_go(block: Block) -> None:
    with _lock:
        _idle.append(block)
        while sum(block.nbytes for block in _idle) > MOST:
            del _idle[0]
