"""Vectors as a type of Numba: generated kernels say `load(p, j) + bias`, and LLVM gets vectors of a fixed width.

Nothing depends on LLVM's own vectoriser, which gives up on loops over many arrays that might overlap.
"""

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

I64, I32, I1 = ir.IntType(64), ir.IntType(32), ir.IntType(1)
FLAGS = ("contract",)  # a product and a sum may become one fused operation; nothing else is reordered


class Lanes(types.Type):
    """A vector of `count` numbers of `bits` bits, or of truth values where `mask`."""

    def __init__(self, bits: int, count: int, mask: bool = False) -> None:
        self.bits, self.count, self.mask = bits, count, mask
        super().__init__(name=f"{'Mask' if mask else 'Lanes'}(f{bits} x {count})")

    @property
    def element(self) -> ir.Type:
        """LLVM's type of one number."""
        return ir.FloatType() if self.bits == 32 else ir.DoubleType()

    @property
    def llvm(self) -> ir.VectorType:
        """LLVM's type of the vector."""
        return ir.VectorType(I1 if self.mask else self.element, self.count)

    def masks(self) -> "Lanes":
        """The type of comparisons of such vectors."""
        return Lanes(self.bits, self.count, True)

    def numbers(self) -> "Lanes":
        """The type of what such masks choose between."""
        return Lanes(self.bits, self.count)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        super().__init__(dmm, fe_type, fe_type.llvm)


def splat(builder: Any, type_: Lanes, value: Any) -> Any:
    """One number in every lane."""
    undefined = ir.Constant(type_.llvm, ir.Undefined)
    one = builder.insert_element(undefined, value, I32(0))
    return builder.shuffle_vector(
        one, undefined, ir.Constant(ir.VectorType(I32, type_.count), [0] * type_.count)
    )


def constant(type_: Lanes, number: float) -> ir.Constant:
    """A constant in every lane."""
    return ir.Constant(type_.llvm, [ir.Constant(type_.element, number)] * type_.count)


def _as_lanes(context: Any, builder: Any, type_: Lanes, given: Any, value: Any) -> Any:
    if isinstance(given, Lanes):
        return value
    scalar = types.float32 if type_.bits == 32 else types.float64
    return splat(builder, type_, context.cast(builder, value, given, scalar))


def _binary(
    function: Any, build: Callable[[Any, Any, Any], Any], compares: bool = False, masks: bool = False
) -> None:
    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) != 2 or kws:
                return None
            vectors = [a for a in args if isinstance(a, Lanes)]
            plain = all(isinstance(a, Lanes | types.Float) for a in args)
            if not vectors or not plain or any(a.mask is not masks for a in vectors):
                return None
            return signature(vectors[0].masks() if compares else vectors[0], *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        type_ = next(a for a in sig.args if isinstance(a, Lanes))
        a, b = (_as_lanes(context, builder, type_, g, v) for g, v in zip(sig.args, args, strict=True))
        return build(builder, a, b)

    for left, right in ((Lanes, Lanes), (Lanes, types.Float), (types.Float, Lanes)):
        lower_builtin(function, left, right)(lower)


_binary(operator.add, lambda b, x, y: b.fadd(x, y, flags=FLAGS))
_binary(operator.sub, lambda b, x, y: b.fsub(x, y, flags=FLAGS))
_binary(operator.mul, lambda b, x, y: b.fmul(x, y, flags=FLAGS))
_binary(operator.truediv, lambda b, x, y: b.fdiv(x, y))
_binary(operator.lt, lambda b, x, y: b.fcmp_ordered("<", x, y), compares=True)
_binary(operator.le, lambda b, x, y: b.fcmp_ordered("<=", x, y), compares=True)
_binary(operator.gt, lambda b, x, y: b.fcmp_ordered(">", x, y), compares=True)
_binary(operator.ge, lambda b, x, y: b.fcmp_ordered(">=", x, y), compares=True)
_binary(operator.eq, lambda b, x, y: b.fcmp_ordered("==", x, y), compares=True)
_binary(operator.ne, lambda b, x, y: b.fcmp_unordered("!=", x, y), compares=True)
_binary(operator.and_, lambda b, x, y: b.and_(x, y), masks=True)
_binary(operator.or_, lambda b, x, y: b.or_(x, y), masks=True)


@infer_global(operator.neg)
class _Negation(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(args[0], args[0]) if isinstance(args[0], Lanes) and not args[0].mask else None


@lower_builtin(operator.neg, Lanes)
def _negate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fneg(args[0])


@infer_global(operator.invert)
class _Inversion(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(args[0], args[0]) if isinstance(args[0], Lanes) and args[0].mask else None


@lower_builtin(operator.invert, Lanes)
def _invert(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.not_(args[0])


@intrinsic
def field(typingctx: Any, table: Any, index: Any) -> Any:
    """The whole number at an index of a table of whole numbers, given by its address."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], I64.as_pointer())
        return builder.load(builder.gep(pointer, [args[1]], source_etype=I64))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def least(typingctx: Any, a: Any, b: Any) -> Any:
    """The smaller of two whole numbers."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.icmp_signed("<", *args), *args)

    return types.int64(types.int64, types.int64), codegen


@cache
def memory(bits: int, count: int) -> dict[str, Any]:
    """Loads and stores for one width: what a kernel imports. Addresses are whole numbers, indices count elements."""
    type_ = Lanes(bits, count)
    vector, element = type_.llvm, type_.element
    masks = ir.VectorType(I1, count)
    ids = ir.Constant(ir.VectorType(I64, count), list(range(count)))
    size = bits // 8

    def address(builder: Any, base: Any, index: Any) -> Any:
        return builder.gep(builder.inttoptr(base, element.as_pointer()), [index], source_etype=element)

    def active(builder: Any, number: Any) -> Any:
        every = builder.insert_element(ir.Constant(ids.type, ir.Undefined), number, I32(0))
        zeros = ir.Constant(ir.VectorType(I32, count), [0] * count)
        return builder.icmp_signed("<", ids, builder.shuffle_vector(every, every, zeros))

    def declare(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
        return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)

    def addresses(builder: Any, base: Any, index: Any, stride: Any) -> Any:
        pointers = ir.Constant(ir.VectorType(element.as_pointer(), count), ir.Undefined)
        for lane in range(count):
            offset = builder.add(index, builder.mul(stride, I64(lane)))
            pointers = builder.insert_element(pointers, address(builder, base, offset), I32(lane))
        return pointers

    suffix = f"v{count}f{bits}"

    @intrinsic
    def load(typingctx: Any, base: Any, index: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = builder.bitcast(address(builder, *args), vector.as_pointer())
            return builder.load(pointer, align=size, typ=vector)

        return type_(types.int64, types.int64), codegen

    @intrinsic
    def load_some(typingctx: Any, base: Any, index: Any, number: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = builder.bitcast(address(builder, *args[:2]), vector.as_pointer())
            function = declare(
                builder, f"llvm.masked.load.{suffix}.p0", vector, [vector.as_pointer(), I32, masks, vector]
            )
            return builder.call(
                function, [pointer, I32(size), active(builder, args[2]), constant(type_, 0.0)]
            )

        return type_(types.int64, types.int64, types.int64), codegen

    @intrinsic
    def load_apart(typingctx: Any, base: Any, index: Any, stride: Any, number: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointers = addresses(builder, *args[:3])
            function = declare(
                builder,
                f"llvm.masked.gather.{suffix}.v{count}p0",
                vector,
                [pointers.type, I32, masks, vector],
            )
            return builder.call(
                function, [pointers, I32(size), active(builder, args[3]), constant(type_, 0.0)]
            )

        return type_(types.int64, types.int64, types.int64, types.int64), codegen

    @intrinsic
    def load_one(typingctx: Any, base: Any, index: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return splat(builder, type_, builder.load(address(builder, *args), align=size, typ=element))

        return type_(types.int64, types.int64), codegen

    @intrinsic
    def store(typingctx: Any, base: Any, index: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            builder.store(
                args[2], builder.bitcast(address(builder, *args[:2]), vector.as_pointer()), align=size
            )
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, type_), codegen

    @intrinsic
    def store_some(typingctx: Any, base: Any, index: Any, number: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = builder.bitcast(address(builder, *args[:2]), vector.as_pointer())
            function = declare(
                builder,
                f"llvm.masked.store.{suffix}.p0",
                ir.VoidType(),
                [vector, vector.as_pointer(), I32, masks],
            )
            builder.call(function, [args[3], pointer, I32(size), active(builder, args[2])])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64, type_), codegen

    @intrinsic
    def store_apart(typingctx: Any, base: Any, index: Any, stride: Any, number: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointers = addresses(builder, *args[:3])
            function = declare(
                builder,
                f"llvm.masked.scatter.{suffix}.v{count}p0",
                ir.VoidType(),
                [vector, pointers.type, I32, masks],
            )
            builder.call(function, [args[4], pointers, I32(size), active(builder, args[3])])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64, types.int64, type_), codegen

    @intrinsic
    def store_one(typingctx: Any, base: Any, index: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            builder.store(builder.extract_element(args[2], I32(0)), address(builder, *args[:2]), align=size)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, type_), codegen

    @intrinsic
    def clear(typingctx: Any, base: Any, length: Any) -> Any:
        """Zeros, over so many bytes from an address on."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            byte = ir.IntType(8)
            kinds = [byte.as_pointer(), byte, I64, I1]
            function = declare(builder, "llvm.memset.p0.i64", ir.VoidType(), kinds)
            builder.call(function, [builder.inttoptr(args[0], kinds[0]), byte(0), args[1], I1(0)])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    @intrinsic
    def number(typingctx: Any, value: Any) -> Any:
        """A constant in every lane; of a mask, ones and zeros."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            if isinstance(sig.args[0], Lanes):
                return builder.select(args[0], constant(type_, 1.0), constant(type_, 0.0))
            return _as_lanes(context, builder, type_, sig.args[0], args[0])

        return type_(value), codegen

    @intrinsic
    def keep(typingctx: Any, value: Any, number: Any, otherwise: Any) -> Any:
        """The first lanes of a vector, and a constant in the others."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            other = _as_lanes(context, builder, type_, sig.args[2], args[2])
            return builder.select(active(builder, args[1]), args[0], other)

        return type_(type_, types.int64, types.float64), codegen

    @intrinsic
    def total(typingctx: Any, value: Any) -> Any:
        """The sum of the lanes, in every lane."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            function = declare(builder, f"llvm.vector.reduce.fadd.{suffix}", element, [element, vector])
            start = ir.Constant(element, 0.0)
            return splat(builder, type_, builder.call(function, [start, args[0]], fastmath=("reassoc",)))

        return type_(type_), codegen

    @intrinsic
    def largest(typingctx: Any, value: Any) -> Any:
        """The largest of the lanes, in every lane."""

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            function = declare(builder, f"llvm.vector.reduce.fmax.{suffix}", element, [vector])
            return splat(builder, type_, builder.call(function, [args[0]]))

        return type_(type_), codegen

    return {
        "load": load, "load_some": load_some, "load_apart": load_apart, "load_one": load_one, "store": store,
        "store_some": store_some, "store_apart": store_apart, "store_one": store_one, "number": number, "keep": keep,
        "total": total,
        "largest": largest, "clear": clear, "field": field, "least": least,
    }  # fmt: skip
