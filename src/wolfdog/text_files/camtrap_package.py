"""Tables of a Camtrap DP package: its deployments, media and observations.

Source: https://camtrap-dp.tdwg.org, version 1.0.2
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wolfdog.errors import InputError

from .delimited_text import read_table
from .json_file import read_json

_NEEDED = {
    "media": ("mediaID", "deploymentID", "timestamp"),
    "observations": ("observationID", "deploymentID", "mediaID", "observationLevel", "observationType"),
}


@dataclass(frozen=True)
class Table:
    """Table of a Camtrap DP package.

    Attributes:
        path: Its file.
        header: Names of its columns.
        rows: Rows, each by the names of the columns.
    """

    path: Path
    header: list[str]
    rows: list[dict[str, str]]

    @classmethod
    def read(cls, path: Path, name: str) -> "Table":
        """One of the standard's tables.

        Args:
            path: Its file.
            name: Name of the table.

        Returns:
            The table.

        Raises:
            InputError: The file is no table, or lacks a column.
            OSError: It cannot be read.
        """
        header, rows, _ = read_table(path)
        missing = [column for column in _NEEDED[name] if column not in header]
        if missing:
            raise InputError(
                f"{path}: expected the columns {', '.join(_NEEDED[name])}; {missing[0]} is missing."
            )
        return cls(path, header, [dict(zip(header, row, strict=True)) for row in rows])

    def numbered(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Rows with their numbers in the file."""
        return enumerate(self.rows, start=2)


def read_package(path: Path) -> dict[str, Path]:
    """Tables of a package by name, each a file within its folder.

    Args:
        path: `datapackage.json`.

    Returns:
        Path of each table.

    Raises:
        InputError: The file is no such package, lacks a table, or names a file outside its folder.
        OSError: It cannot be read.
    """
    document: Any = read_json(path)
    resources = document.get("resources") if isinstance(document, dict) else None
    if not isinstance(resources, list):
        raise InputError(f"{path}: expected a Camtrap DP package with 'resources' as a list.")
    found: dict[str, Path] = {}
    for resource in resources:
        name, file = (
            (resource.get("name"), resource.get("path")) if isinstance(resource, dict) else (None, None)
        )
        if not isinstance(name, str) or not isinstance(file, str):
            continue
        parts = PurePosixPath(file)
        if parts.is_absolute() or ".." in parts.parts or "://" in file or not file.isprintable():
            raise InputError(f"{path}: {name} must be a file within the package's folder, got {file!r}.")
        found[name] = path.parent / file
    for name in ("deployments", "media", "observations"):
        if name not in found:
            raise InputError(
                f"{path}: expected the resources deployments, media and observations; {name} is missing."
            )
    return found


def observed_label(row: Mapping[str, str]) -> str:
    """Label of an observation: `scientificName`, or `observationType` where that is empty or not animal.

    Examples:
        >>> observed_label({"observationType": "animal", "scientificName": "Felis catus"})
        'Felis catus'
        >>> observed_label({"observationType": "blank"})
        'blank'
    """
    kind = row["observationType"]
    name = row.get("scientificName", "").strip() if kind in ("animal", "") else ""
    return name or kind or "unknown"
