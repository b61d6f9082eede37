"""Labels by people for the rows of a predictions table: of frames, detections, files, or spans of time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.labels import LabelTable, matching_files, read_labels, rows_of, spans_at
from wolfdog.text_files.camtrap_package import Table, read_package
from wolfdog.text_files.delimited_text import read_table
from wolfdog.text_files.spreadsheet import unguarded

from ..predictions import Predictions
from ..predictions.bags import LabelledBag

_MEDIA = ("file", "media", "filepath", "filename", "image", "video", "path", "mediaid", "file_name")
_LABEL = ("label", "verified", "truth", "true_label", "species", "class", "scientificname", "name")


@dataclass(frozen=True)
class FrameLabel:
    """Label of a file, of a frame in it, or of a detection.

    Attributes:
        media: Path of the video or image.
        label: Its label.
        frame: Number of the frame; None for all frames.
        detection: Number of the detection; None for all.
        deployment: Deployment in which the label holds; None for every deployment.
    """

    media: str
    label: str
    frame: int | None = None
    detection: int | None = None
    deployment: str | None = None


@dataclass(frozen=True)
class VerifiedLabels:
    """Labels of frames and detections, and of spans and files.

    Attributes:
        frames: Labels of single frames or detections, or of files beside those.
        table: Labels of spans, in seconds from the start of a video or by number of the frame; and bags.
    """

    frames: Sequence[FrameLabel] = ()
    table: LabelTable = field(default_factory=lambda: LabelTable({}))

    def of(
        self, table: Predictions, *, said: NDArray[np.object_] | None = None, whole: bool = True
    ) -> NDArray[np.object_]:
        """Label of each row of a predictions table; None where there is none.

        The label of a detection goes before that of its frame, that before that of a span, and that before that of a
        file or sequence. A file that is given two different labels has none: which animal has which is not known.
        Files are found as `wolfdog.labels.match_files` finds them.

        Args:
            table: N predictions.
            said: Labels [N] that are to be judged. Where several spans cover a frame, the truth is the label that was
                said if it is one of theirs; else, and without `said`, that of the last span.
            whole: Whether the label of a file or sequence holds for each of its frames. If not, it holds for a single
                frame alone, and the other ones are left to `bags`.

        Returns:
            [N].

        Raises:
            LabelsError: The name of a file in the labels fits several media of the table.

        Examples:
            >>> table = Predictions.from_columns(["wolf", "dog"], [[1, 0], [0, 1]], media=["a/1.jpg", "a/2.jpg"])
            >>> VerifiedLabels([FrameLabel("1.jpg", "wolf")]).of(table).tolist()
            ['wolf', None]
        """
        media = list(dict.fromkeys(table.media.tolist()))
        files = matching_files(dict.fromkeys([*(one.media for one in self.frames), *self.table]), media)
        found = np.full(len(table), None, object)
        wholes: dict[tuple[str, str | None], set[str]] = {}
        by_number: dict[tuple[str, str | None, int | None, int | None], set[str]] = {}
        for one in self.frames:
            if one.media not in files:
                continue
            place = (files[one.media], one.deployment)
            if one.frame is None and one.detection is None:
                wholes.setdefault(place, set()).add(one.label)
            else:
                by_number.setdefault((*place, one.frame, one.detection), set()).add(one.label)
        in_spans = self._in_spans(table, files, wholes, said)
        columns = (table.media, table.deployment, table.frame, table.detection)
        for at, (medium, place, frame, detection) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            numbers = ((frame, detection), (frame, None), (None, detection))
            single = next(
                (by_number[key] for number in numbers for where in (place, None)
                 if (key := (medium, where, *number)) in by_number),
                None,
            )  # fmt: skip
            if single is None and in_spans[at] is not None:
                found[at] = in_spans[at]
                continue
            labels = single or wholes.get((medium, place)) or wholes.get((medium, None)) or set()
            found[at] = next(iter(labels)) if len(labels) == 1 else None
        for bag in () if whole else self.bags(table):
            found[bag.rows] = None
        return found

    def bags(self, table: Predictions) -> list[LabelledBag]:
        """Files and sequences of several frames that are labelled as a whole, without rows that have a span's label.

        Args:
            table: Predictions.

        Returns:
            The bags.

        Raises:
            LabelsError: The name of a file in the labels fits several media of the table.

        Examples:
            >>> from wolfdog.labels import LabelSpan
            >>> table = Predictions.from_columns(["fox"], [[1], [1]], media="1.mp4", frame=[0, 5])
            >>> whole = LabelSpan(0, float("inf"), "fox", bag="1.mp4")
            >>> [bag] = VerifiedLabels(table=LabelTable({"1.mp4": [whole]})).bags(table)
            >>> bag.rows.tolist(), bag.labels
            ([0, 1], ('fox',))
        """
        files = matching_files(dict.fromkeys(self.table), list(dict.fromkeys(table.media.tolist())))
        members: dict[str, list[NDArray[np.int64]]] = {}
        labels: dict[str, dict[str, None]] = {}
        for name, spans in self.table.items():
            bags = [span for span in spans if span.bag]
            if name not in files or not bags:
                continue
            rows, seconds = _times_of(table, files[name])
            free = spans_at(spans, seconds, frames=table.frame[rows]) < 0
            for span in bags:
                covered = rows_of(
                    span, seconds.clip(0), frames=table.frame[rows]
                )  # times that are not known, too
                members.setdefault(span.bag, []).append(rows[covered[free[covered]]])
                labels.setdefault(span.bag, {})[span.label] = None
        found = []
        for bag, parts in members.items():
            rows = np.unique(np.concatenate(parts))
            if len(set(zip(table.media[rows].tolist(), table.frame[rows].tolist(), strict=True))) > 1:
                found.append(LabelledBag(bag, rows, tuple(labels[bag])))
        return found

    def _in_spans(
        self,
        table: Predictions,
        files: dict[str, str],
        wholes: dict[tuple[str, str | None], set[str]],
        said: NDArray[np.object_] | None,
    ) -> NDArray[np.object_]:
        """Labels of the spans that cover rows; those of bags are added to the labels of whole files."""
        found = np.full(len(table), None, object)
        for name, spans in self.table.items():
            if name not in files:
                continue
            for span in spans:
                if span.bag:
                    wholes.setdefault((files[name], None), set()).add(span.label)
            rows, seconds = _times_of(table, files[name])
            covering = spans_at(spans, seconds, frames=table.frame[rows])
            for row, number in zip(rows.tolist(), covering.tolist(), strict=True):
                if number >= 0:
                    found[row] = spans[number].label
            for span in spans:
                if said is not None and not span.bag:
                    covered = rows[rows_of(span, seconds, frames=table.frame[rows])]
                    found[covered[said[covered] == span.label]] = span.label
        return found


def _times_of(table: Predictions, medium: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows of a medium, and their seconds since its start; -1 where they are not known."""
    rows = np.flatnonzero(table.media == medium)
    times = table.time[rows]
    start = float(np.nanmin(times)) if table.utc and not np.isnan(times).all() else 0.0
    return rows, np.nan_to_num(times - start, nan=-1.0)


def read_verified(path: str | PathLike[str]) -> VerifiedLabels:
    """Labels by people from a file.

    - CSV with a column `frame` or `detection`, one of files (`file`, `filepath`, `media`, ...) and one of labels
      (`label`, `species`, ...); rows without a label are left out. The review queue of `wolfdog smooth` is such a
      table.
    - The folder of a Camtrap DP package: its observations with `classificationMethod` human.
    - Every other format of `wolfdog.labels.read_labels`.

    Args:
        path: The file or folder.

    Returns:
        The labels.

    Raises:
        InputError: The file has none of these forms.
        LabelsError: A label is not valid.
        OSError: The file cannot be read.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.csv"
        ...     _ = path.write_text("file,frame,label\\na.mp4,3,wolf\\na.mp4,4,\\n")
        ...     [(one.frame, one.label) for one in read_verified(path).frames]
        [(3, 'wolf')]
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file. Expected labels.")
    if path.name == "datapackage.json" or (path / "datapackage.json").is_file():
        return VerifiedLabels(table=_of_package(path / "datapackage.json" if path.is_dir() else path))
    if path.is_file() and path.suffix.lower() in (".csv", ".tsv", ".txt"):
        header, lines, _ = read_table(path)
        rows = [[unguarded(field) for field in line] for line in lines]
        places = {name.lower(): at for at, name in enumerate(header)}
        if not {"frame", "detection"}.isdisjoint(places) and "start" not in places:
            return VerifiedLabels(_of_frames(path, places, rows))
    return VerifiedLabels(table=read_labels(path))


def _of_package(path: Path) -> LabelTable:
    """Labels of a Camtrap DP package by people, of each medium by its file and by its `mediaID`."""
    package = read_package(path)
    observations = Table.read(package["observations"], "observations")
    if not any(row.get("classificationMethod") == "human" for row in observations.rows):
        raise InputError(f"{observations.path}: has no observation with classificationMethod human.")
    labels = read_labels(path)
    media = Table.read(package["media"], "media")
    names = {row["mediaID"]: row.get("filePath", "") for row in media.rows}
    by_id = {medium: labels[file] for medium, file in names.items() if file in labels}
    return LabelTable({**labels.spans, **by_id})


def _of_frames(path: Path, places: dict[str, int], rows: Sequence[Sequence[str]]) -> list[FrameLabel]:
    media = next((places[name] for name in _MEDIA if name in places), None)
    label = next((places[name] for name in _LABEL if name in places), None)
    if label is None:
        raise InputError(
            f"{path}: expected a column of labels ({', '.join(_LABEL[:3])}, ...) beside frame or detection, got "
            f"{', '.join(places)}."
        )

    def number(row: Sequence[str], name: str, line: int) -> int | None:
        text = row[places[name]].strip() if name in places else ""
        try:
            return int(text) if text else None
        except ValueError:
            raise InputError(f"{path}: row {line}, {name}: expected a whole number, got {text!r}.") from None

    def text(row: Sequence[str], at: int | None) -> str:
        return "" if at is None else row[at].strip()

    return [
        FrameLabel(
            text(row, media),
            text(row, label),
            number(row, "frame", line),
            number(row, "detection", line),
            text(row, places.get("deployment")) or None,
        )
        for line, row in enumerate(rows, start=2)
        if text(row, label)
    ]
