"""Tables as text: encoding, separator, and rows."""

import csv
import io
from pathlib import Path

from wolfdog.errors import InputError

_LARGEST_FIELD = 1 << 20


def read_table(path: Path) -> tuple[list[str], list[list[str]], str]:
    """Header, rows and separator (comma, semicolon or tab) of a table in UTF-8 or UTF-16, with or without a mark.

    Args:
        path: The file.

    Returns:
        Header, rows and separator.

    Raises:
        InputError: The file is no table, or a row has more or fewer fields than the header.
        OSError: The file cannot be read.
    """
    raw = path.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected text in UTF-8 or UTF-16, got other bytes at {error.start}. Save the table as UTF-8."
        ) from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        csv.field_size_limit(_LARGEST_FIELD)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as a table: {error}.") from None
    lines = [line for line in lines if line]
    if not lines or not any(name.strip() for name in lines[0]):
        raise InputError(
            f"{path}: expected a table with the names of its columns in the first line, got nothing."
        )
    header = [name.strip() for name in lines[0]]
    for name in header:
        if header.count(name) > 1:
            raise InputError(
                f"{path}: the column {name!r} stands there twice. Give each column a name of its own."
            )
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise InputError(
                f"{path}: row {number}: expected {len(header)} fields as in the header, got {len(line)}."
            )
    return header, lines[1:], separator
