"""Small any-class networks, tables of predictions for them, and their answers."""

from typing import Any

import numpy as np
import torch

from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig, AnyClassNetwork


def network(seed: int = 0, **config: Any) -> AnyClassNetwork:
    """Small network with weights that change what is put in."""
    torch.manual_seed(seed)
    made = AnyClassNetwork(AnyClassConfig(**({"width": 6} | config)))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def random_table(seed: int, frames: int, classes: int = 4, known: bool = True) -> Predictions:
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(frames), rng.integers(1, 4, frames))
    seconds = np.cumsum(rng.exponential(10, frames)).round(2)
    return Predictions.from_columns(
        [f"class {k}" for k in range(classes)],
        rng.dirichlet(np.ones(classes), len(frame)),
        time=seconds[frame] if known else np.full(len(frame), np.nan),
        frame=frame,
        media="a.mp4",
        detection=np.concatenate([np.arange(n) for n in np.bincount(frame)]),
        confidence=np.where(rng.random(len(frame)) < 0.5, np.nan, rng.random(len(frame))),
        spread=rng.random(len(frame)) * 0.3,
        blank="class 0" if seed % 2 else None,
    )


def context(method: AnyClass, table: Predictions, ahead: bool = False) -> np.ndarray[Any, Any]:
    found = method.smooth(table, ahead=ahead).context
    assert found is not None
    return found
