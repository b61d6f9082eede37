"""Media at sources: files, folders, packages, and lists on standard input."""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple, TextIO

from wolfdog.errors import InputError
from wolfdog.object_storage.address import Stored, is_address, virtual_path

from .camera_dates import DateOptions
from .deployments import Grouping, name_deployments
from .discover import SUFFIXES, RealPaths, files_in, unique_names
from .images import SUFFIXES as IMAGE_SUFFIXES
from .live_address import Live, LiveOptions, is_live, live_name
from .media import Medium
from .packages import Listed, is_package, listed_in
from .stored_media import dates_of_stored, stored_media

STANDARD_INPUT = "-"
"""Source that is a list of sources on standard input, one a line."""


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of the search for media.

    Args:
        dates: Options of the times of files.
        grouping: Grouping of files into deployments, for sources other than packages; see `name_deployments`.
        live: How live sources are read.
        shifts: Corrections of clocks that were set wrong: seconds to add, by deployment.
        largest: Largest file in object storage in bytes; None: addresses of object storage are no sources.
    """

    dates: DateOptions = field(default_factory=DateOptions)
    grouping: Grouping = "auto"
    shifts: dict[str, float] = field(default_factory=dict)
    live: LiveOptions = field(default_factory=LiveOptions)
    largest: int | None = None


def list_media(
    sources: Sequence[str | PathLike[str]],
    options: ListOptions | None = None,
    *,
    standard_input: TextIO | None = None,
) -> list[Medium]:
    """Videos and images at several sources, each file once, with their deployments and times.

    A source is a video, an image, a folder (all videos and images in it and its subfolders), a COCO Camera Traps file,
    a Camtrap DP package (its folder, or its datapackage.json), the address of a file or folder in object storage, or
    "-": sources on standard input, one per line. In folders, files come in natural order: `IMG_9` before `IMG_10`.

    Args:
        sources: One or more sources.
        options: Options of the search.
        standard_input: Stream that is read for "-"; None for that of the process.

    Returns:
        The media.

    Raises:
        InputError: A source does not exist, or has no videos and no images; a package is damaged; a shift is for a
            deployment that does not exist, or whose times are not known.
        OSError: A package cannot be read.
        StorageError: An object storage cannot be reached.
        MissingPackageError: A package for an address is not installed.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as card:
        ...     for name in ("IMG_10.JPG", "IMG_9.JPG", "clip.mp4", "notes.txt"):
        ...         (Path(card) / name).touch()
        ...     media = list_media([card])
        >>> [(medium.name, medium.image) for medium in media]
        [('IMG_9.JPG', True), ('IMG_10.JPG', True), ('clip.mp4', False)]
    """
    options = options or ListOptions()
    live = [fspath(source) for source in sources if is_live(fspath(source))]
    sources = [source for source in sources if not is_live(fspath(source))]
    streams = _streams(live, options.live)
    if streams and not sources:
        return streams
    found: dict[Path, _Found] = {}  # by the file itself: one that is named twice is one file
    real = RealPaths()
    for source in _expanded(sources, standard_input):
        for one in _found_at(source, options):
            found.setdefault(one.path if one.stored else real(one.path), one)
    files = list(found.values())
    if not files:
        raise InputError("no videos and no images to label: the list on standard input is empty.")
    names = unique_names([(one.path, one.top) for one in files])
    dates = dates_of_stored(
        [(one.stored, name) for one, name in zip(files, names, strict=True)], options.dates
    )
    media = []
    for one, name in zip(files, names, strict=True):
        utc, local = dates[name] if one.stored else one.date or options.dates.of_file(one.path, name)
        media.append(Medium(one.path, name, one.deployment or "", utc=utc, local=local, stored=one.stored))
    media = name_deployments(media, [one.top for one in files], options.grouping)
    return [*_shifted(media, options.shifts), *streams]


def source_roots(sources: Sequence[str | PathLike[str]]) -> list[str]:
    """Files, folders and addresses below which all media of some sources lie, but those of lists and live sources.

    Args:
        sources: Sources as of `list_media`.

    Returns:
        The roots; of a package that is named by its JSON file, the file's folder.

    Examples:
        >>> source_roots(["card", "a.mp4", "-", "camera:0"])
        ['card', 'a.mp4']
    """
    files = [fspath(source) for source in sources if not is_live(fspath(source))]
    return [
        str(Path(source).parent) if not is_address(source) and Path(source).suffix == ".json" else source
        for source in files
        if source != STANDARD_INPUT
    ]


def _streams(addresses: Sequence[str], options: LiveOptions) -> list[Medium]:
    """Live sources, each a deployment of its own that begins now."""
    now = datetime.now().astimezone()
    offset = now.utcoffset()
    local = now.timestamp() + (0.0 if offset is None else offset.total_seconds())
    names: list[str] = []
    media = []
    for address in dict.fromkeys(addresses):
        name = live_name(address)
        names.append(name)
        if names.count(name) > 1:
            name = f"{name}-{names.count(name)}"
        live = Live(address, options)
        media.append(Medium(Path(name), name, name, utc=now.timestamp(), local=local, live=live))
    return media


class _Found(NamedTuple):
    path: Path
    top: Path
    deployment: str | None = None
    date: tuple[float, float] | None = None
    stored: Stored | None = None


def _expanded(sources: Iterable[str | PathLike[str]], standard_input: TextIO | None) -> Iterable[str]:
    for source in sources:
        if fspath(source) != STANDARD_INPUT:
            yield fspath(source)
            continue
        for line in standard_input or sys.stdin:
            if line.strip():
                yield line.rstrip("\r\n")


def _found_at(source: str, options: ListOptions) -> list[_Found]:
    if options.largest is not None and is_address(source):
        top = virtual_path(source)
        found = stored_media(source, SUFFIXES | IMAGE_SUFFIXES, options.largest)
        found.sort(key=lambda one: natural_order(one.path.as_posix()))
        return [_Found(one.path, top, stored=one) for one in found]
    if not source:
        raise InputError(
            "the path is empty. Give a video, an image, or a folder with some in it; . is the folder you are in."
        )
    top = Path(source)
    if is_package(top):
        folder = top if top.is_dir() else top.parent
        return [_of_package(one, folder, options.dates) for one in listed_in(top)]
    if top.is_file():
        return [_Found(top, top)]
    if not top.is_dir():
        what = "neither a file nor a folder" if top.exists() else "no such file or folder"
        raise InputError(f"{top}: {what}. Give a video, an image, or a folder with some in it.")
    files = files_in(top, SUFFIXES | IMAGE_SUFFIXES)
    if not files:
        raise InputError(
            f"{top}: no videos and no images in this folder or the folders in it. Files with these suffixes are taken: "
            f"{', '.join(sorted(SUFFIXES | IMAGE_SUFFIXES))}. A video with another suffix can be named on its own."
        )
    return [
        _Found(path, top)
        for path in sorted(files, key=lambda path: natural_order(path.relative_to(top).as_posix()))
    ]


def _of_package(one: Listed, folder: Path, dates: DateOptions) -> _Found:
    date = None if one.date is None else dates.of_date(one.date)
    return _Found(one.path, folder, one.deployment, date)


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Key of an order in which numbers within names count as numbers.

    Args:
        name: The name.

    Returns:
        The key.

    Examples:
        >>> sorted(["b2", "b10", "a", "b02"], key=natural_order)
        ['a', 'b02', 'b2', 'b10']
    """
    parts = re.split(r"([0-9]+)", name)
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
    return [*key, (2, 0, name)]


def _shifted(media: list[Medium], shifts: dict[str, float]) -> list[Medium]:
    names = {medium.deployment for medium in media}
    for deployment in shifts:
        if deployment not in names:
            known = ", ".join(sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
            raise InputError(f"shift of time: there is no deployment {deployment!r}. There are: {known}.")
        if not any(medium.dated for medium in media if medium.deployment == deployment):
            raise InputError(f"shift of time: no file of {deployment!r} has a time that could be shifted.")
    return [
        replace(medium, utc=medium.utc + seconds, local=medium.local + seconds)
        if (seconds := shifts.get(medium.deployment))
        else medium
        for medium in media
    ]


def parse_shift(text: str) -> tuple[str, float]:
    """Deployment and seconds of a time shift on the command line.

    Args:
        text: The shift.

    Returns:
        The deployment, and the seconds to add.

    Raises:
        InputError: The text is no shift.

    Examples:
        >>> parse_shift("site 3=+1h"), parse_shift("a=b=-2d3h30m5s")
        (('site 3', 3600.0), ('a=b', -185405.0))
    """
    match = re.fullmatch(r"(.+)=([+-])(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if match is None or not any(match.groups()[2:]):
        raise InputError(
            f"shift of time: expected DEPLOYMENT=+1h, or days, hours, minutes and seconds as -2d3h30m5s; got {text!r}."
        )
    seconds = sum(
        int(n or 0) * unit for n, unit in zip(match.groups()[2:], (86400, 3600, 60, 1), strict=True)
    )
    return match[1], float(seconds if match[2] == "+" else -seconds)
