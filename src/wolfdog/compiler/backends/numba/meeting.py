"""Where threads that run one kernel together wait for each other."""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .vectors import I32, I64

PATIENCE = 1 << 12
"""Looks after which a thread that waits lets others run: on a machine with other work, the one it waits for."""


@intrinsic
def meet(typingctx: Any, counter: Any, goal: Any, rest: Any) -> Any:
    """Count one thread in at a counter, and wait until there are as many as the goal; `rest` is the address of a
    function that lets other threads run."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        counter, goal, rest = args
        at = b.inttoptr(counter, I64.as_pointer())
        b.atomic_rmw("add", at, I64(1), "acq_rel")
        start = b.block
        look, wait, tired, on = (b.append_basic_block(name) for name in ("look", "wait", "tired", "on"))
        b.branch(look)
        b.position_at_end(look)
        looks = b.phi(I64)
        looks.add_incoming(I64(1), start)
        there = b.load_atomic(at, "acquire", 8, typ=I64)
        b.cbranch(b.icmp_signed(">=", there, goal), on, wait)
        b.position_at_end(wait)
        if llvm.get_default_triple().startswith("x86_64"):
            pause = ir.FunctionType(ir.VoidType(), [])
            b.call(cgutils.get_or_insert_function(b.module, pause, "llvm.x86.sse2.pause"), [])
        more = b.add(looks, I64(1))
        looks.add_incoming(more, wait)
        b.cbranch(b.icmp_signed("==", b.and_(more, I64(PATIENCE - 1)), I64(0)), tired, look)
        b.position_at_end(tired)
        b.call(b.inttoptr(rest, ir.FunctionType(I32, []).as_pointer()), [])
        looks.add_incoming(more, tired)
        b.branch(look)
        b.position_at_end(on)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen
