"""Register tile of the matrix product over packed panels.

A matrix `[K, N]` is packed as `[N / P, K, P]` with P columns in a panel; zeros pad the last panel. A tile of R rows by
one panel keeps R x P sums in registers. Each step loads one row of the panel, and broadcasts one number of each row of
the left operand (of each column where the operand is transposed). As LLVM vectors, it compiles to fused multiply-adds
on any processor.
"""

from typing import Any

from llvmlite import ir

from .lower import Function
from .simd import I1, I64, POINTER, constant, multiply_add, splat
from .target import Target


def make_tile(target: Target, rows: int, transposed: bool = False) -> Function:
    """Function of a tile C[rows, P] (+)= A[rows, K] panel[K, P], with addresses as integers and strides in elements.

    With `transposed`, A is stored as `[K, rows]`.
    """
    type_ = target.type
    vector, element, vectors, width = type_.llvm, type_.element, target.vectors, target.panel
    size = target.bits // 8

    def tile(b: Any, a: Any, lda: Any, panel: Any, depth: Any, c: Any, ldc: Any, fresh: Any) -> None:
        pa, pb, pc = (b.inttoptr(p, POINTER) for p in (a, panel, c))

        def at(base: Any, index: Any) -> Any:
            return b.gep(base, [index], source_etype=element)

        def load(pointer: Any) -> Any:
            return b.load(pointer, align=size, typ=vector)

        def store(pointer: Any, value: Any) -> None:
            b.store(value, pointer, align=size)

        c_rows = [at(pc, b.mul(ldc, I64(m))) for m in range(rows)]
        a_rows = [at(pa, I64(m) if transposed else b.mul(lda, I64(m))) for m in range(rows)]
        begin = b.block
        loop, done = b.append_basic_block("depth"), b.append_basic_block("done")
        b.branch(loop)
        b.position_at_end(loop)
        k = b.phi(I64)
        k.add_incoming(I64(0), begin)
        sums = []
        for _ in range(rows * vectors):
            phi = b.phi(vector)
            phi.add_incoming(constant(type_, 0.0), begin)
            sums.append(phi)
        row, along = b.mul(k, I64(width)), b.mul(k, lda) if transposed else k
        columns = [load(at(pb, b.add(row, I64(n * target.lanes)))) for n in range(vectors)]
        after = []
        for m in range(rows):
            spread = splat(b, type_, b.load(at(a_rows[m], along), align=size, typ=element))
            after += [
                multiply_add(b, type_, spread, columns[n], sums[m * vectors + n]) for n in range(vectors)
            ]
        following = b.add(k, I64(1))
        k.add_incoming(following, loop)
        for phi, value in zip(sums, after, strict=True):
            phi.add_incoming(value, loop)
        b.cbranch(b.icmp_signed("<", following, depth), loop, done)
        b.position_at_end(done)
        places = [at(c_rows[m], I64(n * target.lanes)) for m in range(rows) for n in range(vectors)]
        with b.if_else(b.trunc(fresh, I1)) as (new, more):
            with new:
                for place, value in zip(places, after, strict=True):
                    store(place, value)
            with more:  # partial sums of blocks: rounding errors grow less than in one long sum
                for place, value in zip(places, after, strict=True):
                    store(place, b.fadd(load(place), value))

    return tile


def tiles(target: Target) -> dict[str, Function]:
    """Register tiles, by the names that kernel source code uses."""
    sizes = range(1, target.rows + 1)
    plain = {f"tile{rows}": make_tile(target, rows) for rows in sizes}
    return plain | {f"turned{rows}": make_tile(target, rows, transposed=True) for rows in sizes}


def product(b: Any, code: Any, *arguments: Any) -> None:
    """Call of the matrix product by its address: it is compiled once rather than into every kernel.

    product(code, a, lda, packed, first, depth, c, ldc, width, rows, fresh)
    """
    kind = ir.FunctionType(ir.VoidType(), [I64] * len(arguments))
    b.call(b.inttoptr(code, kind.as_pointer()), arguments)
