"""Labels that people gave: of files, of frames, of detections, or of spans of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.labels import LabelSpan, LabelTable, read_labels, spans_at
from wolfdog.labels.reading import has_times, is_coco_camera_traps, is_table
from wolfdog.text_files.delimited_text import read_table

from ..predictions import Predictions
from .camtrap_labels import camtrap_labels
from .coco_labels import coco_labels
from .label_rows import LabelRow, MediaNames

_MEDIA = ("file", "media", "filepath", "filename", "image", "video", "path", "mediaid", "file_name")
_LABEL = ("label", "verified", "truth", "true_label", "species", "class", "scientificname", "name")


@dataclass(frozen=True)
class VerifiedLabels:
    """Labels by media, frame and detection, and spans of labels by video.

    Attributes:
        rows: Labels of media, frames or detections.
        spans: Of each video, in seconds from its start.
    """

    rows: Sequence[LabelRow] = ()
    spans: Mapping[str, Sequence[LabelSpan]] = field(default_factory=dict)

    def of(self, table: Predictions) -> NDArray[np.object_]:
        """[N] label of each row of a table; None where there is none.

        The label of a detection goes before that of its frame, and that before that of its file. A file that is given
        two different labels has none: which animal has which is not known. A file is found by its path, or by the end
        of its path where one file alone has it.

        Examples:
            >>> table = Predictions.from_columns(["wolf", "dog"], [[1, 0], [0, 1]], media=["a/1.jpg", "a/2.jpg"])
            >>> VerifiedLabels([LabelRow("1.jpg", "wolf")]).of(table).tolist()
            ['wolf', None]
        """
        found = np.full(len(table), None, object)
        by_key: dict[tuple[Any, ...], set[str]] = {}
        for row in self.rows:
            by_key.setdefault((row.media, row.deployment, row.frame, row.detection), set()).add(row.label)
        names = MediaNames([*(row.media for row in self.rows), *self.spans])
        numbers = zip(
            table.media.tolist(), table.deployment.tolist(), table.frame.tolist(), table.detection.tolist(),
            strict=True,
        )  # fmt: skip
        starts = _starts(table) if self.spans and table.utc else {}
        for at, (media, place, frame, detection) in enumerate(numbers):
            name = names.find(media)
            if name is None:
                continue
            labels = next(
                (
                    by_key[key]
                    for number, part in ((frame, detection), (frame, None), (None, detection), (None, None))
                    for where in (place, None)
                    if (key := (name, where, number, part)) in by_key
                ),
                None,
            )
            if labels is not None:
                found[at] = next(iter(labels)) if len(labels) == 1 else None
            elif name in self.spans:
                spans = self.spans[name]
                span = int(spans_at(spans, [table.time[at] - starts.get(media, 0.0)], [frame])[0])
                found[at] = spans[span].label if span >= 0 else None
        return found


def read_verified(path: str | PathLike[str]) -> VerifiedLabels:
    """Labels from a file.

    - CSV with the columns `video, start, end, label`: spans of time (`wolfdog.labels`);
    - CSV with a column of files (`file`, `filepath`, `media`, ...) and one of labels (`label`, `species`, ...), and,
      where there are several labels to a file, `frame` and `detection`; rows without a label are left out. The review
      queue of `wolfdog smooth` is such a table;
    - the folder of a Camtrap DP package: its observations with `classificationMethod` human;
    - JSON in the form of COCO Camera Traps;
    - every other form that `wolfdog.labels.read_labels` reads.

    Raises:
        InputError: The file has none of these forms.
        LabelsError: a span cannot be.
        OSError: The file cannot be read.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.csv"
        ...     _ = path.write_text("file,label\\na.jpg,wolf\\nb.jpg,\\n")
        ...     [(row.media, row.label) for row in read_verified(path).rows]
        [('a.jpg', 'wolf')]
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file. Expected labels.")
    if path.name == "datapackage.json" or (path / "datapackage.json").exists():
        return VerifiedLabels(camtrap_labels(path / "datapackage.json" if path.is_dir() else path))
    if is_coco_camera_traps(path):
        return VerifiedLabels(coco_labels(path))
    if not is_table(path) or has_times(path):
        return verified_spans(read_labels(path))
    header, rows, _ = read_table(path)
    places = {name.lower(): at for at, name in enumerate(header)}
    media = next((places[name] for name in _MEDIA if name in places), None)
    label = next((places[name] for name in _LABEL if name in places), None)
    if label is None or (media is None and "frame" not in places):
        raise InputError(
            f"{path}: expected the columns video, start, end and label, or file and label (also frame and detection), "
            f"got {', '.join(header)}."
        )

    def number(row: Sequence[str], name: str, line: int) -> int | None:
        text = row[places[name]].strip() if name in places else ""
        try:
            return int(text) if text else None
        except ValueError:
            raise InputError(f"{path}: row {line}, {name}: expected a whole number, got {text!r}.") from None

    def text(row: Sequence[str], at: int | None) -> str:
        return "" if at is None else row[at].strip()

    return VerifiedLabels(
        [
            LabelRow(
                text(row, media),
                text(row, label),
                number(row, "frame", line),
                number(row, "detection", line),
                text(row, places.get("deployment")) or None,
            )
            for line, row in enumerate(rows, start=2)
            if text(row, label)
        ]
    )


def verified_spans(labels: LabelTable) -> VerifiedLabels:
    """Labels of a labels file: its spans, and its labels of whole files and sequences.

    Args:
        labels: By the names of the media.

    Examples:
        >>> verified_spans(LabelTable({"a.mp4": [LabelSpan(0, 1, "wolf", bag="a.mp4")]})).rows
        [LabelRow(media='a.mp4', label='wolf', frame=None, detection=None, deployment=None)]
    """
    rows = [LabelRow(name, span.label) for name, spans in labels.items() for span in spans if span.bag]
    spans = {name: [span for span in of_one if not span.bag] for name, of_one in labels.items()}
    return VerifiedLabels(rows, {name: of_one for name, of_one in spans.items() if of_one})


def _starts(table: Predictions) -> dict[str, float]:
    """Time of the first row of each of a table's media."""
    starts: dict[str, float] = {}
    for media, time in zip(table.media.tolist(), table.time.tolist(), strict=True):
        starts[media] = min(starts.get(media, time), time)
    return starts
