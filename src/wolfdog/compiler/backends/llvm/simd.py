"""Vector types of a fixed width, and the vector loads, stores and reductions of kernels.

Vectors are explicit: LLVM's vectoriser does not handle loops over many arrays that may overlap. The first argument of
every function is LLVM's IR builder; addresses are integers, and indices count elements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llvmlite import ir

I64, I32, I1, POINTER = ir.IntType(64), ir.IntType(32), ir.IntType(1), ir.PointerType()
FLAGS = ("contract",)  # permits fused multiply-add, and no other reordering


@dataclass(frozen=True)
class Lanes:
    """Vector type of `count` numbers of `bits` bits, of a processor with fused multiply-add or without."""

    bits: int
    count: int
    fused: bool = True

    @cached_property
    def element(self) -> ir.Type:
        """LLVM type of one number."""
        return ir.FloatType() if self.bits == 32 else ir.DoubleType()

    @cached_property
    def llvm(self) -> ir.VectorType:
        """LLVM type of the vector."""
        return ir.VectorType(self.element, self.count)

    @cached_property
    def mask(self) -> ir.VectorType:
        """LLVM type of a mask of the vector."""
        return ir.VectorType(I1, self.count)

    @property
    def suffix(self) -> str:
        """Suffix of LLVM intrinsics on the vector."""
        return f"v{self.count}f{self.bits}"


def declared(builder: Any, name: str, result: ir.Type, arguments: Sequence[ir.Type]) -> Any:
    """External function, declared once in a module."""
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def multiply_add(builder: Any, type_: Lanes, x: Any, y: Any, z: Any) -> Any:
    """x y + z, rounded once where the processor can."""
    if not type_.fused:  # LLVM would call a function of the C library for every number
        return builder.fadd(builder.fmul(x, y), z)
    function = declared(builder, f"llvm.fma.{type_.suffix}", type_.llvm, [type_.llvm] * 3)
    return builder.call(function, [x, y, z])


def splat(builder: Any, type_: Lanes, value: Any) -> Any:
    """Vector with one number in every lane."""
    undefined = ir.Constant(type_.llvm, ir.Undefined)
    one = builder.insert_element(undefined, value, I32(0))
    return builder.shuffle_vector(
        one, undefined, ir.Constant(ir.VectorType(I32, type_.count), [0] * type_.count)
    )


def constant(type_: Lanes, number: float) -> ir.Constant:
    """Vector with a constant in every lane."""
    return ir.Constant(type_.llvm, [ir.Constant(type_.element, number)] * type_.count)


def as_lanes(type_: Lanes, value: Any) -> Any:
    """Vector: the value itself, or a number in every lane."""
    return constant(type_, value) if isinstance(value, float) else value


def first_lanes(builder: Any, type_: Lanes, number: Any) -> Any:
    """Mask of the first `number` lanes."""
    ids = ir.Constant(ir.VectorType(I64, type_.count), list(range(type_.count)))
    every = builder.insert_element(ir.Constant(ids.type, ir.Undefined), number, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, type_.count), [0] * type_.count)
    return builder.icmp_signed("<", ids, builder.shuffle_vector(every, every, zeros))


class VectorMemory:
    """Loads, stores and reductions of one vector type; kernel source code calls its methods by name."""

    def __init__(self, type_: Lanes) -> None:
        self._type, self._size = type_, type_.bits // 8
        self._pointers = ir.VectorType(POINTER, type_.count)

    def field(self, b: Any, table: Any, index: Any) -> Any:
        """Entry of an int64 table, by the table's address and an index."""
        return b.load(b.gep(b.inttoptr(table, POINTER), [index], source_etype=I64), typ=I64)

    def least(self, b: Any, x: Any, y: Any) -> Any:
        """Smaller of two integers."""
        return b.select(b.icmp_signed("<", x, y), x, y)

    def load(self, b: Any, base: Any, index: Any) -> Any:
        """Load of a contiguous vector."""
        return b.load(self._at(b, base, index), align=self._size, typ=self._type.llvm)

    def load_masked(self, b: Any, base: Any, index: Any, number: Any) -> Any:
        """Load of the first lanes of a contiguous vector, zeros in the others."""
        type_, vector = self._type, self._type.llvm
        name = f"llvm.masked.load.{type_.suffix}.p0"
        function = declared(b, name, vector, [POINTER, I32, type_.mask, vector])
        given = (
            self._at(b, base, index),
            I32(self._size),
            first_lanes(b, self._type, number),
            constant(type_, 0.0),
        )
        return b.call(function, given)

    def load_strided(self, b: Any, base: Any, index: Any, stride: Any, number: Any) -> Any:
        """Load of the first lanes of a strided vector, zeros in the others."""
        type_, vector = self._type, self._type.llvm
        name = f"llvm.masked.gather.{type_.suffix}.v{type_.count}p0"
        function = declared(b, name, vector, [self._pointers, I32, type_.mask, vector])
        places = self._strided(b, base, index, stride)
        return b.call(
            function, [places, I32(self._size), first_lanes(b, self._type, number), constant(type_, 0.0)]
        )

    def load_one(self, b: Any, base: Any, index: Any) -> Any:
        """Load of one number into every lane."""
        one = b.load(self._at(b, base, index), align=self._size, typ=self._type.element)
        return splat(b, self._type, one)

    def store(self, b: Any, base: Any, index: Any, value: Any) -> None:
        """Store of a contiguous vector."""
        b.store(as_lanes(self._type, value), self._at(b, base, index), align=self._size)

    def store_masked(self, b: Any, base: Any, index: Any, number: Any, value: Any) -> None:
        """Store of the first lanes of a contiguous vector."""
        type_ = self._type
        name, kinds = f"llvm.masked.store.{type_.suffix}.p0", [type_.llvm, POINTER, I32, type_.mask]
        function = declared(b, name, ir.VoidType(), kinds)
        b.call(
            function, [value, self._at(b, base, index), I32(self._size), first_lanes(b, self._type, number)]
        )

    def store_strided(self, b: Any, base: Any, index: Any, stride: Any, number: Any, value: Any) -> None:
        """Store of the first lanes of a strided vector."""
        type_ = self._type
        name = f"llvm.masked.scatter.{type_.suffix}.v{type_.count}p0"
        function = declared(b, name, ir.VoidType(), [type_.llvm, self._pointers, I32, type_.mask])
        places = self._strided(b, base, index, stride)
        b.call(function, [value, places, I32(self._size), first_lanes(b, self._type, number)])

    def store_one(self, b: Any, base: Any, index: Any, value: Any) -> None:
        """Store of the first lane."""
        b.store(b.extract_element(value, I32(0)), self._at(b, base, index), align=self._size)

    def clear(self, b: Any, base: Any, length: Any) -> None:
        """Fill of `length` bytes with zeros."""
        byte = ir.IntType(8)
        function = declared(b, "llvm.memset.p0.i64", ir.VoidType(), [POINTER, byte, I64, I1])
        b.call(function, [b.inttoptr(base, POINTER), byte(0), length, I1(0)])

    def number(self, b: Any, value: Any) -> Any:
        """Vector of a constant; ones and zeros of a mask."""
        if not isinstance(value, float) and value.type == self._type.mask:
            return b.select(value, constant(self._type, 1.0), constant(self._type, 0.0))
        return as_lanes(self._type, value)

    def keep(self, b: Any, value: Any, number: Any, otherwise: Any) -> Any:
        """Vector with its first lanes kept, and a constant in the others."""
        return b.select(first_lanes(b, self._type, number), value, as_lanes(self._type, otherwise))

    def total(self, b: Any, value: Any) -> Any:
        """Sum of the lanes, in every lane."""
        type_, element = self._type, self._type.element
        function = declared(b, f"llvm.vector.reduce.fadd.{type_.suffix}", element, [element, type_.llvm])
        whole = b.call(function, [ir.Constant(element, 0.0), value], fastmath=("reassoc",))
        return splat(b, type_, whole)

    def largest(self, b: Any, value: Any) -> Any:
        """Maximum of the lanes, in every lane."""
        type_ = self._type
        function = declared(b, f"llvm.vector.reduce.fmax.{type_.suffix}", type_.element, [type_.llvm])
        return splat(b, type_, b.call(function, [value]))

    def _at(self, b: Any, base: Any, index: Any) -> Any:
        return b.gep(b.inttoptr(base, POINTER), [index], source_etype=self._type.element)

    def _strided(self, b: Any, base: Any, index: Any, stride: Any) -> Any:
        pointers = ir.Constant(self._pointers, ir.Undefined)
        for lane in range(self._type.count):
            place = self._at(b, base, b.add(index, b.mul(stride, I64(lane))))
            pointers = b.insert_element(pointers, place, I32(lane))
        return pointers
