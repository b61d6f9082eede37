"""Results of labelled videos as files in one folder."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..errors import MediaError
from .labelling.labeller import Labeller, Progress
from .moments import Moment
from .output.annotate import annotate
from .output.evidence import EvidenceSelector, ThumbnailBuffer
from .output.evidence_plot import draw_evidence
from .output.sinks import EventsCSV, EvidenceCSV, MomentsCSV, WebVTT
from .output.thinned_moments import ThinnedMoments
from .output.timeline import draw_timeline
from .predictions import Predictions, PredictionsWriter

ROWS = 8192
"""Rows of the predictions file that are written together."""


@dataclass(frozen=True)
class Watched:
    """Summary of one labelled video.

    Args:
        video: Its name.
        moments: Number of frames that were looked at.
        seconds: Length of what was labelled.
        trouble: None, or the reason why not all of the video was labelled.
    """

    video: str
    moments: int
    seconds: float
    trouble: str | None


class Recorder:
    """Files of results for videos that are labelled one after the other.

    predictions.parquet, moments.csv and events.csv hold all videos. Each video also has subtitles (.vtt) and a timeline
    (.png) and, with `annotated`, a copy with the labels beneath its pictures (.annotated.mp4). Where the memory can say
    what it looked at, evidence.csv has that for all videos, and a picture for each video (.evidence.png) shows it for
    the labels that memory changed. Every file is whole or not there. When the block is left by an interrupt, the videos
    that were labelled until then are kept.

    Args:
        labeller: Gives the labels.
        out: The folder.
        min_event: Events shorter than this many seconds are left out of events.csv.
        annotated: Whether annotated copies are written.

    Raises:
        OSError: The folder cannot be written.
        MissingPackageError: A package that writes these files is not installed.
    """

    def __init__(
        self, labeller: Labeller, out: Path, *, min_event: float = 0.0, annotated: bool = False
    ) -> None:
        self._labeller = labeller
        self._out = out
        self._annotated = annotated
        out.mkdir(parents=True, exist_ok=True)
        self._all = (
            MomentsCSV(out / "moments.csv", labeller.classes, keep_partial=True),
            EventsCSV(out / "events.csv", min_duration=min_event, keep_partial=True),
        )
        self._predictions = PredictionsWriter(
            out / "predictions.parquet",
            labeller.classes,
            blank=labeller.blank,
            context=True,
            classifier=labeller.classifier,
            method=labeller.method,
        )
        self._evidence = (
            None if labeller.reach is None else EvidenceCSV(out / "evidence.csv", keep_partial=True)
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for sink in (*self._all, *(() if self._evidence is None else (self._evidence,))):
            self._stack.enter_context(sink)
        self._stack.enter_context(self._predictions)
        return self

    def __exit__(self, *error: object) -> None:
        # What was written before an interrupt is whole lines of whole videos or stretches: it is kept.
        self._stack.close()

    def watch(self, path: Path, name: str, progress: Progress) -> Watched:
        """Label one video and write its results.

        A video that cannot be read is reported in the result.

        Args:
            path: The video.
            name: Its name in the results.
            progress: Called with the seconds that are done, and those of the whole video where they are known.

        Raises:
            OSError: A file cannot be written.
        """
        thinned = ThinnedMoments()
        kept: list[Moment] = []
        buffer = None if self._labeller.reach is None else ThumbnailBuffer(self._labeller.reach)
        selector = _selector(buffer, self._evidence)
        count, end, trouble, aspect = 0, 0.0, None, 1.0
        beside = self._out / name
        rows = _Rows(self._predictions)
        try:
            with ExitStack() as stack:
                subtitles = None
                passing = None if buffer is None else buffer.passing
                for labels in self._labeller.label(path, name, progress=progress, passing=passing):
                    if subtitles is None:
                        beside.parent.mkdir(parents=True, exist_ok=True)
                        subtitles = stack.enter_context(WebVTT(_named(beside, ".vtt"), keep_partial=True))
                    for moment in labels.moments:
                        for sink in (*self._all, subtitles):
                            sink.write(moment)
                        if selector is not None:
                            selector.add(moment)
                        thinned.add(moment)
                        count, end = count + 1, moment.time + moment.duration
                    rows.add(labels.table)
                    aspect = labels.aspect
                    if self._annotated:
                        kept.extend(labels.moments)
        except MediaError as error:
            trouble = str(error)
        finally:
            rows.flush()
        if count:
            classes = self._labeller.classes
            draw_timeline(thinned.moments(), _named(beside, ".png"), classes, title=name)
            explained = [] if selector is None else selector.selected()
            if explained:
                draw_evidence(explained, _named(beside, ".evidence.png"), classes, name, aspect)
            if self._annotated:
                annotate(path, kept, _named(beside, ".annotated.mp4"), classes)
        return Watched(name, count, end, trouble)


class _Rows:
    """Rows of one video, written together: small row groups make large files."""

    def __init__(self, writer: PredictionsWriter) -> None:
        self._writer = writer
        self._tables: list[Predictions] = []

    def add(self, table: Predictions) -> None:
        self._tables.append(table)
        if sum(map(len, self._tables)) >= ROWS:
            self.flush()

    def flush(self) -> None:
        if self._tables:
            self._writer.write(Predictions.concat(self._tables))
        self._tables = []


def _selector(buffer: ThumbnailBuffer | None, sink: EvidenceCSV | None) -> EvidenceSelector | None:
    return None if buffer is None or sink is None else EvidenceSelector(buffer, sink.write)


def _named(beside: Path, ending: str) -> Path:
    return beside.with_name(beside.name + ending)
