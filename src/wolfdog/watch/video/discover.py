"""Finding the videos in a folder, and names for them in reports."""

import os
import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from wolfdog.errors import InputError

SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m4v", ".mjpg", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
)
"""The file name endings taken for video, in lower case."""


def find_videos(source: str | PathLike[str]) -> list[Path]:
    """The video at `source`, or all videos in the folder `source` and the folders in it, sorted by name.

    A file named on its own is taken whatever its name is. In folders, videos are known by their suffix in
    capital or small letters; names that begin with a dot are passed over (cards written on a Mac hold a
    `._PICT0001.AVI` of no footage beside each video). Links are followed, and each folder is visited once, so
    loops end. A folder that must not be read is passed over with a warning.

    Raises:
        InputError: `source` is empty, does not exist, or there is no video in it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as card:
    ...     for name in ("PICT0002.AVI", "PICT0001.AVI", "notes.txt"):
    ...         (Path(card) / name).touch()
    ...     [video.name for video in find_videos(card)]
    ['PICT0001.AVI', 'PICT0002.AVI']
    """
    if not os.fspath(source):
        raise InputError(
            "the path is empty. Give a video file, or a folder with videos in it; . is the folder you are in."
        )
    top = Path(source)
    if top.is_file():
        return [top]
    if not top.is_dir():
        what = "neither a file nor a folder" if top.exists() else "no such file or folder"
        raise InputError(f"{top}: {what}. Give a video file, or a folder with videos in it.")
    found: list[Path] = []
    _walk(top, found, set())
    if not found:
        raise InputError(
            f"{top}: no videos in this folder or the folders in it. Files with these suffixes are taken for "
            f"videos: {', '.join(sorted(SUFFIXES))}. A file with another suffix can be named on its own."
        )
    return sorted(found, key=lambda path: path.relative_to(top).as_posix())


def named_videos(sources: Sequence[str | PathLike[str]]) -> list[tuple[Path, str]]:
    """The videos at several sources, each once, and a name for each that no other has.

    Names are those of `display_name`. Where two sources have a video of the same name, all names begin with the name of
    their source's folder, or, where that is not enough, with the path from the folder that all sources share.

    Raises:
        InputError: As `find_videos`, for any of the sources.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as cards:
    ...     for card in ("north", "south"):
    ...         (Path(cards) / card).mkdir()
    ...         (Path(cards) / card / "0001.AVI").touch()
    ...     [name for _, name in named_videos([f"{cards}/north", f"{cards}/south"])]
    ['north/0001.AVI', 'south/0001.AVI']
    """
    found: dict[Path, tuple[Path, Path]] = {}  # by the file itself: a video that is named twice is one video
    for source in sources:
        for path in find_videos(source):
            found.setdefault(path.resolve(), (path, Path(source)))
    pairs = list(found.values())
    names = [display_name(path, top) for path, top in pairs]
    if len(set(names)) < len(names):
        names = [display_name(path.resolve(), top.resolve().parent) for path, top in pairs]
    if len(set(names)) < len(names):
        shared = os.path.commonpath([path.parent for path in found])
        names = [display_name(path, shared) for path in found]
    return [(path, name) for (path, _), name in zip(pairs, names, strict=True)]


def display_name(path: str | PathLike[str], root: str | PathLike[str]) -> str:
    r"""The name of a video in reports: relative to the folder `root`, with forward slashes, unique within it.

    For a file watched on its own (`root` is the file, or elsewhere) it is the file's name. Bytes that are no
    text in the file system's encoding are written as `\xNN`, so that the name can be written to any file.

    >>> display_name("card/day 1/PICT0001.AVI", "card")
    'day 1/PICT0001.AVI'
    >>> display_name("card/day 1/PICT0001.AVI", "card/day 1/PICT0001.AVI")
    'PICT0001.AVI'
    """
    path, root = Path(path), Path(root)
    inside = path != root and path.is_relative_to(root)
    name = path.relative_to(root).as_posix() if inside else path.name
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _walk(folder: Path, found: list[Path], visited: set[tuple[int, int]]) -> None:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in visited:
        return
    visited.add((status.st_dev, status.st_ino))
    try:
        with os.scandir(folder) as listing:
            # Real folders before links to them, so that a video is listed under the name where it lies.
            entries = sorted(listing, key=lambda entry: (entry.is_symlink(), entry.name))
    except PermissionError:
        warnings.warn(f"{folder}: no permission to list this folder; it is passed over.", stacklevel=4)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            _walk(folder / entry.name, found, visited)
        elif entry.is_file() and Path(entry.name).suffix.lower() in SUFFIXES:
            found.append(folder / entry.name)
