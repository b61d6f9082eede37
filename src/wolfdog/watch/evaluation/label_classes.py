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


def consistent_share(
    classes: Sequence[str], given: NDArray[np.int64], truth: NDArray[np.int64]
) -> float | None:
    """Share of labels that do not contradict the truth: the true taxon, or one above or below it.

    Args:
        classes: K names, some of them taxonomy strings.
        given: [N] positions of the labels.
        truth: [N] positions of the true classes.

    Returns:
        The share; None where no class has a taxonomy, or there are no rows.

    >>> canis, wolf, fox = (
    ...     f"u;mammalia;carnivora;canidae;{name};x" for name in ("canis;", "canis;lupus", "vulpes;vulpes")
    ... )
    >>> consistent_share([canis, wolf, fox], np.array([0, 1, 2]), np.array([1, 1, 1])).__round__(2)
    0.67
    """
    taxa = [Taxon.of(name) for name in classes]
    if not len(truth) or not any(taxon is not None and taxon.depth for taxon in taxa):
        return None
    pairs, counts = np.unique(np.stack((given, truth)), axis=1, return_counts=True)
    fine = 0
    for (label, true), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        one, other = taxa[label], taxa[true]
        related = one is not None and other is not None and (one.contains(other) or other.contains(one))
        fine += count * (label == true or related)
    return fine / len(truth)
