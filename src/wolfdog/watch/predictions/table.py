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
    *("deployment", "media", "frame", "time", "duration", "detection", "box", "confidence", "clarity"),
    *("spread", "probabilities", "context"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions:
    """Predictions table: one row for each classified whole frame or detection.

    N rows, K classes. Rows of one frame share deployment, media and frame. The rows may come in any order; `streams`
    sorts them by time. The arrays are checked when the table is made and must not be changed afterwards.

    `Predictions.from_columns` makes a table from some of the columns and fills in the others.

    Attributes:
        classes: K distinct names.
        blank: Name of the class for empty pictures; None if there is none.
        utc: Whether `time` counts from 1970-01-01 00:00 UTC.
        deployment: One camera at one place [N], str. The memory is reset between deployments.
        media: Video or image [N], str.
        frame: Number of the frame in its media [N], int64, from 0.
        time: Seconds [N], float64; NaN if unknown.
        duration: Seconds up to the next frame [N], float64; NaN if unknown.
        detection: Number of the detection in its frame [N], int32; -1 for the whole frame.
        box: x, y, width and height of the detection as shares of the picture, from its upper left corner [N, 4],
            float32; NaN for the whole frame.
        confidence: Confidence of the detector [N], float32, 0 to 1; NaN if unknown.
        clarity: Clarity of the picture [N], float32, from 0 (blurred, noisy or dark) to 1; NaN if unknown.
        spread: Probability that the source gave to no class, and that was divided evenly among the classes it did not
            name [N], float32; 0 if the source gave all probabilities.
        probabilities: Probabilities of the classifier [N, K], float32. Each row sums to one.
        context: Probabilities of a smoothing method [N, K], float32; None before one has run.
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
    clarity: NDArray[np.float32]
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
            "clarity": number_column("clarity", self.clarity, rows, np.float32, low=0, high=1, unknown=True),
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
        clarity: ArrayLike | None = None,
        spread: ArrayLike | None = None,
        context: ArrayLike | None = None,
        blank: str | None = None,
        utc: bool = False,
        classifier: str = "",
        method: str = "",
    ) -> "Predictions":
        """Table from some of the columns.

        Args:
            classes: K names.
            probabilities: Probabilities of the classifier [N, K].
            time: Seconds [N]; None: unknown.
            deployment: One name for all rows, or [N].
            media: One name for all rows, or [N].
            frame: Number of the frame [N]; None: the number of the row within its deployment and media.
            duration: Seconds up to the next frame [N]; None: unknown.
            detection: Number of the detection [N]; None: whole frames, -1.
            box: Boxes [N, 4]; None: whole frames.
            confidence: Confidence of the detector [N]; None: unknown.
            clarity: Clarity of the picture [N], 0 to 1; None: unknown.
            spread: Probability that the source gave to no class [N]; None: 0.
            context: Probabilities of a smoothing method [N, K]; None: none has run.
            blank: Name of the class for empty pictures; None if there is none.
            utc: Whether `time` counts from 1970-01-01 00:00 UTC.
            classifier: Name and version of the classifier.
            method: Name and options of the smoothing method.

        Returns:
            The table.

        Raises:
            InputError: A column has a wrong shape or an invalid value.

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
            clarity=_or_full(clarity, rows, np.nan),
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
        """Position of the blank class among `classes`; None without one."""
        return None if self.blank is None else self.classes.index(self.blank)

    def labels(self, *, context: bool = False) -> NDArray[np.int64]:
        """Positions of the most probable classes [N].

        Args:
            context: Whether those of the context, and not those of the classifier.

        Returns:
            Positions among `classes`.

        Raises:
            InputError: `context` is set, and no method has made one.
        """
        return np.asarray(self._probabilities(context).argmax(-1), np.int64)

    def label_names(self, *, context: bool = False) -> NDArray[np.object_]:
        """Names of the most probable classes [N].

        Args:
            context: Whether those of the context, and not those of the classifier.

        Returns:
            The names.

        Raises:
            InputError: `context` is set, and no method has made one.
        """
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
        """Table of some of the rows.

        Args:
            rows: Positions, a mask, or a slice.

        Returns:
            The table.
        """
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        columns: dict[str, Any] = {
            name: getattr(self, name)[chosen] for name in _COLUMNS if getattr(self, name) is not None
        }
        return replace(self, **columns)

    def of_deployment(self, name: str) -> "Predictions":
        """Rows of one deployment in the order of time: a stream.

        Args:
            name: Name of the deployment.

        Returns:
            The table.

        Raises:
            InputError: No row is of that deployment.
        """
        rows = np.flatnonzero(self.deployment == name)
        if not len(rows):
            known = ", ".join(map(repr, self.deployments()[:5])) or "none: the table is empty"
            raise InputError(f"no row is of deployment {name!r}. Deployments: {known}.")
        return self.take(self._in_time_order(rows))

    def stream_rows(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Name of each deployment and positions of its rows in the order of time.

        Frames of equal or unknown time keep their order; unknown times come last. Rows of one frame are together, in
        the order of `detection`.

        Yields:
            A name and positions.
        """
        for rows in deployment_rows(self.deployment):
            yield str(self.deployment[rows[0]]), self._in_time_order(rows)

    def streams(self) -> Iterator["Predictions"]:
        """Tables of single deployments, each in the order of time; deployments in the order of their first rows."""
        for _, rows in self.stream_rows():
            yield self.take(rows)

    def frame_numbers(self) -> NDArray[np.int64]:
        """Number of each row's frame among the frames of a stream [N], from 0.

        The table must be in the order of `streams`: consecutive rows with one media and frame count as one frame.
        """
        return run_numbers(self.deployment, self.media, self.frame)

    def _in_time_order(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        columns = self.media[rows], self.frame[rows], self.time[rows], self.detection[rows]
        return rows[time_order(*columns)]

    def with_context(self, context: ArrayLike, method: str) -> "Predictions":
        """This table with the probabilities of a smoothing method.

        Args:
            context: Probabilities [N, K].
            method: Name and options of the method.

        Returns:
            The table.

        Raises:
            InputError: The probabilities have a wrong shape, or rows that do not sum to one.
        """
        return replace(self, context=np.asarray(context, np.float32), method=method)

    @staticmethod
    def concat(tables: Sequence["Predictions"]) -> "Predictions":
        """Concatenation of several tables of the same classes.

        Args:
            tables: The tables.

        Returns:
            The table.

        Raises:
            InputError: There is no table, or classes, blank, utc or the presence of a context differ.
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
