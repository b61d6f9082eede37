"""Sinks of moments and events, written moment by moment and renamed into place when they are complete."""

import csv
import io
from collections.abc import Iterable, Sequence
from os import PathLike

from wolfdog.errors import ShapeError
from wolfdog.text_files.spreadsheet import guarded

from ..moments import EVENT_GAP, Event, Moment, Which, merge
from .clock_text import time_of_day, utc_text
from .sink import Sink
from .subtitles import Subtitles, clock

_WHERE = ("deployment", "video", "frame", "time", "utc", "time_of_day")
NAMED = 3
"""Number of labels in context, the most probable first, that a table of moments names."""

_LABELS = (
    *("snapshot", "snapshot_probability", "context", "context_probability"),
    *(f"context_{rank}{end}" for rank in range(2, NAMED + 1) for end in ("", "_probability")),
)
_EVENT = (
    *("deployment", "video", "start", "last_video", "end", "utc", "utc_end", "time_of_day"),
    *("label", "probability", "moments"),
)


class MomentsCSV(Sink):
    """Table with a line for each moment: video and time, both labels, and the most probable labels in context.

    Columns: `deployment, video, frame, time, utc, time_of_day, snapshot, snapshot_probability, context,
    context_probability, context_2, context_2_probability, context_3, context_3_probability`; RFC 4180, UTF-8. Seconds
    and probabilities have three decimals. `context_2` and `context_3` are the next labels in context; they are empty
    where their probability is below 0.001, or there are no more classes. `utc` is ISO 8601, and `time_of_day` is the
    camera's; they are empty where not known. Moments of several videos may follow one another.

    With `all_probabilities`, the columns `p_<class>` (snapshot) and `c_<class>` (context) of every class follow, with
    six decimals.

    Args:
        path: File to write.
        classes: Names of the classes.
        all_probabilities: Whether the probabilities of every class are written.
        keep_partial: Of `Sink`.
        guard_formulas: Whether names and labels are written by `guarded`.

    Raises:
        ShapeError: A moment has not one probability per class.

    Examples:
        >>> import tempfile, numpy as np
        >>> from pathlib import Path
        >>> p = np.array([0.25, 0.75])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with MomentsCSV(Path(folder) / "moments.csv", ["dog", "wolf"]) as sink:
        ...         sink.write(Moment("a.mp4", 15, 0.5, "dog", "wolf", p[::-1], p))
        ...     print(sink.path.read_text().splitlines()[1])
        ,a.mp4,15,0.500,,,dog,0.750,wolf,0.750,dog,0.250,,
    """

    def __init__(
        self,
        path: str | PathLike[str],
        classes: Sequence[str],
        *,
        all_probabilities: bool = False,
        keep_partial: bool = False,
        guard_formulas: bool = False,
    ) -> None:
        super().__init__(path, keep_partial=keep_partial)
        self.classes = tuple(classes)
        self._all = all_probabilities
        self._text = guarded if guard_formulas else str

    def _head(self) -> str:
        every = [f"{which}_{name}" for which in ("p", "c") for name in self.classes] if self._all else []
        return _line([*_WHERE, *_LABELS, *every])

    def write(self, moment: Moment) -> None:
        """Write one line."""
        text = self._text
        alone, context = moment.snapshot_probabilities, moment.context_probabilities
        for probabilities in (alone, context):
            if probabilities.shape != (len(self.classes),):
                raise ShapeError(
                    f"{self.path}: the moment at {moment.time:.3f} s of {moment.video!r} has probabilities "
                    f"of shape {probabilities.shape}; expected ({len(self.classes)},), one per class: "
                    f"{', '.join(self.classes)}. Give the class names of the model that watched."
                )
        columns = [text(moment.deployment), text(moment.video), str(moment.frame), f"{moment.time:.3f}"]
        columns += [utc_text(moment.utc), time_of_day(moment.local)]
        columns += [text(moment.snapshot), f"{moment.probability('snapshot'):.3f}"]
        columns += [text(moment.context), f"{moment.probability('context'):.3f}", *self._next_labels(moment)]
        if self._all:
            columns += [f"{p:.6f}" for p in (*alone, *context)]
        self._put(_line(columns))

    def _next_labels(self, moment: Moment) -> list[str]:
        """Labels after the first one in context, each with its probability."""
        p = moment.context_probabilities
        order = [at for at in (-p).argsort(kind="stable")[:NAMED] if self.classes[at] != moment.context]
        cells: list[str] = []
        for at in order[: NAMED - 1]:
            cells += [self._text(self.classes[at]), f"{p[at]:.3f}"] if p[at] >= 0.0005 else ["", ""]
        return cells + [""] * (2 * (NAMED - 1) - len(cells))


class EventsCSV(Sink):
    """Table with a line for each event, RFC 4180, UTF-8.

    Columns: `deployment, video, start, last_video, end, utc, utc_end, time_of_day, label, probability, moments`.
    `start` is in seconds of the video with the first moment, `end` of the one with the last. Seconds have three
    decimals, the mean probability six.

    Args:
        path: File to write.
        which: Of `events`.
        min_duration: Of `events`.
        keep_partial: Of `Sink`.
        gap: Of `events`.
        guard_formulas: Whether names and labels are written by `guarded`.

    Examples:
        >>> import tempfile, numpy as np
        >>> from pathlib import Path
        >>> p = np.array([0.25, 0.75])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with EventsCSV(Path(folder) / "events.csv") as sink:
        ...         sink.write(Moment("a.mp4", 0, 0.0, "dog", "dog", p[::-1], p[::-1], duration=0.5))
        ...         sink.write(Moment("a.mp4", 15, 0.5, "dog", "wolf", p[::-1], p, duration=0.5))
        ...     print(sink.path.read_text(), end="")
        deployment,video,start,last_video,end,utc,utc_end,time_of_day,label,probability,moments
        ,a.mp4,0.000,a.mp4,0.500,,,,dog,0.750000,1
        ,a.mp4,0.500,a.mp4,1.000,,,,wolf,0.750000,1
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        which: Which = "context",
        min_duration: float = 0.0,
        keep_partial: bool = False,
        gap: float = EVENT_GAP,
        guard_formulas: bool = False,
    ) -> None:
        super().__init__(path, keep_partial=keep_partial)
        self._merge = merge(which, min_duration=min_duration, gap=gap)
        self._name = guarded if guard_formulas else str

    def _head(self) -> str:
        return _line(_EVENT)

    def write(self, moment: Moment) -> None:
        """Take the next moment; a line is written when an event is over."""
        self._put(self._text(self._merge.add(moment)))

    def end_event(self) -> None:
        """End the running event here, at the end of a deployment."""
        self._put(self._text(self._merge.close()))

    def _tail(self) -> str:
        return self._text(self._merge.close())

    def _text(self, event: Event | None) -> str:
        if event is None:
            return ""
        name = self._name
        place = [
            name(event.deployment),
            name(event.video),
            f"{event.start:.3f}",
            name(event.last_video or event.video),
            f"{event.end:.3f}",
        ]
        times = [utc_text(event.utc), utc_text(event.utc + event.duration), time_of_day(event.local)]
        return _line([*place, *times, name(event.label), f"{event.probability:.6f}", str(event.moments)])


class EvidenceCSV(Sink):
    """Table with a line for each past moment of a prediction's evidence; RFC 4180, UTF-8.

    Columns: `video, time, context, past, weight`. `time` is the prediction's and `past` the past moment's, in seconds
    with three decimals; weights have six. Predictions of several videos may follow one another.

    Args:
        path: File to write.
        keep_partial: Of `Sink`.
        guard_formulas: Whether names and labels are written by `guarded`.

    Examples:
        >>> import tempfile, numpy as np
        >>> from pathlib import Path
        >>> from wolfdog.watch.moments import Evidence
        >>> p = np.array([0.25, 0.75])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with EvidenceCSV(Path(folder) / "evidence.csv") as sink:
        ...         sink.write(Moment("a.mp4", 15, 5.0, "dog", "wolf", p, p, evidence=(Evidence(1.5, 0.875),)))
        ...     print(sink.path.read_text(), end="")
        video,time,context,past,weight
        a.mp4,5.000,wolf,1.500,0.875000
    """

    def __init__(
        self, path: str | PathLike[str], *, keep_partial: bool = False, guard_formulas: bool = False
    ) -> None:
        super().__init__(path, keep_partial=keep_partial)
        self._text = guarded if guard_formulas else str

    def _head(self) -> str:
        return _line(["video", "time", "context", "past", "weight"])

    def write(self, moment: Moment) -> None:
        """Write the lines of one prediction."""
        said = [self._text(moment.video), f"{moment.time:.3f}", self._text(moment.context)]
        for piece in moment.evidence:
            self._put(_line([*said, f"{piece.time:.3f}", f"{piece.weight:.6f}"]))


class WebVTT(Subtitles):
    """Subtitles of one video: the context label, and the snapshot label if it differs.

    A cue `wolf [dog]` has the context label wolf and the snapshot label dog, and lasts as long as both labels do. The
    format is W3C's WebVTT: times as HH:MM:SS.mmm, text escaped.

    Args:
        path: File to write.
        keep_partial: Of `Sink`.

    Raises:
        InputError: A moment is of another video than the first.

    Examples:
        >>> import tempfile, numpy as np
        >>> from pathlib import Path
        >>> p = np.array([0.25, 0.75])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with WebVTT(Path(folder) / "a.vtt") as sink:
        ...         sink.write(Moment("a.mp4", 0, 0.0, "dog", "wolf", p[::-1], p, duration=0.5))
        ...     print(sink.path.read_text(), end="")
        WEBVTT
        <BLANKLINE>
        00:00:00.000 --> 00:00:00.500
        wolf [dog]
    """

    def _head(self) -> str:
        return "WEBVTT\n"

    def _escaped(self, text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def _cue(self, start: int, end: int, text: str) -> str:
        return f"\n{clock(start, '.')} --> {clock(end, '.')}\n{text}\n"


def _line(columns: Iterable[str]) -> str:
    """Record of RFC 4180: quoted where necessary, ended by carriage return and line feed."""
    text = io.StringIO()
    csv.writer(text).writerow(columns)
    return text.getvalue()
