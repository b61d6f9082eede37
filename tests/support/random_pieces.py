"""Pieces of random steps: operations and modules of PyTorch, each a function of a cell and of two of its values.

A value is [B, UNITS], and so is what a piece returns. Values lie in about -1 to 1 where they come in.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UNITS = 4

Piece = Callable[[Any, Tensor, Tensor], Tensor]


def _unary(function: Callable[..., Tensor]) -> Piece:
    return lambda cell, a, b: function(a)


def _binary(function: Callable[..., Tensor]) -> Piece:
    return lambda cell, a, b: function(a, b)


_ANY = """abs asinh atan ceil cos cosh deg2rad erf erfc exp exp2 expm1 floor frac neg positive rad2deg relu round sgn
sigmoid sign sin sinc sinh square tan tanh trunc nan_to_num"""
_ACTIVATIONS = """celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu6 selu silu
softplus softshrink softsign tanhshrink"""
_PAIRS = "add atan2 copysign fmax fmin hypot logaddexp logaddexp2 maximum minimum mul sub"
_TESTS = "eq ge gt le lt ne"

UNARY: dict[str, Callable[..., Tensor]] = {
    **{name: getattr(torch, name) for name in _ANY.split()},
    **{name: getattr(F, name) for name in _ACTIVATIONS.split()},
    "acosh": lambda a: torch.acosh(1.5 + a.abs()),
    "acos": lambda a: torch.acos(0.9 * torch.tanh(a)),
    "asin": lambda a: torch.asin(0.9 * torch.tanh(a)),
    "atanh": lambda a: torch.atanh(0.9 * torch.tanh(a)),
    "erfinv": lambda a: torch.erfinv(0.9 * torch.tanh(a)),
    "log": lambda a: torch.log(a.abs() + 0.2),
    "log1p": lambda a: torch.log1p(a.abs()),
    "log2": lambda a: torch.log2(a.square() + 0.2),
    "log10": lambda a: torch.log10(a.square() + 0.2),
    "logit": lambda a: torch.logit(0.9 * torch.sigmoid(a)),
    "sqrt": lambda a: torch.sqrt(a.square() + 0.1),
    "rsqrt": lambda a: torch.rsqrt(a.square() + 0.5),
    "reciprocal": lambda a: torch.reciprocal(a.square() + 0.5),
    "power": lambda a: (a.square() + 0.1) ** 1.7,
    "cube": lambda a: a**3,
    "two to the": lambda a: 2**a,
    "clamp": lambda a: a.clamp(-0.5, 0.5),
    "clamp from below": lambda a: a.clamp(min=-0.25),
    "threshold": lambda a: F.threshold(a, 0.1, -0.2),
    "isnan": lambda a: a.isnan().to(a) + a,
    "not": lambda a: (~(a > 0.1)).to(a) * a,
    "softmax": lambda a: torch.softmax(a, -1),
    "log_softmax": lambda a: torch.log_softmax(a, -1),
    "logsumexp": lambda a: a - torch.logsumexp(a, -1, keepdim=True),
    "mean": lambda a: a - a.mean(-1, keepdim=True),
    "var": lambda a: a * a.var(-1, keepdim=True),
    "std": lambda a: a * (a + 0.3).std(-1, keepdim=True),
    "amax": lambda a: a - a.amax(-1, keepdim=True),
    "amin": lambda a: a * a.amin(-1, keepdim=True),
    "norm": lambda a: a / (1e-3 + torch.linalg.vector_norm(a, dim=-1, keepdim=True)),
    "cumsum": lambda a: a.cumsum(-1),
    "any": lambda a: torch.where((a > 0.3).any(-1, keepdim=True), a, -a),
    "all": lambda a: torch.where((a > -0.3).all(-1, keepdim=True), a, 0.5 * a),
    "detach": lambda a: a * a.detach(),
    "layer_norm": lambda a: F.layer_norm(a, (UNITS,)),
    "rms_norm": lambda a: F.rms_norm(a, (UNITS,)),
    "group_norm": lambda a: F.group_norm(a, 2),
    "glu": lambda a: F.glu(torch.cat((a, 0.5 * a), -1)),
    "swapped halves": lambda a: torch.cat(a.chunk(2, -1)[::-1], -1),
    "roll": lambda a: a.roll(1, -1),
    "turned": lambda a: a.reshape(-1, 2, 2).transpose(1, 2).reshape(-1, UNITS),
    "stacked": lambda a: torch.stack((a[:, :2], a[:, 2:]), 1).flatten(1),
    "every other": lambda a: torch.cat((a[:, ::2], a[:, 1::2]), -1),
    "repeated": lambda a: a[:, :2].repeat(1, 2),
    "expanded": lambda a: a[:, :1].expand(-1, UNITS) + a,
    "unbound": lambda a: torch.stack([part * (at + 1) for at, part in enumerate(a.unbind(-1))], -1),
    "in place": lambda a: a.clone().mul_(0.5).add_(0.1).tanh_(),
}  # fmt: skip

BINARY: dict[str, Callable[..., Tensor]] = {
    **{name: getattr(torch, name) for name in _PAIRS.split()},
    **{name: (lambda test: lambda a, b: test(a, b).to(a) + b)(getattr(torch, name)) for name in _TESTS.split()},
    "heaviside": lambda a, b: torch.heaviside(a.detach(), b.detach()),
    "div": lambda a, b: a / (1 + b.abs()),
    "floor div": lambda a, b: torch.div(3 * a, 0.3 + b.square(), rounding_mode="floor"),
    "trunc div": lambda a, b: torch.div(3 * a, 0.3 + b.square(), rounding_mode="trunc"),
    "pow": lambda a, b: (0.1 + a.abs()) ** b,
    "fmod": lambda a, b: torch.fmod(3 * a, 0.5 + b.square()),
    "remainder": lambda a, b: torch.remainder(3 * a, 0.5 + b.square()),
    "xlogy": lambda a, b: torch.xlogy(a, b.abs() + 0.1),
    "xlog1py": lambda a, b: torch.special.xlog1py(a, b.abs()),
    "and": lambda a, b: torch.where((a > 0) & (b > 0), a, b),
    "or": lambda a, b: torch.where((a > 0) | (b < 0), a, -b),
    "xor": lambda a, b: torch.where(torch.logical_xor(a > 0, b > 0), a, b),
    "where": lambda a, b: torch.where(a > b, a, 0.1 * b),
    "lerp": lambda a, b: torch.lerp(a, b, 0.3),
    "lerp by a tensor": lambda a, b: torch.lerp(a, b, torch.sigmoid(a)),
    "addcmul": lambda a, b: torch.addcmul(a, a, b, value=0.5),
    "addcdiv": lambda a, b: torch.addcdiv(a, a, 1 + b.square(), value=0.5),
    "masked fill": lambda a, b: a.masked_fill(b > 0, 0.2),
    "gate": lambda a, b: a * torch.sigmoid(b),
    "written slice": lambda a, b: _written(a, b),
    "written mask": lambda a, b: _masked(a, b),
    "attention": lambda a, b: _attention(a, b),
    "sdpa": lambda a, b: _sdpa(a, b),
    "outer": lambda a, b: (a[:, :, None] * b[:, None, :]).sum(-1),
    "bmm": lambda a, b: torch.bmm(a[:, :, None] * b[:, None, :], b[:, :, None])[:, :, 0],
    "cut and joined": lambda a, b: torch.cat((a[:, 1:3], b[:, :2]), -1),
    "clamped by a tensor": lambda a, b: torch.clamp(a, b - 0.5, b + 0.5),
}  # fmt: skip


def _written(a: Tensor, b: Tensor) -> Tensor:
    out = torch.zeros_like(a)
    out[:, :2] = b[:, 2:]
    out[:, 2:] += a[:, :2]
    return out


def _masked(a: Tensor, b: Tensor) -> Tensor:
    out = 1.0 * a
    out[b > 0] = 0.1
    return out


def _attention(a: Tensor, b: Tensor) -> Tensor:
    keys = torch.stack((a, b, a - b), 1)
    return (torch.softmax((a[:, None] * keys).sum(-1, keepdim=True), 1) * keys).sum(1)


def _sdpa(a: Tensor, b: Tensor) -> Tensor:
    keys = torch.stack((a, b), 1)[:, None]
    return F.scaled_dot_product_attention(b[:, None, None], keys, 0.5 * keys)[:, 0, 0]


OF_CELL: dict[str, Piece] = {
    "linear": lambda cell, a, b: cell.linear(a),
    "product with a matrix": lambda cell, a, b: a @ cell.square + b,
    "transposed": lambda cell, a, b: a @ (cell.square - cell.square.T),
    "heads": lambda cell, a, b: torch.einsum("bhk,hkn->bhn", a.unflatten(-1, (2, 2)), cell.heads).flatten(1),
    "rows": lambda cell, a, b: cell.narrow(a.unflatten(-1, (2, 2))).flatten(1),
    "sequence": lambda cell, a, b: cell.sequence(a),
    "gated": lambda cell, a, b: a * torch.sigmoid(cell.linear(b)),
    "norm": lambda cell, a, b: cell.norm(a),
    "drop": lambda cell, a, b: cell.drop(a),
    "prelu": lambda cell, a, b: cell.prelu(a),
    "activation": lambda cell, a, b: cell.activation(a),
    "unit": lambda cell, a, b: cell.inner(a, b),
    "number": lambda cell, a, b: a * cell.number,
    "count": lambda cell, a, b: a / (1 + abs(cell.count)),
    "numpy": lambda cell, a, b: a * float(cell.scalar),
    "array": lambda cell, a, b: a + torch.as_tensor(cell.array).to(a),
    "list": lambda cell, a, b: a * cell.nested[0][0],
    "options": lambda cell, a, b: a if cell.options.keep else torch.relu(a),
    "class": lambda cell, a, b: a * cell.shared,
    "method": lambda cell, a, b: cell.scaled(a),
    "mask": lambda cell, a, b: a * cell.mask_x + cell.mask_h,
    "bias": lambda cell, a, b: a if cell.bias is None else a + cell.bias,
    "buffer": lambda cell, a, b: a + cell.offset,
    "rows of the batch": lambda cell, a, b: a * cell.each,
}  # fmt: skip

PIECES: dict[str, Piece] = {
    **OF_CELL,
    **{f"{name}(a)": _unary(function) for name, function in UNARY.items()},
    **{f"{name}(a, b)": _binary(function) for name, function in BINARY.items()},
}
"""What a step may consist of, by name."""

MODULES: dict[str, Callable[[random.Random], nn.Module]] = {
    "LeakyReLU": lambda draw: nn.LeakyReLU(draw.choice([0.01, 0.2, -0.1])),
    "ELU": lambda draw: nn.ELU(draw.choice([1.0, 0.5])),
    "CELU": lambda draw: nn.CELU(draw.choice([1.0, 2.0])),
    "Hardtanh": lambda draw: nn.Hardtanh(-draw.random(), draw.random()),
    "Softplus": lambda draw: nn.Softplus(draw.choice([1, 2.0]), draw.choice([1, 20])),
    "Softshrink": lambda draw: nn.Softshrink(draw.random()),
    "Hardshrink": lambda draw: nn.Hardshrink(draw.random()),
    "Threshold": lambda draw: nn.Threshold(draw.random() - 0.5, draw.random()),
    "GELU": lambda draw: nn.GELU(draw.choice(["none", "tanh"])),
    "Softmax": lambda draw: nn.Softmax(-1),
    "Sequential": lambda draw: nn.Sequential(nn.Linear(UNITS, 3), nn.SiLU(), nn.Linear(3, UNITS, bias=False)),
    "Identity": lambda draw: nn.Identity(),
}  # fmt: skip
"""Modules that a cell may have as its activation."""

NORMS: dict[str, Callable[[random.Random], nn.Module]] = {
    "LayerNorm": lambda draw: nn.LayerNorm(UNITS, draw.choice([1e-5, 0.1]), draw.random() < 0.7),
    "RMSNorm": lambda draw: nn.RMSNorm(UNITS, draw.choice([None, 0.1]), draw.random() < 0.7),
    "GroupNorm": lambda draw: nn.GroupNorm(draw.choice([1, 2]), UNITS),
}
"""Modules that a cell may have as its norm."""
