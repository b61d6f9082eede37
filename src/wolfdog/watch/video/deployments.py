"""Deployments of files in folders: the files of one camera at one place."""

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from wolfdog.errors import InputError, MediaWarning

from .discover import RealPaths
from .media import Medium

Grouping = Literal["auto", "folder", "file"]
"""Rules that group files into deployments; see `name_deployments`."""

_CAMERA_FOLDER = re.compile(r"DCIM|\d{3}\w{5}", re.IGNORECASE)
"""Folders that a camera makes, by the Design rule for Camera File system (JEITA CP-3461): DCIM/100RECNX."""


def name_deployments(media: Sequence[Medium], tops: Sequence[Path], grouping: Grouping) -> list[Medium]:
    """Media with the names of their deployments.

    "folder": the files of a folder are one deployment. The folders that a camera makes, such as DCIM/100RECNX, count as
    the folder that they are in. A video without a known time is a deployment of its own, because the memory needs the
    seconds before it.

    "file": every file is a deployment of its own.

    "auto": as "folder" for images, and for videos among them or in a folder that a camera made; every other video is a
    deployment of its own.

    Args:
        media: Media; those with an empty deployment get a name.
        tops: Source in which each was found.
        grouping: "folder", "file" or "auto".

    Returns:
        The media.

    Raises:
        InputError: The grouping is another word.

    Warns:
        MediaWarning: With "folder", videos are on their own because their times are not known.
    """
    if grouping not in ("auto", "folder", "file"):
        raise InputError(f"deployments: expected auto, folder or file, got {grouping!r}.")
    real = RealPaths()
    parents = [real(medium.path).parent for medium in media]
    places = {parent: _camera_place(parent) for parent in set(parents)}
    folders = [places[parent] for parent in parents]
    with_images = {folder for medium, folder in zip(media, folders, strict=True) if medium.image}
    labels = _labels(dict(zip(folders, tops, strict=True)))
    named, alone = [], 0
    for medium, folder, parent in zip(media, folders, parents, strict=True):
        if medium.deployment:
            named.append(medium)
            continue
        together = medium.image or medium.dated
        if grouping == "file":
            together = False
        elif grouping == "auto" and not medium.image:
            together &= folder in with_images or folder != parent
        elif grouping == "folder":
            alone += not together
        named.append(replace(medium, deployment=labels[folder] if together else medium.name))
    if alone:
        warnings.warn(
            f"the times of {alone} video{'s are' if alone > 1 else ' is'} not known: each is a deployment of its own. "
            "Give a pattern of the time in their names, if it is there.",
            MediaWarning,
            stacklevel=3,
        )
    return named


def _camera_place(folder: Path) -> Path:
    """Folder without the folders that the camera made."""
    while _CAMERA_FOLDER.fullmatch(folder.name):
        folder = folder.parent
    return folder


def _labels(tops: dict[Path, Path]) -> dict[Path, str]:
    """Name of each folder: its path in the source, or the name of the source; the whole path where two names agree."""
    labels = {}
    for folder, top in tops.items():
        whole = top.resolve()
        inside = folder != whole and folder.is_relative_to(whole)
        labels[folder] = folder.relative_to(whole).as_posix() if inside else folder.name or str(folder)
    counts = Counter(labels.values())
    return {folder: name if counts[name] == 1 else folder.as_posix() for folder, name in labels.items()}
