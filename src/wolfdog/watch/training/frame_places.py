"""Frames of labelled videos by class, from which a frame classifier's training draws."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.labelled_video import UNLABELLED, LabelledVideo
from ..model.frame_classifier import FrameClassifier
from .frame_bags import bag_frame_targets, first_targets, snapshot_probabilities

ROUNDS = 6
"""Rounds of a training; at the beginning of each but the first, the classifier is asked about the frames of bags."""

LEAST_WEIGHT = 1e-3
"""Weight below which a frame of a bag is not drawn for a class."""


class FramePlaces:
    """Frames of labelled videos by class: video and frame of each, with weights for frames of bags.

    A frame of several labels is a place of each of them. A frame of a bag is drawn for a class of the bag with the
    probability that it shows it: at first each of them is, later those of which the classifier says so (expectation
    and maximisation; see `bag_targets`).

    Args:
        footage: Labelled videos of frames.
        blank: Position of the class that says that nothing is there.
    """

    def __init__(self, footage: Sequence[LabelledVideo], blank: int | None = None) -> None:
        self._footage, self._blank, self._round = footage, blank, 0
        labels = np.concatenate([video.labels for video in footage])
        video = np.repeat(np.arange(len(footage)), [len(video) for video in footage])
        frame = np.concatenate([np.arange(len(video)) for video in footage])
        further = [
            (number, frame, label)
            for number, one in enumerate(footage)
            for frame, label in one.further.tolist()
        ]
        more = np.array(further, np.int64).reshape(-1, 3)
        places = np.concatenate([np.stack((video, frame), 1), more[:, :2]])
        labels = np.concatenate([labels, more[:, 2]])
        self._labelled = {
            int(label): places[labels == label] for label in np.unique(labels) if label != UNLABELLED
        }
        self._places, self._reached = dict(self._labelled), dict[int, NDArray[np.float64]]()
        in_bags = {label for video in footage for bag in video.bags for label in bag.classes}
        self._targets = first_targets(footage, 1 + max(in_bags)) if in_bags else []
        self._place_bags()

    @property
    def classes(self) -> list[int]:
        """Positions of the classes that some frame may show."""
        return list(self._places)

    def of(self, label: int) -> NDArray[np.int64]:
        """Video and frame [N, 2] of each frame that may show a class."""
        places: NDArray[np.int64] = self._places[label]
        return places

    def draw(self, label: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Video and frame that show a class, drawn at random.

        Args:
            label: Position of the class.
            rng: Source of random numbers.

        Returns:
            Both numbers.
        """
        places = self._places[label]
        if label not in self._reached:
            return cast("NDArray[np.int64]", places[rng.integers(len(places))])
        reached = self._reached[label]
        at = int(np.searchsorted(reached, rng.random() * reached[-1], side="right"))
        return cast("NDArray[np.int64]", places[min(at, len(places) - 1)])

    def expect(self, module: FrameClassifier, progress: float) -> None:
        """Ask a classifier, at the beginning of a round, which frames of the bags show their classes.

        Args:
            module: The classifier; it is in training mode afterwards.
            progress: Progress of the training, from 0 to 1.
        """
        if not self._targets or int(progress * ROUNDS) <= self._round:
            return
        self._round = int(progress * ROUNDS)
        module.eval()
        said = snapshot_probabilities(module, self._footage)
        module.train()
        self._targets = bag_frame_targets(self._footage, said, self._blank)
        self._place_bags()

    def _place_bags(self) -> None:
        """Add the frames of bags to the places of the classes, each with its weight."""
        self._places, self._reached = dict(self._labelled), {}
        for label in range(self._targets[0].shape[1] if self._targets else 0):
            weights = [of_one[:, label] for of_one in self._targets]
            frames = [np.flatnonzero(of_one > LEAST_WEIGHT) for of_one in weights]
            own = self._labelled.get(label, np.empty((0, 2), np.int64))
            more = [np.stack((np.full_like(rows, n), rows), 1) for n, rows in enumerate(frames)]
            places = np.concatenate([own, *more])
            if len(places):
                each = [of_one[rows] for of_one, rows in zip(weights, frames, strict=True)]
                self._places[label] = places
                self._reached[label] = np.concatenate([np.ones(len(own)), *each]).cumsum()

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """State of the bags: tensors, and values for JSON."""
        return {f"bag.{n}": torch.from_numpy(of_one) for n, of_one in enumerate(self._targets)}, {
            "round": self._round
        }

    def load_state_dict(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Args:
            tensors: Tensors of the state.
            notes: Values of the state.
        """
        self._round = int(notes["round"])
        self._targets = [tensors[f"bag.{n}"].numpy() for n in range(len(self._targets))]
        self._place_bags()
