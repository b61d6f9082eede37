"""Lowering of kernel source code, a subset of Python, to LLVM IR.

A kernel is a function of integers without a result. Its statements are assignments, `for` over ranges, `while` and
`if`; its values are integers, vectors and masks. It calls the functions that it is given, each of which emits its code
with LLVM's IR builder. A float literal is a constant, and becomes a vector where a vector is needed.

Dividends are never negative, so // and % are the processor's operations. The step of a range is a literal, or a
positive variable.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from llvmlite import ir

from .simd import FLAGS, I1, I64, Lanes, as_lanes

Function = Callable[..., Any]
"""Function that kernel source code calls: takes LLVM's IR builder and values, returns a value or None."""

_WHOLE: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.FloorDiv: "sdiv",
    ast.Mod: "srem",
}
_VECTORS: dict[type[ast.operator], Callable[[Any, Any, Any], Any]] = {
    ast.Add: lambda b, x, y: b.fadd(x, y, flags=FLAGS),
    ast.Sub: lambda b, x, y: b.fsub(x, y, flags=FLAGS),
    ast.Mult: lambda b, x, y: b.fmul(x, y, flags=FLAGS),
    ast.Div: lambda b, x, y: b.fdiv(x, y),
    ast.BitAnd: lambda b, x, y: b.and_(x, y),
    ast.BitOr: lambda b, x, y: b.or_(x, y),
}
_TESTS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_CONSTANTS = {"inf": float("inf"), "nan": float("nan")}


def lowered(source: str, name: str, functions: Mapping[str, Function], type_: Lanes) -> ir.Module:
    """LLVM module with the function of a kernel's source code, under a name."""
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.FunctionDef)
    arguments = [argument.arg for argument in definition.args.args]
    module = ir.Module(name)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * len(arguments)), name)
    _Lowering(function, functions, type_).run(arguments, definition.body)
    return module


class _Lowering:
    def __init__(self, function: ir.Function, functions: Mapping[str, Function], type_: Lanes) -> None:
        self.function, self.functions, self.type = function, functions, type_
        self.places = ir.IRBuilder(function.append_basic_block("variables"))
        self.b = ir.IRBuilder(function.append_basic_block("start"))
        self.variables: dict[str, Any] = {}
        self.slots: dict[tuple[str, str], Any] = {}

    def run(self, arguments: Sequence[str], body: Sequence[ast.stmt]) -> None:
        start = self.b.block
        for name, value in zip(arguments, self.function.args, strict=True):
            self._set(name, value)
        self._block(body)
        self.b.ret_void()
        self.places.branch(start)

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._set(name, self._value(value))
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                    found = [self._value(value) for value in values]
                    for target, value in zip(names, found, strict=True):
                        self._set(_name(target), value)
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                    self._set(name, self._binary(op, self._get(name), self._value(value)))
                case ast.Expr(value=value):
                    self._value(value)
                case ast.For(target=ast.Name(id=name), iter=ast.Call(args=bounds), body=body):
                    self._for(name, bounds, body)
                case ast.While(test=test, body=body):
                    self._while(partial(self._truth, test), partial(self._block, body))
                case ast.If(test=test, body=body, orelse=otherwise):
                    self._if(test, body, otherwise)
                case _:
                    raise SyntaxError(f"not part of the kernel language: {ast.unparse(statement)}")

    def _for(self, name: str, bounds: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        given = [self._value(bound) for bound in bounds]
        first, end = (I64(0), given[0]) if len(given) == 1 else given[:2]
        step = given[2] if len(given) == 3 else I64(1)
        downwards = len(bounds) == 3 and isinstance(bounds[2], ast.UnaryOp)
        counter = self.places.alloca(I64)
        self.b.store(first, counter)

        def more() -> Any:
            return self.b.icmp_signed(">" if downwards else "<", self.b.load(counter, typ=I64), end)

        def once() -> None:
            now = self.b.load(counter, typ=I64)
            self._set(name, now)
            self._block(body)
            self.b.store(self.b.add(now, step, flags=("nsw",)), counter)

        self._while(more, once)

    def _while(self, test: Callable[[], Any], body: Callable[[], None]) -> None:
        look, again, on = (self.function.append_basic_block(name) for name in ("look", "again", "on"))
        self.b.branch(look)
        self.b.position_at_end(look)
        self.b.cbranch(test(), again, on)
        self.b.position_at_end(again)
        body()
        self.b.branch(look)
        self.b.position_at_end(on)

    def _if(self, test: ast.expr, body: Sequence[ast.stmt], otherwise: Sequence[ast.stmt]) -> None:
        yes, no, on = (self.function.append_basic_block(name) for name in ("yes", "no", "on"))
        self.b.cbranch(self._truth(test), yes, no)
        for block, statements in ((yes, body), (no, otherwise)):
            self.b.position_at_end(block)
            self._block(statements)
            self.b.branch(on)
        self.b.position_at_end(on)

    def _set(self, name: str, value: Any) -> None:
        value = as_lanes(self.type, value) if isinstance(value, float) else value
        form = name, str(value.type)  # a name may be reused for a value of another type
        if form not in self.slots:
            self.slots[form] = self.places.alloca(value.type, name=name)
        self.variables[name] = self.slots[form]
        self.b.store(value, self.slots[form])

    def _get(self, name: str) -> Any:
        place = self.variables[name]
        return self.b.load(place, typ=place.allocated_type)

    def _truth(self, test: ast.expr) -> Any:
        value = self._value(test)
        return value if value.type == I1 else self.b.icmp_signed("!=", value, I64(0))

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int(number)):
                return I64(number)
            case ast.Constant(value=float(number)):
                return number
            case ast.Name(id=name):
                return _CONSTANTS[name] if name in _CONSTANTS else self._get(name)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.functions[name](self.b, *[self._value(argument) for argument in arguments])
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self._value(left), self._value(right))
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self._value(operand))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compare(_TESTS[type(op)], self._value(left), self._value(right))
            case ast.BoolOp(op=op, values=values):
                return self._joined(isinstance(op, ast.And), values)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return self._choice(test, body, otherwise)
        raise SyntaxError(f"not part of the kernel language: {ast.unparse(node)}")

    def _binary(self, op: ast.operator, x: Any, y: Any) -> Any:
        if _whole(x) and _whole(y):
            kind = _WHOLE[type(op)]
            flags = ("nsw",) if kind in ("add", "sub", "mul") else ()
            return getattr(self.b, kind)(x, y, flags=flags)
        return _VECTORS[type(op)](self.b, as_lanes(self.type, x), as_lanes(self.type, y))

    def _unary(self, op: ast.unaryop, x: Any) -> Any:
        if isinstance(op, ast.USub):
            return -x if isinstance(x, float) else self.b.neg(x) if _whole(x) else self.b.fneg(x)
        return self.b.not_(x)

    def _compare(self, test: str, x: Any, y: Any) -> Any:
        if _whole(x) and _whole(y):
            return self.b.icmp_signed(test, x, y)
        # NaN is unequal to everything, and no other comparison with it holds
        compare = self.b.fcmp_unordered if test == "!=" else self.b.fcmp_ordered
        return compare(test, as_lanes(self.type, x), as_lanes(self.type, y))

    def _joined(self, every: bool, values: Sequence[ast.expr]) -> Any:
        """Short-circuit `and` and `or`."""
        done, found = self.function.append_basic_block("decided"), []
        for value in values[:-1]:
            truth, more = self._truth(value), self.function.append_basic_block("else")
            found.append((I1(not every), self.b.block))
            self.b.cbranch(truth, *((more, done) if every else (done, more)))
            self.b.position_at_end(more)
        found.append((self._truth(values[-1]), self.b.block))
        return self._met(done, found)

    def _choice(self, test: ast.expr, body: ast.expr, otherwise: ast.expr) -> Any:
        yes, no, done = (self.function.append_basic_block(name) for name in ("yes", "no", "chosen"))
        self.b.cbranch(self._truth(test), yes, no)
        self.b.position_at_end(yes)
        found = [(self._value(body), self.b.block)]
        self.b.branch(done)
        self.b.position_at_end(no)
        found.append((self._value(otherwise), self.b.block))
        return self._met(done, found)

    def _met(self, done: Any, found: Sequence[tuple[Any, Any]]) -> Any:
        """Join of several blocks in one, with a phi of their values."""
        self.b.branch(done)
        self.b.position_at_end(done)
        phi = self.b.phi(found[0][0].type)
        for value, block in found:
            phi.add_incoming(value, block)
        return phi


def _whole(value: Any) -> bool:
    return not isinstance(value, float) and value.type == I64


def _name(node: ast.expr) -> str:
    assert isinstance(node, ast.Name)
    return node.id
