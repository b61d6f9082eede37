"""Moments and events as Parquet files with typed columns."""

from collections.abc import Iterable
from math import isnan
from pathlib import Path
from typing import Any

from wolfdog.atomic import atomic_path

from ..moments import Moment, Which, events
from ..predictions.arrow import load_pyarrow


def write_moments_parquet(path: Path, moments: Iterable[Moment], classes: tuple[str, ...]) -> None:
    """Write moments as Parquet, atomically.

    Columns: `deployment, video, frame, time, utc, snapshot, snapshot_probability, context, context_probability`, then
    `p_<class>` (snapshot) and `c_<class>` (context) of every class; `utc` is a timestamp, null where not known.

    Args:
        path: File to write.
        moments: The moments.
        classes: Names of the classes.

    Raises:
        MissingPackageError: pyarrow is not installed.
        OSError: The file cannot be written.
    """
    pa = load_pyarrow()
    rows = list(moments)
    columns: dict[str, Any] = {
        "deployment": pa.array([one.deployment for one in rows], pa.string()),
        "video": pa.array([one.video for one in rows], pa.string()),
        "frame": pa.array([one.frame for one in rows], pa.int64()),
        "time": pa.array([one.time for one in rows], pa.float64()),
        "utc": _timestamps([one.utc for one in rows]),
    }
    both: tuple[Which, Which] = ("snapshot", "context")
    for which in both:
        columns[which] = pa.array([one.label(which) for one in rows], pa.string())
        sure = [one.probability(which) for one in rows]
        columns[f"{which}_probability"] = pa.array(sure, pa.float32())
    for which, letter in (("snapshot", "p"), ("context", "c")):
        for k, name in enumerate(classes):
            values = [float(getattr(one, f"{which}_probabilities")[k]) for one in rows]
            columns[f"{letter}_{name}"] = pa.array(values, pa.float32())
    _write(path, columns)


def write_events_parquet(path: Path, moments: Iterable[Moment]) -> None:
    """Write the events of moments as Parquet, atomically.

    Columns: `deployment, video, start, last_video, end, utc, utc_end, label, probability, moments`, as of `EventsCSV`.

    Args:
        path: File to write.
        moments: The moments.

    Raises:
        MissingPackageError: pyarrow is not installed.
        OSError: The file cannot be written.
    """
    pa = load_pyarrow()
    rows = list(events(moments))
    _write(
        path,
        {
            "deployment": pa.array([one.deployment for one in rows], pa.string()),
            "video": pa.array([one.video for one in rows], pa.string()),
            "start": pa.array([one.start for one in rows], pa.float64()),
            "last_video": pa.array([one.last_video or one.video for one in rows], pa.string()),
            "end": pa.array([one.end for one in rows], pa.float64()),
            "utc": _timestamps([one.utc for one in rows]),
            "utc_end": _timestamps([one.utc + one.duration for one in rows]),
            "label": pa.array([one.label for one in rows], pa.string()),
            "probability": pa.array([one.probability for one in rows], pa.float64()),
            "moments": pa.array([one.moments for one in rows], pa.int64()),
        },
    )


def _timestamps(seconds: list[float]) -> Any:
    pa = load_pyarrow()
    known = [None if isnan(value) else round(value * 1e6) for value in seconds]
    return pa.array(known, pa.timestamp("us", tz="UTC"))


def _write(path: Path, columns: dict[str, Any]) -> None:
    pa, parquet = load_pyarrow(), load_pyarrow("parquet")
    with atomic_path(path) as beside:
        parquet.write_table(pa.table(columns), beside)
