"""Labelling of deployments into parts: folders of results that are committed as a whole."""

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wolfdog.errors import MediaError

from ..labelling.labeller import Labeller, MediaProgress
from ..recorder import Mark, Recorder, RecordOptions, Watched
from ..video.media import Medium
from .folder import TABLES
from .media_store import MediaStore
from .plan import Deployment, Record
from .signature import is_readable, readable

PERIOD = 2.0
"""Seconds after which a part is closed, at the end of a deployment."""

_NEW = ".new-"


@dataclass(frozen=True, slots=True)
class Task:
    """Deployment to label.

    Args:
        deployment: The deployment.
        blocked: Reasons why files of it are not labelled, by name.
    """

    deployment: Deployment
    blocked: Mapping[str, str] = field(default_factory=dict)


class PartWriter:
    """Writer of parts in one process.

    Args:
        labeller: Source of the labels.
        parts: Folder of the parts.
        media: Folder for the classified files of unfinished deployments.
        options: Which files are written.

    Raises:
        OSError: A file cannot be written.
    """

    def __init__(self, labeller: Labeller, parts: Path, media: Path, options: RecordOptions) -> None:
        self._labeller, self._parts, self._media, self._options = labeller, parts, media, options
        self._open: _OpenPart | None = None

    @property
    def due(self) -> bool:
        """Whether the open part should be closed now."""
        return self._open is not None and time.monotonic() - self._open.since > PERIOD

    def label(self, task: Task, progress: MediaProgress) -> list[tuple[str, str]]:
        """Label a deployment; its results are committed by `close`.

        Args:
            task: The deployment.
            progress: Called during the work.

        Returns:
            Name and reason of each file that could not be read to its end.

        Raises:
            MediaError: Its files have gone, and others with them: their disk was removed.
            OSError: A file cannot be written.
        """
        if self._open is None:
            self._open = _OpenPart(self._parts / (_NEW + secrets.token_hex(6)), self._labeller, self._options)
        deployment = task.deployment
        several = len(deployment.media) > 1
        store = MediaStore(self._media / deployment.key) if several else None
        self._labeller.store = store
        try:
            return self._open.label(task, progress)
        finally:
            self._labeller.store = None
            if store is not None:
                store.flush()

    def close(self) -> list[Record]:
        """Close the open part and move it to its place; the entries are then to be written into the journal.

        Returns:
            A record for each deployment that was finished.

        Raises:
            OSError: A file cannot be written; the part is then deleted.
        """
        part, self._open = self._open, None
        return [] if part is None else part.close(self._parts)

    def delete_stores(self, records: list[Record]) -> None:
        """Delete the classified files of deployments whose records are in the journal."""
        for record in records:
            if record.media > 1:
                MediaStore(self._media / record.key).delete()


class _OpenPart:
    def __init__(self, folder: Path, labeller: Labeller, options: RecordOptions) -> None:
        self._folder = folder
        self.since = time.monotonic()
        self._finished: list[tuple[Task, Mark, Mark, list[Watched], bool, tuple[str, ...]]] = []
        self._listed: set[str] = set()
        folder.mkdir(parents=True)
        self._recorder = Recorder(
            labeller,
            folder,
            min_event=options.min_event,
            event_gap=options.event_gap,
            annotated=options.annotated,
            clips=options.clips,
            utc=options.utc,
            all_probabilities=options.all_probabilities,
            guard_formulas=options.guard_formulas,
        )
        self._recorder.__enter__()
        self._before = self._recorder.mark()

    def label(self, task: Task, progress: MediaProgress) -> list[tuple[str, str]]:
        media = [medium for medium in task.deployment.media if medium.name not in task.blocked]
        watched = {one.video: one for one in self._recorder.watch_deployment(media, progress)}
        for name, why in task.blocked.items():
            watched[name] = Watched(name, 0, 0.0, why)
        results = [watched[medium.name] for medium in task.deployment.media]
        settled = self._settled(task.deployment, results) and not task.blocked
        mark = self._recorder.mark()
        files: tuple[str, ...] = ()
        if task.deployment.images < len(task.deployment.media):
            files = tuple(sorted(_files(self._folder) - self._listed))
            self._listed.update(files)
        self._finished.append((task, self._before, mark, results, settled, files))
        self._before = mark
        return [(one.video, one.trouble) for one in results if one.trouble is not None]

    def _settled(self, deployment: Deployment, results: list[Watched]) -> bool:
        """Whether another run would find the same troubles; raises if the disk was removed."""
        media = {medium.name: medium for medium in deployment.media}
        gone = [
            medium
            for one in results
            if one.trouble is not None and not is_readable(medium := media[one.video])
        ]
        on_disk = [medium.path for medium in gone if medium.stored is None]
        if on_disk and _removed(on_disk[0], [medium.path for medium in deployment.media]):
            raise MediaError(
                f"{on_disk[0]}: this file and its neighbours can no longer be read. Was the disk removed? Connect "
                "it again, and give the same command: it goes on here."
            )
        return not gone

    def close(self, parts: Path) -> list[Record]:
        name = secrets.token_hex(8)
        try:
            self._recorder.__exit__(None, None, None)
            if not self._finished:
                shutil.rmtree(self._folder, ignore_errors=True)
                return []
            sync_folder(self._folder)
            self._folder.rename(parts / name)
            sync_folder(parts)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return [
            Record(
                key=task.deployment.key,
                part=name,
                moments=(before.moments, mark.moments),
                events=(before.events, mark.events),
                evidence=(before.evidence, mark.evidence),
                rows=(before.rows, mark.rows),
                media=len(results),
                images=task.deployment.images,
                whole=sum(one.trouble is None for one in results),
                labelled=sum(one.moments for one in results),
                seconds=sum(one.seconds for one in results),
                troubles=tuple((one.video, one.trouble) for one in results if one.trouble is not None),
                settled=settled,
                files=files,
            )
            for task, before, mark, results, settled, files in self._finished
        ]


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, so that a new name outlives a power failure.

    Args:
        folder: The folder.

    Raises:
        OSError: It cannot be opened.
    """
    if os.name == "nt":
        return  # folders cannot be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _files(folder: Path) -> set[str]:
    """Files of a part beside its tables; temporary ones are left out."""
    found = set()
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name).relative_to(folder).as_posix()
            if path not in TABLES and not name.startswith(".wolfdog-"):
                found.add(path)
    return found


def _removed(path: Path, neighbours: list[Path]) -> bool:
    """Whether not only one file has gone, but the folder or disk that it lay in."""
    if not path.parent.is_dir():
        return True
    others = [other for other in neighbours if other != path] or [
        other for other in path.parent.iterdir() if other.suffix == path.suffix
    ]
    return not any(readable(other) for other in others[:10])


def medium_progress(_: Medium, second: float, of: float | None) -> None:
    """Progress that nobody reads."""
