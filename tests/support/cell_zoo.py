"""Cells by others and by us, which kernels are held against, and how."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

import wolfdog as wd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torchrecurrent

PAIRS = {"MCLSTMCell", "TLSTMCell", "IntersectionRNNCell"}
"""Cells that return an output beside their state."""

OTHERS = sorted(name for name in dir(torchrecurrent) if re.fullmatch(r"\w+Cell", name))
TORCH = {"torch.RNNCell": nn.RNNCell, "torch.GRUCell": nn.GRUCell, "torch.LSTMCell": nn.LSTMCell}
OURS = {
    "Elman": wd.cells.ElmanCell,
    "LSTM": wd.cells.LSTMCell,
    "FourGateLSTM": wd.cells.FourGateLSTMCell,
    "PeepholeLSTM, full": partial(wd.cells.PeepholeLSTMCell, peephole="full"),
    "PeepholeLSTM, diagonal": wd.cells.PeepholeLSTMCell,
    "GRU": wd.cells.GRUCell,
    "GRU, reset before": partial(wd.cells.GRUCell, reset_after=False),
}
VARIANTS = {
    "LSTM, clipped": partial(wd.cells.LSTMCell, clip_ltm=0.5, clip_gates=0.8),
    "CoupledLSTM": wd.cells.CoupledLSTMCell,
    "ProjectedLSTM": lambda inputs, units: wd.cells.ProjectedLSTMCell(inputs, units, projection_size=2),
    "LayerNormLSTM": wd.cells.LayerNormLSTMCell,
    "LayerNormGRU": wd.cells.LayerNormGRUCell,
    "NTM": lambda inputs, units: wd.memory.NTMCell(inputs, units, slots=6, slot_size=4, read_heads=2),
}
ALL = [*OURS, *TORCH, *OTHERS]


def make(
    name: str, inputs: int, units: int, dtype: torch.dtype = torch.float64
) -> tuple[nn.Module, str | None]:
    """A cell with no parameter at a special value, and what it returns where that has to be said."""
    maker: Callable[..., nn.Module] = {**OURS, **VARIANTS, **TORCH}.get(name) or getattr(torchrecurrent, name)
    torch.manual_seed(0)
    cell = maker(inputs, units).to(dtype)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    returns = None
    if name in OTHERS:
        returns = "output, state" if name in PAIRS else "state"
    return cell, returns


@dataclass
class Results:
    """What one run gives: outputs, last states, and gradients of everything that has one."""

    values: list[Tensor]
    gradients: list[Tensor]


def run(layer: wd.Recurrent, x: Tensor, state: object, weights: list[Tensor], **options: object) -> Results:
    """Run a layer forwards and backwards; `weights` weigh what comes out into one number."""
    x = x.detach().requires_grad_()
    parts = [t.detach().requires_grad_() for t in flat(state)]
    y, last = layer(x, like(state, parts), **options)
    values = [y, *flat(last)]
    loss = sum((v * w).sum() for v, w in zip(values, weights, strict=True))
    wanted = [x, *parts, *layer.parameters()]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    zeros = [torch.zeros_like(t) if g is None else g for g, t in zip(found, wanted, strict=True)]
    return Results([v.detach() for v in values], zeros)


def flat(state: object) -> list[Tensor]:
    """The tensors of a state."""
    if isinstance(state, Tensor):
        return [state]
    return [t for part in state for t in flat(part)]  # type: ignore[attr-defined]


def like(state: object, parts: list[Tensor]) -> object:
    """A state of the same form from tensors, which are used up."""
    if isinstance(state, Tensor):
        return parts.pop(0)
    return tuple(like(part, parts) for part in state)  # type: ignore[attr-defined]


def spread(actual: Tensor, expected: Tensor) -> float:
    """The root of the mean squared difference, relative to that of the numbers expected."""
    difference = actual.detach().double() - expected.detach().double()
    return float(
        difference.square().mean().sqrt()
        / expected.detach().double().square().mean().sqrt().clamp_min(1e-300)
    )


def error(actual: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest number expected."""
    actual, expected = actual.detach(), expected.detach()
    if expected.numel() == 0:
        return 0.0
    scale = expected.abs().max().double().clamp_min(1e-300)
    return float((actual.double() - expected.double()).abs().max() / scale)


def worst(actual: list[Tensor], expected: list[Tensor]) -> float:
    """The largest error of several tensors; what should be zero must be zero to 1e-12."""
    errors = [0.0]
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        errors.append(error(a, e) if bool(e.any()) else float(a.detach().abs().max()) if a.numel() else 0.0)
    return max(errors)
