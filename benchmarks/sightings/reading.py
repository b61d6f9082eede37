"""Sightings of camera traps as sequences of species and times, split by site."""

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zlib import crc32

import numpy as np

from wolfdog.errors import InputError

OTHER = "other"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
WAITS = (2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY, 10 * DAY)
"""Seconds that part the classes of the time until the next event."""

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Site:
    """Events of one site in the order of time.

    Args:
        name: Name of the site.
        species: Classes of the events [n].
        times: Seconds [n].
        hours: Hour of the day [n], 0 to 24.
        days: Day of the year [n].
    """

    name: str
    species: np.ndarray
    times: np.ndarray
    hours: np.ndarray
    days: np.ndarray

    def __len__(self) -> int:
        return len(self.species)

    @property
    def gaps(self) -> np.ndarray:
        """Seconds since the event before [n]; a day for the first."""
        return np.diff(self.times, prepend=self.times[0] - DAY)

    @property
    def waits(self) -> np.ndarray:
        """Classes of the time until the next event [n - 1]."""
        return np.searchsorted(WAITS, np.diff(self.times), "right")


@dataclass(frozen=True, eq=False)
class Sightings:
    """Sites of each part, and the names of the classes."""

    classes: tuple[str, ...]
    parts: dict[str, list[Site]]


def part_of(site: str) -> str:
    """The part of a site: 0 to 5 of crc32 modulo 10 train, 6 and 7 validate, 8 and 9 test."""
    number = crc32(site.encode()) % 10
    return "train" if number < 6 else "validation" if number < 8 else "test"


def read(path: Path, *, least: int = 100, always: Sequence[str] = ()) -> Sightings:
    """Sightings of a file of `site,datetime,species,count`, gzipped or not.

    Args:
        path: The file.
        least: Events in training sites below which a species is "other".
        always: Species that are classes however rare.

    Raises:
        InputError: The file is no such file, or a part has no site with two events.
    """
    try:
        packed = path.read_bytes()
        text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode("utf-8")
        rows = [
            (row["site"], datetime.fromisoformat(row["datetime"]), row["species"])
            for row in csv.DictReader(text.splitlines())
        ]
    except (OSError, EOFError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: expected columns site, datetime and species: {error!r}.") from error
    of_site: dict[str, list[tuple[datetime, str]]] = {}
    for name, time, animal in rows:
        of_site.setdefault(name, []).append((time, animal))
    counts = Counter(animal for name, _, animal in rows if part_of(name) == "train")
    known = [
        name for name, count in counts.most_common() if name != OTHER and (count >= least or name in always)
    ]
    classes = (*known, OTHER)
    number = {name: position for position, name in enumerate(classes)}
    parts: dict[str, list[Site]] = {part: [] for part in PARTS}
    for name, events in sorted(of_site.items()):
        if len(events) < 2:
            continue
        events.sort(key=lambda event: event[0])
        times = [time for time, _ in events]
        parts[part_of(name)].append(
            Site(
                name,
                np.array([number.get(animal, len(known)) for _, animal in events]),
                np.array([(time - datetime(2000, 1, 1)).total_seconds() for time in times]),
                np.array([time.hour + time.minute / 60 for time in times]),
                np.array([time.timetuple().tm_yday for time in times]),
            )
        )
    for part, sites in parts.items():
        if not sites:
            raise InputError(
                f"{path}: no site with two events or more belongs to {part}. Give a longer file."
            )
    return Sightings(classes, parts)


def targets(sites: Sequence[Site]) -> tuple[np.ndarray, np.ndarray]:
    """Species of the next event and class of the time until it, of all events but the last of each site."""
    return np.concatenate([site.species[1:] for site in sites]), np.concatenate(
        [site.waits for site in sites]
    )
