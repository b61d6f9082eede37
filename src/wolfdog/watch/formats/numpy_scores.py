"""Scores of one stream as a NumPy array [time, classes]."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wolfdog.atomic import atomic_path
from wolfdog.errors import InputError
from wolfdog.text_files.array_file import read_npy
from wolfdog.text_files.json_file import read_json

from ..predictions import Predictions
from .blank_names import blank_of
from .results import Results


class NumpyScores(Results):
    """Probabilities or log probabilities [T, K] of one stream as `.npy`, with the names of the classes beside it.

    `scores.json` beside `scores.npy` has a list of K names, or an object with `classes` and optionally `fps`. Without
    it, classes are numbered. An array with numbers below zero counts as log probabilities or logits: the softmax over
    the classes makes them probabilities. The output has context probabilities, float32 [T, K], and a file of names
    beside it.

    Args:
        path: The `.npy` file.
        times: Not used: frames are a stream at `fps`.
        blank: Name of the class for empty pictures; None to find it by its name.

    Raises:
        InputError: The file has no such array, or the names do not fit it.
        OSError: The file cannot be read.
    """

    name = "npy"

    def __init__(
        self, path: Path, *, times: Mapping[str, float] | None = None, blank: str | None = None
    ) -> None:
        if times:
            raise InputError(
                f"{path}: frames of an array have no file names: give 'fps' in {path.stem}.json."
            )
        self.path = path
        scores = read_npy(path)
        if scores.ndim != 2 or scores.dtype.kind not in "fiu":
            raise InputError(f"{path}: expected an array of numbers [time, classes].")
        scores = scores.astype(np.float64)
        if not np.isfinite(scores).all():
            raise InputError(f"{path}: holds numbers that are not finite. Replace them.")
        if (scores < 0).any():
            scores = np.exp(scores - scores.max(1, keepdims=True, initial=-np.inf))
        total = scores.sum(1, keepdims=True)
        if not (total > 0).all():
            raise InputError(
                f"{path}: row {int((total <= 0).argmax())}: expected a number above 0, got zeros alone."
            )
        names, self._fps = _names(path.with_suffix(".json"), scores.shape[1])
        self.predictions = Predictions.from_columns(
            names,
            scores / total,
            media=path.stem,
            deployment=path.stem,
            time=None if self._fps is None else np.arange(len(scores)) / self._fps,
            blank=blank_of(names, blank),
        )

    def _write(self, smoothed: Predictions, path: Path) -> None:
        assert smoothed.context is not None  # checked by `write`
        notes: dict[str, object] = {"classes": list(smoothed.classes), "method": smoothed.method}
        if self._fps is not None:
            notes["fps"] = self._fps
        with atomic_path(path.with_suffix(".json")) as beside:
            beside.write_text(json.dumps(notes, ensure_ascii=False, indent=1), encoding="utf-8")
        with atomic_path(path) as beside, beside.open("wb") as file:
            np.save(file, smoothed.context, allow_pickle=False)


def _names(path: Path, classes: int) -> tuple[tuple[str, ...], float | None]:
    """Names of the classes and frames a second, from the file beside an array."""
    if not path.exists():
        return tuple(f"class {k}" for k in range(classes)), None
    given = read_json(path)
    fps = given.get("fps") if isinstance(given, dict) else None
    names = given.get("classes") if isinstance(given, dict) else given
    if (
        not isinstance(names, list)
        or not all(isinstance(name, str) for name in names)
        or len(names) != classes
    ):
        raise InputError(f"{path}: expected a list of {classes} names, one for each column, got {names!r}.")
    if fps is not None and (isinstance(fps, bool) or not isinstance(fps, int | float) or not fps > 0):
        raise InputError(f"{path}: expected 'fps' as a number above 0, got {fps!r}.")
    return tuple(names), None if fps is None else float(fps)
