"""The matrix product inside a step: a register tile that walks packed panels of a matrix.

A matrix [K, N] lies packed as [N / P][K][P] with P columns to a panel (the last one padded with zeros). A tile of R
rows by one panel keeps R x P sums in registers; each of its steps loads one row of the panel, and spreads one number of
each row of the operand. Written as LLVM vectors, it compiles to fused multiply-adds on any processor.
"""

from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .target import Target
from .vectors import I1, I32, I64, Lanes, constant, splat

BLOCK = 512
"""Rows of a panel that are walked in one go: what a panel's block holds stays in the second-level cache."""


def make_tile(target: Target, rows: int) -> Any:
    """C[rows, P] (+)= A[rows, K] panel[K, P]; addresses as whole numbers, strides in elements."""
    type_ = Lanes(target.bits, target.lanes)
    vector, element, vectors, width = type_.llvm, type_.element, target.vectors, target.panel
    size = target.bits // 8

    @intrinsic
    def tile(typingctx: Any, a: Any, lda: Any, panel: Any, depth: Any, c: Any, ldc: Any, fresh: Any) -> Any:
        def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
            a, lda, panel, depth, c, ldc, fresh = args
            fma = cgutils.get_or_insert_function(
                b.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{target.lanes}f{target.bits}"
            )
            pa, pb, pc = (b.inttoptr(p, element.as_pointer()) for p in (a, panel, c))

            def at(base: Any, index: Any) -> Any:
                return b.gep(base, [index], source_etype=element)

            def load(pointer: Any) -> Any:
                return b.load(b.bitcast(pointer, vector.as_pointer()), align=size, typ=vector)

            c_rows = [at(pc, b.mul(ldc, I64(m))) for m in range(rows)]
            a_rows = [at(pa, b.mul(lda, I64(m))) for m in range(rows)]
            zero = constant(type_, 0.0)
            new = b.trunc(fresh, I1)
            start = []
            entry = b.block
            keep, begin = b.append_basic_block("keep"), b.append_basic_block("begin")
            b.cbranch(new, begin, keep)
            b.position_at_end(keep)
            old = [load(at(c_rows[m], I64(n * target.lanes))) for m in range(rows) for n in range(vectors)]
            b.branch(begin)
            b.position_at_end(begin)
            for value in old:
                phi = b.phi(vector)
                phi.add_incoming(zero, entry)
                phi.add_incoming(value, keep)
                start.append(phi)
            loop, done = b.append_basic_block("depth"), b.append_basic_block("done")
            b.branch(loop)
            b.position_at_end(loop)
            k = b.phi(I64)
            k.add_incoming(I64(0), begin)
            sums = []
            for value in start:
                phi = b.phi(vector)
                phi.add_incoming(value, begin)
                sums.append(phi)
            row = b.mul(k, I64(width))
            columns = [load(at(pb, b.add(row, I64(n * target.lanes)))) for n in range(vectors)]
            after = []
            for m in range(rows):
                spread = splat(b, type_, b.load(at(a_rows[m], k), align=size, typ=element))
                after += [b.call(fma, [spread, columns[n], sums[m * vectors + n]]) for n in range(vectors)]
            following = b.add(k, I64(1))
            k.add_incoming(following, loop)
            for phi, value in zip(sums, after, strict=True):
                phi.add_incoming(value, loop)
            b.cbranch(b.icmp_signed("<", following, depth), loop, done)
            b.position_at_end(done)
            for m in range(rows):
                for n in range(vectors):
                    pointer = b.bitcast(at(c_rows[m], I64(n * target.lanes)), vector.as_pointer())
                    b.store(after[m * vectors + n], pointer, align=size)
            return context.get_dummy_value()

        return types.void(*(types.int64,) * 7), codegen

    return tile


def product_source(target: Target) -> str:
    """product(a, lda, packed, K, c, ldc, N, rows, fresh): C (+)= A W for a packed W; C is as wide as whole panels."""
    size, panel = target.bits // 8, target.panel
    largest = target.rows
    body = [
        "def kernel(a, lda, packed, depth, c, ldc, width, rows, fresh):",
        f"    panels = (width + {panel - 1}) // {panel}",
        f"    for first in range(0, depth, {BLOCK}):",
        f"        length = least(depth - first, {BLOCK})",
        "        new = fresh if first == 0 else 0",
        "        for p in range(panels):",
        f"            at = packed + (p * depth + first) * {panel * size}",
        f"            to = c + p * {panel * size}",
        f"            of = a + first * {size}",
        "            left = rows",
        f"            while left >= {2 * largest} or left == {largest}:",
        *_call(largest, str(largest), size),
        f"            if left > {largest}:",  # two tiles of about one size, rather than a large and a small one
        "                half = (left + 1) // 2",
    ]
    for rows in range(1, largest):
        body += [f"                if half == {rows}:", *_call(rows, str(rows), size, 20)]
    body += [f"                if half == {largest}:", *_call(largest, str(largest), size, 20)]
    for rows in range(1, largest):
        body += [f"            if left == {rows}:", *_call(rows, str(rows), size, finished=True)]
    return "\n".join(body) + "\n"


def _call(rows: int, name: str, size: int, indent: int = 16, finished: bool = False) -> list[str]:
    lines = [f"tile{name}(of, lda, at, length, to, ldc, new)"]
    if not finished:
        lines += [f"of += {rows * size} * lda", f"to += {rows * size} * ldc", f"left -= {rows}"]
    return [" " * indent + line for line in lines]


@cache
def tiles(target: Target) -> dict[str, Any]:
    """The register tiles, by the names that the product calls them by."""
    return {f"tile{rows}": make_tile(target, rows) for rows in range(1, target.rows + 1)}


@intrinsic
def product(
    typingctx: Any, code: Any, a: Any, lda: Any, packed: Any, depth: Any, c: Any, ldc: Any, width: Any, rows: Any,
    fresh: Any,
) -> Any:  # fmt: skip
    """Call the product by its address: it is compiled once, not into every kernel."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(I32, [byte, byte, *(I64,) * 9])
        unused = b.bitcast(cgutils.alloca_once(b, byte), byte)
        b.call(b.inttoptr(args[0], kind.as_pointer()), [unused, unused, *args[1:]])
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 10), codegen
