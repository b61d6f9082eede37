"""Predictions table in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wolfdog.errors import InputError

from .columns import box_column, class_names, number_column, probability_columns, string_column
from .order import deployment_rows, numbers_within, run_numbers, time_order

_COLUMNS = (
    *("deployment", "media", "frame", "time", "duration", "detection", "box", "confidence", "spread"),
    *("probabilities", "context"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions:
    """Predictions table: one row for each whole frame or detection that a classifier looked at.

    N rows, K classes. Rows of one frame share deployment, media and frame. The rows may come in any order;
    `streams` puts them into the order of time. The arrays are checked when the table is made and must not be
    changed afterwards.

    `Predictions.from_columns` makes a table from the columns at hand and fills in the others.

    Attributes:
        classes: K different names.
        blank: The class of `classes` that says that nothing is there; None where no class does.
        utc: True where `time` counts from 1970-01-01 00:00 UTC.
        deployment: [N] str: one camera at one place. A memory begins anew with each.
        media: [N] str: the video or image.
        frame: [N] int64: number of the frame in its media, from 0.
        time: [N] float64, seconds; NaN where unknown.
        duration: [N] float64, seconds that the frame stands; NaN where unknown.
        detection: [N] int32: number of the detection in its frame; -1 for the whole frame.
        box: [N, 4] float32: x, y, width and height of the detection, relative to the picture, from its upper
            left corner; NaN for the whole frame.
        confidence: [N] float32: the detector's confidence, 0 to 1; NaN where unknown.
        spread: [N] float32: the probability that the source did not give to any class, and that was divided
            evenly among the classes it did not name; 0 where the source gave all probabilities.
        probabilities: [N, K] float32: the classifier's. Each row sums to one.
        context: [N, K] float32: the probabilities of a smoothing method; None before any was run.
        classifier: Name and version of the classifier.
        method: Name and options of the smoothing method.
    """

    classes: tuple[str, ...]
    blank: str | None
    utc: bool
    deployment: NDArray[np.object_]
    media: NDArray[np.object_]
    frame: NDArray[np.int64]
    time: NDArray[np.float64]
    duration: NDArray[np.float64]
    detection: NDArray[np.int32]
    box: NDArray[np.float32]
    confidence: NDArray[np.float32]
    spread: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    context: NDArray[np.float32] | None = None
    classifier: str = ""
    method: str = ""

    def __post_init__(self) -> None:
        classes = class_names(self.classes, self.blank)
        rows = len(self.probabilities) if np.ndim(self.probabilities) else 0
        checked: dict[str, Any] = {
            "classes": classes,
            "deployment": string_column("deployment", self.deployment, rows),
            "media": string_column("media", self.media, rows),
            "frame": number_column("frame", self.frame, rows, np.int64, low=0),
            "time": number_column("time", self.time, rows, np.float64, unknown=True),
            "duration": number_column("duration", self.duration, rows, np.float64, low=0, unknown=True),
            "detection": number_column("detection", self.detection, rows, np.int32, low=-1),
            "confidence": number_column(
                "confidence", self.confidence, rows, np.float32, low=0, high=1, unknown=True
            ),
            "spread": number_column("spread", self.spread, rows, np.float32, low=0, high=1),
            "box": box_column(self.box, rows),
            "probabilities": probability_columns("probabilities", self.probabilities, rows, classes),
        }
        if self.context is not None:
            checked["context"] = probability_columns("context", self.context, rows, classes)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_columns(
        cls,
        classes: Sequence[str],
        probabilities: ArrayLike,
        *,
        time: ArrayLike | None = None,
        deployment: str | ArrayLike = "",
        media: str | ArrayLike = "",
        frame: ArrayLike | None = None,
        duration: ArrayLike | None = None,
        detection: ArrayLike | None = None,
        box: ArrayLike | None = None,
        confidence: ArrayLike | None = None,
        spread: ArrayLike | None = None,
        context: ArrayLike | None = None,
        blank: str | None = None,
        utc: bool = False,
        classifier: str = "",
        method: str = "",
    ) -> "Predictions":
        """Table from the columns at hand.

        Args:
            classes: K names.
            probabilities: [N, K].
            time: Seconds; unknown where None.
            deployment: One name for all rows, or [N].
            media: One name for all rows, or [N].
            frame: Where None, the number of the row within its deployment and media.
            duration: Unknown where None, as `confidence` is.
            detection: The whole frame, -1, where None; as `box` is.
            box: As of the class, as all others are.

        Raises:
            InputError: A column has a wrong shape or a value that cannot be.

        Examples:
            >>> table = Predictions.from_columns(["wolf", "dog"], [[0.9, 0.1], [0.4, 0.6]], time=[0.0, 0.5])
            >>> len(table), table.frame.tolist(), table.label_names().tolist()
            (2, [0, 1], ['wolf', 'dog'])
        """
        p = np.asarray(probabilities, np.float32)
        rows = len(p) if p.ndim else 0
        places = string_column("deployment", _repeated(deployment, rows), rows)
        names = string_column("media", _repeated(media, rows), rows)
        return cls(
            classes=class_names(classes, blank),
            blank=blank,
            utc=utc,
            deployment=places,
            media=names,
            frame=numbers_within(places, names) if frame is None else np.asarray(frame),
            time=_or_full(time, rows, np.nan),
            duration=_or_full(duration, rows, np.nan),
            detection=_or_full(detection, rows, -1),
            box=np.full((rows, 4), np.nan, np.float32) if box is None else np.asarray(box, np.float32),
            confidence=_or_full(confidence, rows, np.nan),
            spread=_or_full(spread, rows, 0.0),
            probabilities=p,
            context=None if context is None else np.asarray(context, np.float32),
            classifier=classifier,
            method=method,
        )

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def blank_index(self) -> int | None:
        """Position of the blank class among `classes`; None where there is none."""
        return None if self.blank is None else self.classes.index(self.blank)

    def labels(self, *, context: bool = False) -> NDArray[np.int64]:
        """[N] positions of the most probable classes: of the classifier, or of the context.

        Raises:
            InputError: The context is asked for, and no method has made it yet.
        """
        return np.asarray(self._probabilities(context).argmax(-1), np.int64)

    def label_names(self, *, context: bool = False) -> NDArray[np.object_]:
        """[N] names of the most probable classes; as `labels`."""
        return np.array(self.classes, object)[self.labels(context=context)]

    def _probabilities(self, context: bool) -> NDArray[np.float32]:
        if not context:
            return self.probabilities
        if self.context is None:
            raise InputError("these predictions have no context probabilities: run a smoothing method first.")
        return self.context

    def deployments(self) -> tuple[str, ...]:
        """Names of the deployments, in the order of their first rows."""
        return tuple(dict.fromkeys(self.deployment.tolist()))

    def take(self, rows: ArrayLike | slice) -> "Predictions":
        """Table of some of the rows: positions, a mask, or a slice."""
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        columns: dict[str, Any] = {
            name: getattr(self, name)[chosen] for name in _COLUMNS if getattr(self, name) is not None
        }
        return replace(self, **columns)

    def of_deployment(self, name: str) -> "Predictions":
        """Rows of one deployment in the order of time: a stream.

        Raises:
            InputError: No row is of that deployment.
        """
        rows = np.flatnonzero(self.deployment == name)
        if not len(rows):
            known = ", ".join(map(repr, self.deployments()[:5])) or "none: the table is empty"
            raise InputError(f"no row is of deployment {name!r}. Deployments: {known}.")
        return self.take(self._in_time_order(rows))

    def stream_rows(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Each deployment's name and the positions of its rows in the order of time.

        Frames stand in the order of time; those of equal or unknown time, in the order in which they first
        came, unknown times last. Rows of one frame stand together, in the order of `detection`.
        """
        for rows in deployment_rows(self.deployment):
            yield str(self.deployment[rows[0]]), self._in_time_order(rows)

    def streams(self) -> Iterator["Predictions"]:
        """Tables of single deployments, each in the order of time; deployments as they first came."""
        for _, rows in self.stream_rows():
            yield self.take(rows)

    def frame_numbers(self) -> NDArray[np.int64]:
        """[N] number of each row's frame among the frames of a stream, from 0.

        For tables in the order of `streams`: rows in a row with one media and frame count as one frame.
        """
        return run_numbers(self.deployment, self.media, self.frame)

    def _in_time_order(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        columns = self.media[rows], self.frame[rows], self.time[rows], self.detection[rows]
        return rows[time_order(*columns)]

    def with_context(self, context: ArrayLike, method: str) -> "Predictions":
        """This table with the probabilities [N, K] of a smoothing method.

        Raises:
            InputError: They have a wrong shape, or rows that do not sum to one.
        """
        return replace(self, context=np.asarray(context, np.float32), method=method)

    @staticmethod
    def concat(tables: Sequence["Predictions"]) -> "Predictions":
        """Rows of several tables of the same classes, one table after the other.

        Raises:
            InputError: There is no table; or classes, blank, utc or the presence of a context differ.
        """
        if not tables:
            raise InputError("concat needs at least one table, got none.")
        first = tables[0]
        for number, table in enumerate(tables):
            for name in ("classes", "blank", "utc"):
                if getattr(table, name) != getattr(first, name):
                    raise InputError(
                        f"tables to concat must agree in {name}: table 0 has {getattr(first, name)!r}, "
                        f"table {number} has {getattr(table, name)!r}."
                    )
            if (table.context is None) != (first.context is None):
                raise InputError(f"tables 0 and {number}: one has context probabilities and one has none.")
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(table, name) for table in tables])
            for name in _COLUMNS
            if getattr(first, name) is not None
        }
        for name in ("classifier", "method"):
            columns[name] = " | ".join(dict.fromkeys(getattr(table, name) for table in tables))
        return replace(first, **columns)


def _repeated(value: str | ArrayLike, rows: int) -> Any:
    if isinstance(value, str):
        column = np.empty(rows, object)
        column[:] = value
        return column
    return value


def _or_full(column: ArrayLike | None, rows: int, value: float) -> Any:
    return np.full(rows, value) if column is None else np.asarray(column)
