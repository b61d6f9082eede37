"""PyTorch's pointwise functions: kernels agree with them in value and gradient, at ordinary and extreme numbers."""

from collections.abc import Callable
from math import inf, nan

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import wolfdog as wd

NAMES = """abs acos acosh asin asinh atan atanh ceil cos cosh deg2rad erf erfc erfinv exp exp2 expm1 floor frac log
log10 log1p log2 nan_to_num neg positive rad2deg reciprocal relu round rsqrt sgn sigmoid sign sin sinc sinh sqrt
square tan tanh trunc"""
ACTIVATIONS = """gelu leaky_relu logsigmoid mish silu softplus softsign
tanhshrink"""
SPECIAL = "digamma entr erfcx gammaln i0 i0e i1 i1e log_ndtr ndtr ndtri"
UNEVEN = "celu elu hardshrink hardswish hardtanh relu6 selu softshrink"
PAIRS = "add atan2 clamp_max clamp_min copysign div fmax fmin fmod hypot ldexp maximum minimum mul sub"
TESTS = "eq ge gt le lt ne logical_and logical_or logical_xor"


def as_number(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda x, *rest: function(x, *rest).to(x)


def of_numbers(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: function(torch.where(x.isnan(), 0.0, x))


UNARY: dict[str, Callable[..., Tensor]] = {
    **{name: getattr(torch, name) for name in NAMES.split()},
    **{name: getattr(F, name) for name in ACTIVATIONS.split()},
    # PyTorch's own derivatives at NaN differ between elements, as it computes some in vectors and some one by one
    **{f"{name} of numbers": of_numbers(getattr(F, name)) for name in UNEVEN.split()},
    "logit": lambda x: torch.logit(torch.where(x == 0, 0.0, x)),  # the same is true of its derivative at -0.0
    **{f"special.{name}": getattr(torch.special, name) for name in SPECIAL.split()},
    **{f"polygamma({n})": lambda x, n=n: torch.polygamma(n, x.clamp(-50, 50)) for n in range(5)},
    "mvlgamma": lambda x: torch.mvlgamma(1.01 + x.abs(), 3),
    "angle": torch.angle,
    "celu(2)": lambda x: F.celu(torch.nan_to_num(x), 2.0),
    "round(decimals)": lambda x: torch.round(x, decimals=2),
    "round(negative decimals)": lambda x: torch.round(x, decimals=-1),
    "logit(eps)": of_numbers(lambda x: torch.logit(x, 0.1)),
    "nan_to_num(numbers)": lambda x: torch.nan_to_num(x, 1.0, 2.0, -3.0),
    "isfinite": lambda x: x.isfinite().to(x),
    "isinf": lambda x: x.isinf().to(x),
    "isnan": lambda x: x.isnan().to(x),
    "isposinf": lambda x: torch.isposinf(x).to(x),
    "isneginf": lambda x: torch.isneginf(x).to(x),
    "signbit": lambda x: x.signbit().to(x),
    "clamp": lambda x: x.clamp(-0.5, 2),
    "pow(3)": lambda x: x**3,
    "2 ** x": lambda x: 2**x,
    "remainder(3)": lambda x: torch.remainder(x, 3),
    "fmod(3)": lambda x: torch.fmod(x, 3),
}
BINARY: dict[str, Callable[..., Tensor]] = {
    **{name: getattr(torch, name) for name in PAIRS.split()},
    **{name: as_number(getattr(torch, name)) for name in TESTS.split()},
    "div(trunc)": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    "div(floor)": lambda x, y: torch.div(x, y, rounding_mode="floor"),
    "floor_divide": lambda x, y: torch.floor_divide(x.detach(), y.detach()),
    "bitwise_xor": lambda x, y: ((x > 0) ^ (y > 0)).to(x),
    "logaddexp": lambda x, y: torch.logaddexp(x, y.clamp(-50, 50)),
    "logaddexp2": lambda x, y: torch.logaddexp2(x, y.clamp(-50, 50)),
    "xlogy": lambda x, y: torch.xlogy(x, y.abs() + 0.1),
    "xlog1py": lambda x, y: torch.special.xlog1py(x, y.abs()),
    "remainder": lambda x, y: torch.remainder(x, y.detach()),
}
EXTREME = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-30, -1e-30, 1e30, -1e30, inf, -inf, nan, 20, -20, 100, -100,
           0.999999, 7]  # fmt: skip


class Each(nn.Module):
    """Function number f of features [f, n] of the event (and of the event before), for each f."""

    def __init__(self, functions: list[Callable[..., Tensor]], width: int, binary: bool) -> None:
        super().__init__()
        self.functions, self.width, self.binary = functions, width, binary

    def initial_state(self, batch: int) -> Tensor:
        return torch.ones(batch, len(self.functions), self.width, dtype=torch.float64)

    def forward(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        pairs = zip(x.unbind(1), before.unbind(1), strict=True)
        given = [pair if self.binary else pair[:1] for pair in pairs]
        return torch.stack([f(*own) for f, own in zip(self.functions, given, strict=True)], 1), x


def events(count: int) -> Tensor:
    extreme = torch.tensor(EXTREME, dtype=torch.float64)
    steps = [extreme, extreme.roll(5), extreme.flip(0), extreme.roll(11)]
    torch.manual_seed(0)
    steps += [
        2 * torch.randn(len(EXTREME), dtype=torch.float64),
        torch.rand(len(EXTREME), dtype=torch.float64),
    ]
    return torch.stack(steps)[:, None, None].repeat(1, 2, count, 1)


@pytest.mark.parametrize("functions", [UNARY, BINARY], ids=["unary", "binary"])
def test_kernels_agree_with_pytorch(functions: dict[str, Callable[..., Tensor]]) -> None:
    x = events(len(functions))
    cell = Each(list(functions.values()), x.shape[-1], functions is BINARY)
    found = []
    for backend in (None, "eager"):
        layer = wd.Recurrent(cell, returns="output, state", backend=backend)
        leaf = x.clone().requires_grad_()
        y, _ = layer(leaf)
        assert layer.backend == (backend or "llvm"), layer.fallback_reason
        found.append((y.detach(), *torch.autograd.grad(y.sum(), leaf)))
    for what, ours, theirs in zip(("value", "gradient"), *found, strict=True):
        for number, name in enumerate(functions):
            torch.testing.assert_close(
                ours[:, :, number], theirs[:, :, number], rtol=1e-9, atol=1e-10, equal_nan=True,
                msg=lambda text, name=name, what=what: f"{what} of {name}: {text}",
            )  # fmt: skip


def test_a_wrong_answer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.compiler.frontend.aten.table import LOWER

    monkeypatch.setitem(LOWER, "sinh", LOWER["cosh"])
    with pytest.raises(AssertionError, match="value of sinh"):
        test_kernels_agree_with_pytorch(UNARY)
