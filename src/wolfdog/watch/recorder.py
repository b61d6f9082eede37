"""Results of labelled videos as files in one folder."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

from .labelling.labeller import Labeller, Labels, MediaProgress, Progress, Trouble
from .moments import EVENT_GAP
from .output.clips import ClipChoice
from .output.evidence import ThumbnailBuffer
from .output.picture_copy import PictureCopies, PictureCopy
from .output.sinks import EventsCSV, EvidenceCSV, MomentsCSV
from .output.video_files import VideoFiles, too_long
from .predictions import PredictionsBuffer, PredictionsWriter
from .video.media import Medium


@dataclass(frozen=True)
class Watched:
    """Summary of one labelled video or image.

    Args:
        video: Its name.
        moments: Number of labelled frames.
        seconds: Length of the labelled part.
        trouble: Reason why not all of the video was labelled; None if all was.
    """

    video: str
    moments: int
    seconds: float
    trouble: str | None


@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """Options of a `Recorder`; see there.

    Args:
        min_event: Shortest event in events.csv, in seconds.
        event_gap: Longest pause in seconds between two files of a deployment within one event.
        annotated: Whether annotated copies are written.
        clips: Margin in seconds with which each event is cut out as a clip; None cuts none.
        utc: Whether times are seconds in UTC in the predictions table.
        all_probabilities: Whether moments.csv has the probabilities of every class.
        guard_formulas: Whether names and labels are written so that no spreadsheet takes them for a formula.
    """

    min_event: float = 0.0
    event_gap: float = EVENT_GAP
    annotated: bool = False
    clips: float | None = None
    utc: bool = False
    all_probabilities: bool = False
    guard_formulas: bool = False


class Mark(NamedTuple):
    """Lengths of the tables between two deployments.

    Args:
        moments: Bytes of moments.csv.
        events: Bytes of events.csv.
        evidence: Bytes of evidence.csv; 0 without one.
        rows: Rows of predictions.parquet.
    """

    moments: int
    events: int
    evidence: int
    rows: int


class Recorder:
    """Result files of labelled deployments, in one folder.

    predictions.parquet, moments.csv and events.csv hold all videos. Each video also has subtitles (.vtt) and a timeline
    (.png) and, with `annotated`, a copy with the labels beneath its pictures (.annotated.mp4). If the memory has
    attention weights, evidence.csv holds them for all videos, and a picture for each video (.evidence.png) shows them
    for the labels that the memory changed. A file is written whole or not at all. After an interrupt, the videos
    labelled so far are kept.

    Args:
        labeller: Source of the labels.
        out: The folder.
        min_event: Shortest event in events.csv, in seconds.
        event_gap: Longest pause in seconds between two files of a deployment within one event.
        annotated: Whether annotated copies are written.
        clips: Margin in seconds with which each event is cut out as a clip, into the folder `clips`; None cuts none.
        utc: Whether times are seconds in UTC in the predictions table; see `all_utc`.
        all_probabilities: Whether moments.csv has the probabilities of every class; predictions.parquet always has.
        guard_formulas: Whether names and labels are written so that no spreadsheet takes them for a formula.

    Raises:
        OSError: The folder cannot be written.
        MissingPackageError: A package that writes these files is not installed.
    """

    def __init__(
        self,
        labeller: Labeller,
        out: Path,
        *,
        min_event: float = 0.0,
        event_gap: float = EVENT_GAP,
        annotated: bool = False,
        clips: float | None = None,
        utc: bool = False,
        all_probabilities: bool = False,
        guard_formulas: bool = False,
    ) -> None:
        self._labeller = labeller
        self._out = out
        self._annotated = annotated
        self._clips, self._min_event = clips, min_event
        if clips is not None:
            ClipChoice(margin=clips)
        self._utc = utc
        out.mkdir(parents=True, exist_ok=True)
        guard = guard_formulas
        self._moments = MomentsCSV(
            out / "moments.csv",
            labeller.classes,
            all_probabilities=all_probabilities,
            keep_partial=True,
            guard_formulas=guard,
        )
        self._events = EventsCSV(
            out / "events.csv",
            min_duration=min_event,
            keep_partial=True,
            gap=event_gap,
            guard_formulas=guard,
        )
        self._all = (self._moments, self._events)
        self._predictions = PredictionsWriter(
            out / "predictions.parquet",
            labeller.classes,
            blank=labeller.blank,
            utc=utc,
            context=True,
            classifier=labeller.classifier,
            method=labeller.method,
        )
        self._evidence = (
            None
            if labeller.reach is None
            else EvidenceCSV(out / "evidence.csv", keep_partial=True, guard_formulas=guard)
        )
        self._row_count = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for sink in (*self._all, *(() if self._evidence is None else (self._evidence,))):
            self._stack.enter_context(sink)
        self._stack.enter_context(self._predictions)
        return self

    def __exit__(self, *error: object) -> None:
        # What was written before an interrupt is whole lines of whole videos or stretches: it is kept.
        self._stack.close()

    def mark(self) -> Mark:
        """Lengths of the tables; a running event ends here. Call it between two deployments.

        Raises:
            OSError: A table cannot be written.
        """
        self._events.end_event()
        evidence = 0 if self._evidence is None else self._evidence.position()
        return Mark(self._moments.position(), self._events.position(), evidence, self._row_count)

    def watch(self, path: Path, name: str, progress: Progress) -> Watched:
        """Label one video, as a deployment of its own, and write its results; see `watch_deployment`.

        Args:
            path: The video.
            name: Its name in the results.
            progress: Called with the seconds that are done, and with the length of the video if it is known.

        Returns:
            Summary of the video.

        Raises:
            OSError: A file cannot be written.
        """
        [watched] = self.watch_deployment(
            [Medium(path, name, name)], lambda _, second, of: progress(second, of)
        )
        return watched

    def watch_deployment(self, media: Sequence[Medium], progress: MediaProgress) -> list[Watched]:
        """Label the media of one deployment and write their results.

        A medium that cannot be read is reported in its summary. Images have rows in the tables and no files of their
        own. Evidence is kept for deployments of a single video.

        Args:
            media: Media in the order of time; see `by_deployment`.
            progress: Called with a medium, its seconds that are done, and its length if it is known.

        Returns:
            Summary of each medium.

        Raises:
            OSError: A file cannot be written.
        """
        results = {medium.name: Watched(medium.name, 0, 0.0, None) for medium in media}
        reach = self._labeller.reach
        readable = []
        for medium in media:
            why = None
            if not medium.image:
                why = too_long(medium.name, annotated=self._annotated, evidence=reach is not None)
            if why is None:
                readable.append(medium)
            else:
                trouble = f"{medium.place}: {why}. Rename or move it."
                results[medium.name] = replace(results[medium.name], trouble=trouble)

        def tell(medium: Medium, reason: str) -> None:
            results[medium.name] = replace(results[medium.name], trouble=reason)

        alone = len(media) == 1 and not media[0].image
        buffer = ThumbnailBuffer(reach) if reach is not None and alone else None
        rows = PredictionsBuffer(self._predictions)
        current: Medium | None = None
        files: VideoFiles | None = None
        copies = PictureCopies(self._out) if self._annotated else None
        try:
            with ExitStack() as stack:
                for medium, labels in self._labeller.label_deployment(
                    readable,
                    progress=progress,
                    trouble=tell,
                    passing=None if buffer is None else buffer.passing,
                    observe=None if copies is None else copies.of,
                ):
                    if medium is not current:
                        stack.close()
                        _tell_of_copy(current, files, tell)
                        current = medium
                        copy = None if copies is None else copies.of(medium)
                        writing = None if medium.image else self._files(medium, buffer, copy)
                        files = None if writing is None else stack.enter_context(writing)
                    self._write(labels, files)
                    rows.add(replace(labels.table, utc=self._utc))
                    self._row_count += len(labels.table)
                    before, last = results[medium.name], labels.moments[-1]
                    results[medium.name] = replace(
                        before,
                        moments=before.moments + len(labels.moments),
                        seconds=last.time + last.duration,
                    )
            _tell_of_copy(current, files, tell)
        finally:
            rows.flush()
            if copies is not None:
                copies.remove()
        return list(results.values())

    def _files(self, medium: Medium, buffer: ThumbnailBuffer | None, copy: PictureCopy | None) -> VideoFiles:
        return VideoFiles(
            medium.path,
            medium.name,
            self._out,
            self._labeller.classes,
            annotated=self._annotated,
            buffer=buffer,
            evidence=self._evidence,
            clips=None if self._clips is None else ClipChoice(margin=self._clips, min_event=self._min_event),
            copy=copy,
            stored=medium.stored,
        )

    def _write(self, labels: Labels, files: VideoFiles | None) -> None:
        for moment in labels.moments:
            for sink in self._all:
                sink.write(moment)
            if files is not None:
                files.write(moment)
        if files is not None:
            files.aspect = labels.aspect


def _tell_of_copy(medium: Medium | None, files: VideoFiles | None, tell: Trouble) -> None:
    """Report a copy or a clip that could not be written."""
    if medium is not None and files is not None and files.trouble is not None:
        tell(medium, files.trouble)
