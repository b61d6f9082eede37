"""Watching files: predictions on disk for every video that can be read, and a word on each that cannot."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from ..errors import MediaError
from .model.watcher import Watcher
from .moments import Moment
from .output.annotate import annotate
from .output.evidence import EvidenceSelector, ThumbnailBuffer
from .output.evidence_plot import draw_evidence
from .output.sinks import EventsCSV, EvidenceCSV, MomentsCSV, WebVTT
from .output.timeline import draw_timeline
from .video.sampling import Rate
from .video.source import VideoSource

KEPT = 20_000
"""Moments that a timeline is drawn from at the most: more than it has dots."""


@dataclass(frozen=True)
class Watched:
    """What came of one video.

    Args:
        video: its name.
        moments: how many frames were looked at.
        seconds: how much of the video that was.
        trouble: None, or why not all of it could be watched.
    """

    video: str
    moments: int
    seconds: float
    trouble: str | None


class Recorder:
    """Watches videos one after the other, into one folder.

    moments.csv and events.csv hold all videos; each video also has its subtitles (.vtt) and a timeline
    (.png), and with `annotated` a copy with the labels beneath the pictures (.mp4). Of a memory that can say what it
    looked at, evidence.csv says so for all videos, and a picture for each (.evidence.png) in which memory changed a
    label. All are whole or not there; when the block is left by an interrupt, the videos watched until then are kept.

    Args:
        watcher: who watches.
        out: the folder.
        min_event: events shorter than this many seconds are left out of events.csv.
        annotated: whether to write annotated copies.

    Raises OSError when the folder cannot be written.
    """

    def __init__(self, watcher: Watcher, out: Path, min_event: float = 0.0, annotated: bool = False) -> None:
        self._watcher = watcher
        self._out = out
        self._annotated = annotated
        classes = watcher.config.classes
        out.mkdir(parents=True, exist_ok=True)
        self._all = (
            MomentsCSV(out / "moments.csv", classes, keep_partial=True),
            EventsCSV(out / "events.csv", min_duration=min_event, keep_partial=True),
        )
        self._evidence = (
            None if watcher.reach is None else EvidenceCSV(out / "evidence.csv", keep_partial=True)
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for sink in self._all:
            self._stack.enter_context(sink)
        if self._evidence is not None:
            self._stack.enter_context(self._evidence)
        return self

    def __exit__(self, *error: object) -> None:
        # What was watched before an interrupt is whole lines of whole moments: it is kept.
        self._stack.close()

    def watch(self, path: Path, name: str, progress: Callable[[float, float | None], None]) -> Watched:
        """Watch one video under that name; `progress` is told the second it has come to, and of how many if
        known.

        What cannot be read is told in the result, not raised. Raises OSError when something cannot be
        written.
        """
        kept = _Thinned()
        looking = self._looking()
        count, end, trouble, aspect = 0, 0.0, None, 1.0
        beside = self._out / name
        try:
            with VideoSource(path, self._watcher.config.size, Rate(self._watcher.config.fps)) as source:
                beside.parent.mkdir(parents=True, exist_ok=True)
                with WebVTT(beside.with_name(beside.name + ".vtt"), keep_partial=True) as subtitles:
                    for moment in self._moments(source, name, looking):
                        for sink in (*self._all, subtitles):
                            sink.write(moment)
                        kept.add(moment)
                        count, end, aspect = count + 1, moment.time + moment.duration, source.aspect
                        progress(end, source.seconds)
        except MediaError as error:
            trouble = str(error)
        if count:
            classes = self._watcher.config.classes
            draw_timeline(kept.moments(), beside.with_name(beside.name + ".png"), classes, title=name)
            verdicts = [] if looking is None else looking[1].selected()
            if verdicts:
                picture = beside.with_name(beside.name + ".evidence.png")
                draw_evidence(verdicts, picture, classes, name, aspect)
            if self._annotated:
                self._annotate(path, name, beside.with_name(beside.name + ".annotated.mp4"))
        return Watched(name, count, end, trouble)

    def _looking(self) -> tuple[ThumbnailBuffer, EvidenceSelector] | None:
        """What follows the evidence of one video, where the memory can say what it looked at."""
        if self._watcher.reach is None or self._evidence is None:
            return None
        thumbnails = ThumbnailBuffer(self._watcher.reach)
        return thumbnails, EvidenceSelector(thumbnails, self._evidence.write)

    def _moments(
        self, source: VideoSource, name: str, looking: tuple[ThumbnailBuffer, EvidenceSelector] | None
    ) -> Iterator[Moment]:
        if looking is None:
            yield from self._watcher.watch(source, name)
            return
        thumbnails, choosing = looking
        for moment in self._watcher.watch(thumbnails.passing(source), name, evidence=True):
            choosing.add(moment)
            yield moment

    def _annotate(self, path: Path, name: str, out: Path) -> None:
        # A second look, rather than all moments in memory.
        annotate(path, self._up_to_trouble(path, name), out, self._watcher.config.classes)

    def _up_to_trouble(self, path: Path, name: str) -> Iterator[Moment]:
        try:
            yield from self._watcher.watch(path, name)
        except MediaError:
            return  # told already, in the first look


class _Thinned:
    """Moments for a timeline, in bounded memory: changes of label before others, and every so many in between."""

    def __init__(self) -> None:
        self._kept: list[Moment] = []
        self._every = 1
        self._since = 0

    def add(self, moment: Moment) -> None:
        last = self._kept[-1] if self._kept else None
        changed = last is None or _labels(last) != _labels(moment)
        self._since += 1
        if last is not None and not changed and self._since < self._every:
            self._kept[-1] = replace(last, duration=moment.time + moment.duration - last.time)
            return
        self._since = 0
        self._kept.append(moment)
        if len(self._kept) > KEPT:
            self._every *= 2
            self._halve()

    def _halve(self) -> None:
        """Merge neighbours two by two where their labels agree; where that leaves too many, all of them."""
        for alike in (True, False):
            merged: list[Moment] = []
            alone = False  # whether the last of `merged` has not been merged yet
            for moment in self._kept:
                last = merged[-1] if merged else None
                if last is not None and alone and (not alike or _labels(last) == _labels(moment)):
                    merged[-1] = replace(last, duration=moment.time + moment.duration - last.time)
                    alone = False
                else:
                    merged.append(moment)
                    alone = True
            self._kept = merged
            if len(merged) <= 3 * KEPT // 4:
                return

    def moments(self) -> list[Moment]:
        return self._kept


def _labels(moment: Moment) -> tuple[str, str]:
    return moment.snapshot, moment.context
