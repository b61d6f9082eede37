"""A classifier without a network that counts what it is shown."""

import numpy as np

from wolfdog.watch.classifiers.classifier import Classification, Classifier, softmax
from wolfdog.watch.classifiers.preprocessing import Images, Preprocessing


class ColourClassifier(Classifier):
    """Its features are the mean colours, 0 to 1; its probabilities their softmax, sharpened."""

    def __init__(self, size: int = 32, batch_size: int = 4) -> None:
        super().__init__(
            "colours",
            identity="colours 1",
            preprocessing=Preprocessing(size, size),
            classes=("red", "green", "blue"),
            feature_size=3,
            batch_size=batch_size,
        )
        self.seen = 0

    def infer(self, images: Images) -> Classification:
        """Mean colours."""
        self.seen += len(images)
        features = (images.mean((1, 2)) / 255).astype(np.float32)
        return Classification(features, softmax(8 * features))
