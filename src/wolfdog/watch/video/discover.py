"""Search for videos in folders, and their names in reports."""

import errno
import os
import re
import warnings
from collections.abc import Collection, Container, Sequence
from os import PathLike
from pathlib import Path

from wolfdog.errors import InputError, MediaWarning

SUFFIXES = frozenset(
    {".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".dv", ".flv", ".gif", ".h264", ".h265", ".hevc"}
    | {".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv"}
    | {".ts", ".vob", ".webm", ".wmv"}
)
"""File name endings taken for video, in lower case."""

_SYSTEM_FOLDERS = frozenset({"$recycle.bin", "system volume information", "lost.dir", "found.000"})
"""Folders in which systems keep what was deleted or lost, in lower case."""

STATE = ".wolfdog-job"
"""Folder in a folder of results in which a job keeps its state."""

_RESULTS = ("moments.csv", "events.csv")
"""Files by which a folder of results is known, if it has no state of a job."""

CLIPS = "clips"
"""Folder of the clips that results hold: each lies in a folder with the name of its video."""
_CLIP = re.compile(r"\d{6}\.\d{2} .*\.(mp4|mkv)")
"""Name of a clip."""

_PRODUCTS = (".annotated.mp4", ".evidence.png", ".png")
"""Endings of the files that results add to the name of a video, beside its subtitles."""


def find_videos(source: str | PathLike[str]) -> list[Path]:
    """Videos at a source: the file, or all videos in the folder and its subfolders, sorted by name.

    A file named on its own may have any suffix. In folders, videos are recognised by their suffix, in upper or lower
    case. Hidden names are skipped (cards written on a Mac have a `._PICT0001.AVI` without footage beside each video),
    and so are the folders of deleted files and of wolfdog's own results. Links are followed, and each folder is visited
    once. A folder without read permission, and a broken link, are skipped with a warning.

    Args:
        source: File or folder.

    Returns:
        Paths of the videos.

    Raises:
        InputError: `source` is empty, does not exist, or there is no video in it.

    Warns:
        MediaWarning: Something is skipped that may hold footage.

    Examples:
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
    found = files_in(top, SUFFIXES)
    if not found:
        raise InputError(
            f"{top}: no videos in this folder or the folders in it. Files with these suffixes are taken for "
            f"videos: {', '.join(sorted(SUFFIXES))}. A file with another suffix can be named on its own."
        )
    return found


def files_in(top: Path, suffixes: Container[str]) -> list[Path]:
    """Files in a folder and its subfolders, by suffix, sorted by name; with the exceptions of `find_videos`."""
    found: list[Path] = []
    _walk(top, suffixes, found)
    return sorted(found, key=lambda path: path.relative_to(top).as_posix())


def named_videos(sources: Sequence[str | PathLike[str]]) -> list[tuple[Path, str]]:
    """Videos at several sources, each once, with unique names.

    Names are those of `display_name`. If two sources have a video of the same name, all names begin with the name of
    the source's folder or, if that is not enough, with the path from the folder that all sources share.

    Args:
        sources: Files or folders.

    Returns:
        Path and name of each video.

    Raises:
        InputError: As of `find_videos`, for any of the sources.

    Examples:
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
    return [(path, name) for (path, _), name in zip(pairs, unique_names(pairs), strict=True)]


class RealPaths:
    """Paths without links; the folder of many files is looked up once."""

    def __init__(self) -> None:
        self._folders: dict[Path, Path] = {}

    def __call__(self, path: Path) -> Path:
        """Path of a file without links."""
        if os.path.islink(path):  # noqa: PTH114 - a name that no system allows is no error here
            return path.resolve()
        folder = self._folders.get(path.parent)
        if folder is None:
            folder = self._folders[path.parent] = path.parent.resolve()
        return folder / path.name


def unique_names(pairs: Sequence[tuple[Path, Path]]) -> list[str]:
    """Names of files, each given with its source, as those of `named_videos`."""
    names = [display_name(path, top) for path, top in pairs]
    if len(set(names)) < len(names):
        names = [display_name(path.resolve(), top.resolve().parent) for path, top in pairs]
    if len(set(names)) < len(names):
        whole = [path.resolve() for path, _ in pairs]
        shared = os.path.commonpath([path.parent for path in whole])
        names = [display_name(path, shared) for path in whole]
    return names


def display_name(path: str | PathLike[str], root: str | PathLike[str]) -> str:
    r"""Name of a video in reports: relative to the folder `root`, with forward slashes, unique within it.

    For a single file (`root` is the file, or elsewhere) it is the file's name. Bytes that are no text in the file
    system's encoding are written as `\xNN`, so that any file can hold the name.

    Args:
        path: The video.
        root: The folder.

    Returns:
        The name.

    Examples:
        >>> display_name("card/day 1/PICT0001.AVI", "card")
        'day 1/PICT0001.AVI'
        >>> display_name("card/day 1/PICT0001.AVI", "card/day 1/PICT0001.AVI")
        'PICT0001.AVI'
    """
    path, root = Path(path), Path(root)
    inside = path != root and path.is_relative_to(root)
    name = path.relative_to(root).as_posix() if inside else path.name
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _walk(top: Path, suffixes: Container[str], found: list[Path]) -> None:
    """Collect files below a folder; folders wait in a list, so that they may be nested to any depth."""
    visited: set[tuple[int, int]] = set()
    waiting = [(os.fspath(top), False)]  # and whether the folder lies in that of the clips
    while waiting:
        folder, clips = waiting.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116 - no Path for each of 100,000 files
            if (status.st_dev, status.st_ino) in visited:
                continue
            if not os.access(folder, os.X_OK):
                raise PermissionError(errno.EACCES, "its files cannot be reached", folder)
            with os.scandir(folder) as listing:
                # Real folders before links to them, so that a video is listed under the name where it lies.
                entries = sorted(listing, key=lambda entry: (entry.is_symlink(), entry.name))
        except OSError as error:
            _warn(f"{folder}: {_why_not_listed(error)}; it is passed over.")
            continue
        is_top = not visited
        visited.add((status.st_dev, status.st_ino))
        names = {entry.name for entry in entries}
        results = STATE in names or names.issuperset(_RESULTS)
        if not is_top and results:
            _warn_of_results(folder, names, suffixes)
            continue
        below = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FOLDERS:
                continue
            if clips and is_clip(entry.name):
                continue
            try:
                if entry.is_dir():
                    below.append((entry.path, clips or (results and entry.name == CLIPS)))
                elif suffix_of(entry.name) not in suffixes or is_product(entry.name, names):
                    continue
                elif entry.is_file():
                    found.append(Path(entry.path))
                elif entry.is_symlink():
                    _warn(f"{entry.path}: a link to a file that is not there; it is passed over.")
            except OSError as error:
                _warn(f"{entry.path}: {_why_not_listed(error)}; it is passed over.")
        waiting += reversed(below)


def _warn_of_results(folder: str, names: Collection[str], suffixes: Container[str]) -> None:
    """Warn of footage beside results, which is passed over with them."""
    media = [name for name in names if suffix_of(name) in suffixes and not name.startswith(".")]
    if any(not is_product(name, names) and not name.endswith(_PRODUCTS) for name in media):
        _warn(
            f"{folder}: it holds results of wolfdog, and is passed over with the videos and images beside them. Name "
            "it as a source of its own to label them."
        )


def is_clip(name: str) -> bool:
    """Whether a file within the folder `CLIPS` of results is a clip, and not the user's own."""
    return _CLIP.fullmatch(name) is not None


def is_passed_over(folders: Sequence[str], name: str) -> bool:
    """Whether a file is hidden, or in a folder that is hidden or a system's own.

    Args:
        folders: Names of the folders from the source to the file.
        name: Name of the file.
    """
    return any(part.startswith(".") or part.lower() in _SYSTEM_FOLDERS for part in (*folders, name))


def are_results(names: Container[str]) -> bool:
    """Whether a folder with these names holds results of labelling."""
    return all(name in names for name in _RESULTS)


def suffix_of(name: str) -> str:
    """Suffix of a file name in lower case, as `Path.suffix` has it.

    Examples:
        >>> suffix_of("a.b.MP4"), suffix_of("mp4"), suffix_of("a.")
        ('.mp4', '', '')
    """
    stem, dot, end = name.rpartition(".")
    return f".{end.lower()}" if stem and dot and end else ""


def _why_not_listed(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "no permission to list this folder"
    if error.errno == errno.ELOOP:
        return "a link to itself"
    return f"it cannot be listed ({error.strerror})"


def is_product(name: str, names: Container[str]) -> bool:
    """Whether a file is a result of labelling another one, whose subtitles lie beside it."""
    return any(name.endswith(end) and name.removesuffix(end) + ".vtt" in names for end in _PRODUCTS)


def _warn(text: str) -> None:
    warnings.warn(text, MediaWarning, stacklevel=5)
