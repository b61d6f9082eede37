"""Special functions as formulas in elementary ones, for every arithmetic: vectors of kernels and nodes of ONNX.

The formulas have no branches: a function chooses between results that are all computed. They have PyTorch's values at
infinities, NaN, zeros and poles.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import factorial, inf, log, nan, pi, sqrt
from typing import Any, Protocol, Self, TypeVar


class Number(Protocol):
    """Number of an arithmetic, with `bits` bits; Python's operators compute with it.

    A mask is the result of a test, and is given to `choose` alone.
    """

    @property
    def bits(self) -> int: ...
    def __add__(self, other: Self | float, /) -> Self: ...
    def __sub__(self, other: Self | float, /) -> Self: ...
    def __rsub__(self, other: float, /) -> Self: ...
    def __mul__(self, other: Self | float, /) -> Self: ...
    def __truediv__(self, other: Self | float, /) -> Self: ...
    def __rtruediv__(self, other: float, /) -> Self: ...
    def __neg__(self) -> Self: ...

    def constant(self, number: float) -> Self:
        """Constant of the arithmetic."""
        ...

    def apply(self, name: str) -> Self:
        """Elementary function of one number, by its name in the table of operations."""
        ...

    def test(self, comparison: str, other: Self | float) -> Any:
        """Mask of a comparison by "<", ">", "<=", ">=" or "=="; false where either is NaN."""
        ...

    def choose(self, mask: Any, otherwise: Self | float) -> Self:
        """The number itself where the mask is true, else `otherwise`."""
        ...


N = TypeVar("N", bound=Number)

BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
)  # fmt: skip
"""Bernoulli numbers B_2, B_4, ..."""

SCALED_ERFC = (
    1.1774832005374487, -0.00726079662030190048, -0.0812651232361849979, 0.06009212804122225, -0.0287539355802766603,
    0.01059566336347286, -0.00313692729455426424, 7.45649437253618404e-4, -1.36969650301005407e-4,
    1.71838616003009371e-5, -7.15836462345034686e-7, -2.4261399442449532e-7, 5.5765709395703564e-8,
    -2.10578695138094948e-9, -1.17178893518849568e-9, 1.90983551724566879e-10, 1.40887176420881296e-11,
    -6.90110832048081498e-12, 9.16795836411129139e-14, 2.1454508286554552e-13, -1.47165750270106242e-14,
    -6.66867511877039839e-15, 7.50459850988027308e-16, 2.22009300666660365e-16, -3.17048989562933461e-17,
)  # fmt: skip
"""Chebyshev coefficients of (1 + 2 x) e^(x^2) erfc(x) in t = (x - 4) / (x + 4), computed with 60 digits."""

Rational = tuple[tuple[float, ...], tuple[float, ...]]

NORMAL_QUANTILE: tuple[Rational, Rational, Rational] = (
    (
        (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
         1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080),
        (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
         5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
    ),
    (
        (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
         3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
        (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
         6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0),
    ),
    (
        (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
         2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
        (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
         7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
         5.99832206555887937690e-1, 1.0),
    ),
)  # fmt: skip
"""Rational approximations of Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988)."""


def polynomial(x: N, coefficients: Sequence[float]) -> N:
    """Polynomial by Horner's rule, coefficients of the highest power first."""
    result = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        result = result * x + coefficient
    return result


def _chebyshev(t: N, coefficients: Sequence[float]) -> N:
    """Chebyshev series by Clenshaw's recurrence."""
    later, last = t.constant(0.0), t.constant(coefficients[-1])
    twice = t * 2.0
    for coefficient in coefficients[-2:0:-1]:
        later, last = last, twice * last - later + coefficient
    return t * last - later + coefficients[0]


def _cotangent(x: N) -> N:
    """Cotangent of pi x, by the distance of x from an integer."""
    angle = (x - x.apply("round")) * pi
    return angle.apply("cos") / angle.apply("sin")


def _is_integer(x: N) -> Any:
    return x.test("==", x.apply("floor"))


def digamma(x: N) -> N:
    """Derivative of log Gamma(x): recurrence up to 10, then the asymptotic series; reflection below zero."""
    negative = x.test("<", 0.0)
    z, total = (1.0 - x).choose(negative, x), x.constant(0.0)
    for _ in range(10):
        small = z.test("<", 10.0)
        total = (total - 1.0 / z).choose(small, total)
        z = (z + 1.0).choose(small, z)
    inverse = 1.0 / (z * z)
    tail = [number / (2 * k) for k, number in enumerate(BERNOULLI[:7], start=1)]
    value = total + z.apply("log") - 0.5 / z - inverse * polynomial(inverse, tail[::-1])
    reflected = x.constant(nan).choose(_is_integer(x), value - _cotangent(x) * pi)
    value = reflected.choose(negative, value)
    return (-(1.0 / x)).choose(x.test("==", 0.0), value)


def trigamma(x: N) -> N:
    """Derivative of digamma(x), by PyTorch's series, which is exact to about 1e-9; reflection below a half."""
    low = x.test("<", 0.5)
    sine = (x * pi).apply("sin")
    z = (1.0 - x).choose(low, x)
    total = (pi * pi / (sine * sine)).choose(low, 0.0)
    series = z.constant(0.0)
    for _ in range(6):
        series = series + 1.0 / (z * z)
        z = z + 1.0
    inverse = 1.0 / (z * z)
    bracket = inverse * (1 / 6 - inverse * (1 / 30 - inverse * (1 / 42))) + 0.5 / z + 1.0
    series = series + bracket / z
    return (total - series).choose(low, series)


def _cotangent_derivative(order: int) -> list[float]:
    """Derivative of cot as a polynomial of cot, coefficients of the highest power first."""
    powers = [0.0, 1.0]  # of c, ascending; c' = -(1 + c^2)
    for _ in range(order):
        slopes = [k * value for k, value in enumerate(powers)][1:]
        powers = [0.0] * (len(slopes) + 2)
        for k, slope in enumerate(slopes):
            powers[k] -= slope
            powers[k + 2] -= slope
    return powers[::-1]


def polygamma(order: int, x: N) -> N:
    """Derivative of digamma of an order, 2 at least: recurrence and the asymptotic series; reflection below zero."""
    n, sign = order, 1.0 if order % 2 else -1.0
    negative = x.test("<", 0.0)
    z, total = (1.0 - x).choose(negative, x), x.constant(0.0)

    def power(base: N, exponent: int) -> N:
        result = base
        for _ in range(exponent - 1):
            result = result * base
        return result

    for _ in range(14):
        small = z.test("<", 14.0)
        total = (total + 1.0 / power(z, n + 1)).choose(small, total)
        z = (z + 1.0).choose(small, z)
    inverse = 1.0 / z
    square = inverse * inverse
    tail = [
        number * factorial(2 * k + n - 1) / (factorial(2 * k) * factorial(n))
        for k, number in enumerate(BERNOULLI, start=1)
    ]
    series = (square * polynomial(square, tail[::-1]) + inverse * 0.5 + 1 / n) * power(inverse, n)
    value = (total + series) * (sign * factorial(n))
    reflected = -value if n % 2 else value
    reflected = reflected - polynomial(_cotangent(x), _cotangent_derivative(n)) * pi ** (n + 1)
    value = reflected.choose(negative, value)
    pole = x.constant(sign * inf).choose(_is_integer(x), value)
    value = pole.choose(x.test("<=", 0.0), value)
    return x.constant(nan).choose(x.test("==", inf), value)  # as PyTorch has it


def log_gamma(x: N) -> N:
    """Logarithm of |Gamma(x)|: recurrence up to 10, then Stirling's series; reflection below a half."""
    low = x.test("<", 0.5)
    z = (1.0 - x).choose(low, x)
    product = x.constant(1.0)
    for _ in range(10):
        small = z.test("<", 10.0)
        product = (product * z).choose(small, product)
        z = (z + 1.0).choose(small, z)
    inverse = 1.0 / z
    square = inverse * inverse
    tail = [number / (2 * k * (2 * k - 1)) for k, number in enumerate(BERNOULLI[:8], start=1)]
    series = inverse * polynomial(square, tail[::-1]) + log(2 * pi) / 2
    value = (z - 0.5) * z.apply("log") - z + series - product.apply("log")
    value = x.constant(inf).choose(z.test("==", inf), value)
    sine = ((x - x.apply("round")) * pi).apply("sin").apply("abs")
    value = (log(pi) - sine.apply("log") - value).choose(low, value)
    return x.constant(inf).choose(x.test("==", -inf), value)


def _bessel(order: int, x: N, scaled: bool) -> N:
    """Modified Bessel function I of order 0 or 1 for |x|, scaled by e^-|x| or not."""
    single = x.bits == 32
    limit, terms, more = (10.0, 28, 8) if single else (20.0, 52, 22)
    size = x.apply("abs")
    quarter = size.choose(size.test("<", limit), limit) * 0.5
    square = quarter * quarter
    near = polynomial(square, [1 / (factorial(k) * factorial(k + order)) for k in range(terms, -1, -1)])
    near = near * quarter if order else near
    asymptotic = [1.0]
    for k in range(1, more):
        asymptotic.append(asymptotic[-1] * ((2 * k - 1) ** 2 - 4 * order**2) / (8 * k))
    far = polynomial(1.0 / size, asymptotic[::-1]) * (1 / sqrt(2 * pi))
    root = size.apply("sqrt")
    if scaled:
        near, far = near * (-size).apply("exp"), far / root
    else:
        far = size.apply("exp") * far / root
    value = near.choose(size.test("<=", limit), far)
    return (-value).choose(x.test("<", 0.0), value) if order else value


def scaled_erfc(x: N) -> N:
    """Scaled complementary error function e^(x^2) erfc(x), by a Chebyshev series for |x|."""
    size = x.apply("abs")
    t = 1.0 - 8.0 / (size + 4.0)
    value = _chebyshev(t, SCALED_ERFC) / (size * 2.0 + 1.0)
    return ((x * x).apply("exp") * 2.0 - value).choose(x.test("<", 0.0), value)


def log_normal(x: N) -> N:
    """Logarithm of the normal distribution's cumulative probability."""
    t = x * sqrt(0.5)
    size = t.apply("abs")
    scaled = scaled_erfc(size)
    tail = scaled * (-(t * t)).apply("exp") * 0.5  # probability beyond |x|
    near = (-tail.choose(x.test(">=", 0.0), 1.0 - tail)).apply("log1p")
    far = (scaled * 0.5).apply("log") - t * t
    return far.choose(x.test("<", -1.0), near)


def normal_quantile(p: N) -> N:
    """Inverse of the normal distribution's cumulative probability."""
    centred = p - 0.5
    low = p.test("<", 0.5)
    smaller = p.choose(low, 1.0 - p)
    central, middle, extreme = NORMAL_QUANTILE
    root = (-smaller.apply("log")).apply("sqrt")

    def ratio(at: N, of: Rational) -> N:
        return polynomial(at, of[0]) / polynomial(at, of[1])

    tail = ratio(root - 1.6, middle).choose(root.test("<=", 5.0), ratio(root - 5.0, extreme))
    tail = (-tail).choose(low, tail)
    inside = centred * ratio(0.180625 - centred * centred, central)
    value = inside.choose(centred.apply("abs").test("<=", 0.425), tail)
    value = p.constant(-inf).choose(p.test("==", 0.0), value)
    value = p.constant(inf).choose(p.test("==", 1.0), value)
    value = p.constant(nan).choose(p.test(">", 1.0), value)
    return p.constant(nan).choose(p.test("<", 0.0), value)


def entropy(x: N) -> N:
    """Entropy -x log(x) of a probability, minus infinity below zero."""
    value = -(x * x.apply("log"))
    value = x.constant(0.0).choose(x.test("==", 0.0), value)
    return x.constant(-inf).choose(x.test("<", 0.0), value)


ORDERS = (1, 2, 3, 4, 5)
"""Orders of polygamma that kernels compute."""

FORMULAS: dict[str, Callable[[Any], Any]] = {
    "lgamma": log_gamma,
    "digamma": digamma,
    "polygamma1": trigamma,
    **{f"polygamma{order}": partial(polygamma, order) for order in ORDERS[1:]},
    "i0": partial(_bessel, 0, scaled=False),
    "i0e": partial(_bessel, 0, scaled=True),
    "i1": partial(_bessel, 1, scaled=False),
    "i1e": partial(_bessel, 1, scaled=True),
    "erfcx": scaled_erfc,
    "log_ndtr": log_normal,
    "ndtri": normal_quantile,
    "entr": entropy,
}
"""Formulas by the names that kernels' source code has for the functions."""
