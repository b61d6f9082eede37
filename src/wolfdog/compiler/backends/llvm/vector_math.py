"""Vector mathematics with the accuracy of PyTorch: exponential, logarithm, hyperbolic tangent and their relatives.

Each is an argument reduction and a polynomial in fused multiply-adds without branches, a few cycles per number. Rare
functions (sine, cosine, arc tangent, error function, powers) call the C library for every lane.
"""

from collections.abc import Callable
from math import factorial, log, pi, sqrt
from typing import Any

from llvmlite import ir

from ...ir.special_functions import FORMULAS
from .lower import Function
from .simd import FLAGS, I32, Lanes, as_lanes, constant, declared, multiply_add

LN2_HIGH = {32: 0.693359375, 64: 6.93147180369123816490e-01}  # few enough bits that n * LN2_HIGH is exact
TERMS_EXP = {32: 7, 64: 13}  # |r| <= ln(2) / 2: the next Taylor term is below half a unit in the last place
TERMS_LOG = {32: 5, 64: 11}
OVERFLOW = {32: 88.72283935546875, 64: 709.782712893384}
UNDERFLOW = {32: -87.3365478515625, 64: -708.3964185322641}


class V:
    """Vector expression: Python operators emit LLVM instructions."""

    def __init__(self, builder: Any, type_: Lanes, value: Any) -> None:
        self.builder, self.type, self.value = builder, type_, value

    @property
    def bits(self) -> int:
        """Bits of one number."""
        return self.type.bits

    def constant(self, number: float) -> "V":
        """Vector with a number in every lane."""
        return self.new(self.of(number))

    def apply(self, name: str) -> "V":
        """Function of one vector, by its name in the table of operations."""
        return FUNCTIONS["absolute" if name == "abs" else name](self)

    def of(self, other: "V | float") -> Any:
        """LLVM value of another operand."""
        return other.value if isinstance(other, V) else constant(self.type, float(other))

    def new(self, value: Any) -> "V":
        """Vector of the same type from an LLVM value."""
        return V(self.builder, self.type, value)

    def __add__(self, other: "V | float") -> "V":
        return self.new(self.builder.fadd(self.value, self.of(other), flags=FLAGS))

    def __sub__(self, other: "V | float") -> "V":
        return self.new(self.builder.fsub(self.value, self.of(other), flags=FLAGS))

    def __rsub__(self, other: float) -> "V":
        return self.new(self.builder.fsub(self.of(other), self.value, flags=FLAGS))

    def __mul__(self, other: "V | float") -> "V":
        return self.new(self.builder.fmul(self.value, self.of(other), flags=FLAGS))

    def __truediv__(self, other: "V | float") -> "V":
        return self.new(self.builder.fdiv(self.value, self.of(other)))

    def __rtruediv__(self, other: float) -> "V":
        return self.new(self.builder.fdiv(self.of(other), self.value))

    def __neg__(self) -> "V":
        return self.new(self.builder.fneg(self.value))

    def times_plus(self, factor: "V | float", addend: "V | float") -> "V":
        """self * factor + addend, rounded once where the processor can."""
        return self.new(multiply_add(self.builder, self.type, self.value, self.of(factor), self.of(addend)))

    def intrinsic(self, name: str) -> "V":
        """LLVM intrinsic of one vector."""
        vector = self.type.llvm
        function = declared(self.builder, f"llvm.{name}.{self.type.suffix}", vector, [vector])
        return self.new(self.builder.call(function, [self.value]))

    def with_sign_of(self, other: "V") -> "V":
        """Magnitude of self with the sign of another vector."""
        vector = self.type.llvm
        function = declared(self.builder, f"llvm.copysign.{self.type.suffix}", vector, [vector] * 2)
        return self.new(self.builder.call(function, [self.value, other.value]))

    def test(self, comparison: str, other: "V | float") -> Any:
        """Mask of a comparison; false where either is NaN."""
        return self.builder.fcmp_ordered(comparison, self.value, self.of(other))

    def choose(self, mask: Any, otherwise: "V | float") -> "V":
        """Selection: self where the mask is true, else `otherwise`."""
        return self.new(self.builder.select(mask, self.value, self.of(otherwise)))

    def between(self, low: float, high: float) -> "V":
        """Clamp of self between two numbers; NaN stays NaN."""
        small, large = self.test("<", low), self.test(">", high)
        value = self.builder.select(small, self.of(low), self.value)
        return self.new(self.builder.select(large, self.of(high), value))

    def pattern(self) -> Any:
        """Bits of the vector as integers."""
        return self.builder.bitcast(self.value, self.integers())

    def integers(self) -> ir.VectorType:
        """Integer vector type of the same width."""
        return ir.VectorType(ir.IntType(self.type.bits), self.type.count)

    def whole(self, number: int) -> ir.Constant:
        """Integer in every lane."""
        return ir.Constant(self.integers(), [number] * self.type.count)


def _horner(x: V, coefficients: list[float]) -> V:
    """Polynomial by Horner's rule, coefficients of the highest power first."""
    result = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        result = result.times_plus(x, coefficient)
    return result


def _power_of_two(n: V) -> V:
    """Power 2^n for integral n within the exponent range."""
    b, mantissa = n.builder, 23 if n.type.bits == 32 else 52
    bias = 127 if n.type.bits == 32 else 1023
    exponent = b.add(b.fptosi(n.value, n.integers()), n.whole(bias))
    return n.new(b.bitcast(b.shl(exponent, n.whole(mantissa)), n.type.llvm))


def _reduced(x: V) -> tuple[V, V]:
    """Argument reduction x = n ln(2) + r with |r| <= ln(2) / 2."""
    high = LN2_HIGH[x.type.bits]
    low = log(2) - high if x.type.bits == 32 else 1.90821492927058770002e-10
    n = (x * (1 / log(2))).intrinsic("rint")
    return n, n.times_plus(-low, n.times_plus(-high, x))


def _exp_less_one(r: V) -> V:
    """Polynomial of e^r - 1 for |r| <= ln(2) / 2."""
    terms = TERMS_EXP[r.type.bits]
    inner = _horner(r, [1 / factorial(k) for k in range(terms, 1, -1)])
    return (r * r).times_plus(inner, r)


def _exp(x: V) -> V:
    bits = x.type.bits
    n, r = _reduced(x.between(UNDERFLOW[bits], OVERFLOW[bits]))
    # 2^n in two factors: the largest results need an exponent that one factor does not have
    half = (n * 0.5).intrinsic("floor")
    result = (_exp_less_one(r) + 1.0) * _power_of_two(half) * _power_of_two(n - half)
    result = x.new(x.of(float("inf"))).choose(x.test(">", OVERFLOW[bits]), result)
    return x.new(x.of(0.0)).choose(x.test("<", UNDERFLOW[bits]), result)


def _exp_within(x: V) -> V:
    """Exponential of x far from overflow and underflow."""
    n, r = _reduced(x)
    return (_exp_less_one(r) + 1.0) * _power_of_two(n)


def _expm1_within(x: V) -> V:
    n, r = _reduced(x)
    scale = _power_of_two(n)
    return _exp_less_one(r).times_plus(scale, scale - 1.0)


def _sigmoid(x: V) -> V:
    limit = 87.0 if x.type.bits == 32 else 707.0
    return 1.0 / (_exp_within(-(x.between(-limit, limit))) + 1.0)


def _tanh(x: V) -> V:
    """Hyperbolic tangent: 1 - 2 / (e^2x + 1) away from zero, (e^2x - 1) / (e^2x + 1) near it."""
    size = x.intrinsic("fabs").between(0.0, 10.0 if x.type.bits == 32 else 20.0)
    t = _expm1_within(size * 2.0)
    q = 2.0 / (t + 2.0)
    return (1.0 - q).choose(size.test(">", 0.4), t * q * 0.5).with_sign_of(x)


def _expm1(x: V) -> V:
    bits = x.type.bits
    limit = 87.0 if bits == 32 else 708.0
    result = _expm1_within(x.between(-50.0, limit))
    return _exp(x).choose(x.test(">", limit), result)


def _log(x: V) -> V:
    """Natural logarithm of x = m 2^e with m near 1: e ln(2) + 2 artanh((m - 1) / (m + 1))."""
    b, bits = x.builder, x.type.bits
    mantissa = 23 if bits == 32 else 52
    # numbers below the normal range are scaled into it
    tiny = 2.0**-126 if bits == 32 else 2.0**-1022
    small = x.test("<", tiny)
    scaled = (x * 2.0**54).choose(small, x)
    root_half = 0x3F3504F3 if bits == 32 else 0x3FE6A09E667F3BCD
    # the exponent, counted from sqrt(1/2), so that m lies between sqrt(1/2) and sqrt(2)
    shifted = b.sub(scaled.pattern(), x.whole(root_half))
    exponent = b.ashr(shifted, x.whole(mantissa))
    m = x.new(b.bitcast(b.sub(scaled.pattern(), b.shl(exponent, x.whole(mantissa))), x.type.llvm))
    e = x.new(b.sitofp(exponent, x.type.llvm)) - x.new(x.of(54.0)).choose(small, 0.0)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = _horner(z, [2 / (2 * k + 1) for k in range(TERMS_LOG[bits], 0, -1)])
    high = LN2_HIGH[bits]
    low = log(2) - high if bits == 32 else 1.90821492927058770002e-10
    result = e.times_plus(high, (s * z).times_plus(series, e.times_plus(low, s * 2.0)))
    result = x.new(x.of(float("-inf"))).choose(x.test("==", 0.0), result)
    result = result.choose(x.test(">=", 0.0), float("nan"))
    return x.choose(x.test("==", float("inf")), result)


def _log1p(x: V) -> V:
    u = x + 1.0
    rest = u - 1.0  # the rounded x; the quotient corrects for the rounding
    result = _log(u) * (x / rest)
    result = x.choose(rest.test("==", 0.0), result)
    result = x.new(x.of(float("-inf"))).choose(x.test("==", -1.0), result)
    return x.choose(x.test("==", float("inf")), result)


def _by_lanes(name: str) -> Callable[..., V]:
    """Function of the C library, applied lane by lane."""

    def function(*operands: V) -> V:
        x = operands[0]
        b, element = x.builder, x.type.element
        symbol = name + ("f" if x.type.bits == 32 else "")
        called = declared(b, symbol, element, [element] * len(operands))
        result = ir.Constant(x.type.llvm, ir.Undefined)
        for lane in range(x.type.count):
            lanes = [b.extract_element(operand.value, I32(lane)) for operand in operands]
            result = b.insert_element(result, b.call(called, lanes), I32(lane))
        return x.new(result)

    return function


def _minimum(x: V, y: V) -> V:
    return x.choose(x.builder.or_(x.test("<", y), _not_a_number(x)), y)


def _maximum(x: V, y: V) -> V:
    return x.choose(x.builder.or_(x.test(">", y), _not_a_number(x)), y)


def _not_a_number(x: V) -> Any:
    return x.builder.fcmp_unordered("uno", x.value, x.value)


def _sign(x: V) -> V:
    one = x.new(x.of(1.0)).choose(x.test(">", 0.0), 0.0)
    return x.new(x.of(-1.0)).choose(x.test("<", 0.0), one)


def _relu(x: V) -> V:
    return x.new(x.of(0.0)).choose(x.test("<", 0.0), x)


_erf = _by_lanes("erf")


def _erfinv(y: V) -> V:
    """Inverse error function: PyTorch's rational approximations, and two steps of Newton's method."""
    size = y.intrinsic("fabs")
    z = y * y
    inner = _horner(z, [-0.140543331, 0.914624893, -1.645349621, 0.886226899])
    inner = y * inner / _horner(z, [0.012229801, -0.329097515, 1.442710462, -2.118377725, 1.0])
    z = (-_log((1.0 - size) * 0.5)).intrinsic("sqrt")
    outer = _horner(z, [1.641345311, 3.429567803, -1.624906493, -1.970840454])
    outer = outer.with_sign_of(y) / _horner(z, [1.637067800, 3.543889200, 1.0])
    x = inner.choose(size.test("<=", 0.7), outer)
    for _ in range(2):
        x = x - (_erf(x) - y) / (_exp(-(x * x)) * (2 / sqrt(pi)))
    end = y.new(y.of(float("inf"))).with_sign_of(y)
    x = end.choose(size.test("==", 1.0), x)
    return y.new(y.of(float("nan"))).choose(size.test(">", 1.0), x)


FUNCTIONS: dict[str, Callable[..., V]] = {
    **FORMULAS,
    "lgamma": _by_lanes("lgamma"),
    "exp": _exp,
    "expm1": _expm1,
    "log": _log,
    "log1p": _log1p,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "sqrt": lambda x: x.intrinsic("sqrt"),
    "rsqrt": lambda x: 1.0 / x.intrinsic("sqrt"),
    "absolute": lambda x: x.intrinsic("fabs"),
    "floor": lambda x: x.intrinsic("floor"),
    "sign": _sign,
    "relu": _relu,
    "minimum": _minimum,
    "maximum": _maximum,
    "sin": _by_lanes("sin"),
    "cos": _by_lanes("cos"),
    "atan": _by_lanes("atan"),
    "erf": _erf,
    "erfc": _by_lanes("erfc"),
    "erfinv": _erfinv,
    "round": lambda x: x.intrinsic("rint"),
    **{name: _by_lanes(name) for name in ("asin", "acos", "sinh", "cosh", "asinh", "acosh", "atanh")},
    "power": _by_lanes("pow"),
    **{name: _by_lanes(name) for name in ("fmod", "hypot", "atan2")},
    "copysign": lambda x, y: x.with_sign_of(y),
}
"""Functions of one or two vectors, by their names in kernel source code."""


def library(type_: Lanes) -> dict[str, Function]:
    """Mathematical functions of a vector type, by their names in kernel source code."""

    def of(build: Callable[..., V]) -> Function:
        return lambda b, *xs: build(*(V(b, type_, as_lanes(type_, x)) for x in xs)).value

    def where(b: Any, mask: Any, x: Any, y: Any) -> Any:
        return b.select(mask, as_lanes(type_, x), as_lanes(type_, y))

    def clamp(b: Any, x: Any, low: Any, high: Any) -> Any:
        v = V(b, type_, as_lanes(type_, x))
        for mark, bound in (("<", low), (">", high)):
            v = v.new(b.select(v.test(mark, v.new(bound)), bound, v.value))
        return v.value

    return {name: of(build) for name, build in FUNCTIONS.items()} | {"where": where, "clamp": clamp}
