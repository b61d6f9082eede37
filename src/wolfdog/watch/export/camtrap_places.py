"""Places of deployments, from a table."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import seconds_of
from wolfdog.text_files.delimited_text import read_table


@dataclass(frozen=True)
class Place:
    """Place and period of a deployment.

    Attributes:
        latitude: Degrees north, WGS 84.
        longitude: Degrees east.
        start: Seconds since 1970; NaN for the time of its first picture.
        end: The same of its last picture.
    """

    latitude: float
    longitude: float
    start: float = float("nan")
    end: float = float("nan")


def read_places(path: str | PathLike[str]) -> dict[str, Place]:
    """Places by deployment, from a table with the columns deployment, latitude and longitude.

    The columns start and end may say when each deployment began and ended.

    Args:
        path: File to read.

    Returns:
        The places.

    Raises:
        InputError: A column is missing, a deployment stands there twice, or a place cannot be.
        OSError: The file cannot be read.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "places.csv"
        ...     _ = path.write_text("deployment,latitude,longitude\\nbridge,52.5,13.25\\n")
        ...     read_places(path)["bridge"].latitude
        52.5
    """
    path = Path(path)
    header, rows, _ = read_table(path)
    at = {name.lower().removesuffix("id"): number for number, name in enumerate(header)}
    missing = [name for name in ("deployment", "latitude", "longitude") if name not in at]
    if missing:
        raise InputError(
            f"{path}: expected the columns deployment, latitude and longitude; {missing[0]} is missing."
        )
    places: dict[str, Place] = {}
    for number, row in enumerate(rows, start=2):
        where = f"{path}: row {number}"
        degrees = []
        for name, most in (("latitude", 90), ("longitude", 180)):
            try:
                value = float(row[at[name]])
            except ValueError:
                value = float("nan")
            if not -most <= value <= most:
                raise InputError(f"{where}: expected a {name} from -{most} to {most}, got {row[at[name]]!r}.")
            degrees.append(value)
        times = [seconds_of(row[at[name]] if name in at else "", where) for name in ("start", "end")]
        if row[at["deployment"]] in places:
            raise InputError(f"{where}: the deployment {row[at['deployment']]!r} stands there twice.")
        places[row[at["deployment"]]] = Place(*degrees, *times)
    return places
