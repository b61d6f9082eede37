"""Small untrained watchers, and frames of noise for them."""

import numpy as np
import torch

from cases import scrambled
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.video.source import Frame

CLASSES = ("wolf", "dog", "bear")


SMALL = {"size": 16, "width": 2, "embedding": 4, "hidden": 4}


def made(memory="lstm", **options):
    torch.manual_seed(0)
    watcher = Watcher(WatcherConfig(CLASSES, 5.0, memory=memory, **SMALL, **options)).eval()
    if watcher.context is not None:
        scrambled(watcher.context)  # new units remember so long and learn so slowly that outputs hardly move
    return watcher


def frames(count, size=16):
    rng = np.random.default_rng(0)
    for i in range(count):
        yield Frame(3 * i, i / 5, 0.2, rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
