"""Recording of live moments on disk, in the files of `wolfdog watch`, which are whole at any time."""

import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..labelling.moments_table import table_of
from ..moments import Moment
from ..output.sink import Sink
from ..output.sinks import EventsCSV, MomentsCSV
from ..predictions import Predictions, write_predictions
from .background import Background
from .feed import Feed, LiveEvent
from .history import LiveMoment

HOUR = 3600.0
"""Seconds after which a new folder begins."""
MINUTE = 60.0
"""Seconds after which predictions.parquet is written again."""


class _Lines:
    """File to which whole lines are appended, each by one call of the system: a kill leaves no part of a line."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)

    def write(self, text: str) -> None:
        data = text.encode()
        while data:  # the system takes less than all only when the disk is full
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        os.close(self._file)


class _Appending(Sink):
    """Sink that writes each line to its place at once."""

    def __enter__(self) -> Self:
        self._lines = _Lines(self.path)
        self._file: Any = self._lines
        self._put(self._head())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._put(self._tail())
        finally:
            self._file = None
            self._lines.close()


class _AppendingMoments(_Appending, MomentsCSV):
    """Table of moments."""


class _AppendingEvents(_Appending, EventsCSV):
    """Table of events."""


class Recording:
    """Files of all sources in one folder.

    Each source has a folder for each hour, `<source>/<date and time in UTC>`, with moments.csv, events.csv and
    predictions.parquet, as `wolfdog watch` writes them; `wolfdog report` and `wolfdog smooth` read it. A new folder
    also begins when the clock of the machine is set back, so that the times in each file are in order. Lines of the
    CSV files are written whole as they come, and predictions.parquet is replaced each minute, so that after a kill
    every file can be read; the rows of the last minute are then in moments.csv alone.

    Args:
        folder: The folder, created where it does not exist.
        hour: Seconds after which a new folder begins.
        minute: Seconds after which predictions.parquet is written again.

    Raises:
        OSError: The folder cannot be written.
    """

    def __init__(self, folder: Path, *, hour: float = HOUR, minute: float = MINUTE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".wolfdog-live"
        probe.touch()
        probe.unlink()
        self._folder, self._hour, self._minute = folder, hour, minute
        self._work = Background("recording", most=5000)
        self._parts: dict[int, _Part] = {}

    def moment(self, feed: Feed, live: LiveMoment) -> None:
        """Take a moment; see `FeedSink`."""
        self._work.do(lambda: self._write(feed, live.moment, live.at))

    def event(self, feed: Feed, event: LiveEvent) -> None:
        """Nothing: events are made of the moments."""

    def close(self) -> None:
        """Complete all files."""
        self._work.do(self._close)
        self._work.close()

    def _write(self, feed: Feed, moment: Moment, at: float) -> None:
        part = self._parts.get(feed.number)
        if part is not None and (at - part.began >= self._hour or part.is_after(moment)):
            del self._parts[feed.number]
            part.close()
            part = None
        if part is None:
            part = self._parts[feed.number] = _Part(self._place(feed, moment), feed, at)
        part.add(moment)
        if at - part.written >= self._minute:
            part.written = at
            part.write_table()

    def _place(self, feed: Feed, moment: Moment) -> Path:
        """New folder of a source."""
        begins = datetime.fromtimestamp(moment.utc, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        name = begins
        for number in range(2, 1000):
            place = self._folder / feed.name / name
            with suppress(FileExistsError):
                place.mkdir(parents=True)
                return place
            name = f"{begins}-{number}"
        raise FileExistsError(f"{place}: there are too many recordings of one second.")

    def _close(self) -> None:
        while self._parts:
            self._parts.popitem()[1].close()


class _Part:
    """Files of one source and hour."""

    def __init__(self, folder: Path, feed: Feed, at: float) -> None:
        labeller = feed.labeller
        self.began = self.written = at
        self._path, self._labeller = folder / "predictions.parquet", labeller
        self._moments = _AppendingMoments(folder / "moments.csv", labeller.classes, all_probabilities=True)
        self._events = _AppendingEvents(folder / "events.csv")
        for sink in (self._moments, self._events):
            sink.__enter__()
        self._tables: list[Predictions] = []
        self._rows: list[Moment] = []
        self._held: Moment | None = None

    def is_after(self, moment: Moment) -> bool:
        """Whether the clock was set back since the last moment."""
        return self._held is not None and moment.utc < self._held.utc

    def add(self, moment: Moment) -> None:
        """Write a moment once the next one says how long it lasted."""
        held, self._held = self._held, moment
        if held is not None:
            self._put(replace(held, duration=min(moment.time - held.time, max(1.0, 2 * held.duration))))

    def write_table(self) -> None:
        """Write predictions.parquet with all rows so far."""
        if self._rows:
            labeller = self._labeller
            table = table_of(
                self._rows, labeller.classes, classifier=labeller.classifier, method=labeller.method
            )
            times = table.time.copy()
            times[:] = [moment.utc for moment in self._rows]
            self._tables.append(replace(table, time=times, utc=True, blank=labeller.blank))
            self._rows = []
        if self._tables:
            self._tables = [Predictions.concat(self._tables)]
            write_predictions(self._path, self._tables[0])

    def close(self) -> None:
        """Complete the files."""
        if self._held is not None:
            held, self._held = self._held, None
            self._put(held)
        self.write_table()
        for sink in (self._events, self._moments):
            sink.__exit__(None, None, None)

    def _put(self, moment: Moment) -> None:
        self._moments.write(moment)
        self._events.write(moment)
        self._rows.append(moment)
