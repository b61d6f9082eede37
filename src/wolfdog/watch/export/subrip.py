"""Subtitles as SubRip (SRT)."""

from ..output.subtitles import Subtitles, clock


class SubRip(Subtitles):
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
        >>> from wolfdog.watch import Moment
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

    _number = 0

    def _head(self) -> str:
        return ""

    def _escaped(self, text: str) -> str:
        return text.replace("<", "(").replace(">", ")")

    def _cue(self, start: int, end: int, text: str) -> str:
        self._number += 1
        return f"{self._number}\n{clock(start, ',')} --> {clock(end, ',')}\n{text}\n\n"
