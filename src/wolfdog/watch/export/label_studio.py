"""Predictions as tasks of Label Studio.

Source: https://labelstud.io/guide/predictions, https://labelstud.io/tags/timelinelabels
"""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError

from ..predictions import Predictions


def write_label_studio(path: Path, table: Predictions) -> None:
    """Write smoothed results as Label Studio tasks with predictions, atomically.

    An image is a task with `data.image`; its context label is a choice (`from_name` label), that of each detection a
    rectangle (`from_name` box). A video is a task with `data.video`; its events are ranges of a timeline (`from_name`
    timeline), whose frames count from 1 and include the last. The score of a prediction is the least probability of
    its labels, so that Label Studio sorts the least sure first. The labelling interface must have these names.

    Args:
        path: File to write.
        table: Predictions with a context.

    Raises:
        InputError: The table has no context.
        OSError: The file cannot be written.
    """
    with atomic_write(path) as file:
        json.dump(list(_tasks(table)), file, ensure_ascii=False, allow_nan=False, indent=1)
        file.write("\n")


def _tasks(table: Predictions) -> Iterator[dict[str, Any]]:
    if table.context is None:
        raise InputError("these predictions have no context probabilities: run a smoothing method first.")
    for name in dict.fromkeys(table.media.tolist()):
        part = table.take(table.media == name)
        part = part.take(np.lexsort((part.detection, part.frame)))
        assert part.context is not None
        video = len(np.unique(part.frame)) > 1
        score = float(part.context.max(1).min())
        result = list(_ranges(part) if video else _marks(part))
        yield {
            "data": {"video" if video else "image": name, "deployment": str(part.deployment[0])},
            "predictions": [
                {"model_version": table.method or "wolfdog", "score": round(score, 4), "result": result}
            ],
        }


def _marks(part: Predictions) -> Iterator[dict[str, Any]]:
    """Choice of a whole image, and rectangles of its detections."""
    assert part.context is not None
    labels = part.label_names(context=True)
    for row in range(len(part)):
        score = round(float(part.context[row].max()), 4)
        if np.isnan(part.box[row]).any():
            yield _entry("label", "image", "choices", {"choices": [labels[row]]}, score, row)
            continue
        x, y, width, height = (round(100 * float(value), 4) for value in part.box[row])
        value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
        yield _entry(
            "box", "image", "rectanglelabels", value | {"rectanglelabels": [labels[row]]}, score, row
        )


def _ranges(part: Predictions) -> Iterator[dict[str, Any]]:
    """Ranges of frames of one label: from each event's first frame to the frame before the next event's."""
    assert part.context is not None
    sure = part.context.max(1)
    order = np.lexsort((-sure, part.frame))
    rows = order[np.flatnonzero(np.diff(part.frame[order], prepend=-1))]  # of each frame, the surest row
    labels = part.label_names(context=True)
    groups = [list(group) for _, group in groupby(rows.tolist(), key=lambda row: labels[row])]
    for number, group in enumerate(groups):
        start = int(part.frame[group[0]]) + 1
        following = groups[number + 1][0] if number + 1 < len(groups) else None
        end = int(part.frame[group[-1]]) + 1 if following is None else int(part.frame[following])
        value = {"ranges": [{"start": start, "end": end}], "timelinelabels": [labels[group[0]]]}
        yield _entry(
            "timeline", "video", "timelinelabels", value, round(float(sure[group].mean()), 4), number
        )


def _entry(
    from_name: str, to_name: str, kind: str, value: dict[str, Any], score: float, number: int
) -> dict[str, Any]:
    return {
        "id": f"wolfdog-{number}",
        "from_name": from_name,
        "to_name": to_name,
        "type": kind,
        "value": value,
        "score": score,
    }
