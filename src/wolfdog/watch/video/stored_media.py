"""Videos and images in object storage, and the times in their headers."""

import io
import math
import warnings
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

from wolfdog.errors import InputError, MediaWarning
from wolfdog.object_storage.address import Stored, file_system, reaching, virtual_path
from wolfdog.object_storage.listing import stored_below, stored_file

from .camera_dates import DateOptions
from .discover import CLIPS, are_results, is_clip, is_passed_over, is_product, suffix_of
from .images import is_image

HEAD = 128 * 1024
"""Bytes from the beginning of an image that are read for its time."""

_AT_ONCE = 16
_TOGETHER = 256


def stored_media(source: str, suffixes: Container[str], limit: int) -> list[Stored]:
    """Videos and images at an address: the file, or all below it, by the rules for folders of `find_videos`.

    Args:
        source: Address of a file or folder.
        suffixes: Endings of names, in lower case.
        limit: Largest file that is fetched, in bytes.

    Returns:
        The files, in the order of their addresses.

    Raises:
        InputError: There is nothing at the address, or no video and no image.
        StorageError: The storage cannot be reached.
        MissingPackageError: A package for the address is not installed.

    Warns:
        MediaWarning: A name cannot be that of a file.
    """
    one = stored_file(source, limit=limit)
    if one is not None:
        return [one]
    top = virtual_path(source)
    names: dict[PurePosixPath, list[tuple[str, Stored]]] = {}
    for stored in stored_below(source, limit=limit):
        inside = PurePosixPath(*stored.path.parts[len(top.parts) :])
        if not inside.name or ".." in inside.parts or "\0" in str(stored.path):
            warnings.warn(
                f"{stored.address!r}: its name cannot be that of a file; it is passed over.",
                MediaWarning,
                stacklevel=3,
            )
            continue
        names.setdefault(inside.parent, []).append((inside.name, stored))
    here = {folder: {name for name, _ in files} for folder, files in names.items()}
    results = {folder for folder, found in here.items() if are_results(found)}
    found = [
        stored
        for folder, files in names.items()
        for name, stored in files
        if suffix_of(name) in suffixes
        and not is_passed_over(folder.parts, name)
        and not is_product(name, here[folder])
        and not any(_made_within(folder / name, other) for other in results)
    ]
    if not found:
        raise InputError(
            f"{source}: no videos and no images at this address or below it. Expected the address of a file, or of a "
            "folder or bucket with files in it."
        )
    return found


def _made_within(file: PurePosixPath, results: PurePosixPath) -> bool:
    """Whether a file lies in a folder of results; of the source itself, only clips count."""
    if results != PurePosixPath():
        return file.is_relative_to(results)
    return file.is_relative_to(results / CLIPS) and is_clip(file.name)


def dates_of_stored(
    files: Sequence[tuple[Stored | None, str]], options: DateOptions
) -> dict[str, tuple[float, float]]:
    """Start of each file in object storage, by name; see `DateOptions.of_file`.

    The heads of images are read side by side. Of videos, the parts that hold the header are read.

    Args:
        files: Each file, None for one that is not in object storage, and its name.
        options: Options of the times.

    Returns:
        The time in UTC and in local time, in seconds.

    Raises:
        StorageError: The storage cannot be reached.
    """
    dates: dict[str, tuple[float, float]] = {}
    unknown = []
    for stored, name in files:
        if stored is not None:
            found = options.of_name(name)
            if found is None:
                unknown.append((stored, name))
            else:
                dates[name] = found
    for stored, name, head in _heads(unknown):
        if head is not None:
            dates[name] = options.of_file(stored.path, name, file=io.BytesIO(head))
        if head is None or (math.isnan(dates[name][1]) and stored.path.suffix.lower() in (".tif", ".tiff")):
            dates[name] = _seeking(stored, name, options)
    return dates


def _heads(files: Sequence[tuple[Stored, str]]) -> Iterator[tuple[Stored, str, bytes | None]]:
    """Files with the first bytes of images; None for videos."""
    if not files:
        return
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="heads") as pool:
        for first in range(0, len(files), _TOGETHER):
            group = files[first : first + _TOGETHER]
            yield from zip(
                (stored for stored, _ in group),
                (name for _, name in group),
                pool.map(_head, (stored for stored, _ in group)),
                strict=True,
            )


def _head(stored: Stored) -> bytes | None:
    if not is_image(stored.path):
        return None
    if not stored.size:
        return b""
    system, path = file_system(stored.address)
    with reaching(stored.address):
        try:
            return bytes(system.cat_file(path, start=0, end=min(stored.size, HEAD)))
        except (FileNotFoundError, PermissionError):  # which is said when it is watched
            return b""


def _seeking(stored: Stored, name: str, options: DateOptions) -> tuple[float, float]:
    if not stored.size:
        return math.nan, math.nan
    system, path = file_system(stored.address)
    with reaching(stored.address):
        try:
            file: Any = system.open(path, "rb", block_size=2 * HEAD, cache_type="readahead")
        except (FileNotFoundError, PermissionError):
            return math.nan, math.nan
        with file:
            return options.of_file(stored.path, name, file=file)
