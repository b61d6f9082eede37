"""Time of a smoothing method for one frame."""

import time

import numpy as np

from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import Method

FRAMES = 4000


def microseconds_a_frame(method: Method, *, classes: int, ahead: bool = False) -> float:
    """Processor time in microseconds, the least of five runs, of a frame of one row, reading of the table included."""
    p = np.random.default_rng(0).dirichlet(np.ones(classes), FRAMES)
    table = Predictions.from_columns(
        [f"class {k}" for k in range(classes)], p, time=np.arange(FRAMES, dtype=np.float64)
    )
    method.smooth(table, ahead=ahead)
    return min(_seconds(method, table, ahead) for _ in range(5)) / FRAMES * 1e6


def _seconds(method: Method, table: Predictions, ahead: bool) -> float:
    start = time.process_time()
    method.smooth(table, ahead=ahead)
    return time.process_time() - start
