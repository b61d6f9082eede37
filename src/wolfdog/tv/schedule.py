"""Parts of a world: channels, paces and the length of shots."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wolfdog.errors import WorldError
from wolfdog.tv.checks import check_names, check_number, check_weights, short

MOST_PHASES = 16
LONGEST = 1e9
"""Longest mean stay, in frames."""


@dataclass(frozen=True)
class Channel:
    """Channel of a world, and how long a viewer stays on it.

    Args:
        name: Name of the channel.
        mean_stay: Mean number of frames before the viewer changes the channel; every frame does so with probability
            1 / mean_stay.
        informative: Label -> weight, for the informative shots, which only this channel shows.
        filler: Label -> weight, for the other shots.
        weight: Probability that a viewer changes to this channel, relative to the other channels.

    Raises:
        WorldError: A number or a name is invalid.

    Examples:
        >>> channel = Channel("Nature", 6000, informative={"bear": 1}, filler={"wolf": 0.3, "unknown": 0.7})
        >>> channel.filler["wolf"]
        0.3
    """

    name: str
    mean_stay: float
    informative: Mapping[str, float]
    filler: Mapping[str, float]
    weight: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        check_names(self.name, where="a channel's name")
        where = f"channel {self.name!r}"
        object.__setattr__(self, "mean_stay", check_number(self.mean_stay, f"{where}: mean_stay", 1, LONGEST))
        object.__setattr__(self, "weight", check_number(self.weight, f"{where}: weight", 0, 1e6))
        object.__setattr__(self, "informative", check_weights(self.informative, f"{where}: informative"))
        object.__setattr__(self, "filler", check_weights(self.filler, f"{where}: filler"))


@dataclass(frozen=True)
class Pace:
    """Rate of informative shots, and the mean number of frames for which the rate holds.

    Args:
        name: Name of the pace.
        informative_rate: Share of shots that are informative, 0 to 1.
        mean_stay: Mean number of frames until another pace follows, at least the mean length of a shot: the pace
            changes only at a cut, with probability shot.mean / mean_stay.

    Raises:
        WorldError: A number or the name is invalid.
    """

    name: str
    informative_rate: float
    mean_stay: float = field(default=1000.0, kw_only=True)

    def __post_init__(self) -> None:
        check_names(self.name, where="a pace's name")
        where = f"pace {self.name!r}"
        object.__setattr__(
            self, "informative_rate", check_number(self.informative_rate, f"{where}: informative_rate", 0, 1)
        )
        object.__setattr__(self, "mean_stay", check_number(self.mean_stay, f"{where}: mean_stay", 1, LONGEST))


@dataclass(frozen=True)
class ShotLength:
    """Length of a shot in frames: a sum of `phases` geometric lengths of at least one frame each.

    The more phases, the less the lengths vary. No shot is shorter than `phases` frames unless the viewer changes the
    channel.

    Args:
        mean: Mean length in frames.
        phases: Number of phases, 1 to 16.

    Raises:
        WorldError: `phases` is not a whole number from 1 to 16, or `mean` is less than `phases`.
    """

    mean: float = 8.0
    phases: int = 3

    def __post_init__(self) -> None:
        if (
            isinstance(self.phases, bool)
            or not isinstance(self.phases, int)
            or not 1 <= self.phases <= MOST_PHASES
        ):
            raise WorldError(
                f"shot: phases: expected a whole number from 1 to {MOST_PHASES}, got {short(self.phases)}. Try 3."
            )
        object.__setattr__(self, "mean", check_number(self.mean, "shot: mean (frames)", self.phases, LONGEST))
