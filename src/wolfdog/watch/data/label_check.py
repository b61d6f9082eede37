"""Check of a labels file against its videos: all that is wrong at once, and how much of each class there is."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ...errors import InputError, LabelsError
from ...labels import LabelSpan, LabelTable, examine_labels, match_files
from ...labels.rows import is_blank
from ..video.images import is_image
from ..video.listing import list_media
from .labelled_media import check_leaks, some
from .span_fit import Misfit, misfits_of, video_length

_FILES = (
    "labels.csv",
    "labels.tsv",
    "labels.txt",
    "labels.json",
    "labels.boris",
    "labels.npy",
    "datapackage.json",
)


@dataclass(frozen=True)
class Amount:
    """Labelled amount of a class at a site.

    Attributes:
        files: Number of files that show it.
        spans: Number of labels.
        seconds: Labelled time; of whole files and of images, none.
    """

    files: int
    spans: int
    seconds: float


@dataclass(frozen=True)
class LabelReport:
    """Result of a check.

    Attributes:
        file: Labels file.
        labels: Labels of the files that are there.
        problems: Faults to be corrected, one message each.
        notes: What is worth knowing.
        lengths: Seconds and frames a second of each video, where its header says them.
        amounts: Amounts by class and site.
        unlabelled: Files without labels.
    """

    file: Path
    labels: LabelTable
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    lengths: Mapping[str, tuple[float, float]]
    amounts: Mapping[str, Mapping[str, Amount]]
    unlabelled: tuple[str, ...] = field(default=())


def labels_file_in(folder: Path) -> Path:
    """Labels file of a folder: labels.csv, or another of a usual name.

    Raises:
        InputError: There is none.
    """
    for name in _FILES:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: expected labels.csv in it. Name the labels file.")


def check_labels(
    source: str | os.PathLike[str],
    file: str | os.PathLike[str] | None = None,
    *,
    merge_spellings: bool = False,
) -> LabelReport:
    """All that can be said of a labels file and its videos without decoding a picture.

    Args:
        source: Folder of videos and images.
        file: Labels file; `labels.csv` in the folder where None.
        merge_spellings: Whether labels that differ in capital letters or spaces alone are one class.

    Returns:
        The report.

    Raises:
        InputError: The folder holds no video and no image, or nothing of the labels file can be read.
    """
    source = Path(source)
    file = labels_file_in(source) if file is None else Path(file)
    table, problems = examine_labels(file, merge_spellings=merge_spellings)
    notes: list[str] = []
    media = {medium.name: medium for medium in list_media([source])}
    try:
        matched = match_files(table, list(media))
        labels, missing, unlabelled = matched.labels, matched.missing, matched.unlabelled
    except LabelsError as error:
        problems.append(str(error))
        known = {name: name for name in table if name in media}
        labels, missing = table.only(known), ()
        unlabelled = tuple(name for name in media if name not in known)
    kinds = {is_image(Path(name)) for name in labels}
    unlabelled = tuple(name for name in unlabelled if is_image(Path(name)) in kinds)
    if missing:
        problems.append(f"{len(missing)} files are named and not there: {some(missing)}")
    try:
        check_leaks(labels, media, file)
    except LabelsError as error:
        problems.append(str(error))
    lengths: dict[str, tuple[float, float]] = {}
    misfits: list[Misfit] = []
    for name in [*labels, *unlabelled]:
        if is_image(Path(name)):
            continue
        length = video_length(media[name].path)
        if length is None:
            problems.append(f"{name}: cannot be opened as a video, or does not say how long it is")
            continue
        lengths[name] = length
        misfits += misfits_of(name, labels.spans.get(name, ()), *length)
    problems += [str(misfit) for misfit in misfits]
    notes += _notes(labels, unlabelled)
    return LabelReport(
        file, labels, tuple(problems), tuple(notes), lengths, _amounts(labels, lengths), unlabelled
    )


def _amounts(labels: LabelTable, lengths: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, Amount]]:
    files: dict[tuple[str, str], set[str]] = defaultdict(set)
    spans: Counter[tuple[str, str]] = Counter()
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for name, of_one in labels.items():
        for span in of_one:
            key = span.label, labels.site(name)
            files[key].add(name)
            spans[key] += 1
            if not span.bag and name in lengths:
                length, rate = lengths[name]
                start, end = (at if span.unit == "seconds" else at / rate for at in (span.start, span.end))
                seconds[key] += max(0.0, min(end, length) - start)
    amounts: dict[str, dict[str, Amount]] = {}
    for (label, site), count in sorted(spans.items()):
        amounts.setdefault(label, {})[site] = Amount(len(files[label, site]), count, seconds[label, site])
    return amounts


def _notes(labels: LabelTable, unlabelled: tuple[str, ...]) -> list[str]:
    notes = []
    for label in labels.classes:
        shown = [name for name, spans in labels.items() if any(span.label == label for span in spans)]
        sites = {labels.site(name) for name in shown}
        if len(shown) == 1 and len(labels) > 1:
            notes.append(
                f"{label}: only {shown[0]} shows it, so that nothing says how well it is recognised elsewhere"
            )
        elif len(sites) == 1 and len({labels.site(name) for name in labels}) > 1:
            notes.append(f"{label}: only the site {sites.pop()} shows it")
    if len(labels.classes) == 1:
        notes.append("there is a single class; training needs two or more")
    overlapping = {name: both for name, spans in labels.items() if (both := _overlaps(spans))}
    if overlapping:
        count = sum(overlapping.values())
        notes.append(
            f"{count} labels overlap another label of their file (several at a time): {some(overlapping)}"
        )
    bags = [name for name, spans in labels.items() if any(span.bag for span in spans)]
    if bags:
        notes.append(
            f"{len(bags)} files have labels for all of the file or sequence, which need not hold in every frame"
        )
    if unlabelled:
        notes.append(
            f"{len(unlabelled)} {'files have' if len(unlabelled) > 1 else 'file has'} no label: {some(unlabelled)}"
        )
    if labels.classes and not any(map(is_blank, labels.classes)) and bags:
        notes.append(
            'no class says that nothing is there ("blank"): frames without an animal cannot be told apart'
        )
    return notes


def _overlaps(spans: Sequence[LabelSpan]) -> int:
    """Number of labels of a file that begin before the one before them ends."""
    of_one = sorted(span for span in spans if not span.bag)
    return sum(after.start < before.end and after.unit == before.unit for before, after in pairwise(of_one))
