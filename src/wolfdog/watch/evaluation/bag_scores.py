"""Scores of labels against those of whole files and sequences: multiple-instance evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...labels.rows import is_blank
from ..predictions.bags import LabelledBag
from .label_classes import positions_of


@dataclass(frozen=True)
class BagClassScore:
    """Score of one class over bags.

    Attributes:
        labelled: Bags with this label.
        said: Bags of which at least one frame was given this label.
        both: Bags with both.
    """

    labelled: int
    said: int
    both: int

    @property
    def recall(self) -> float | None:
        """Share of the bags with this label that were given it."""
        return self.both / self.labelled if self.labelled else None

    @property
    def precision(self) -> float | None:
        """Share of the bags that were given this label that have it."""
        return self.both / self.said if self.said else None


@dataclass(frozen=True)
class BagScores:
    """Scores over bags.

    Attributes:
        bags: Number of bags.
        found: Bags of which each label was given to at least one frame.
        exact: Bags that were found, and were given no other label but that for nothing.
        classes: By name, those that a bag has or was given.
    """

    bags: int
    found: int
    exact: int
    classes: dict[str, BagClassScore]

    def as_dict(self) -> dict[str, Any]:
        """Scores for JSON; undefined values are null."""
        return {
            "bags": self.bags,
            "found": self.found / self.bags,
            "exact": self.exact / self.bags,
            "by_class": {
                name: {"bags": one.labelled, "precision": one.precision, "recall": one.recall}
                for name, one in self.classes.items()
            },
        }


def bag_scores(
    bags: Sequence[LabelledBag], said: NDArray[np.int64], classes: Sequence[str], *, blank: int | None = None
) -> BagScores:
    """Scores of frames' labels against the labels of bags, under the standard multiple-instance assumption.

    A bag is given a label if at least one of its frames is:

        given(bag, k) = max over its frames t of [label(t) = k]

    The label for nothing says nothing of a bag: an animal that comes in after ten seconds leaves the first ones empty.

    Source: Dietterich, Lathrop and Lozano-Perez 1997, "Solving the multiple instance problem with axis-parallel
    rectangles".

    Args:
        bags: At least one bag; each has a frame.
        said: Positions of the labels given to all frames [N].
        classes: Names of the classes.
        blank: Position of the class that says that nothing is there; None: found by its name.

    Returns:
        The scores.

    Examples:
        >>> bags = [LabelledBag("a", np.arange(3), ("fox",)), LabelledBag("b", np.arange(3, 6), ("fox",))]
        >>> found = bag_scores(bags, np.array([0, 1, 1, 0, 2, 1]), ("blank", "fox", "dog"))
        >>> found.bags, found.found, found.exact, found.classes["dog"]
        (2, 2, 1, BagClassScore(labelled=0, said=1, both=0))
    """
    names, places, _ = positions_of([label for bag in bags for label in bag.labels], classes)
    nothing = {blank} if blank is not None else {k for k, name in enumerate(names) if is_blank(name)}
    given = [set(np.unique(said[bag.rows]).tolist()) - nothing for bag in bags]
    ends = np.cumsum([len(bag.labels) for bag in bags])
    wanted = [set(part.tolist()) - nothing for part in np.split(places, ends[:-1])]
    pairs = list(zip(wanted, given, strict=True))
    counts = {
        name: BagClassScore(
            sum(k in labels for labels in wanted),
            sum(k in labels for labels in given),
            sum(k in one and k in other for one, other in pairs),
        )
        for k, name in enumerate(names)
    }
    return BagScores(
        len(bags),
        sum(one <= other for one, other in pairs),
        sum(one == other for one, other in pairs),
        {name: one for name, one in counts.items() if one.labelled or one.said},
    )
