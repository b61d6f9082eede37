"""Names of the 1,000 classes of ImageNet's ILSVRC 2012, in the order of every network trained on it.

Olga Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, 2015
(https://arxiv.org/abs/1409.0575). The names are the first synonyms of WordNet's synsets.
"""

from functools import cache
from importlib.resources import files


@cache
def imagenet_classes() -> tuple[str, ...]:
    """Names of the classes, by index; two synsets with one first synonym are distinguished by the second, or by a note.

    Examples:
        >>> names = imagenet_classes()
        >>> len(names), names[1], names[269], names[134], names[517]
        (1000, 'goldfish', 'timber wolf', 'crane (bird)', 'crane (machine)')
    """
    text = (files(__package__) / "imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
