"""Reading of JSON files from other programs."""

import json
from pathlib import Path
from typing import Any

from wolfdog.errors import InputError

_MOST_DIGITS = 300
"""Digits of a whole number; one of 309 may be too large for a float."""


def read_json(path: Path) -> Any:
    """Contents of a JSON file.

    Args:
        path: The file.

    Returns:
        The contents.

    Raises:
        InputError: The file is no JSON, or has NaN or a whole number beyond 64-bit floats, or is nested too deep.
        OSError: The file cannot be read.
    """
    return parse_json(path.read_bytes(), path)


def parse_json(content: bytes, path: Path) -> Any:
    """Contents of a JSON file whose bytes have been read; see `read_json`.

    Args:
        content: The bytes.
        path: The file, for the message.

    Returns:
        The contents.

    Raises:
        InputError: As of `read_json`.
    """

    def refuse(name: str) -> Any:
        raise InputError(f"{path}: {name} is no number of JSON. Write null, or a finite number.")

    def whole(digits: str) -> int:
        if len(digits) > _MOST_DIGITS:
            raise InputError(f"{path}: it has a whole number of {len(digits)} digits.")
        return int(digits)

    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=refuse, parse_int=whole)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected text in UTF-8, got other bytes at {error.start}.") from None
    except RecursionError:
        raise InputError(f"{path}: its lists are nested too deep to be read.") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: expected JSON, got something else in line {error.lineno}, column {error.colno} ({error.msg})."
        ) from None
