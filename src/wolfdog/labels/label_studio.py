"""Label Studio's exports of video annotations, as JSON or JSON-MIN.

Source: https://labelstud.io/guide/export, https://labelstud.io/tags/timelinelabels, https://labelstud.io/tags/video
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from wolfdog.errors import LabelsError

from .rows import LabelRow

_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
"""Prefix that Label Studio gives to the names of uploaded files."""


def is_export(document: Any) -> bool:
    """Whether a JSON document is an export of Label Studio: a list of tasks."""
    return (
        isinstance(document, list)
        and all(isinstance(task, dict) for task in document)
        and any("data" in task or "annotator" in task or "annotation_id" in task for task in document)
    )


def read_label_studio(
    path: Path, document: Sequence[Mapping[str, Any]], problems: list[str]
) -> Iterator[LabelRow]:
    """Rows of an export.

    Ranges of `TimelineLabels` count frames from 1, and their last frame belongs to them. The frames of a
    `VideoRectangle` are those from an enabled keyframe to the next that is not. `Choices` are for the whole file.
    Cancelled annotations are left out.

    Args:
        path: Of the file.
        document: Its tasks.
        problems: Receives a message for each task that cannot be read.
    """
    for number, task in enumerate(document):
        where = f"{path}, task {task.get('id', number)}"
        try:
            yield from _task(where, task)
        except (AttributeError, IndexError, KeyError, LabelsError, TypeError, ValueError) as error:
            text = str(error) if isinstance(error, LabelsError) else f"cannot be understood: {error!r}."
            problems.append(f"{where}: {text}")


def _task(where: str, task: Mapping[str, Any]) -> Iterator[LabelRow]:
    data = task.get("data", task)
    media = next(
        (_file(value) for key, value in data.items() if isinstance(value, str) and _is_media(key, value)),
        None,
    )
    if media is None:
        raise LabelsError("expected the path of a video in its data, got none.")
    if "data" not in task:  # JSON-MIN: the results by the names of their tags
        values: list[Any] = [value for value in task.values() if isinstance(value, list | dict)]
        for value in (one for some in values for one in (some if isinstance(some, list) else [some])):
            if isinstance(value, dict):
                yield from _value(where, media, value)
        return
    for annotation in task.get("annotations", task.get("completions", ())):
        if annotation.get("was_cancelled"):
            continue
        for result in annotation["result"]:
            yield from _value(where, media, result.get("value", {}))


def _value(where: str, media: str, value: Mapping[str, Any]) -> Iterator[LabelRow]:
    def rows(labels: Sequence[str], start: float | None, end: float | None, unit: Any) -> Iterator[LabelRow]:
        for label in labels:
            yield LabelRow(where=where, media=media, label=str(label), start=start, end=end, unit=unit)

    labels = value.get("timelinelabels") or value.get("labels") or ()
    if "ranges" in value:
        for span in value["ranges"]:
            yield from rows(labels, float(span["start"]) - 1, float(span["end"]), "frames")
    elif "sequence" in value:
        for first, last in _tracked(value["sequence"], value.get("framesCount")):
            yield from rows(labels, first, last, "frames")
    elif "choices" in value or "taxonomy" in value:
        chosen = value.get("choices") or [path[-1] for path in value["taxonomy"]]
        yield from rows(chosen, None, None, "seconds")
    elif labels and "start" in value and "end" in value:
        yield from rows(labels, float(value["start"]), float(value["end"]), "seconds")


def _tracked(keyframes: Sequence[Mapping[str, Any]], count: Any) -> Iterator[tuple[float, float]]:
    """Ranges of frames, from 0, in which a tracked object is there."""
    ordered = sorted(keyframes, key=lambda one: float(one["frame"]))
    begun: float | None = None
    for one, following in pairwise([*ordered, None]):
        assert one is not None
        if begun is None:
            begun = float(one["frame"]) - 1
        if not one.get("enabled", True) or following is None:
            last = float(one["frame"])
            yield begun, max(last, float(count)) if one.get("enabled", True) and count else last
            begun = None


def _is_media(key: str, value: str) -> bool:
    return key in ("video", "video_url", "url", "file", "image") or bool(
        re.search(r"\.(mp4|avi|mov|mkv|webm|m4v|mpg|mpeg|wmv|jpe?g|png)($|\?)", value, re.IGNORECASE)
    )


def _file(value: str) -> str:
    """Path of the file of a task: without its server, its query and the prefix of an upload."""
    if "?d=" in value:
        value = value.partition("?d=")[2]
    path = unquote(re.sub(r"^[a-z][a-z0-9+.-]+://[^/]*", "", value).partition("?")[0])
    folder, slash, name = path.rpartition("/")
    if folder.startswith("/data/upload"):
        return _UPLOAD.sub("", name, count=1)
    return folder + slash + name
