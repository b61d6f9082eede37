"""Interface of image classifiers.

`Classifier` is the interface of every pretrained network here. `FrameClassifier` of the package `model` is the small
network that wolfdog trains itself; `scratch_classifier` makes a `Classifier` of it.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError, ShapeError
from wolfdog.text_files.class_names import check_class_names

from .preprocessing import Images, Preprocessing


class Classification(NamedTuple):
    """Features and class probabilities of N images.

    Args:
        features: Features [N, F].
        probabilities: Class probabilities [N, K].
    """

    features: NDArray[np.float32]
    probabilities: NDArray[np.float32]

    def rows(self, index: slice | NDArray[np.int64]) -> "Classification":
        """Features and probabilities of some of the images.

        Args:
            index: Positions, or a slice.

        Returns:
            Their rows.

        Examples:
            >>> pair = Classification(np.zeros((2, 3), np.float32), np.eye(2, dtype=np.float32))
            >>> pair.rows(slice(1, 2)).probabilities
            array([[0., 1.]], dtype=float32)
        """
        return Classification(self.features[index], self.probabilities[index])


class Classifier(ABC):
    """Image classifier for batches of RGB images.

    A subclass implements `infer`, which gets images of the network's input size.

    Args:
        name: Name of the classifier on the command line, such as "efficientnet-lite0".
        identity: Text that changes whenever the results may change; it contains a digest of the weights. Caches use it
            as a key, together with `preprocessing`.
        preprocessing: Size and cropping of the network's input.
        classes: K names, in the order of the probabilities; none for an encoder.
        feature_size: Number of features, F.
        batch_size: Number of images in one call of the network.

    Raises:
        InputError: Two classes have the same name, a name is no text of 1 to 200 printable characters, or a size is
            below 1.
    """

    def __init__(
        self,
        name: str,
        *,
        identity: str,
        preprocessing: Preprocessing,
        classes: tuple[str, ...],
        feature_size: int,
        batch_size: int = 16,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"{name}: batch_size is in images and must be 1 or more, got {batch_size}.")
        if len(set(classes)) != len(classes):
            twice = next(c for c in classes if classes.count(c) > 1)
            raise InputError(f"{name}: two classes are called {twice!r}. Give each class a name of its own.")
        check_class_names(classes, name)
        self.name = name
        self.identity = identity
        self.preprocessing = preprocessing
        self.classes = classes
        self.feature_size = feature_size
        self.batch_size = batch_size

    def classify(self, frames: Images) -> Classification:
        """Features and class probabilities of RGB frames of any size.

        Args:
            frames: Frames uint8 [N, H, W, 3]. Those of the network's input size are not changed; others are cropped and
                scaled by `preprocessing`.

        Returns:
            Features [N, F] and probabilities [N, K], float32.

        Raises:
            ShapeError: `frames` has another shape or dtype.
        """
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or 0 in frames.shape[1:]:
            raise ShapeError(
                f"{self.name}: frames must be RGB images, uint8 [N, H, W, 3], "
                f"got {frames.dtype} {list(frames.shape)}."
            )
        n = len(frames)
        features = np.empty((n, self.feature_size), np.float32)
        probabilities = np.empty((n, len(self.classes)), np.float32)
        for start in range(0, n, self.batch_size):
            part = slice(start, start + self.batch_size)
            features[part], probabilities[part] = self.infer(self.preprocessing.images(frames[part]))
        return Classification(features, probabilities)

    @abstractmethod
    def infer(self, images: Images) -> Classification:
        """One batch through the network.

        Args:
            images: RGB images uint8 [n, height, width, 3] of the network's input size, contiguous, n >= 1.

        Returns:
            Features [n, F] and probabilities [n, K].
        """


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class probabilities of logits [N, K], which may be as large as float32 holds.

    Examples:
        >>> softmax(np.float32([[1000.0, 1000.0]]))
        array([[0.5, 0.5]], dtype=float32)
    """
    above = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(above / above.sum(axis=-1, keepdims=True), np.float32)
