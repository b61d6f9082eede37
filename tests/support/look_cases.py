"""Frames with a corner to look at, a source of its box, and chunks of looks as one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wolfdog.watch.classifiers.boxes import FoundBox, FullFrame
from wolfdog.watch.classifiers.looks import Looks


def whole(chunks: Iterator[Looks]) -> Looks:
    """All chunks as one."""
    parts = [chunk.arrays() for chunk in chunks]
    return Looks(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


@dataclass(frozen=True)
class Corner:
    """A source of one box in the upper left corner of every second frame."""

    objects: bool
    identity: str = "corner"

    def finder(self, media: str) -> "Corner":
        return self

    def boxes(self, frame: FullFrame) -> list[FoundBox]:
        return [FoundBox((0.0, 0.0, 0.4, 0.4), 0.5)] if frame.index % 2 else []


def cornered(n: int) -> list[np.ndarray]:
    """Grey frames with a red corner."""
    frame = np.full((120, 200, 3), 60, np.uint8)
    frame[:50, :80] = (250, 0, 0)
    return [frame] * n
