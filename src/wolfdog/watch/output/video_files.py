"""Result files of one video: subtitles, a timeline, evidence and an annotated copy."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ...errors import MediaError
from ...object_storage.address import Stored
from ...object_storage.fetching import local_copy
from ..moments import Moment
from .annotate import annotate
from .clips import ClipChoice, cut_clips
from .evidence import EvidenceSelector, ThumbnailBuffer
from .evidence_plot import draw_evidence
from .picture_copy import PictureCopy
from .sinks import EvidenceCSV, WebVTT
from .thinned_moments import ThinnedMoments
from .timeline import draw_timeline

_LONGEST_NAME = 255
"""Largest number of bytes in a file name, in most file systems."""

_DEEPEST = 200
"""Folders that a video may lie in, below its source."""

_LONGEST_PATH = 3000
"""Bytes of a name with its folders; most systems open paths of up to 4096, and the folder of results comes before."""

CLIPS = "clips"
"""Folder of the clips of all videos, in the folder of the results."""

SUBTITLES, TIMELINE, EVIDENCE, ANNOTATED = ".vtt", ".png", ".evidence.png", ".annotated.mp4"


class VideoFiles:
    """Result files of one video, written when the block ends normally; those of an interrupted video are left out.

    Args:
        path: The video.
        name: Its name in the results; its files are named after it, in the folder `out`.
        out: The folder.
        classes: Names of the classes.
        annotated: Whether a copy with the labels beneath its pictures is written.
        buffer: Thumbnails of the frames that the memory holds, where evidence is drawn.
        evidence: Receives the moments that memory changed.
        clips: Choice of clips, which are cut out of the video.
        copy: Copy of the video's pictures, from which the annotated copy is drawn.
        stored: The video in object storage, if it does not lie at the path.

    Raises:
        OSError: A file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        out: Path,
        classes: tuple[str, ...],
        *,
        annotated: bool = False,
        buffer: ThumbnailBuffer | None = None,
        evidence: EvidenceCSV | None = None,
        clips: ClipChoice | None = None,
        copy: PictureCopy | None = None,
        stored: Stored | None = None,
    ) -> None:
        self._copy, self._stored = copy, stored
        self._path, self._name, self._classes, self._annotated = path, name, classes, annotated
        self._beside = out / name
        self._selector = (
            None if buffer is None or evidence is None else EvidenceSelector(buffer, evidence.write)
        )
        self._thinned = ThinnedMoments()
        self._clips, self._clip_folder = clips, out / CLIPS / name
        self._kept: list[Moment] = []
        self._stack = ExitStack()
        self.aspect = 1.0
        """Aspect ratio of the pictures: width over height."""
        self.trouble: str | None = None
        """Reason why an annotated copy or a clip could not be written."""

    def __enter__(self) -> Self:
        self._beside.parent.mkdir(parents=True, exist_ok=True)
        self._subtitles = self._stack.enter_context(WebVTT(self._named(SUBTITLES), keep_partial=True))
        return self

    def write(self, moment: Moment) -> None:
        """Take the next moment."""
        self._subtitles.write(moment)
        if self._selector is not None:
            self._selector.add(moment)
        self._thinned.add(moment)
        if self._clips is not None:
            self._clips.add(moment)
        if self._annotated:
            self._kept.append(moment)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if error is not None:
            return
        draw_timeline(self._thinned.moments(), self._named(TIMELINE), self._classes, title=self._name)
        explained = [] if self._selector is None else self._selector.selected()
        if explained:
            draw_evidence(explained, self._named(EVIDENCE), self._classes, self._name, self.aspect)
        if self._annotated:
            self._attempt(
                lambda path: annotate(
                    path, self._kept, self._named(ANNOTATED), self._classes, copy=self._copy
                )
            )
        if self._clips is not None:
            chosen = self._clips.clips()
            self._attempt(lambda path: cut_clips(path, chosen, self._clip_folder))

    def _attempt(self, write: Callable[[Path], object]) -> None:
        """Write a copy of the video, or keep the reason why that fails."""
        try:
            with local_copy(self._path, self._stored) as path:
                write(path)
        except MediaError as error:
            self.trouble = str(error)

    def _named(self, ending: str) -> Path:
        return self._beside.with_name(self._beside.name + ending)


def outputs_of(name: str, *, annotated: bool, clips: bool) -> list[str]:
    """Paths of the files and folders that labelling a video writes, within the folder of results.

    Args:
        name: Name of the video in the results.
        annotated: Whether there is a copy with labels.
        clips: Whether there are clips.

    Examples:
        >>> outputs_of("a.mp4", annotated=False, clips=True)
        ['a.mp4.vtt', 'a.mp4.png', 'a.mp4.evidence.png', 'clips/a.mp4']
    """
    endings = [SUBTITLES, TIMELINE, EVIDENCE, *([ANNOTATED] if annotated else [])]
    return [name + ending for ending in endings] + ([f"{CLIPS}/{name}"] if clips else [])


def too_long(name: str, *, annotated: bool, evidence: bool) -> str | None:
    """Reason why the files of a video cannot be named after it, or None where they can.

    Args:
        name: Name of the video in the results.
        annotated: Whether there is a copy with labels.
        evidence: Whether there is a picture of evidence.

    Examples:
        >>> too_long("a" * 250 + ".mp4", annotated=False, evidence=False)
        'its name is 254 bytes long, and with .vtt behind it longer than the 255 that file systems allow'
        >>> too_long("a.mp4", annotated=True, evidence=True)
    """
    folders = name.count("/")
    if folders > _DEEPEST or len(os.fsencode(name)) > _LONGEST_PATH:
        return f"it lies {folders} folders deep; results are written for up to {_DEEPEST}, and {_LONGEST_PATH:,} bytes"
    last = name.rpartition("/")[2]
    ending = ANNOTATED if annotated else EVIDENCE if evidence else SUBTITLES
    length = len(os.fsencode(last))
    if length + len(ending) <= _LONGEST_NAME:
        return None
    return (
        f"its name is {length} bytes long, and with {ending} behind it longer than the {_LONGEST_NAME} that file "
        "systems allow"
    )
