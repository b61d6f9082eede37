"""Bank of a classifier's probabilities: each photograph in each degradation, in several crops."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError, MediaError, ShapeError
from wolfdog.text_files.array_file import read_npz
from wolfdog.watch.classifiers.clarity import clarity
from wolfdog.watch.classifiers.classifier import Classifier

from .degradations import DEGRADATIONS, degrade
from .photographs import PhotographSet, crops

_VERSION = 2


@dataclass(frozen=True, eq=False)
class Bank:
    """Probabilities of a classifier for N photographs in D degradations, J crops each.

    Attributes:
        classes: K names.
        degradations: D names.
        labels: Position of each photograph's class [N].
        probabilities: Class probabilities [N, D, J, K], float32.
        classifier: Name of the classifier.
        features: Inputs of the classifier's last layer [N, D, J, F], float16; None if they were not kept.
        clarity: Clarity of the pictures [N, D, J], float32; None if unknown.
    """

    classes: tuple[str, ...]
    degradations: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    classifier: str = ""
    features: NDArray[np.float16] | None = None
    clarity: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        expected = [len(self.labels), len(self.degradations), "crops", len(self.classes)]
        shape = list(self.probabilities.shape)
        if len(shape) != 4 or [shape[0], shape[1], shape[3]] != [expected[0], expected[1], expected[3]]:
            raise ShapeError(f"bank: expected probabilities {expected}, got {shape}.")
        if self.clarity is not None and self.clarity.shape != self.probabilities.shape[:3]:
            raise ShapeError(
                f"bank: expected clarity {shape[:3]}, as probabilities, got {list(self.clarity.shape)}."
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise InputError(f"bank: a label is not one of {len(self.classes)} classes.")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: NDArray[np.int64]) -> "Bank":
        """Bank of the photographs at these positions."""
        return replace(
            self,
            labels=self.labels[chosen],
            probabilities=self.probabilities[chosen],
            clarity=None if self.clarity is None else self.clarity[chosen],
            features=None if self.features is None else self.features[chosen],
        )

    def only(self, degradations: Sequence[str]) -> "Bank":
        """Bank with some of its degradations.

        Args:
            degradations: Their names.

        Returns:
            The bank.

        Raises:
            InputError: One of them is not in it.
        """
        for name in degradations:
            if name not in self.degradations:
                raise InputError(
                    f"the bank has the degradations {', '.join(self.degradations)}, not {name!r}."
                )
        index = [self.degradations.index(name) for name in degradations]
        return replace(
            self,
            degradations=tuple(degradations),
            probabilities=self.probabilities[:, index],
            clarity=None if self.clarity is None else self.clarity[:, index],
            features=None if self.features is None else self.features[:, index],
        )

    def with_probabilities(self, probabilities: NDArray[np.float32]) -> "Bank":
        """Same photographs with other probabilities [N, D, J, K]."""
        return replace(self, probabilities=probabilities)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the bank as an NPZ file, atomically.

        Args:
            path: The file.

        Raises:
            OSError: It cannot be written.
        """
        with atomic_write(path, "wb") as file:
            np.savez_compressed(
                file,
                version=np.array(_VERSION),
                classes=np.array(self.classes),
                degradations=np.array(self.degradations),
                labels=self.labels,
                probabilities=self.probabilities,
                classifier=np.array(self.classifier),
                clarity=np.empty(0, np.float32) if self.clarity is None else self.clarity,
                features=np.empty(0, np.float16) if self.features is None else self.features,
            )

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Bank":
        """Bank that `save` wrote.

        Args:
            path: The file.

        Returns:
            The bank.

        Raises:
            MediaError: The file is missing, damaged or of another kind.
        """
        try:
            arrays = read_npz(Path(path))
            if int(arrays["version"]) != _VERSION:
                raise ValueError(f"version {arrays['version']}, expected {_VERSION}")
            features, clear = arrays["features"].astype(np.float16), arrays["clarity"].astype(np.float32)
            return cls(
                tuple(map(str, arrays["classes"])),
                tuple(map(str, arrays["degradations"])),
                arrays["labels"].astype(np.int64),
                arrays["probabilities"].astype(np.float32),
                str(arrays["classifier"]),
                features if features.size else None,
                clear if clear.size else None,
            )
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise MediaError(f"{path}: no bank of probabilities that can be read ({error}).") from error


def build_bank(
    classifier: Classifier,
    photographs: PhotographSet,
    *,
    degradations: Sequence[str] = tuple(DEGRADATIONS),
    crops_each: int = 3,
    seed: int = 0,
    features: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Bank:
    """Bank of photographs through a classifier.

    Each photograph has one severity in each degradation, drawn uniformly from 0 to 1, and other crops in each.

    Args:
        classifier: Classifier with the classes of the photographs, in any order.
        photographs: At least one photograph.
        degradations: Names in `DEGRADATIONS`.
        crops_each: Number of crops, J.
        seed: Seed of crops and degradations.
        features: Whether to keep the features.
        progress: Called with the photographs done and the photographs in all.

    Returns:
        The bank.

    Raises:
        InputError: The classifier does not have the classes of the photographs.
        MediaError: A photograph cannot be read.
    """
    if sorted(classifier.classes) != sorted(photographs.classes):
        raise InputError(
            f"{classifier.name} has the classes {', '.join(classifier.classes[:6])}, not those of the photographs. "
            f"Group its classes as {', '.join(photographs.classes)}."
        )
    order = [classifier.classes.index(name) for name in photographs.classes]
    D, J, K = len(degradations), crops_each, len(photographs.classes)
    size = classifier.preprocessing
    probabilities = np.empty((len(photographs), D, J, K), np.float32)
    clear = np.empty((len(photographs), D, J), np.float32)
    kept = np.empty((len(photographs), D, J, classifier.feature_size), np.float16) if features else None
    for number, path in enumerate(photographs.paths):
        rng = np.random.default_rng([seed, number])
        images = []
        for name in degradations:
            severity, shot = rng.uniform(), int(rng.integers(2**31))
            cut = crops(path, size.height, size.width, J, rng)
            images += [degrade(image, name, severity, seed=shot, frame=j) for j, image in enumerate(cut)]
        seen = classifier.classify(np.stack(images))
        clear[number] = clarity(np.stack(images)).reshape(D, J)
        probabilities[number] = seen.probabilities[:, order].reshape(D, J, K)
        if kept is not None:
            kept[number] = seen.features.reshape(D, J, -1)
        if progress is not None:
            progress(number + 1, len(photographs))
    return Bank(
        photographs.classes,
        tuple(degradations),
        photographs.labels,
        probabilities,
        classifier.name,
        kept,
        clear,
    )
