"""Packages that list media with deployments and times: COCO Camera Traps files and Camtrap DP packages."""

import os
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from wolfdog.errors import InputError, MediaWarning
from wolfdog.text_files.camera_time import date_of
from wolfdog.text_files.camtrap_package import Table, read_package
from wolfdog.text_files.json_file import read_json

CAMTRAP_DP = "datapackage.json"
"""Name of the description of a Camtrap DP package."""


class Listed(NamedTuple):
    """Medium that a package lists."""

    path: Path
    deployment: str
    date: datetime | None


def is_package(source: Path) -> bool:
    """Whether a source is a package: a folder with a datapackage.json, or a file that ends in .json."""
    return (source / CAMTRAP_DP).is_file() or (source.suffix.lower() == ".json" and source.is_file())


def listed_in(source: Path) -> list[Listed]:
    """Media of a package, in its order.

    Args:
        source: A COCO Camera Traps file, or a Camtrap DP package: its folder, or its datapackage.json.

    Returns:
        The media.

    Raises:
        InputError: The source is neither, or damaged, or names a file outside its folder.
        OSError: It cannot be read.

    Warns:
        MediaWarning: Media on the web are left out.
    """
    if source.is_dir() or source.name == CAMTRAP_DP:
        return list(_camtrap_dp(source / CAMTRAP_DP if source.is_dir() else source))
    return list(_coco_camera_traps(source))


def _camtrap_dp(path: Path) -> Iterator[Listed]:
    """Media of the table of that name: `filePath`, `deploymentID`, `timestamp`."""
    table = Table.read(read_package(path)["media"], "media")
    if "filePath" not in table.header:
        raise InputError(f"{table.path}: expected the column filePath, which says where the media lie.")
    away = 0
    for number, row in table.numbered():
        where = f"{table.path}: row {number}"
        if "://" in row["filePath"]:
            away += 1
            continue
        yield Listed(
            _within(path.parent, row["filePath"], where),
            row["deploymentID"] or "deployment",
            date_of(row["timestamp"], where),
        )
    if away:
        warnings.warn(
            f"{table.path}: {away} media lie on the web and are passed over. Download them, and name their files.",
            MediaWarning,
            stacklevel=3,
        )


def _coco_camera_traps(path: Path) -> Iterator[Listed]:
    """Images of the list of that name: `file_name`, `location`, `datetime`; those of one time by `frame_num`."""
    document = read_json(path)
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise InputError(
            f"{path}: expected a COCO Camera Traps file with a list of images, or a datapackage.json of Camtrap DP."
        )
    listed = []
    for number, image in enumerate(images):
        where = f"{path}: image {number}"
        name = image.get("file_name")
        if not isinstance(name, str) or not name:
            raise InputError(f"{where}: expected its file in file_name, got {name!r}.")
        date = image.get("datetime", image.get("date_captured"))
        if date is not None and not isinstance(date, str):
            raise InputError(f"{where}: expected datetime as text, got {date!r}.")
        place = image.get("location", image.get("seq_id"))
        order = image.get("frame_num")
        listed.append(
            (
                order if isinstance(order, int) else 0,
                Listed(
                    _within(path.parent, name, where),
                    path.stem if place is None else str(place),
                    date_of(date or "", where),
                ),
            )
        )
    yield from (one for _, one in sorted(listed, key=lambda pair: pair[0]))


def _within(folder: Path, name: str, where: str) -> Path:
    """File of a package by its relative path, which must not lead out of the package's folder."""
    file = PurePosixPath(name.replace("\\", "/"))
    if file.is_absolute() or not file.parts or ".." in file.parts or ":" in file.parts[0]:
        raise InputError(f"{where}: expected a file within the folder of the package, got {name!r}.")
    try:
        whole = os.fsencode(name)
    except UnicodeEncodeError:
        whole = b"\0"
    if b"\0" in whole:
        raise InputError(f"{where}: {name[:200]!r} cannot be the name of a file.")
    return folder / file
