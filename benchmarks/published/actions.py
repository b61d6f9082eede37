"""Actions in cooking videos (50 Salads, GTEA): the class of each frame from the scores of a frame classifier."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from wolfdog.errors import InputError

from .tasks import Batch, side_by_side
from .training import BOTH, CELLS, Model, Run, made, measured, step_of, trained


@dataclass(frozen=True)
class Video:
    """Scores [T, K] of a classifier and classes [T]."""

    scores: np.ndarray
    classes: np.ndarray


@dataclass(frozen=True)
class Actions:
    """Class of each frame, by cross-validation over the splits of a file.

    A split is tested by a model that was trained on the videos of the others. The number of epochs is chosen on some of
    the others: each validates a model of the remaining ones, and the epoch with the best mean is taken. The scores of
    the classifier are added to the outputs.

    Args:
        file: Name of the file.
        units: Units of a cell and direction.
        epochs: Epochs at most.
        batch: Videos in a step.
        rate: Learning rate.
        span: Longest time span of the initial forget gates.
        dropout: Share of the outputs of the cells that a step of training leaves out.
        validations: Splits on which the number of epochs is chosen.
    """

    file: str
    units: int
    epochs: int
    batch: int
    rate: float
    span: float
    dropout: float
    validations: int = 1

    unit, folder = " % of frames", "scores"
    models = (*CELLS, *(BOTH + name for name in CELLS))

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the folder."""
        return (self.file,)

    def run(self, model: str, seed: int, share: float, folder: Path) -> Run:
        """One model for each split; the score is the mean over splits of the mean over videos, as in the paper."""
        splits = read(folder / self.file)
        names, epochs = sorted(splits), max(1, round(share * self.epochs))
        scores, chosen = [], []
        with trained() as found:
            for number, name in enumerate(names):
                validated = []
                for ahead in range(1, self.validations + 1):
                    valid = names[(number + ahead) % len(names)]
                    inner = [
                        video for other in names if other not in (name, valid) for video in splits[other]
                    ]
                    validated.append(self._train(model, seed, inner, epochs, splits[valid])[0])
                best = 1 + int(np.mean(validated, 0).argmax())
                train = [video for other in names if other != name for video in splits[other]]
                _, network = self._train(model, seed, train, best)
                scores.append(right(network, splits[name]))
                chosen.append(best)
        found |= {"score": float(np.mean(scores)), "splits": scores}
        found["budget"] = f"{min(chosen)} to {max(chosen)} epochs"
        shown = batch(train[: self.batch])
        sizes = (shown.events.shape[-1], self.units, shown.events.shape[-1])
        return {**found, **measured("class", model, network, shown, *sizes, self.dropout)}

    def _train(
        self, name: str, seed: int, train: list[Video], epochs: int, valid: list[Video] | None = None
    ) -> tuple[list[float], Model]:
        """Score on `valid` after each epoch, if there is any, and the model after the last epoch."""
        torch.manual_seed(seed)
        rng, classes = np.random.default_rng(seed), train[0].scores.shape[1]
        model = made(name, classes, self.units, classes, self.span, self.dropout, skip=True)
        optimiser = torch.optim.Adam(model.parameters(), self.rate)
        validated: list[float] = []
        for _ in range(epochs):
            order = rng.permutation(len(train))
            for first in range(0, len(order), self.batch):
                chosen = batch([train[n] for n in order[first : first + self.batch]])
                step_of("class", model.train(), optimiser, chosen)
            if valid is not None:
                validated.append(right(model, valid))
        return validated, model


def read(path: Path) -> dict[str, list[Video]]:
    """Videos of each split of a file with arrays `<split>_<video>_S` (scores) and `..._Y` (classes).

    Raises:
        InputError: The file is no such file, or it has fewer than three splits.
    """
    splits: dict[str, list[Video]] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in sorted({key[:-2] for key in file.files}):
                video = Video(file[f"{name}_S"].astype(np.float32), file[f"{name}_Y"].astype(np.int64))
                splits.setdefault(name.split("_")[0], []).append(video)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(
            f"{path}: not a file of scores: {error!r}. Expected arrays <split>_<video>_S and _Y."
        ) from error
    if len(splits) < 3:
        raise InputError(
            f"{path}: expected three splits or more, one for the choice of epochs; got {len(splits)}."
        )
    for videos in splits.values():
        for video in videos:
            if video.scores.ndim != 2 or len(video.scores) != len(video.classes) or not len(video.classes):
                raise InputError(
                    f"{path}: scores [T, K] and classes [T] do not fit: "
                    f"{video.scores.shape} and {video.classes.shape}."
                )
    return splits


def batch(videos: list[Video]) -> Batch:
    """Videos side by side."""
    return side_by_side([video.scores for video in videos], [video.classes for video in videos])


@torch.no_grad()
def right(model: Model, videos: list[Video]) -> float:
    """Frames that are classified rightly, in %: the mean over videos."""
    shown = batch(videos)
    hits = (model.eval()(shown.events, shown.lengths).argmax(-1) == shown.targets) & shown.scored
    return 100 * float((hits.sum(0) / shown.scored.sum(0)).mean())
