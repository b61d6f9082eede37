"""Predictions of taxa: parents passed down to their children, and unsure labels said at a higher rank."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from ..predictions import Predictions
from .taxonomy import RANKS, Taxon

_LEAST = 1e-6


def passed_down(table: Predictions) -> Predictions:
    """Predictions in which the probability of a taxon is given to the classes below it.

    A classifier that says "canis" at one frame and "canis lupus" at the next does not contradict itself. Before a
    memory compares the two, what a class with others below it was given goes to those, in the proportion of their own
    probabilities; where they have none, evenly, which is counted as spread.

    Args:
        table: Predictions.

    Returns:
        The predictions; as they were where no class is below another.

    Examples:
        >>> canis, wolf, dog = (f"u;mammalia;carnivora;canidae;canis;{name};x" for name in ("", "lupus", "familiaris"))
        >>> table = Predictions.from_columns([canis, wolf, dog], [[0.6, 0.3, 0.1], [1, 0, 0]])
        >>> passed_down(table).probabilities.round(2).tolist(), passed_down(table).spread.tolist()
        ([[0.0, 0.75, 0.25], [0.0, 0.5, 0.5]], [0.0, 1.0])
    """
    below = _below(table.classes)
    leaves = ~below.any(1)
    p, spread = table.probabilities.astype(np.float64), table.spread.astype(np.float64)
    moved = False
    for k in np.flatnonzero(~leaves):
        children = np.flatnonzero(below[k] & leaves)
        if not len(children):
            continue
        moved = True
        own = p[:, children]
        total = own.sum(1)
        known = total > _LEAST
        share = np.where(known[:, None], own / np.where(known, total, 1.0)[:, None], 1 / len(children))
        spread += np.where(known | (len(children) == 1), 0.0, p[:, k])
        p[:, children] += p[:, k : k + 1] * share
        p[:, k] = 0
    if not moved:
        return table
    p /= p.sum(1, keepdims=True)
    return replace(table, probabilities=p.astype(np.float32), spread=spread.clip(0, 1).astype(np.float32))


def rolled_up(table: Predictions, threshold: float) -> Predictions:
    """Predictions whose unsure context labels are said at a higher rank.

    Where the most probable class has less than the threshold, the label becomes the lowest taxon above it whose classes
    have the threshold together: the genus, else the family, the order or the class. Their probability is given to it.
    Where no taxon has the threshold, the label stays. Taxa that are no class become classes, behind the others.

    Args:
        table: Predictions with a context, whose classes are SpeciesNet's taxonomy strings.
        threshold: Least probability of a label, above 0 up to 1.

    Returns:
        The predictions.

    Raises:
        InputError: There is no context, no class has a taxonomy, or the threshold cannot be.

    Examples:
        >>> wolf, dog = (f"u;mammalia;carnivora;canidae;canis;{name};x" for name in ("lupus", "familiaris"))
        >>> table = Predictions.from_columns([wolf, dog], [[0.6, 0.4]], context=[[0.6, 0.4]])
        >>> rolled_up(table, 0.8).label_names(context=True).tolist()
        [';mammalia;carnivora;canidae;canis;;canis']
    """
    if not 0 < threshold <= 1:
        raise InputError(f"the threshold of a roll-up must be above 0 and at most 1, got {threshold}.")
    if table.context is None:
        raise InputError("these predictions have no context probabilities: run a smoothing method first.")
    taxa = [Taxon.of(name) for name in table.classes]
    if not any(taxon is not None and taxon.depth for taxon in taxa):
        raise InputError(
            "roll-up: no class has a taxonomy, as 'id;mammalia;carnivora;canidae;canis;lupus;gray wolf' is one."
        )
    q = table.context.astype(np.float64)
    names = list(table.classes)
    by_path = {
        taxon.path[: taxon.depth]: k for k, taxon in enumerate(taxa) if taxon is not None and taxon.depth
    }
    changed: list[tuple[int, int, NDArray[np.int64]]] = []
    members: dict[tuple[str, ...], NDArray[np.int64]] = {}
    for row, top in enumerate(q.argmax(1).tolist()):
        taxon = taxa[top]
        if q[row, top] >= threshold or taxon is None or not taxon.depth:
            continue
        for depth in range(taxon.depth - 1, 0, -1):
            path = taxon.path[:depth]
            if path not in members:
                members[path] = np.array(
                    [k for k, one in enumerate(taxa) if one is not None and one.path[:depth] == path],
                    np.int64,
                )
            if q[row, members[path]].sum() >= threshold:
                if path not in by_path:
                    by_path[path] = len(names)
                    names.append(_name(path))
                changed.append((row, by_path[path], members[path]))
                break
    wide = np.zeros((len(q), len(names)))
    wide[:, : q.shape[1]] = q
    for row, k, some in changed:
        total = q[row, some].sum()
        wide[row, some] = 0
        wide[row, k] = total
    p = np.zeros_like(wide)
    p[:, : q.shape[1]] = table.probabilities
    return replace(
        table,
        classes=tuple(names),
        probabilities=p.astype(np.float32),
        context=wide.astype(np.float32),
    )


def _name(path: tuple[str, ...]) -> str:
    """Taxonomy string of a taxon that is no class: without an identifier, its own name as the common one."""
    ranks = [*path, *[""] * (len(RANKS) - len(path))]
    return ";".join(["", *ranks, path[-1]])


def _below(classes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Relation [K, K]: whether the second class is a taxon below the first."""
    taxa = [Taxon.of(name) for name in classes]
    found = np.zeros((len(classes), len(classes)), bool)
    for k, one in enumerate(taxa):
        for j, other in enumerate(taxa):
            if one is not None and other is not None and one.depth < other.depth:
                found[k, j] = one.contains(other)
    return found
