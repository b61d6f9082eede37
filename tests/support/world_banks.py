"""A small bank of made-up probabilities, and a classifier and photographs of five colours."""

from pathlib import Path

import numpy as np
from PIL import Image

from wolfdog.watch.classifiers.classifier import Classification, Classifier, softmax
from wolfdog.watch.classifiers.preprocessing import Images, Preprocessing
from wolfdog.watch.world_memory.bank import Bank

CLASSES = ("wolf", "dog", "bear", "goldfish", "unknown")


def small_bank(photographs: int = 12, *, sharpness: float = 3.0, seed: int = 0) -> Bank:
    """So many photographs of each class, clean and at night, in two crops; at night wolf and dog look alike."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), photographs)
    logits = rng.normal(size=(len(labels), 2, 2, 5)) * 0.7
    logits[np.arange(len(labels)), :, :, labels] += sharpness
    canine = labels < 2
    logits[canine, 1, :, 0] = logits[canine, 1, :, 1] = 2.0
    p = np.exp(logits)
    p = (p / p.sum(-1, keepdims=True)).astype(np.float32)
    clear = np.broadcast_to(np.float32([[1], [0]]), p.shape[:3]).copy()
    return Bank(CLASSES, ("clean", "night"), labels, p, "made up", clarity=clear)


class AnimalClassifier(Classifier):
    """The class whose colour the image's mean colour is nearest to; less sure of images without colours."""

    COLOURS = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [220, 180, 20], [60, 190, 190]])

    def __init__(self) -> None:
        super().__init__(
            "animals",
            identity="animals 1",
            preprocessing=Preprocessing(32, 32),
            classes=CLASSES,
            feature_size=3,
        )

    def infer(self, images: Images) -> Classification:
        """Mean colours, and the softmax of their nearness."""
        mean = images.mean((1, 2)).astype(np.float32)
        far = np.linalg.norm(mean[:, None] - self.COLOURS[None], axis=-1)
        return Classification(mean, softmax((-far / 25).astype(np.float32)))


def write_animals(folder: Path, count: int = 3) -> None:
    """So many photographs of one colour for each class."""
    rng = np.random.default_rng(0)
    for name, colour in zip(CLASSES, AnimalClassifier.COLOURS, strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(colour + rng.integers(-20, 20, (40, 48, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
