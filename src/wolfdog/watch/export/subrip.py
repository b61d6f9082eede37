"""Subtitles as SubRip (SRT)."""

from os import PathLike

from wolfdog.errors import InputError

from ..moments import Event, Merge, Moment
from ..output.sink import Sink


class SubRip(Sink):
    """Subtitles of one video: the context label, and the snapshot label in brackets if it differs.

    The format is SubRip's, as players read it: numbered cues, times as HH:MM:SS,mmm, UTF-8. Angle brackets of a label
    become round ones, since players take them for markup.

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
        ...     with SubRip(Path(folder) / "a.srt") as sink:
        ...         sink.write(Moment("a.mp4", 0, 0.0, "dog", "wolf", p[::-1], p, duration=0.5))
        ...     print(sink.path.read_text(), end="")
        1
        00:00:00,000 --> 00:00:00,500
        wolf [dog]
        <BLANKLINE>
    """

    def __init__(self, path: str | PathLike[str], *, keep_partial: bool = False) -> None:
        super().__init__(path, keep_partial=keep_partial)
        self._merge = Merge(_caption, lambda moment: moment.probability("context"))
        self._video: str | None = None
        self._number = 0

    def _head(self) -> str:
        return ""

    def write(self, moment: Moment) -> None:
        """Take the next moment; a cue is written when the labels change.

        Args:
            moment: The moment.
        """
        if self._video is None:
            self._video = moment.video
        elif moment.video != self._video:
            raise InputError(
                f"{self.path}: subtitles belong to one video: begun with {self._video!r}, then came a moment of "
                f"{moment.video!r}. Write one file for each video."
            )
        self._put(self._cue(self._merge.add(moment)))

    def _tail(self) -> str:
        return self._cue(self._merge.close())

    def _cue(self, event: Event | None) -> str:
        if event is None:
            return ""
        self._number += 1
        start = round(event.start * 1000)
        end = max(round(event.end * 1000), start + 1)  # a cue must end after it begins
        return f"{self._number}\n{_clock(start)} --> {_clock(end)}\n{event.label}\n\n"


def _caption(moment: Moment) -> str:
    same = moment.snapshot == moment.context
    text = moment.context if same else f"{moment.context} [{moment.snapshot}]"
    return " ".join(text.replace("<", "(").replace(">", ")").split())  # an empty line would end the cue


def _clock(milliseconds: int) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d},{milliseconds:03d}"
