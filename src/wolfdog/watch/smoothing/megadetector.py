"""Replacement of rare labels within images and sequences, after MegaDetector's postprocessing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from wolfdog.errors import InputError

from .megadetector_rules import Rules, final_labels, taxonomic_levels
from .method import Floats, Integers, Method, Stream, relabelled

Mode = Literal["mild", "normal", "aggressive"]

_MODES: dict[Mode, tuple[float, int, int]] = {
    "mild": (0.6, 3, 6),
    "normal": (0.5, 2, 4),
    "aggressive": (0.3, 1, 2),
}


@dataclass(frozen=True, kw_only=True)
class MegaDetector(Method):
    """Replacement of rare labels within images and sequences, by the four steps of MegaDetector's postprocessing.

    Source: `megadetector.postprocessing.classification_postprocessing`, with AddaxAI's three modes. Labels
    with a probability below a threshold, and detections with a confidence below `detection_threshold`, are
    neither counted nor changed. First within each frame, then within each sequence:

    1. Labels of `other` classes become the most frequent label, where it was counted often enough.
    2. A label counted once becomes the most frequent one, where that was counted often enough; a child taxon
       does not become its parent.
    3. A parent taxon becomes its child among the labels, the most specific one, then the most frequent.
    4. A label becomes the most frequent one of the same family, where it was counted at most
       `same_family` times.

    | mode | threshold | least count for step 1 | least count for step 2 |
    | --- | ---: | ---: | ---: |
    | mild | 0.6 | 3 | 6 |
    | normal | 0.5 | 2 | 4 |
    | aggressive | 0.3 | 1 | 2 |

    A changed label takes the probability of the old one. The causal form counts the sequence as far as it has
    come.

    Attributes:
        mode: Of the thresholds.
        gap: Longest pause in seconds within a sequence.
        detection_threshold: Least confidence of a detection; unknown confidences pass.
        other: Names of classes that say little; the blank class is always among them.
        ignored: Names of classes that are neither counted nor changed.
        taxonomy: Of classes, "class;order;family;genus;species" with empty texts below the level that the
            class is of, or a SpeciesNet string of seven parts. Classes whose names are such strings need no
            entry. Without taxonomy, steps 3 and 4 do nothing.
        same_family: Largest count of a label that step 4 changes; below 1, step 4 does nothing.
    """

    name = "megadetector"
    mode: Mode = "normal"
    gap: float = 60.0
    detection_threshold: float = 0.15
    other: tuple[str, ...] = ("other", "unknown", "no cv result", "animal", "blank", "mammal")
    ignored: tuple[str, ...] = ("human", "person", "vehicle")
    taxonomy: Mapping[str, str] = field(default_factory=dict, repr=False)
    same_family: int = -1

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise InputError(f"mode must be one of {', '.join(_MODES)}; got {self.mode!r}.")
        if not self.gap >= 0:
            raise InputError(f"gap is in seconds and must not be below 0, got {self.gap}.")

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        rules, threshold = self._rules(stream), _MODES[self.mode][0]
        confidence = np.nan_to_num(stream.table.confidence, nan=1.0)
        passed = (confidence >= self.detection_threshold) & (stream.p.max(-1) >= np.float32(threshold))
        ignored = [k for k, name in enumerate(stream.table.classes) if name in self.ignored]
        passed &= ~np.isin(stream.labels, ignored)
        labels = stream.labels.copy()
        _relabel(labels, passed, stream.frame, stream.frame, rules, ahead=True)
        sequence = stream.sequences(self.gap)[stream.frame]
        _relabel(labels, passed, sequence, stream.frame, rules, ahead=ahead)
        return relabelled(stream.p, stream.labels, labels)

    def _rules(self, stream: Stream) -> Rules:
        classes = stream.table.classes
        others = {k for k, name in enumerate(classes) if name.lower() in self.other or k == stream.blank}
        _, for_other, for_secondary = _MODES[self.mode]
        levels = [taxonomic_levels(name, self.taxonomy.get(name)) for name in classes]
        return Rules(
            other=frozenset(others),
            taxonomy=tuple(levels) if any(level is not None for level in levels) else None,
            for_other=for_other,
            for_secondary=for_secondary,
            same_family=self.same_family,
        )


def _relabel(
    labels: Integers,
    passed: np.ndarray[tuple[int], np.dtype[np.bool_]],
    group: Integers,
    frame: Integers,
    rules: Rules,
    *,
    ahead: bool,
) -> None:
    """Change the labels of each group in place; not ahead, those of each frame by the group up to it."""
    chosen = np.flatnonzero(passed)
    before: dict[int, int] = {}
    start = 0
    while start < len(chosen):
        number = group[chosen[start]]
        key = group if ahead else frame
        end = start
        while end < len(chosen) and key[chosen[end]] == key[chosen[start]]:
            end += 1
        rows = chosen[start:end]
        if start == 0 or group[chosen[start - 1]] != number:
            before = {}
        for label in labels[rows].tolist():
            before[label] = before.get(label, 0) + 1
        final = final_labels(before, rules)
        labels[rows] = [final[label] for label in labels[rows].tolist()]
        start = end
