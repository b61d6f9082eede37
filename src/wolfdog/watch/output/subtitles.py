"""Subtitles of one video, whatever the format of their cues."""

from abc import abstractmethod
from os import PathLike

from wolfdog.errors import InputError

from ..moments import Event, Merge, Moment
from .sink import Sink


class Subtitles(Sink):
    """Subtitles of one video: the context label, and the snapshot label in brackets if it differs.

    Args:
        path: File to write.
        keep_partial: Of `Sink`.

    Raises:
        InputError: A moment is of another video than the first.
    """

    def __init__(self, path: str | PathLike[str], *, keep_partial: bool = False) -> None:
        super().__init__(path, keep_partial=keep_partial)
        self._merge = Merge(self._caption, lambda moment: moment.probability("context"))
        self._video: str | None = None

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
        self._put(self._text(self._merge.add(moment)))

    def _tail(self) -> str:
        return self._text(self._merge.close())

    def _text(self, event: Event | None) -> str:
        if event is None:
            return ""
        start = round(event.start * 1000)
        end = max(round(event.end * 1000), start + 1)  # a cue must end after it begins
        return self._cue(start, end, event.label)

    def _caption(self, moment: Moment) -> str:
        same = moment.snapshot == moment.context
        text = moment.context if same else f"{moment.context} [{moment.snapshot}]"
        return self._escaped(" ".join(text.split()))  # an empty line would end the cue

    @abstractmethod
    def _escaped(self, text: str) -> str:
        """Text of a cue without markup of the format."""

    @abstractmethod
    def _cue(self, start: int, end: int, text: str) -> str:
        """Lines of a cue between two times in milliseconds."""


def clock(milliseconds: int, mark: str) -> str:
    """Time of a cue as HH:MM:SS, a decimal mark, and milliseconds.

    Examples:
        >>> clock(3_661_005, ",")
        '01:01:01,005'
    """
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{milliseconds:03d}"
