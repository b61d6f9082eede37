"""Choice of the frames that a report shows as thumbnails."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..predictions import Predictions
from .thumbnails import Wanted, find_medium, thumbnails

_TRIED = 20
"""Entries whose files are looked for, for each thumbnail."""


@dataclass(frozen=True)
class Pictures:
    """Thumbnails of a report.

    Attributes:
        data: JPEG file by row.
        missing: Number of media that were looked for and not found.
    """

    data: dict[int, bytes]
    missing: int


def choose_thumbnails(
    table: Predictions, content: dict[str, Any], roots: Sequence[Path], count: int
) -> Pictures:
    """Thumbnails of the entries of a report: disagreements, review queue and events in turn, the longest ones first.

    Args:
        table: Predictions in stream order.
        content: As of `report_content`.
        roots: Folders in which media are looked for.
        count: Largest number of thumbnails.

    Returns:
        The thumbnails.
    """
    found: dict[str, Path | None] = {}
    wanted: dict[str, list[Wanted]] = defaultdict(list)
    numbers, lengths = np.array(content["columns"]["media"]).T
    medium_of = np.repeat(numbers, lengths)
    left = count
    for row in itertools.islice(_rows(content), _TRIED * count):
        if left <= 0:
            break
        name = str(table.media[row])
        if name not in found:
            found[name] = find_medium(name, roots)
        if found[name] is not None:
            first = content["media"][medium_of[row]][1]
            seconds = math.nan if first is None else float(table.time[row]) - first
            wanted[name].append(Wanted(row, seconds, int(table.frame[row]), table.box[row]))
            left -= 1
    data: dict[int, bytes] = {}
    for name, frames in wanted.items():
        path = found[name]
        if path is not None:
            data |= dict(thumbnails(path, frames))
    return Pictures(data, sum(path is None for path in found.values()))


def picture_row(start: int, stop: int) -> int:
    """Row whose frame stands for an entry: the middle one."""
    return (start + stop - 1) // 2


def _rows(content: dict[str, Any]) -> Iterator[int]:
    """Rows of pictures, each once: the entries of the three lists in turn."""
    runs = {
        name: [(entry[0], entry[1]) for entry in content[name]]
        for name in ("disagreements", "queue", "events")
    }
    for name in ("disagreements", "events"):
        runs[name].sort(key=lambda run: run[0] - run[1])
    lists = list(runs.values())
    seen: set[int] = set()
    for at in range(max(map(len, lists))):
        for one in lists:
            if at < len(one):
                row = picture_row(*one[at])
                if row not in seen:
                    seen.add(row)
                    yield row
