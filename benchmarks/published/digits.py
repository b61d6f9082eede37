"""Sequential MNIST: digits read pixel by pixel, in order or in one random order for all."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from wolfdog.errors import InputError

from .tasks import Batch
from .training import CELLS, Model, Run, falling, made, measured, step_of, trained

FILE = "mnist.npz"
PIXELS, CLASSES = 784, 10
VALIDATED = 5000
"""Digits of the training part, drawn at random, that are kept apart from training."""
PERMUTATION_SEED = 92916
SPLIT_SEED = 0


@dataclass(frozen=True)
class Digits:
    """Class of a digit of 784 pixels.

    Args:
        permuted: Whether the pixels come in a random order, the same for all digits.
        units: Units of a cell.
        epochs: Epochs.
        batch: Digits in a step.
        rate: Learning rate, which falls to zero in the second half.
        span: Longest time span of the initial forget gates.
        others: Learning rates of cells that have others.
    """

    permuted: bool
    units: int
    epochs: float
    batch: int
    rate: float
    span: float
    others: Mapping[str, float]

    unit, folder, files, models = " % right", "mnist", (FILE,), tuple(CELLS)

    def run(self, model: str, seed: int, share: float, folder: Path) -> Run:
        """One model, trained for a share of the epochs; the best validated of ten states is tested."""
        train, valid, test = read(folder / FILE, permuted=self.permuted)
        torch.manual_seed(seed)
        network = made(model, 1, self.units, CLASSES, self.span, precision="bfloat16")
        rng = np.random.default_rng(seed)
        steps = max(1, round(share * self.epochs * len(train[0]) / self.batch))
        with trained() as found:
            best = _train(network, train, valid, rng, steps, self.batch, self.others.get(model, self.rate))
        found["budget"] = f"{best * self.batch:,} of {steps * self.batch:,} digits"
        found["score"] = right(network, test)
        shown = batch(*(part[: self.batch] for part in train))
        return {**found, **measured("class", model, network, shown, 1, self.units, CLASSES)}


Part = tuple[np.ndarray, np.ndarray]


def read(path: Path, *, permuted: bool) -> tuple[Part, Part, Part]:
    """Pixels [N, 784] and classes [N] of training, validation and test.

    Raises:
        InputError: The file is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            x, y, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{path}: not a file of digits: {error!r}. Give {FILE} as of Keras.") from error
    for name, images, classes in (("train", x, y), ("test", x_test, y_test)):
        if images.shape[1:] != (28, 28) or images.dtype != np.uint8 or classes.shape != images.shape[:1]:
            raise InputError(
                f"{path}: x_{name} must be images [N, 28, 28] of uint8 and y_{name} their classes [N]; "
                f"got {images.shape} of {images.dtype} and {classes.shape}."
            )
    order = np.random.default_rng(PERMUTATION_SEED).permutation(PIXELS) if permuted else slice(None)
    x, x_test = (part.reshape(len(part), PIXELS)[:, order] for part in (x, x_test))
    shuffled = np.random.default_rng(SPLIT_SEED).permutation(len(x))  # files may be sorted by class
    x, y = x[shuffled], y[shuffled]
    apart = max(1, min(VALIDATED, len(x) // 10))
    return (x[:-apart], y[:-apart]), (x[-apart:], y[-apart:]), (x_test, y_test)


def batch(pixels: np.ndarray, classes: np.ndarray) -> Batch:
    """Digits side by side; the last step is scored."""
    events = torch.from_numpy(pixels.T[..., None].astype(np.float32) / 255)
    scored = torch.zeros(events.shape[:2], dtype=torch.bool)
    scored[-1] = True
    targets = torch.from_numpy(classes.astype(np.int64)).expand(len(events), -1)
    return Batch(events, targets, scored, torch.full((len(classes),), len(events)))


@torch.no_grad()
def right(model: Model, part: Part, size: int = 500) -> float:
    """Digits that are classified rightly, in %."""
    model.eval()
    hits = 0
    for at in range(0, len(part[0]), size):
        shown = batch(*(values[at : at + size] for values in part))
        hits += int((model(shown.events)[-1].argmax(-1) == shown.targets[-1]).sum())
    return 100 * hits / len(part[0])


def _train(
    model: Model, train: Part, valid: Part, rng: np.random.Generator, steps: int, size: int, rate: float
) -> int:
    """Adam; of the states after each tenth of the second half the best on validation digits is kept."""
    optimiser = torch.optim.Adam(model.parameters(), rate)
    schedule = falling(optimiser, steps)
    looked = {round(steps * tenth / 10) for tenth in range(6, 11)}
    best, kept, at = -1.0, copy.deepcopy(model.state_dict()), 0
    order = np.concatenate([rng.permutation(len(train[0])) for _ in range(1 + steps * size // len(train[0]))])
    for step in range(steps):
        chosen = order[step * size : (step + 1) * size]
        step_of("class", model.train(), optimiser, batch(*(part[chosen] for part in train)))
        schedule.step()
        if step + 1 in looked:
            found = right(model, valid)
            if found > best:
                best, kept, at = found, copy.deepcopy(model.state_dict()), step + 1
    model.load_state_dict(kept)
    return at
