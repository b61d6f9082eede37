"""Boxes from a results file of MegaDetector, which a classifier then classifies.

Format: https://github.com/agentmorris/MegaDetector/blob/main/megadetector-output-format.md, versions 1.0 to 1.6.
"""

import hashlib
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from wolfdog.errors import InputError
from wolfdog.text_files.json_file import parse_json

from .boxes import FoundBox, FullFrame

THRESHOLD = 0.2
"""MegaDetector's own typical threshold (`typical_detection_threshold` of version 5)."""


@dataclass(frozen=True, slots=True)
class MediaDetections:
    """Detections of one video or image, by frame.

    Attributes:
        processed: Numbers of the frames that the detector has processed, in order.
        found: Boxes of each frame with detections.
    """

    processed: tuple[int, ...]
    found: Mapping[int, tuple[FoundBox, ...]]

    def boxes(self, frame: FullFrame) -> list[FoundBox]:
        """Boxes of the nearest frame that the detector has processed.

        Args:
            frame: The frame.

        Returns:
            Boxes; none if that frame is further away than half of the largest step between processed frames.
        """
        return list(self.at(frame.index))

    def at(self, frame: int) -> tuple[FoundBox, ...]:
        """Boxes as of `boxes`, by the number of the frame."""
        known = self.processed
        if not known:
            return ()
        i = bisect_left(known, frame)
        nearest = min(known[max(i - 1, 0) : i + 1], key=lambda number: abs(number - frame))
        step = max((b - a for a, b in pairwise(known)), default=1)
        return self.found.get(nearest, ()) if abs(nearest - frame) <= step / 2 else ()


class MegaDetectorResults:
    """Results file of MegaDetector as a source of boxes.

    Args:
        path: The JSON file.
        threshold: Least confidence of a detection.
        categories: Names of the detection categories that are used.

    Raises:
        InputError: The file cannot be read, is not of the format, or has none of the categories.
    """

    objects = True

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        threshold: float = THRESHOLD,
        categories: tuple[str, ...] = ("animal",),
    ) -> None:
        self.path = Path(path)
        if not 0 <= threshold <= 1:
            raise InputError(f"The threshold of detections is a confidence, 0 to 1, got {threshold}.")
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
        table = parse_json(content, self.path)
        named = self._dictionary(table, "detection_categories")
        images = table.get("images")
        if not isinstance(images, list):
            raise InputError(f"{path}: results of MegaDetector have a list 'images', got {_short(images)}.")
        wanted = {key for key, name in named.items() if name in categories}
        if not wanted:
            raise InputError(
                f"{path}: none of its detection categories ({', '.join(map(str, named.values())) or 'none'}) is one "
                f"of those asked for ({', '.join(categories)})."
            )
        self.identity = f"megadetector 1 {hashlib.sha256(content).hexdigest()} {threshold:g} {sorted(wanted)}"
        self._media = dict(self._one(entry, wanted, threshold) for entry in images)

    def finder(self, media: str) -> MediaDetections:
        """Detections of one video or image, found by the end of its path.

        Args:
            media: Path of the video or image.

        Returns:
            Its detections.

        Raises:
            InputError: No entry of the file, or several, have a path with that end.
        """
        path = media.replace("\\", "/")
        if path in self._media:
            return self._media[path]
        parts = PurePosixPath(path).parts
        for n in range(len(parts), 0, -1):  # the longest common end decides
            same = [name for name in self._media if PurePosixPath(name).parts[-n:] == parts[-n:]]
            if len(same) == 1:
                return self._media[same[0]]
            if same:
                raise InputError(
                    f"{self.path}: {media} may be any of {', '.join(same[:3])}. Give it with more of its folders."
                )
        raise InputError(f"{self.path}: no entry for {media}. Run the detector on it, or leave it out.")

    def _one(self, entry: Any, wanted: set[str], threshold: float) -> tuple[str, MediaDetections]:
        if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
            raise InputError(
                f"{self.path}: each of its 'images' has the name of a 'file', got {_short(entry)}."
            )
        name = entry["file"].replace("\\", "/")
        detections = entry.get("detections") or []
        processed = entry.get("frames_processed")
        if not isinstance(detections, list):
            raise InputError(f"{self.path}: {name}: 'detections' must be a list, got {_short(detections)}.")
        if processed is not None and not (isinstance(processed, list) and all(map(_is_frame, processed))):
            raise InputError(f"{self.path}: {name}: 'frames_processed' must be a list of frame numbers.")
        found: dict[int, list[FoundBox]] = {}
        seen = set(processed or ())
        for detection in detections:
            frame, box, category = self._detection(detection, name)
            seen.add(frame)
            if category in wanted and box.confidence >= threshold:
                found.setdefault(frame, []).append(box)
        for boxes in found.values():
            boxes.sort(key=lambda box: -box.confidence)
        return name, MediaDetections(tuple(sorted(seen)), {k: tuple(v) for k, v in found.items()})

    def _detection(self, detection: Any, name: str) -> tuple[int, FoundBox, str]:
        match detection:
            case {"category": str(category), "conf": float() | int() as sure, "bbox": [*numbers]} if (
                len(numbers) == 4 and all(map(_is_number, [*numbers, sure])) and 0 <= sure <= 1
            ):
                frame = detection.get("frame_number") or 0
                if _is_frame(frame):
                    x, y, w, h = (float(n) for n in numbers)
                    return frame, FoundBox((x, y, x + w, y + h), float(sure)), category
        raise InputError(
            f"{self.path}: {name}: a detection has a 'category', a 'conf' from 0 to 1, a 'bbox' of four "
            f"numbers and, in videos, a 'frame_number', got {_short(detection)}."
        )

    def _dictionary(self, table: Any, key: str) -> dict[str, Any]:
        value = table.get(key) if isinstance(table, dict) else None
        if not isinstance(value, dict):
            raise InputError(f"{self.path}: not results of MegaDetector: it has no '{key}'.")
        return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_frame(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
