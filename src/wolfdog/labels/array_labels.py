"""Labels as NumPy arrays [time, classes], one for each video."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError, LabelsError
from wolfdog.text_files.array_file import read_npy
from wolfdog.text_files.json_file import read_json

from .rows import LabelRow


def read_arrays(path: Path, problems: list[str]) -> Iterator[LabelRow]:
    """Rows of one `.npy` file, or of all in a folder.

    `a.npy` holds the labels of the video `a` with any suffix, or of `a.mp4` if it is called `a.mp4.npy`: an array [T,
    K] of 0 and 1, several of them 1 where several labels hold, or [T] positions of classes, negative where there is
    none. `a.json`, or `classes.json` for all of a folder, holds the K names, as a list or as `classes` of an object
    with `fps`. With `fps`, a row is a moment at that rate; without, it is a frame of the video.

    Args:
        path: Of the file or the folder.
        problems: Receives a message for each file that cannot be read.

    Raises:
        LabelsError: A folder has no array.
    """
    root = path if path.is_dir() else path.parent
    files = sorted(path.rglob("*.npy")) if path.is_dir() else [path]
    if not files:
        raise LabelsError(f"{path}: expected .npy files of labels, got none.")
    for file in files:
        try:
            array = read_npy(file)
            names, fps = _names(file, root)
            yield from _rows(file, file.relative_to(root).with_suffix("").as_posix(), array, names, fps)
        except InputError as error:
            problems.append(str(error))


def _names(file: Path, root: Path) -> tuple[list[str], float | None]:
    beside = file.with_suffix(".json")
    beside = beside if beside.exists() else root / "classes.json"
    if not beside.exists():
        raise LabelsError(f"{file}: expected the names of its classes in {file.stem}.json or classes.json.")
    given: Any = read_json(beside)
    names, fps = (given.get("classes"), given.get("fps")) if isinstance(given, dict) else (given, None)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise LabelsError(f"{beside}: expected a list of names, got {names!r}.")
    if fps is not None and (isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= 1000):
        raise LabelsError(f"{beside}: expected fps above 0, got {fps!r}.")
    return names, None if fps is None else float(fps)


def _rows(
    file: Path, media: str, array: NDArray[Any], names: list[str], fps: float | None
) -> Iterator[LabelRow]:
    if array.ndim == 1 and array.dtype.kind in "iu":
        if array.size and array.max() >= len(names):
            raise LabelsError(f"{file}: position {array.max()} is none of the {len(names)} classes.")
        array = array[:, None] == np.arange(len(names))
    if array.ndim != 2 or array.shape[1] != len(names) or not np.isin(array, (0, 1)).all():
        raise LabelsError(
            f"{file}: expected 0 and 1 in an array [time, {len(names)}], or positions of classes [time]; got "
            f"{list(array.shape)}."
        )
    for number, name in enumerate(names):
        edges = np.flatnonzero(np.diff(array[:, number].astype(np.int8), prepend=0, append=0))
        for start, end in edges.reshape(-1, 2).tolist():
            scale = 1.0 if fps is None else 1 / fps
            yield LabelRow(
                where=f"{file}, row {start}",
                media=media,
                label=name,
                start=start * scale,
                end=end * scale,
                unit="frames" if fps is None else "seconds",
            )
