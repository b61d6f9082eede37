"""Media: a video or image of a deployment, and when it was taken."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .images import is_image


@dataclass(frozen=True, slots=True)
class Medium:
    """A video or an image, as one of the files of a deployment.

    Args:
        path: The file.
        name: Its name in results.
        deployment: One camera at one place; the memory begins anew with each.
        utc: When it begins, in seconds since 1970-01-01 00:00 UTC; NaN where that is not known.
        local: What a clock on the wall showed then: seconds since 1970-01-01 00:00 of that clock; NaN where that
            is not known.
    """

    path: Path
    name: str
    deployment: str
    utc: float = math.nan
    local: float = math.nan

    @property
    def image(self) -> bool:
        """Whether it is a still picture."""
        return is_image(self.path)

    @property
    def dated(self) -> bool:
        """Whether it is known when it was taken, by whatever clock."""
        return not (math.isnan(self.utc) and math.isnan(self.local))


def starts(media: Sequence[Medium]) -> list[float]:
    """Start of each medium of a deployment, in seconds of one clock.

    The clock is UTC where all media know it, else the one on the wall. An image without a time has NaN, and a video
    without a time begins at 0.

    Examples:
        >>> starts([Medium(Path("a.jpg"), "a", "", local=7200.0), Medium(Path("b.jpg"), "b", "")])
        [7200.0, nan]
    """
    dated = [medium for medium in media if medium.dated]
    by_utc = not any(math.isnan(medium.utc) for medium in dated)
    return [_start(medium, by_utc) for medium in media]


def _start(medium: Medium, by_utc: bool) -> float:
    if not medium.dated:
        return math.nan if medium.image else 0.0
    first, second = (medium.utc, medium.local) if by_utc else (medium.local, medium.utc)
    return second if math.isnan(first) else first


def all_utc(media: Iterable[Medium]) -> bool:
    """Whether every time of these media is known in UTC; an image without a time does no harm."""
    media = list(media)
    known = [not math.isnan(medium.utc) for medium in media]
    return any(known) and all(
        utc or (medium.image and not medium.dated) for utc, medium in zip(known, media, strict=True)
    )


def by_deployment(media: Iterable[Medium]) -> list[list[Medium]]:
    """The media of each deployment in the order of time; those without a time last, as they came.

    Examples:
        >>> a, b = (Medium(Path(name), name, "site", utc=utc) for name, utc in (("a.mp4", 9.0), ("b.mp4", 5.0)))
        >>> [medium.name for medium in by_deployment([a, b])[0]]
        ['b.mp4', 'a.mp4']
    """
    groups: dict[str, list[Medium]] = {}
    for medium in media:
        groups.setdefault(medium.deployment, []).append(medium)
    return [_in_order(group) for group in groups.values()]


def _in_order(media: list[Medium]) -> list[Medium]:
    at = [start if medium.dated else math.inf for medium, start in zip(media, starts(media), strict=True)]
    return [media[k] for k in sorted(range(len(media)), key=lambda k: at[k])]
