"""Labels as positions among the classes of predictions."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..formats.taxonomy import Taxon


def positions_of(
    labels: Iterable[str], classes: Sequence[str]
) -> tuple[tuple[str, ...], NDArray[np.int64], tuple[str, ...]]:
    """All classes, the position of each label among them, and the labels that are no class of the predictions.

    A label is a class if it has its name, the same name but for upper and lower case, or the common or scientific
    name of a class with a taxonomy (SpeciesNet's). Labels of other names become further classes, in their own order.

    Examples:
        >>> positions_of(["Wolf", "cat"], ["dog", "wolf"])
        (('dog', 'wolf', 'cat'), array([1, 2]), ('cat',))
    """
    known: dict[str, int] = {}
    for k, name in enumerate(classes):
        taxon = Taxon.of(name)
        others = [] if taxon is None else [taxon.common, taxon.scientific]
        for text in (name, *others):
            known.setdefault(text.casefold(), k)
    exact = {name: k for k, name in enumerate(classes)}
    foreign: dict[str, int] = {}
    found = [
        exact[label]
        if label in exact
        else known[label.casefold()]
        if label.casefold() in known
        else foreign.setdefault(label, len(classes) + len(foreign))
        for label in labels
    ]
    return (*classes, *foreign), np.array(found, np.int64), tuple(foreign)
