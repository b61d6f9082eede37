"""Thread barrier for cooperative kernels whose phases are claimed in pieces.

Each phase of a cooperative kernel has one piece for each thread. A thread claims a piece before it computes it, its own
first, and a phase ends when all of its pieces are finished. A thread that waits for the end of a phase claims the piece
of another thread that has not begun it, as on a busy machine, where the system may run that thread milliseconds later.
It then finds its pieces finished, and goes on to the phase that is at work.

Shared memory: a line of 64 bytes with the number of finished pieces, and a line for each thread, with the goal of the
last phase whose piece of that thread was claimed, and the number of polls after which the thread claims other pieces.
"""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from .simd import I1, I32, I64, POINTER, declared

LINE = 8
"""Numbers of 64 bits in a cache line."""

PATIENCE = 1 << 12
"""Number of polls after which a waiting thread yields the processor, perhaps to the thread that it waits for."""

FEWEST, MOST = 16, 256
"""Bounds of the number of polls after which a waiting thread claims a piece of another thread.

The number is lowest after a thread claimed such a piece, and doubles with each phase without one: the pieces of a
thread that is away for long are taken without delay, and a thread that is late once keeps its pieces.
"""


def shared_numbers(threads: int) -> list[int]:
    """First values of the shared memory, for at most so many threads.

    >>> len(shared_numbers(2))
    24
    """
    return [0] * LINE + [0, MOST, *[0] * (LINE - 2)] * threads


def claim(b: Any, shared: Any, own: Any, goal: Any, threads: Any, rest: Any) -> Any:
    """LLVM code of a claim: number of a piece of a phase, or -1 when all of its pieces are finished.

    Args:
        b: LLVM IR builder.
        shared: Address of the shared memory.
        own: Number of the thread.
        goal: Number of finished pieces at the end of the phase.
        threads: Number of threads.
        rest: Address of a function that yields the processor.
    """
    return b.call(_claim_function(b.module), [shared, own, goal, threads, rest])


def finish(b: Any, shared: Any) -> None:
    """LLVM code that counts a piece as finished.

    Args:
        b: LLVM IR builder.
        shared: Address of the shared memory.
    """
    b.atomic_rmw("add", b.inttoptr(shared, POINTER), I64(1), "acq_rel")


def _claim_function(module: ir.Module) -> ir.Function:
    name = "claim_piece"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(I64, [I64] * 5), name)
    function.linkage = "internal"
    shared, own, goal, threads, rest = function.args
    names = ("start", "poll", "wait", "tired", "others", "other", "taken", "next", "yield", "again", "done")
    start, poll, wait, tired, others, other, taken, following, resting, again, done = (
        function.append_basic_block(each) for each in names
    )
    b = ir.IRBuilder(start)
    finished = b.inttoptr(shared, POINTER)

    def line(thread: Any, number: int) -> Any:
        index = b.add(b.mul(b.add(thread, I64(1)), I64(LINE)), I64(number))
        return b.gep(finished, [index], source_etype=I64)

    def take(thread: Any) -> Any:
        """Whether the piece of a thread is claimed here and now."""
        place = line(thread, 0)
        before = b.load_atomic(place, "acquire", 8, typ=I64)
        free = b.icmp_signed("<", before, goal)
        at, test, out = b.block, b.append_basic_block("free"), b.append_basic_block("claimed")
        b.cbranch(free, test, out)
        b.position_at_end(test)
        swapped = b.extract_value(b.cmpxchg(place, before, goal, "acq_rel", "acquire"), 1)
        b.branch(out)
        b.position_at_end(out)
        found = b.phi(I1)
        found.add_incoming(I1(0), at)
        found.add_incoming(swapped, test)
        return found

    mine = take(own)
    patience = line(own, 1)
    limit = b.load(patience, align=8, typ=I64)
    with b.if_then(mine):
        b.ret(own)
    before = b.block
    b.branch(poll)
    b.position_at_end(poll)
    looks = b.phi(I64)
    looks.add_incoming(I64(1), before)
    there = b.load_atomic(finished, "acquire", 8, typ=I64)
    b.cbranch(b.icmp_signed(">=", there, goal), done, wait)
    b.position_at_end(wait)
    if llvm.get_default_triple().startswith("x86_64"):
        b.call(declared(b, "llvm.x86.sse2.pause", ir.VoidType(), []), [])
    more = b.add(looks, I64(1))
    b.cbranch(b.icmp_signed("==", b.and_(more, b.sub(limit, I64(1))), I64(0)), others, again)
    b.position_at_end(others)
    b.branch(other)
    b.position_at_end(other)
    thread = b.phi(I64)
    thread.add_incoming(I64(0), others)
    stolen = take(thread)
    b.cbranch(stolen, taken, following)
    b.position_at_end(taken)
    b.store(I64(FEWEST), patience, align=8)
    b.ret(thread)
    b.position_at_end(following)
    after = b.add(thread, I64(1))
    thread.add_incoming(after, following)
    b.cbranch(b.icmp_signed("<", after, threads), other, tired)
    b.position_at_end(tired)
    b.cbranch(b.icmp_signed("==", b.and_(more, I64(PATIENCE - 1)), I64(0)), resting, again)
    b.position_at_end(resting)
    b.call(b.inttoptr(rest, ir.FunctionType(I32, []).as_pointer()), [])
    b.branch(again)
    b.position_at_end(again)
    looks.add_incoming(more, again)
    b.branch(poll)
    b.position_at_end(done)
    doubled = b.mul(limit, I64(2))
    with b.if_then(b.icmp_signed("<=", doubled, I64(MOST))):
        b.store(doubled, patience, align=8)
    b.ret(I64(-1))
    return function
