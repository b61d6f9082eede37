"""Rows of labels as files have them, and the table that they make."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from wolfdog.errors import LabelsError

from .spans import LabelSpan, Unit
from .table import LabelTable

BLANK_NAMES = ("blank", "empty", "vide", "leer", "vacio", "vacío", "vuoto", "no animal", "nothing")
"""Usual names of the class for empty pictures."""

_BLANK = frozenset((*BLANK_NAMES, "none", "background"))


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """One label of a file.

    Attributes:
        where: Place in the file, for messages.
        media: Name of the video or image, as written.
        label: Name of the class, as written.
        start: First moment; None for the whole file.
        end: First moment after it; None where it lasts to the next label, or to the end.
        unit: Unit of both.
        sequence: Name of the sequence that the label is for, where it is not for this file alone.
        site: Site or camera.
        split: Split that the file belongs to.
        look: Of simulated television.
        channel: Of simulated television.
    """

    where: str
    media: str
    label: str
    start: float | None = None
    end: float | None = None
    unit: Unit = "seconds"
    sequence: str = ""
    site: str = ""
    split: str = ""
    look: str = ""
    channel: str = ""


def table_of(rows: Iterable[LabelRow], *, merge_spellings: bool = False) -> tuple[LabelTable, list[str]]:
    """Table of some rows, and all that is wrong with them.

    Labels without times are for the whole file, or the whole sequence: they become bags. A label such as "blank" or
    "empty" holds in every frame of its file.

    Args:
        rows: In the order of the file.
        merge_spellings: Whether labels that differ in capital letters or spaces alone are one class, under the most
            frequent spelling. Otherwise they are an error.

    Returns:
        The table of the sound rows, and a message for each fault.
    """
    problems: list[str] = []
    sound: list[LabelRow] = []
    for row in rows:
        media, label = media_name(row.media), " ".join(unicodedata.normalize("NFC", row.label).split())
        if not media:
            problems.append(f"{row.where}: video: expected a file name, got nothing. Name the video.")
        elif not label:
            problems.append(
                f"{row.where}: label: expected a name, got nothing. Name what is seen, or remove it."
            )
        else:
            sound.append(replace(row, media=media, label=label))
    sound = _one_spelling(sound, merge_spellings, problems)
    spans: dict[str, dict[LabelSpan, None]] = {}  # each span once
    sites: dict[str, str] = {}
    splits: dict[str, str] = {}
    for row, end in _with_ends(sound):
        try:
            span = _span(row, end)
        except LabelsError as error:
            problems.append(f"{row.where}: {error}")
            continue
        spans.setdefault(row.media, {})[span] = None
        for name, value, known in (("site", row.site, sites), ("split", row.split, splits)):
            if value and known.setdefault(row.media, value) != value:
                problems.append(
                    f"{row.where}: {row.media} has the {name} {known[row.media]!r} in an earlier row and {value!r} "
                    "here. A file has one."
                )
    return LabelTable(
        {name: sorted(of_one) for name, of_one in spans.items()}, sites=sites, splits=splits
    ), problems


def media_name(text: str) -> str:
    """Name of a file in one form: forward slashes, no leading "./", composed characters (NFC).

    Examples:
        >>> media_name(".\\\\north\\\\a.MP4"), media_name("file:///C:/cards/a.mp4")
        ('north/a.MP4', 'C:/cards/a.mp4')
    """
    name = unicodedata.normalize("NFC", text.strip()).replace("\\", "/")
    if name.lower().startswith("file://"):
        name = re.sub(r"^/(?=[A-Za-z]:/)", "", name[7:])
    parts = re.sub(r"(?<!^)/{2,}", "/", name).split("/")
    return "/".join(part for at, part in enumerate(parts) if part != ".") if parts else ""


def is_blank(label: str) -> bool:
    """Whether a label says that nothing is there."""
    return label.rsplit(";", 1)[-1].strip().lower() in _BLANK


def _span(row: LabelRow, end: float) -> LabelSpan:
    if row.start is None:
        bag = "" if is_blank(row.label) and not row.sequence else row.sequence or row.media
        return LabelSpan(0.0, math.inf, row.label, look=row.look, channel=row.channel, bag=bag)
    if row.unit == "frames" and end == row.start:
        end = row.start + 1
    return LabelSpan(
        row.start, end, row.label, look=row.look, channel=row.channel, unit=row.unit, bag=row.sequence
    )


def _with_ends(rows: list[LabelRow]) -> Iterable[tuple[LabelRow, float]]:
    """Rows with their ends: an open end is the start of the next label of the file, or the end of the file."""
    starts: dict[tuple[str, Unit], list[float]] = {}
    for row in rows:
        if row.start is not None:
            starts.setdefault((row.media, row.unit), []).append(row.start)
    for row in rows:
        end = row.end
        if end is None and row.start is not None:
            end = min((at for at in starts[row.media, row.unit] if at > row.start), default=math.inf)
        yield row, math.inf if end is None else end


def _one_spelling(rows: list[LabelRow], merge: bool, problems: list[str]) -> list[LabelRow]:
    counts = Counter(row.label for row in rows)
    groups: dict[str, list[str]] = {}
    for label in counts:
        groups.setdefault(re.sub(r"[\s_-]+", " ", label.casefold()), []).append(label)
    spelling: dict[str, str] = {}
    for labels in groups.values():
        if len(labels) == 1:
            continue
        labels.sort(key=lambda label: (-counts[label], label))
        if merge:
            spelling |= dict.fromkeys(labels, labels[0])
            continue
        said = " and ".join(f"{label!r} ({counts[label]} times)" for label in labels)
        problems.append(
            f"the labels {said} differ in capital letters or spaces alone. Correct the file, or give "
            f"--merge-spellings to take them as {labels[0]!r}."
        )
    return [replace(row, label=spelling.get(row.label, row.label)) for row in rows]
