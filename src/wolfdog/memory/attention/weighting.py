"""Weights of attention from energies: softmax, and stick-breaking."""

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from ..arguments import expands

Weighting: TypeAlias = Literal["softmax", "stick-breaking"]
"""Normalisation of attention energies."""


def check_weighting(weighting: object) -> Weighting:
    """The weighting, checked.

    Raises:
        InputError: It is none.
    """
    if weighting == "softmax":
        return "softmax"
    if weighting == "stick-breaking":
        return "stick-breaking"
    raise InputError(f"weighting must be 'softmax' or 'stick-breaking'; got {weighting!r}")


def weights_of(weighting: Weighting, energies: Tensor, visible: Tensor) -> Tensor:
    """Weights of visible entries, along the last dimension, in which the oldest entry is first."""
    return (stick_breaking if weighting == "stick-breaking" else masked_softmax)(energies, visible)


def masked_softmax(energies: Tensor, visible: Tensor) -> Tensor:
    """Softmax along the last dimension over visible entries; zeros if none is visible."""
    blind = ~visible.any(-1, keepdim=True)  # the softmax over no entries is NaN, and so is its gradient
    return energies.masked_fill(~(visible | blind), -torch.inf).softmax(-1).masked_fill(~visible, 0)


def stick_breaking(energies: Tensor, visible: Tensor | None = None) -> Tensor:
    """Weights of stick-breaking attention: each entry, from the newest to the oldest, takes a share of what is left.

        b_s = sigmoid(e_s)
        a_s = b_s prod_{l > s} (1 - b_l)

    An entry that matches hides older entries that match too, and leaves entries that do not match as they are: the most
    recent match has the largest weight where its energy is large, and weights fall exponentially with the number of
    later matches where energies are small. Weights of a softmax are alike for all entries that are alike. Weights sum
    to one at most; what is left, prod_l (1 - b_l), is large where nothing matches.

    Source: Tan, Yang, Courville, Panda and Shen 2025, "Scaling stick-breaking attention: an efficient implementation
    and in-depth study".

    Args:
        energies: [..., S], the oldest entry first.
        visible: Booleans that expand to [..., S]: True for visible entries, which alone take a share; None for all.

    Returns:
        Weights [..., S]; zero for invisible entries.

    Raises:
        ShapeError: Energies have no dimension, or `visible` is not of booleans that expand to them.

    Examples:
        >>> stick_breaking(torch.tensor([9.0, -9.0, 9.0, -9.0])).round(decimals=2)  # of two matches, the later one
        tensor([0., 0., 1., 0.])
    """
    if energies.dim() < 1:
        raise ShapeError(f"energies must be [..., S]; got {described(energies)}")
    if visible is not None and not (visible.dtype == torch.bool and expands(visible, energies.shape)):
        raise ShapeError(
            f"visible must be booleans that expand to {list(energies.shape)}; got {described(visible)}"
        )
    narrow = energies.dtype in (torch.float16, torch.bfloat16)
    wide = energies.float() if narrow else energies
    if visible is not None:  # here, and not the exponential alone, whose gradient is NaN where it overflows
        wide = wide.masked_fill(~visible, -torch.inf)
    taken = softplus(wide, threshold=40.0)  # -log(1 - b_s); log b_s is e_s less this
    logs = wide - taken.flip(-1).cumsum(-1).flip(-1)
    # Processors are slow with subnormal numbers, which weights of hidden entries would be.
    weights = logs.clamp(min=0.9 * math.log(torch.finfo(wide.dtype).tiny)).exp()
    if visible is not None:
        weights = weights.masked_fill(~visible, 0)
    return weights.to(energies.dtype)
