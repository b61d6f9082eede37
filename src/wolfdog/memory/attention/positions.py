"""Position encodings of attention: sinusoidal, rotary, and biases by elapsed time."""

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from ...errors import InputError


@dataclass(frozen=True)
class Sinusoidal:
    """Sinusoidal position encoding, added to events and entries.

        x_p + PE(p),    PE(p)_{2i} = sin(p / base^(2i / n)),    PE(p)_{2i+1} = cos(p / base^(2i / n))

    for a vector of n features. Positions count from 0 at the start of a sequence and after every reset. They are
    integers whose angles are computed in float64, so the length of a stream is not limited by rounding.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.5.

    Args:
        base: Ratio of the longest to the shortest wavelength.

    Raises:
        InputError: The base is not greater than 1.

    Examples:
        >>> Sinusoidal().encoding(torch.tensor([0, 1]), 4, torch.float32)
        tensor([[0.0000, 1.0000, 0.0000, 1.0000],
                [0.8415, 0.5403, 0.0100, 0.9999]])
    """

    base: float = 10_000.0

    def __post_init__(self) -> None:
        _check_base(self)

    def encoding(self, positions: Tensor, size: int, dtype: torch.dtype) -> Tensor:
        """Encoding PE of positions.

        Args:
            positions: Positions [...].
            size: Features of the encoding.
            dtype: Type of the encoding.

        Returns:
            The encoding [..., size].
        """
        angles = _angles(positions, size, self.base)
        return torch.stack((angles.sin(), angles.cos()), -1).flatten(-2).to(dtype)


@dataclass(frozen=True)
class Rotary:
    """Rotary position encoding: queries and keys are rotated by angles proportional to their positions.

        (x_{2i}, x_{2i+1}) -> (x_{2i} cos a - x_{2i+1} sin a, x_{2i} sin a + x_{2i+1} cos a),    a = p / base^(2i / n)

    for the n features of a head at position p, counted as for `Sinusoidal`. The product of a query and a key then
    depends on the difference of their positions.

    Source: Su et al. 2021, "RoFormer: enhanced transformer with rotary position embedding".

    Args:
        base: Ratio of the longest to the shortest wavelength.

    Raises:
        InputError: The base is not greater than 1.

    Examples:
        >>> Rotary().rotated(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
        tensor([[0.5403, 0.8415]])
    """

    base: float = 10_000.0

    def __post_init__(self) -> None:
        _check_base(self)

    def rotated(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Vectors rotated by their positions.

        Args:
            vectors: Vectors [..., n].
            positions: Positions [...].

        Returns:
            Vectors [..., n].
        """
        angles = _angles(positions, vectors.shape[-1], self.base)
        cos, sin = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
        even, odd = vectors[..., ::2], vectors[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


@dataclass(frozen=True)
class RelativeTime:
    """Learned bias of the energies by elapsed time, for each head.

        e_ts + b(time_t - time_s)

    b is piecewise linear between `knots` learned values, which start at zero. The knots are evenly spaced in log(1 +
    seconds / shortest), from 0 seconds to `longest`; later, b is the last value. The bias depends on seconds and not on
    event counts, because footage may have uneven frame rates and gaps. An entry later than the query counts as
    simultaneous.

    Source: the relative position biases of Raffel et al. 2020, "Exploring the limits of transfer learning with a
    unified text-to-text transformer", here piecewise linear in time and not constant in buckets of positions.

    Args:
        shortest: Seconds below which b is approximately linear in time.
        longest: Seconds above which b is constant.
        knots: Number of learned values of a head.

    Raises:
        InputError: Not 0 < shortest < longest, or fewer than two knots.

    Examples:
        >>> values = torch.tensor([[0.0, 1.0, 4.0]])
        >>> RelativeTime(shortest=1.0, longest=3.0, knots=3).bias(torch.tensor([[[0.0, 1.0, 3.0, 99.0]]]), values)
        tensor([[[[0., 1., 4., 4.]]]])
    """

    shortest: float = 0.1
    longest: float = 3600.0
    knots: int = field(default=16, kw_only=True)

    def __post_init__(self) -> None:
        if not 0 < self.shortest < self.longest < math.inf:
            raise InputError(
                f"RelativeTime: seconds must be 0 < shortest < longest; got {self.shortest!r} and {self.longest!r}"
            )
        if isinstance(self.knots, bool) or not isinstance(self.knots, int) or self.knots < 2:
            raise InputError(f"RelativeTime: knots must be a whole number from 2 upwards; got {self.knots!r}")

    def bias(self, elapsed: Tensor, values: Tensor) -> Tensor:
        """Biases of elapsed times.

        Args:
            elapsed: Seconds [B, T, S].
            values: Learned values [heads, knots].

        Returns:
            Biases [B, heads, T, S].
        """
        range_ = math.log1p(self.longest / self.shortest)
        elapsed = elapsed.clamp(0, self.longest).to(values.dtype)
        place = (elapsed / self.shortest).log1p() * ((self.knots - 1) / range_)
        before = place.floor().clamp(max=self.knots - 2)
        fraction = place - before
        index = before.long()
        biases = torch.lerp(values[:, index], values[:, index + 1], fraction)
        return biases.movedim(0, 1)


Position: TypeAlias = Sinusoidal | Rotary | RelativeTime


def check_position(position: Position | None) -> Position | None:
    """Position encoding, or None.

    Raises:
        InputError: It is of another type.
    """
    if position is not None and not isinstance(position, Position):
        raise InputError(f"position must be Sinusoidal(), Rotary(), RelativeTime() or None; got {position!r}")
    return position


def _check_base(position: Sinusoidal | Rotary) -> None:
    if not 1 < position.base < math.inf:
        raise InputError(f"{type(position).__name__}: base must be a number above 1; got {position.base!r}")


def _angles(positions: Tensor, size: int, base: float) -> Tensor:
    """Angles [..., size / 2] in float64, exact for positions up to 2^53."""
    if size % 2:
        raise InputError(f"position encodings need an even number of features; got {size}")
    powers = torch.arange(0, size, 2, dtype=torch.float64, device=positions.device) / size
    return positions.double()[..., None] * base**-powers
