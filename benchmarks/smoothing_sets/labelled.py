"""Predictions with their right labels."""

from dataclasses import dataclass

import numpy as np

from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import Method
from wolfdog.watch.smoothing.simulation import Streams


@dataclass(frozen=True, eq=False)
class Labelled:
    """Predictions [N rows, K classes] and the positions of the right classes [N]."""

    table: Predictions
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Judged:
    """A method's probabilities [N, K] on labelled predictions."""

    of: Labelled
    q: np.ndarray


def judge(method: Method, parts: list[Labelled], *, ahead: bool = False) -> list[Judged]:
    """The method's probabilities on each part."""
    return [Judged(part, method.smooth(part.table, ahead=ahead).context) for part in parts]


def from_streams(streams: Streams) -> list[Labelled]:
    """Simulated streams as labelled predictions: those with a blank class, and those without."""
    K = streams.logits.shape[-1]
    parts = []
    for has_blank in (True, False):
        chosen = np.flatnonzero(streams.world.has_blank == has_blank)
        if not len(chosen):
            continue
        T = len(streams.labels)

        def rows(values: np.ndarray, chosen: np.ndarray = chosen) -> np.ndarray:
            picked = values[:, chosen].swapaxes(0, 1)
            return picked.reshape(-1, *picked.shape[2:])

        names = ["blank", *(f"class {k}" for k in range(1, K))]
        p = np.exp(rows(streams.log_probabilities))
        table = Predictions.from_columns(
            names,
            p / p.sum(-1, keepdims=True),
            time=rows(np.cumsum(streams.seconds, 0, dtype=np.float64)),
            deployment=np.repeat(np.array([f"stream {n}" for n in chosen], object), T),
            confidence=rows(streams.confidence),
            spread=rows(streams.spread).clip(0, 1),
            blank="blank" if has_blank else None,
        )
        parts.append(Labelled(table, rows(streams.labels)))
    return parts
