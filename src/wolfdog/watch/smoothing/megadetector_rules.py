"""Four steps of MegaDetector's postprocessing, on counts of labels."""

from dataclasses import dataclass

from wolfdog.errors import InputError

Taxon = tuple[str, ...]
_FAMILY = 2


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Thresholds of the steps, and the taxonomy of the classes.

    Attributes:
        other: Classes without a meaning of their own.
        taxonomy: Five levels of each class, from class to species; None for a class without; None if no class has one.
        for_other: Least count of the most frequent class for step 1.
        for_secondary: Least count of the most frequent class for step 2.
        same_family: Largest count of a label that step 4 changes.
    """

    other: frozenset[int]
    taxonomy: tuple[Taxon | None, ...] | None
    for_other: int
    for_secondary: int
    same_family: int


def taxonomic_levels(name: str, given: str | None) -> Taxon | None:
    """Levels of a class from class to species: of the text given, or of a SpeciesNet name; None without.

    Raises:
        InputError: The text given has neither five nor seven parts.
    """
    parts = [part.strip().lower() for part in (name if given is None else given).split("|")[0].split(";")]
    if len(parts) == 7:
        parts = parts[1:-1]
    if len(parts) != 5:
        if given is None:
            return None
        raise InputError(
            f"taxonomy of {name!r}: expected 'class;order;family;genus;species' or a SpeciesNet string of seven "
            f"parts, got {given!r}."
        )
    return tuple(parts)


def final_labels(counts: dict[int, int], rules: Rules) -> dict[int, int]:
    """Final label of each counted label.

    Args:
        counts: Count of each label of a group, in the order of first occurrence.
        rules: Rules of the steps.

    Returns:
        Final label of each.
    """
    final = {label: label for label in counts}
    if len(counts) <= 1:
        return final
    for step in (_others, _secondary, _children, _family):
        becomes = step(counts, rules)
        final = {label: becomes.get(now, now) for label, now in final.items()}
        merged: dict[int, int] = {}
        for label, count in counts.items():
            now = becomes.get(label, label)
            merged[now] = merged.get(now, 0) + count
        counts = merged
    return final


def _by_count(counts: dict[int, int]) -> list[int]:
    """Labels, the most frequent first; of equal ones, the one that came first."""
    return sorted(counts, key=lambda label: -counts[label])


def _others(counts: dict[int, int], rules: Rules) -> dict[int, int]:
    ranked = _by_count(counts)
    tie = counts[ranked[0]] == counts[ranked[1]]
    if tie and ranked[0] in rules.other and ranked[1] not in rules.other:
        ranked[:2] = ranked[1], ranked[0]
    top = ranked[0]
    if top in rules.other or counts[top] < rules.for_other:
        return {}
    return {label: top for label in counts if label in rules.other}


def _secondary(counts: dict[int, int], rules: Rules) -> dict[int, int]:
    top = _by_count(counts)[0]
    if top in rules.other or counts[top] < rules.for_secondary:
        return {}
    return {
        label: top
        for label, count in counts.items()
        if label != top and count == 1 < counts[top] and not _keeps(label, top, counts, rules)
    }


def _keeps(label: int, top: int, counts: dict[int, int], rules: Rules) -> bool:
    """Whether the label is no taxon, or a child of the most frequent one, and so is left to the later steps."""
    if rules.taxonomy is None or len(counts) < 2:
        return False
    text = _text(label, rules)
    return not text or _text(top, rules) in text


def _children(counts: dict[int, int], rules: Rules) -> dict[int, int]:
    if rules.taxonomy is None or len(counts) < 2:
        return {}
    becomes = {}
    for label in counts:
        text = _text(label, rules)
        children = [
            child
            for child in _by_count(counts)
            if child != label and text and text in _text(child, rules) and text != _text(child, rules)
        ]
        if children:
            becomes[label] = max(children, key=lambda child: _level(child, rules) + 0.01 * counts[child])
    return becomes


def _family(counts: dict[int, int], rules: Rules) -> dict[int, int]:
    top = _by_count(counts)[0]
    if rules.taxonomy is None or len(counts) < 2 or top in rules.other or _level(top, rules) <= 5:
        return {}
    best = rules.taxonomy[top]
    becomes = {}
    for label, count in counts.items():
        taxon = rules.taxonomy[label]
        if label == top or taxon is None or best is None or counts[top] < 2:
            continue
        same = taxon[_FAMILY] != "" and taxon[_FAMILY] == best[_FAMILY]
        to_genus = taxon[_FAMILY + 1] == best[_FAMILY + 1] and _level(label, rules) > _level(top, rules)
        if same and not to_genus and count <= rules.same_family and count != counts[top]:
            becomes[label] = top
    return becomes


def _text(label: int, rules: Rules) -> str:
    taxon = rules.taxonomy[label] if rules.taxonomy is not None else None
    return "" if taxon is None else ";".join(taxon).strip(";")


def _level(label: int, rules: Rules) -> int:
    """3 for a taxon known to its class, up to 7 for a species and 8 for a subspecies; 0 for no taxon."""
    taxon = rules.taxonomy[label] if rules.taxonomy is not None else None
    if taxon is None or not taxon[0]:
        return 0
    for depth, part in enumerate(taxon[1:]):
        if not part:
            return 3 + depth
    return 8 if " " in taxon[-1] else 7
