"""Review queue as a table: rows that are most worth a look, with an empty column for the label."""

import csv
import math
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_write
from wolfdog.text_files.camera_time import iso_utc

from ..predictions import Predictions

COLUMNS = (
    *("rank", "deployment", "file", "frame", "detection", "time"),
    *("snapshot", "snapshot_probability", "context", "probability", "gain", "ask", "label"),
)


def write_queue(
    path: str | PathLike[str],
    table: Predictions,
    rows: NDArray[np.int64],
    gains: NDArray[np.float64],
    *,
    threshold: float | None = None,
) -> None:
    """Write a review queue as CSV, atomically.

    Columns: `rank, deployment, file, frame, detection, time, snapshot, snapshot_probability, context, probability,
    gain, ask, label`. `time` is in UTC where known, else in seconds. `ask` is yes where the probability is below the
    threshold, no where it is not, and empty without a threshold. `label` is empty: a person writes the right label
    there, and `read_verified` reads the table.

    Args:
        path: Of the file.
        table: Predictions with a context.
        rows: Positions, the best first.
        gains: Of each row, labels expected to become right.
        threshold: Least probability of a label that stands without a person.

    Raises:
        OSError: The file cannot be written.
    """
    assert table.context is not None
    with atomic_write(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for rank, (row, gain) in enumerate(zip(rows.tolist(), gains.tolist(), strict=True), start=1):
            p, q = table.probabilities[row], table.context[row]
            seconds = float(table.time[row])
            time = "" if math.isnan(seconds) else iso_utc(seconds) if table.utc else f"{seconds:.3f}"
            ask = "" if threshold is None else "yes" if q.max() < threshold else "no"
            place = (table.deployment[row], table.media[row], table.frame[row], table.detection[row], time)
            before = (table.classes[int(p.argmax())], f"{p.max():.4f}")
            after = (table.classes[int(q.argmax())], f"{q.max():.4f}")
            writer.writerow([rank, *place, *before, *after, f"{gain:.4f}", ask, ""])
