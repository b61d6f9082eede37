"""Times of pictures, from a table of file names and dates."""

from os import PathLike
from pathlib import Path

from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import seconds_of
from wolfdog.text_files.delimited_text import read_table


def read_times(path: str | PathLike[str]) -> dict[str, float]:
    """Seconds since 1970 by file name, from a table with the columns file and datetime.

    Args:
        path: The table.

    Returns:
        Seconds by file name.

    Raises:
        InputError: The table has other columns, names a file twice with two times, or has a date that cannot be read.
        OSError: The file cannot be read.
    """
    path = Path(path)
    header, rows, _ = read_table(path)
    places = {name.lower(): at for at, name in enumerate(header)}
    if not {"file", "datetime"} <= set(places):
        raise InputError(f"{path}: expected the columns file and datetime, got {', '.join(header)}.")
    times: dict[str, float] = {}
    for number, row in enumerate(rows, start=2):
        name, time = row[places["file"]], seconds_of(row[places["datetime"]], f"{path}: row {number}")
        if times.setdefault(name, time) != time:
            raise InputError(f"{path}: row {number}: {name} has another time in an earlier row.")
    return times
