"""Media: videos and images of a deployment, and their times."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wolfdog.object_storage.address import Stored

from .images import is_image
from .live_address import Live


@dataclass(frozen=True, slots=True)
class Medium:
    """Video or image, as one of the files of a deployment.

    Args:
        path: The file.
        name: Its name in results.
        deployment: Name of its camera at one place; the memory is reset between deployments.
        utc: Its beginning, in seconds since 1970-01-01 00:00 UTC; NaN if not known.
        local: Its beginning in local time, in seconds since 1970-01-01 00:00 local time; NaN if not known.
        live: Address of a live source, whose `path` names no file; None for a file.
        stored: File in object storage, whose `path` stands for its address; None for a file on this machine.
    """

    path: Path
    name: str
    deployment: str
    utc: float = field(default=math.nan, kw_only=True)
    local: float = field(default=math.nan, kw_only=True)
    live: Live | None = field(default=None, kw_only=True)
    stored: Stored | None = field(default=None, kw_only=True)

    @property
    def place(self) -> str:
        """Path of the file, or its address in object storage, for messages."""
        return str(self.path) if self.stored is None else self.stored.address

    @property
    def begins(self) -> float:
        """Seconds by the clock of its deployment at which it begins: UTC or local time, or else 0."""
        return next((one for one in (self.utc, self.local) if not math.isnan(one)), 0.0)

    @property
    def image(self) -> bool:
        """Whether it is a still picture."""
        return self.live is None and is_image(self.path)

    @property
    def dated(self) -> bool:
        """Whether its time is known, in UTC or in local time."""
        return not (math.isnan(self.utc) and math.isnan(self.local))


def starts(media: Sequence[Medium]) -> list[float]:
    """Start of each medium of a deployment, in seconds of one clock.

    The clock is UTC if it is known for all media, else local time. An image without a time has NaN, and a video without
    a time begins at 0.

    Args:
        media: Media of one deployment.

    Returns:
        The starts.

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
    """Whether every known time of the media is known in UTC; images without a time are ignored.

    Args:
        media: The media.

    Returns:
        Whether it is.
    """
    media = list(media)
    known = [not math.isnan(medium.utc) for medium in media]
    return any(known) and all(
        utc or (medium.image and not medium.dated) for utc, medium in zip(known, media, strict=True)
    )


def by_deployment(media: Iterable[Medium]) -> list[list[Medium]]:
    """Media of each deployment in the order of time; those without a time last, in their own order.

    Args:
        media: Media of any deployments.

    Returns:
        A list for each deployment.

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
