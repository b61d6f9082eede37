"""Labelled videos and images of a folder: the files that are there, matched with the labels."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError, LabelsError
from ...labels import LabelSpan, LabelTable, leaks, match_files
from ..video.listing import ListOptions, list_media
from ..video.media import Medium, by_deployment
from .span_fit import Misfit, judge_misfits, misfits_by_length


@dataclass(frozen=True)
class LabelledMedia:
    """Files with labels.

    Attributes:
        source: Folder or file in which they were searched.
        file: Labels file.
        media: Files that have labels, each deployment in order of time.
        labels: Labels by the names of these files.
        missing: Names in the labels file of which no file is there.
        warnings: What is wrong and does no great harm.
        misfits: Labels that do not fit the lengths of their videos, of which a warning tells.
    """

    source: Path
    file: Path
    media: tuple[Medium, ...]
    labels: LabelTable
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    misfits: tuple[Misfit, ...]

    @property
    def spans(self) -> int:
        """Number of labels."""
        return sum(map(len, self.labels.values()))


def find_labelled_media(
    source: str | os.PathLike[str],
    labels: LabelTable,
    file: str | os.PathLike[str],
    *,
    split: str | None = None,
    options: ListOptions | None = None,
) -> LabelledMedia:
    """Labelled files of a folder. All is checked that can be checked without decoding.

    Args:
        source: Folder of videos and images, one of these, or a package that lists them.
        labels: Of the files.
        file: Their file, for messages.
        split: Takes the files of one split alone.
        options: Of the listing.

    Returns:
        The files, with their labels.

    Raises:
        InputError: There are no videos or images, or none of them has labels.
        LabelsError: A name fits several files; splits share sites or files; there is no such split; or more than half
            of the labels are past the ends of their videos.
    """
    source, file = Path(source), Path(file)
    media = {medium.name: medium for medium in list_media([source], options)}
    if split is not None and split not in labels.splits.values():
        known = ", ".join(sorted(set(labels.splits.values()))) or "none: the file has no column split"
        raise LabelsError(f"{file}: expected the split {split!r} among its splits, got {known}.")
    matched = match_files(labels, list(media))
    missing, labelled = matched.missing, matched.labels
    check_leaks(labelled, media, file)
    if split is not None:
        missing = tuple(name for name in missing if labels.splits.get(name) == split)
        labelled = labelled.only({name: name for name in labelled if labelled.splits.get(name) == split})
    if not labelled:
        raise InputError(
            f"{source}: none of its videos is named in the labels file {file}, which names {some(labels)}."
        )
    ordered = tuple(medium for group in by_deployment([media[name] for name in labelled]) for medium in group)
    misfits = tuple(misfits_by_length(ordered, labelled))
    warning = judge_misfits(file, misfits, sum(map(len, labelled.values())))
    warnings = () if warning is None else (warning,)
    return LabelledMedia(source, file, ordered, labelled, missing, warnings, misfits)


def check_leaks(labels: LabelTable, media: Mapping[str, Medium], file: Path) -> None:
    """Refuse splits that share a site, or equal files.

    Raises:
        LabelsError: As said; the message names the files.
    """
    if len(set(labels.splits.values())) < 2:
        return
    found = leaks(labels, _contents([media[name] for name in labels.splits]))
    if found:
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        raise LabelsError(f"{file}: {'; '.join(found[:3])}{more}. Put all files of a site into one split.")


def classes_of(labels: Mapping[str, Sequence[LabelSpan]]) -> tuple[str, ...]:
    """Labels in use, sorted by name.

    Raises:
        LabelsError: There are fewer than two.
    """
    classes = tuple(sorted({span.label for spans in labels.values() for span in spans}))
    if len(classes) < 2:
        raise LabelsError(
            f"labels: expected two classes or more to tell apart, got {', '.join(classes) or 'none'}"
        )
    return classes


def some(names: Mapping[str, object] | Sequence[str]) -> str:
    """The first names of many.

    Examples:
        >>> some(["d", "b", "a", "c"])
        'a, b, c and 1 more'
    """
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def _contents(media: Sequence[Medium]) -> dict[str, str]:
    """Digests of files of which another has the same size."""
    sizes: dict[int, list[Medium]] = {}
    for medium in media:
        if medium.path.is_file():
            sizes.setdefault(medium.path.stat().st_size, []).append(medium)
    digests = {}
    for medium in (medium for alike in sizes.values() if len(alike) > 1 for medium in alike):
        with medium.path.open("rb") as file:
            digests[medium.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
