"""Evaluation of programs by PyTorch: the definition of every operation, which kernels and derivatives must equal."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce

import torch
from torch import Tensor

from .program import Program
from .values import Value


def _lead(value: Value, x: Tensor) -> torch.Size:
    """Axes before the features: none for parameters, `[B]` or `[T, B]` for batched values."""
    return x.shape[: x.dim() - len(value.operands[0].shape)]


def _permute(value: Value, x: Tensor) -> Tensor:
    lead = len(_lead(value, x))
    return x.permute(*range(lead), *(lead + axis for axis in value.attributes["order"]))


def sum_of(terms: Iterable[Tensor]) -> Tensor:
    """Sum of tensors, without the initial zero of `sum`."""
    return reduce(torch.add, terms)


def _concat(value: Value, *pieces: Tensor) -> Tensor:
    rank = len(value.shape)
    lead = max((piece.shape[: piece.dim() - rank] for piece in pieces), key=len)
    return torch.cat(
        [piece.expand(lead + piece.shape[-rank:]) for piece in pieces], dim=value.attributes["axis"]
    )


EVALUATE: dict[str, Callable[..., Tensor]] = {
    "reshape": lambda v, x: x.reshape(_lead(v, x) + v.shape),
    "permute": _permute,
    "expand": lambda v, x: x.expand(_lead(v, x) + v.shape),
    "slice": lambda v, x: x.narrow(
        v.attributes["axis"], v.attributes["start"], v.attributes["stop"] - v.attributes["start"]
    ),
    "concat": _concat,
    "sum": lambda v, x: x.sum(v.attributes["axes"], keepdim=True),
    "amax": lambda v, x: x.amax(v.attributes["axes"], keepdim=True),
    "linear": lambda v, *xws: sum_of(x @ w for x, w in zip(xws[::2], xws[1::2], strict=True)),
    "heads": lambda v, x, w: torch.einsum("...hk,hkn->...hn", x, w),
    "neg": lambda v, x: -x,
    "abs": lambda v, x: x.abs(),
    "sign": lambda v, x: x.sign(),
    "exp": lambda v, x: x.exp(),
    "log": lambda v, x: x.log(),
    "log1p": lambda v, x: x.log1p(),
    "expm1": lambda v, x: x.expm1(),
    "sqrt": lambda v, x: x.sqrt(),
    "rsqrt": lambda v, x: x.rsqrt(),
    "tanh": lambda v, x: x.tanh(),
    "sigmoid": lambda v, x: x.sigmoid(),
    "relu": lambda v, x: x.relu(),
    "sin": lambda v, x: x.sin(),
    "cos": lambda v, x: x.cos(),
    "erf": lambda v, x: x.erf(),
    "floor": lambda v, x: x.floor(),
    "asin": lambda v, x: x.asin(),
    "acos": lambda v, x: x.acos(),
    "sinh": lambda v, x: x.sinh(),
    "cosh": lambda v, x: x.cosh(),
    "asinh": lambda v, x: x.asinh(),
    "acosh": lambda v, x: x.acosh(),
    "atanh": lambda v, x: x.atanh(),
    "erfc": lambda v, x: x.erfc(),
    "erfinv": lambda v, x: x.erfinv(),
    "round": lambda v, x: x.round(),
    "lgamma": lambda v, x: x.lgamma(),
    "digamma": lambda v, x: x.digamma(),
    "polygamma": lambda v, x: torch.polygamma(v.attributes["order"], x),
    "i0": lambda v, x: torch.special.i0(x),
    "i0e": lambda v, x: torch.special.i0e(x),
    "i1": lambda v, x: torch.special.i1(x),
    "i1e": lambda v, x: torch.special.i1e(x),
    "erfcx": lambda v, x: torch.special.erfcx(x),
    "log_ndtr": lambda v, x: torch.special.log_ndtr(x),
    "ndtri": lambda v, x: torch.special.ndtri(x),
    "entr": lambda v, x: torch.special.entr(x),
    "atan": lambda v, x: x.atan(),
    "detach": lambda v, x: x.detach(),
    "clamp": lambda v, x: x.clamp(v.attributes["low"], v.attributes["high"]),
    "power": lambda v, x: x ** v.attributes["exponent"],
    "add": lambda v, a, b: a + b,
    "sub": lambda v, a, b: a - b,
    "mul": lambda v, a, b: a * b,
    "div": lambda v, a, b: a / b,
    "minimum": lambda v, a, b: torch.minimum(a, b),
    "maximum": lambda v, a, b: torch.maximum(a, b),
    "pow": lambda v, a, b: a**b,
    "fmod": lambda v, a, b: torch.fmod(a, b),
    "hypot": lambda v, a, b: torch.hypot(a, b),
    "atan2": lambda v, a, b: torch.atan2(a, b),
    "copysign": lambda v, a, b: torch.copysign(a, b),
    "lt": lambda v, a, b: a < b,
    "le": lambda v, a, b: a <= b,
    "gt": lambda v, a, b: a > b,
    "ge": lambda v, a, b: a >= b,
    "eq": lambda v, a, b: a == b,
    "ne": lambda v, a, b: a != b,
    "logical_and": lambda v, a, b: a & b,
    "logical_or": lambda v, a, b: a | b,
    "logical_not": lambda v, a: ~a,
    "where": lambda v, c, a, b: torch.where(c, a, b),
}
"""For every operation but inputs and constants: function of a value and its operands' tensors to its tensor."""


def evaluate(program: Program, inputs: Mapping[str, Tensor], like: Tensor) -> dict[str, Tensor]:
    """Outputs of a program, from its inputs by name.

    Args:
        program: The program.
        inputs: Tensors by the inputs' names; `[..., *shape]` where batched, `[*shape]` where not.
        like: A tensor of the dtype and device of the constants.

    Returns:
        The outputs by name.
    """
    results: dict[Value, Tensor] = {}
    for value in program.values():
        if value.op == "input":
            results[value] = inputs[value.name]
        elif value.op == "fill":
            results[value] = torch.full(
                value.shape, value.attributes["value"], dtype=like.dtype, device=like.device
            )
        else:
            results[value] = EVALUATE[value.op](value, *(results[operand] for operand in value.operands))
    return {name: results[value] for name, value in program.outputs.items()}
