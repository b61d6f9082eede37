"""What attention knows of when something was: nothing, its number in the sequence, or seconds."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from ...errors import InputError


@dataclass(frozen=True)
class Sinusoidal:
    """Waves of the position, added to what is attended from and to.

        x_p + PE(p),    PE(p)_{2i} = sin(p / base^(2i / n)),    PE(p)_{2i+1} = cos(p / base^(2i / n))

    for a vector of n features. Positions count from 0 at the start of a sequence and after every reset; they are held
    as whole numbers, and waves are taken of them in float64, so that a stream may be as long as it likes.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.5.
    Raises InputError for a base that is not above 1.

    >>> Sinusoidal().waves(torch.tensor([0, 1]), 4, torch.float32)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """

    base: float = 10_000.0

    def __post_init__(self) -> None:
        _check_base(self)

    def waves(self, positions: Tensor, size: int, dtype: torch.dtype) -> Tensor:
        """PE of positions [...], as [..., size]."""
        angles = _angles(positions, size, self.base)
        return torch.stack((angles.sin(), angles.cos()), -1).flatten(-2).to(dtype)


@dataclass(frozen=True)
class Rotary:
    """Queries and keys are turned by angles that grow with the position, so that a product of the two depends on
    how far they are apart.

        (x_{2i}, x_{2i+1}) -> (x_{2i} cos a - x_{2i+1} sin a, x_{2i} sin a + x_{2i+1} cos a),    a = p / base^(2i / n)

    for the n features of a head at position p. Positions are those of `Sinusoidal`.

    Source: Su et al. 2021, "RoFormer: enhanced transformer with rotary position embedding".
    Raises InputError for a base that is not above 1.

    >>> Rotary().turned(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    tensor([[0.5403, 0.8415]])
    """

    base: float = 10_000.0

    def __post_init__(self) -> None:
        _check_base(self)

    def turned(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Vectors [..., n] turned by their positions [...]."""
        angles = _angles(positions, vectors.shape[-1], self.base)
        cos, sin = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
        even, odd = vectors[..., ::2], vectors[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


@dataclass(frozen=True)
class RelativeTime:
    """A learned number for the seconds that have passed, added to what the softmax is taken of, for each head.

        e_ts + b(time_t - time_s)

    b is made of straight lines between `knots` learned values, which start at zero. They lie evenly over
    log(1 + seconds / shortest), from 0 seconds to `longest`; beyond that b is the last value. Seconds, not numbers of
    events: footage may have uneven frames, and gaps. An entry later than the query counts as one of now.

    Source: the relative position biases of Raffel et al. 2020, "Exploring the limits of transfer learning with a
    unified text-to-text transformer", with lines over time in the place of buckets of positions.
    Raises InputError unless 0 < shortest < longest, and for fewer than two knots.

    >>> values = torch.tensor([[0.0, 1.0, 4.0]])
    >>> RelativeTime(shortest=1.0, longest=3.0, knots=3).bias(torch.tensor([[[0.0, 1.0, 3.0, 99.0]]]), values)
    tensor([[[[0., 1., 4., 4.]]]])
    """

    shortest: float = 0.1
    longest: float = 3600.0
    knots: int = 16

    def __post_init__(self) -> None:
        if not 0 < self.shortest < self.longest < math.inf:
            raise InputError(
                f"RelativeTime: seconds must be 0 < shortest < longest; got {self.shortest!r} and {self.longest!r}"
            )
        if isinstance(self.knots, bool) or not isinstance(self.knots, int) or self.knots < 2:
            raise InputError(f"RelativeTime: knots must be a whole number from 2 upwards; got {self.knots!r}")

    def bias(self, elapsed: Tensor, values: Tensor) -> Tensor:
        """b of elapsed seconds [B, T, S] by learned values [heads, knots], as [B, heads, T, S]."""
        whole = math.log1p(self.longest / self.shortest)
        elapsed = elapsed.clamp(0, self.longest).to(values.dtype)
        place = (elapsed / self.shortest).log1p() * ((self.knots - 1) / whole)
        before = place.floor().clamp(max=self.knots - 2)
        share = place - before
        index = before.long()
        biases = torch.lerp(values[:, index], values[:, index + 1], share)
        return biases.movedim(0, 1)


Position: TypeAlias = Sinusoidal | Rotary | RelativeTime


def check_position(position: Position | None) -> Position | None:
    """Raises InputError for anything that is no position."""
    if position is not None and not isinstance(position, Position):
        raise InputError(f"position must be Sinusoidal(), Rotary(), RelativeTime() or None; got {position!r}")
    return position


def _check_base(position: Sinusoidal | Rotary) -> None:
    if not 1 < position.base < math.inf:
        raise InputError(f"{type(position).__name__}: base must be a number above 1; got {position.base!r}")


def _angles(positions: Tensor, size: int, base: float) -> Tensor:
    """[..., size / 2], in float64: whole numbers up to 2^53 turn by the right angle."""
    if size % 2:
        raise InputError(f"waves come in pairs: the number of features must be even; got {size}")
    powers = torch.arange(0, size, 2, dtype=torch.float64, device=positions.device) / size
    return positions.double()[..., None] * base**-powers
