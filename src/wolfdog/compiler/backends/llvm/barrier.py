"""Thread barrier for cooperative kernels."""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from .simd import I32, I64, POINTER, declared

PATIENCE = 1 << 12
"""Number of polls after which a waiting thread yields the processor, perhaps to the thread that it waits for."""


def barrier(b: Any, counter: Any, goal: Any, rest: Any) -> None:
    """LLVM code of a barrier: increment a counter, and poll until it reaches the goal.

    Args:
        b: LLVM IR builder.
        counter: Address of the counter, an int64.
        goal: Value at which all threads have arrived.
        rest: Address of a function that yields the processor.
    """
    at = b.inttoptr(counter, POINTER)
    b.atomic_rmw("add", at, I64(1), "acq_rel")
    start = b.block
    look, wait, tired, on = (b.append_basic_block(name) for name in ("poll", "wait", "yield", "done"))
    b.branch(look)
    b.position_at_end(look)
    looks = b.phi(I64)
    looks.add_incoming(I64(1), start)
    there = b.load_atomic(at, "acquire", 8, typ=I64)
    b.cbranch(b.icmp_signed(">=", there, goal), on, wait)
    b.position_at_end(wait)
    if llvm.get_default_triple().startswith("x86_64"):
        b.call(declared(b, "llvm.x86.sse2.pause", ir.VoidType(), []), [])
    more = b.add(looks, I64(1))
    looks.add_incoming(more, wait)
    b.cbranch(b.icmp_signed("==", b.and_(more, I64(PATIENCE - 1)), I64(0)), tired, look)
    b.position_at_end(tired)
    b.call(b.inttoptr(rest, ir.FunctionType(I32, []).as_pointer()), [])
    looks.add_incoming(more, tired)
    b.branch(look)
    b.position_at_end(on)
