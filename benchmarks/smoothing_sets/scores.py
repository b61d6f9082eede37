"""Real classifiers' scores frame by frame, with the truth."""

from pathlib import Path

import numpy as np

from wolfdog.watch.predictions import Predictions

from .labelled import Labelled


def load_scores(file: Path) -> dict[str, Labelled]:
    """Labelled predictions of each split of a file `<set>.npz` with arrays `<split>_<video>_S` and `..._Y`.

    Scores that are no probabilities (an SVM's) become such by a softmax. The times are not known.
    """
    arrays = np.load(file)
    videos = sorted({name[:-2] for name in arrays})
    splits: dict[str, list[str]] = {}
    for video in videos:
        splits.setdefault(video.split("_")[0], []).append(video)
    return {split: _labelled(arrays, names) for split, names in splits.items()}


def _labelled(arrays: np.lib.npyio.NpzFile, videos: list[str]) -> Labelled:
    scores = [arrays[f"{video}_S"].astype(np.float64) for video in videos]
    p = np.concatenate([one if (one >= 0).all() else np.exp(one) for one in scores]).clip(1e-8)
    lengths = [len(one) for one in scores]
    table = Predictions.from_columns(
        [f"class {k}" for k in range(p.shape[1])],
        p / p.sum(-1, keepdims=True),
        deployment=np.repeat(np.array(videos, object), lengths),
    )
    return Labelled(table, np.concatenate([arrays[f"{video}_Y"] for video in videos]).astype(np.int64))


def joined(parts: list[Labelled]) -> Labelled:
    """Several labelled predictions as one."""
    return Labelled(
        Predictions.concat([part.table for part in parts]), np.concatenate([part.labels for part in parts])
    )
