"""Matching of the names in a labels file with the files that are there."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wolfdog.errors import LabelsError

from .rows import media_name
from .table import LabelTable


@dataclass(frozen=True)
class Matched:
    """Labels under the names of the files that they belong to.

    Attributes:
        labels: Of the files that are there.
        missing: Names in the labels of which no file is there.
        unlabelled: Files without labels.
    """

    labels: LabelTable
    missing: tuple[str, ...]
    unlabelled: tuple[str, ...]


def match_files(labels: LabelTable, files: Sequence[str]) -> Matched:
    """Labels by the names of files, for names that are written in another way.

    A name is that of a file if both are equal; or else equal but for capital letters, the composition of accents
    (NFC, NFD) and backslashes; or else if one is the end of the path of the other, as absolute paths are; or else if
    it lacks the suffix alone. The first of these that fits a file counts.

    Args:
        labels: By the names in a labels file.
        files: Names of the files, with forward slashes.

    Returns:
        The labels by the names in `files`.

    Raises:
        LabelsError: A name fits several files equally well; the message names them.

    Examples:
        >>> from wolfdog.labels import LabelSpan
        >>> table = LabelTable({"C:/cards/North/A.MP4": [LabelSpan(0, 1, "wolf")]})
        >>> dict(match_files(table, ["north/a.mp4", "south/a.mp4"]).labels)
        {'north/a.mp4': [LabelSpan(start=0, end=1, label='wolf', look='', channel='', unit='seconds', bag='')]}
    """
    names = matching_files(labels, files)
    known = set(names.values())
    missing = tuple(name for name in labels if name not in names)
    return Matched(labels.only(names), missing, tuple(file for file in files if file not in known))


def matching_files(names: Iterable[str], files: Sequence[str]) -> dict[str, str]:
    """File of each name, as `match_files` finds it; names of which no file is there are left out.

    Args:
        names: Names in a labels file.
        files: Names of the files, with forward slashes.

    Returns:
        The files by the names.

    Raises:
        LabelsError: A name fits several files equally well.

    Examples:
        >>> matching_files(["card/1.JPG", "9.jpg"], ["a/card/1.jpg", "2.jpg"])
        {'card/1.JPG': 'a/card/1.jpg'}
    """
    index = _Index(files)
    found, doubtful = {}, []
    for name in names:
        fitting = index.find(name)
        if len(fitting) == 1:
            found[name] = fitting[0]
        elif fitting:
            more = " or others" if len(fitting) > 3 else ""
            doubtful.append(f"{name} may be {' or '.join(fitting[:3])}{more}")
    if doubtful:
        more = f" ({len(doubtful) - 1} more names like it)" if len(doubtful) > 1 else ""
        raise LabelsError(f"labels: {doubtful[0]}{more}. Write the folder of the file in the labels too.")
    return found


class _Index:
    """Files by several forms of their names."""

    def __init__(self, files: Sequence[str]) -> None:
        self._exact = {file: file for file in files}
        self._plain: dict[str, list[str]] = {}
        self._last: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] = {}
        for file in files:
            plain = _plain(file)
            last = plain.rpartition("/")[2]
            self._plain.setdefault(plain, []).append(file)
            self._last.setdefault(last, []).append(file)
            self._stems.setdefault(last.rpartition(".")[0] or last, []).append(file)

    def find(self, name: str) -> list[str]:
        if name in self._exact:
            return [name]
        plain = _plain(name)
        return (
            self._closest(name, self._plain.get(plain, ()))
            or self._by_end(plain, self._last.get(plain.rpartition("/")[2], ()))
            or self._by_end(plain, self._stems.get(plain.rpartition("/")[2], ()), suffix=False)
        )

    @staticmethod
    def _closest(name: str, files: Iterable[str]) -> list[str]:
        """Of files that differ in capital letters alone, the one whose name differs least."""
        files = list(files)
        composed = [file for file in files if media_name(file) == media_name(name)]
        return composed if len(composed) == 1 else files

    @staticmethod
    def _by_end(plain: str, files: Iterable[str], *, suffix: bool = True) -> list[str]:
        """Files whose path ends like the name, or the other way round; those with the longest common end."""
        asked = plain.split("/")
        best: list[str] = []
        longest = 0
        for file in files:
            path = _plain(file)
            if not suffix:
                path = path.rpartition(".")[0] or path
            parts = path.split("/")
            shorter = min(len(asked), len(parts))
            if asked[-shorter:] != parts[-shorter:]:
                continue
            if shorter > longest:
                best, longest = [], shorter
            if shorter == longest:
                best.append(file)
        return best


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", media_name(name).casefold()).lstrip("/")
