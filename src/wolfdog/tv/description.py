"""Descriptions of worlds in files: text of a bounded size, TOML and JSON, tables and their keys."""

import dataclasses
import json
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wolfdog.errors import WorldError
from wolfdog.tv.checks import short

LARGEST_DESCRIPTION = 1_000_000
"""Bytes. A description of a world is a page of text; a larger file is something else."""


def read_text(path: Path, most: int) -> str:
    """Text of a regular file in UTF-8, with or without a byte order mark.

    Args:
        path: The file.
        most: Largest number of bytes.

    Returns:
        The text.

    Raises:
        WorldError: The file cannot be read, is larger, or is not such text.
    """
    content = None
    try:
        if stat.S_ISREG(path.stat().st_mode):  # the end of a device or a pipe may never come
            with path.open("rb") as file:
                content = file.read(most + 1)
    except OSError as error:
        raise WorldError(f"{path}: cannot be read: {error.strerror or error}. Check the path.") from error
    except ValueError as error:  # a null character in the path
        raise WorldError(f"{str(path)!r}: cannot be read: {error}. Check the path.") from error
    if content is None:
        raise WorldError(f"{path}: expected a file, got a folder, a device or a pipe. Check the path.")
    if len(content) > most:
        raise WorldError(f"{path}: larger than {most} bytes. Give a smaller file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorldError(
            f"{path}: expected text in UTF-8, got other bytes at {error.start}. Save it as UTF-8."
        ) from error


def read_description(path: Path) -> Any:
    """Contents of a JSON file, if the name of `path` ends in .json, else of a TOML file.

    Args:
        path: The file.

    Returns:
        The contents.

    Raises:
        WorldError: The file cannot be read, is larger than a description, or is not of that format.
    """
    text = read_text(path, LARGEST_DESCRIPTION)
    form, parse = ("JSON", json.loads) if path.suffix.lower() == ".json" else ("TOML", tomllib.loads)
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        raise WorldError(f"{path}: not {form}: {error}. Correct the file.") from error


def check_table(
    data: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """`data` as a dict, if it is a table with these keys.

    Args:
        data: The table.
        where: Name of its place, for the error.
        required: Keys that it must have.
        optional: Keys that it may have.

    Returns:
        The dict.

    Raises:
        WorldError: It is no table, or a key is missing or unknown.
    """
    keys = (*required, *optional)
    if not isinstance(data, Mapping):
        raise WorldError(f"{where}: expected a table of {', '.join(keys)}, got {short(data)}.")
    for key in data:
        if key not in keys:
            raise WorldError(
                f"{where}: unknown key {short(key)}; expected {', '.join(keys)}. Correct or remove it."
            )
    for key in required:
        if key not in data:
            raise WorldError(f"{where}: {key} is missing. Add it.")
    return dict(data)


def check_list(data: Any, where: str) -> list[Any]:
    """`data`, if it is a list.

    Args:
        data: The list.
        where: Name of its place, for the error.

    Returns:
        The list.

    Raises:
        WorldError: It is no list.
    """
    if not isinstance(data, list):
        raise WorldError(f"{where}: expected a list (in TOML, [[{where}]] before each), got {short(data)}.")
    return data


def keys_of(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a dataclass's fields: those without a default, and those with one.

    Args:
        kind: The dataclass.

    Returns:
        The names that a table of this kind must have, and those that it may have.

    Examples:
        >>> from wolfdog.tv.schedule import Pace
        >>> keys_of(Pace)
        (('name', 'informative_rate'), ('mean_stay',))
    """
    fields = dataclasses.fields(kind)
    required = tuple(field.name for field in fields if field.default is dataclasses.MISSING)
    return required, tuple(field.name for field in fields if field.name not in required)
