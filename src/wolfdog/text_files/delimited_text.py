"""Text of tables: encoding, separator, and rows as lists of fields."""

import csv
import io
from collections import Counter
from pathlib import Path

from wolfdog.errors import InputError

_LARGEST_FIELD = 1 << 20
_SEPARATORS = ",;\t"


def read_table(path: Path) -> tuple[list[str], list[list[str]], str]:
    """Header, rows and separator of a table: comma, semicolon or tab, in UTF-8 or UTF-16, with or without a mark.

    Raises:
        InputError: The file is no table, a column stands in it twice, or a row has more or fewer fields than the
            header.
        OSError: The file cannot be read.
    """
    numbered, separator = read_lines(path)
    header, lines = numbered[0][1], [fields for _, fields in numbered[1:]]
    for name, times in Counter(header).items():
        if times > 1:
            raise InputError(f"{path}: the column {name!r} occurs twice. Give each column a name of its own.")
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise InputError(
                f"{path}: row {number}: expected {len(header)} fields as in the header, got {len(line)}."
            )
    return header, lines, separator


def read_lines(path: Path) -> tuple[list[tuple[int, list[str]]], str]:
    """Lines of a table that are not empty, each with its number and its fields, and the separator.

    The first one is the header, whose names are stripped of spaces.

    Raises:
        InputError: The file is no table.
        OSError: The file cannot be read.
    """
    text = read_text(path)
    separator = _separator(text.lstrip("\r\n"))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    numbered: list[tuple[int, list[str]]] = []
    try:
        csv.field_size_limit(_LARGEST_FIELD)
        numbered.extend((reader.line_num, fields) for fields in reader if fields)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: cannot be read as a table: {error}.") from None
    if not numbered or not any(name.strip() for name in numbered[0][1]):
        raise InputError(
            f"{path}: expected a table with the names of its columns in the first line, got nothing."
        )
    numbered[0] = numbered[0][0], [name.strip() for name in numbered[0][1]]
    return numbered, separator


def read_text(path: Path) -> str:
    """Text of a file in UTF-8 or UTF-16, with or without a byte order mark.

    Raises:
        InputError: Its bytes are no such text.
        OSError: The file cannot be read.
    """
    raw = path.read_bytes()
    encoding = "utf-8-sig"
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif len(raw) > 3 and not any(raw[1:80:2]):
        encoding = "utf-16-le"
    elif len(raw) > 3 and not any(raw[:80:2]):
        encoding = "utf-16-be"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected text in UTF-8 or UTF-16, got other bytes at {error.start}. Save the table as UTF-8."
        ) from None


def _separator(text: str) -> str:
    """The separator that divides the first lines into equally many fields, the most where several do.

    Names of columns may hold the other ones: a taxonomy is written with semicolons.

    >>> _separator("file,p_1;a;b,p_2;c;d\\n1.jpg,0.5,0.5"), _separator("file;score\\n1.jpg;0,5")
    (',', ';')
    """
    lines = text.split("\n", 20)[:20]

    def fitting(separator: str) -> tuple[bool, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        except csv.Error:
            widths = []
        return len(widths) > 1 and len(set(widths)) == 1 and widths[0] > 1, lines[0].count(separator)

    return max(_SEPARATORS, key=fitting)
