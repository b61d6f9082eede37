"""Simulated streams that the memory was never trained on."""

from dataclasses import replace

import numpy as np

from wolfdog.watch.smoothing.camera_times import Times
from wolfdog.watch.smoothing.ideal_filter import ideal_filter
from wolfdog.watch.smoothing.simulation import simulate
from wolfdog.watch.smoothing.world import EXACT, PLAIN, WIDER, Ranges

from .labelled import Judged, Labelled, from_streams

KINDS: dict[str, Ranges] = {
    "standard": EXACT,
    "plain": PLAIN,
    "wider": WIDER,
    "regular times": replace(EXACT, times=Times(bursty=0.0)),
    "bursts": replace(EXACT, times=Times(bursty=1.0)),
    "few blanks": replace(EXACT, no_blank=0.0, gap=(1.0, 2.0), gap_share=(0.05, 0.3), visit=(10.0, 80.0)),
    "many blanks": replace(EXACT, no_blank=0.0, gap=(20.0, 120.0), gap_share=(1.0, 1.0), visit=(2.0, 8.0)),
    "accurate classifier": replace(EXACT, accurate=1.0),
    "one dominant species": replace(EXACT, dominant=1.0, visit_spread=(0.0, 0.8)),
}
"""Ranges of the streams; all but "wider" have an ideal filter."""

IDEAL_CLASSES = 24
"""The ideal filter is computed up to this number of classes: its time grows with the cube."""


def simulated(
    kind: str, classes: int, seed: int, *, streams: int, frames: int
) -> tuple[list[Labelled], list[Judged] | None]:
    """Labelled streams, and the ideal filter's probabilities where it can be computed."""
    rng = np.random.default_rng([seed, classes, 7_000_001])
    made = simulate(streams, frames, classes, rng, KINDS[kind])
    parts = from_streams(made)
    if kind == "wider" or classes > IDEAL_CLASSES:
        return parts, None
    ideal = from_streams(replace(made, log_probabilities=np.log(ideal_filter(made).clip(1e-12))))
    return parts, [Judged(part, one.table.probabilities) for part, one in zip(parts, ideal, strict=True)]
