"""Groups of classes: names of the user's own for a classifier's classes, from a TOML file.

    [classes]
    wolf = ["timber wolf", "white wolf", 271]    # by name or by index
    dog = ["151-268"]                            # range of indices, both ends included

    [missing]                                    # optional: animals without a class, for the reader
    raccoon = "no class of ImageNet"

Classes in no group are `unknown`.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import LabelsError

from .classifier import Classification, Classifier
from .preprocessing import Images

UNKNOWN = "unknown"
SHIPPED = ("animals", "model-problem", "european-mammals", "north-american-mammals")
"""Names of the files that come with wolfdog; each is for networks with ImageNet's classes."""


@dataclass(frozen=True, slots=True)
class ClassGroups:
    """Groups of K classes; the probability of a group is the sum over its members.

        P(group g) = sum of p_k over k in members of g,    P(unknown) = sum over all k in no group

    Args:
        names: Names of the groups.
        group_of: Group of each class [K], as an index into the names.
        missing: Animals without a class, and the reason.

    Examples:
        >>> groups = ClassGroups(("canine", "unknown"), (0, 0, 1))
        >>> groups.probabilities(np.float32([[0.25, 0.25, 0.5]]))
        array([[0.5, 0.5]], dtype=float32)
    """

    names: tuple[str, ...]
    group_of: tuple[int, ...]
    missing: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def probabilities(self, classes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of groups [N, G].

        Args:
            classes: Probabilities of classes [N, K].

        Returns:
            Their sums by group.
        """
        sums = np.zeros((len(classes), len(self.names)), np.float32)
        for group in range(len(self.names)):
            sums[:, group] = classes[:, np.asarray(self.group_of) == group].sum(axis=1)
        return sums


class GroupedClassifier(Classifier):
    """Classifier whose classes are groups of another one's.

    Its attribute `ungrouped` is the other classifier. Caches store its results, so that other groups need no second
    classification.

    Args:
        classifier: The other classifier.
        groups: Groups of its classes.
    """

    def __init__(self, classifier: Classifier, groups: ClassGroups) -> None:
        super().__init__(
            classifier.name,
            identity=f"{classifier.identity} {groups.names} {groups.group_of}",
            preprocessing=classifier.preprocessing,
            classes=groups.names,
            feature_size=classifier.feature_size,
            batch_size=classifier.batch_size,
        )
        self.ungrouped, self.groups = classifier, groups

    def infer(self, images: Images) -> Classification:
        """One batch through the classifier, with probabilities summed by group; see `Classifier`."""
        features, probabilities = self.ungrouped.infer(images)
        return Classification(features, self.groups.probabilities(probabilities))


def read_groups(source: str | PathLike[str], classes: tuple[str, ...]) -> ClassGroups:
    """Groups of classes, from a TOML file or from one that comes with wolfdog.

    Args:
        source: Path of the file, or a name of `SHIPPED`.
        classes: Names of the classifier's classes, in order.

    Returns:
        The groups.

    Raises:
        LabelsError: The file cannot be read, or does not fit the classifier; the message names the entry.

    Examples:
        >>> from wolfdog.watch.classifiers.imagenet import imagenet_classes
        >>> groups = read_groups("model-problem", imagenet_classes())
        >>> groups.names
        ('wolf', 'dog', 'bear', 'goldfish', 'unknown')
        >>> groups.group_of.count(1)
        118
    """
    where, text = _text(source)
    try:
        table = tomllib.loads(text)
    except (
        ValueError,
        RecursionError,
    ) as error:  # also numbers of thousands of digits, and lists nested as deep
        raise LabelsError(f"{where}: not a TOML file: {error}.") from error
    for key in table:
        if key not in ("classes", "missing"):
            raise LabelsError(f"{where}: it has the tables [classes] and [missing], got {key!r}.")
    entries, missing = table.get("classes"), table.get("missing", {})
    if not isinstance(entries, dict) or not entries:
        raise LabelsError(f'{where}: no table [classes] with lines such as wolf = ["timber wolf", 270].')
    if not isinstance(missing, dict) or not all(isinstance(note, str) for note in missing.values()):
        raise LabelsError(f'{where}: [missing] has lines such as raccoon = "no class of ImageNet".')
    names = (*(name for name in entries if name != UNKNOWN), UNKNOWN)
    group_of: dict[int, str] = {}
    for name, members in entries.items():
        for index in _members(name, members, classes, where):
            if group_of.setdefault(index, name) != name:
                raise LabelsError(
                    f"{where}: class {index}, {classes[index]!r}, is in {group_of[index]!r} and in {name!r}. "
                    "Each class belongs to one group."
                )
    return ClassGroups(
        names, tuple(names.index(group_of.get(k, UNKNOWN)) for k in range(len(classes))), missing=missing
    )


def _text(source: str | PathLike[str]) -> tuple[str, str]:
    """Origin of the text, and the text."""
    path = Path(source)
    if str(source) in SHIPPED and not path.exists():
        shipped = files(__package__) / "class_groups" / f"{source}.toml"
        return f"{source}", shipped.read_text(encoding="utf-8")
    try:
        return str(path), path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise LabelsError(
            f"{path}: no such file, and none of the lists that come with wolfdog ({', '.join(SHIPPED)})."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsError(f"{path}: cannot be read as UTF-8 text ({error}).") from error


def _members(name: str, members: Any, classes: tuple[str, ...], where: str) -> list[int]:
    if not isinstance(members, list) or not members:
        raise LabelsError(
            f"{where}: {name!r} must be a list of classes, by name, index or range, got {members!r}. "
            f'Write {name} = ["timber wolf", 270].'
        )
    return [index for member in members for index in _indices(name, member, classes, where)]


def _indices(name: str, member: Any, classes: tuple[str, ...], where: str) -> list[int]:
    """Classes of one entry."""
    if isinstance(member, str) and (found := _named(member, classes)) is not None:
        return [found]
    if isinstance(member, int) and not isinstance(member, bool):
        first = last = member
    elif isinstance(member, str) and (ends := re.fullmatch(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*", member)):
        first, last = int(ends[1]), int(ends[2])
    else:
        near = difflib.get_close_matches(str(member), classes, 3)
        meant = f" Did you mean {', '.join(map(repr, near))}?" if near else " Give its index instead."
        raise LabelsError(f"{where}: in {name!r}, the classifier has no class {member!r}.{meant}")
    if not 0 <= first <= last < len(classes):
        raise LabelsError(
            f"{where}: in {name!r}, {member!r} must lie within the classes 0 to {len(classes) - 1}, "
            "the first no greater than the last."
        )
    return list(range(first, last + 1))


def _named(member: str, classes: tuple[str, ...]) -> int | None:
    if member in classes:
        return classes.index(member)
    folded = [name.casefold() for name in classes]
    wanted = member.strip().casefold()
    return folded.index(wanted) if folded.count(wanted) == 1 else None
