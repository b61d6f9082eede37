"""Files of results at a source: a file, a package, a folder of files, or an address in object storage."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from wolfdog.errors import InputError
from wolfdog.object_storage.address import Stored, is_address, virtual_path
from wolfdog.object_storage.listing import stored_below, stored_file

from ..formats.registry import SUFFIXES
from ..video.discover import is_passed_over, suffix_of
from ..video.packages import is_package
from .folder import TABLES


class ResultsFile(NamedTuple):
    """File of results, and its name in the folder of the output.

    Attributes:
        source: The file.
        name: Its name, with forward slashes.
        listed: Whether it was found in a folder, and not named on its own.
    """

    source: Path | Stored
    name: str
    listed: bool


def results_in(source: str, out: Path) -> list[ResultsFile]:
    """Files of results at a source; in folders, those with a suffix of a known format.

    Hidden files are passed over, and the files in the folder of the output. In a folder that `wolfdog watch` wrote,
    predictions.parquet is taken and not the tables that were made of it.

    Args:
        source: File, folder of a Camtrap DP package, other folder, or address.
        out: Folder of the output.

    Returns:
        The files, sorted by name.

    Raises:
        InputError: There are none in a folder or below an address, or a name there leads out of it.
        MissingPackageError: A package for an address is not installed.
        StorageError: An object storage cannot be reached.
        OSError: A folder cannot be listed.
    """
    if is_address(source):
        return _stored(source)
    path = Path(source)
    if not path.is_dir() or is_package(path):
        return [ResultsFile(path, path.name, False)]
    found, own = [], out.resolve()
    for place, folders, names in os.walk(path):
        folders[:] = [
            name for name in folders if not is_passed_over((), name) and Path(place, name).resolve() != own
        ]
        tables = _derived(names)
        for name in names:
            if suffix_of(name) in SUFFIXES and not is_passed_over((), name) and name not in tables:
                file = Path(place, name)
                found.append(ResultsFile(file, file.relative_to(path).as_posix(), True))
    if not found:
        raise InputError(
            f"{path}: no results in this folder or the folders in it. Files with these suffixes are taken: "
            f"{', '.join(sorted(SUFFIXES))}."
        )
    return sorted(found, key=lambda one: one.name)


def _derived(names: Collection[str]) -> frozenset[str]:
    """Tables in a folder that repeat its predictions.parquet, or list files without results."""
    whole = "predictions.parquet"
    return frozenset(TABLES) - {whole} if whole in names else frozenset({"errors.csv"})


def _stored(address: str) -> list[ResultsFile]:
    one = stored_file(address)
    if one is not None:
        return [ResultsFile(one, one.path.name, False)]
    top = len(virtual_path(address).parts)
    listed = stored_below(address)
    names: dict[Path, set[str]] = {}
    for stored in listed:
        names.setdefault(stored.path.parent, set()).add(stored.path.name)
    found = []
    for stored in listed:
        parts = stored.path.parts[top:]
        if not parts or suffix_of(parts[-1]) not in SUFFIXES or is_passed_over(parts[:-1], parts[-1]):
            continue
        if parts[-1] in _derived(names[stored.path.parent]):
            continue
        if ".." in parts or "\0" in str(stored.path):
            raise InputError(f"{stored.address!r}: its name cannot be that of a file.")
        found.append(ResultsFile(stored, "/".join(parts), True))
    if not found:
        raise InputError(
            f"{address}: no results at this address or below it. Files with these suffixes are taken: "
            f"{', '.join(sorted(SUFFIXES))}."
        )
    return found
