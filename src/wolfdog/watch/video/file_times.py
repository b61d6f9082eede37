"""Times of files by their names, from EXIF and the metadata of videos."""

import math
from os import PathLike
from pathlib import Path

from .listing import list_media


def file_times(folder: str | PathLike[str]) -> dict[str, float]:
    """Seconds since 1970 of every video and image in a folder whose time is known, by its names in results.

    A file is named by its path from the folder, by the same with the folder's name before it, and by its whole path.
    Times of cameras that name no zone count as UTC, as they do in results files.

    Args:
        folder: Folder with the files.

    Returns:
        The times.

    Raises:
        InputError: The folder does not exist, or has no videos and no images.
    """
    top = Path(folder)
    found: dict[str, float] = {}
    for medium in list_media([top]):
        time = medium.local if math.isnan(medium.utc) else medium.utc
        if math.isnan(time):
            continue
        path = medium.path.resolve()
        within = (
            path.relative_to(top.resolve()).as_posix() if path.is_relative_to(top.resolve()) else path.name
        )
        for name in (within, f"{top.resolve().name}/{within}", str(medium.path), str(path)):
            found.setdefault(name, time)
    return found
