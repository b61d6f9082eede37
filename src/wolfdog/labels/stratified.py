"""Stratified assignment of groups to parts: each part gets its share of every class."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256


def assign(
    amounts: Mapping[str, Mapping[str, float]], shares: Mapping[str, float], *, seed: int = 0
) -> dict[str, str]:
    """Part of each group, so that every part has its share of every class.

    Groups are assigned one after the other, those of the rarest classes first, each to the part that lacks most of the
    rarest class that it shows (iterative stratification, Sechidis et al. 2011, "On the stratification of multi-label
    data"). Where there are as many groups as parts or more, no part is empty.

    Args:
        amounts: For each group, how much it shows of each class.
        shares: Share of each part, above 0; they need not sum to one.
        seed: Of the order of groups that are alike.

    Returns:
        The part of each group.

    Examples:
        >>> groups = {"a": {"wolf": 5}, "b": {"wolf": 5, "dog": 1}, "c": {"dog": 1}, "d": {"wolf": 5}}
        >>> parts = assign(groups, {"one": 0.5, "other": 0.5})
        >>> sorted(parts.values()), parts["b"] != parts["c"]
        (['one', 'one', 'other', 'other'], True)
    """
    totals: dict[str, float] = defaultdict(float)
    shown_by: Counter[str] = Counter()
    for amount in amounts.values():
        for name, shown in amount.items():
            totals[name] += shown
        shown_by.update(amount.keys())
    whole = sum(shares.values())
    lacking = {
        part: {name: total * share / whole for name, total in totals.items()}
        for part, share in shares.items()
    }
    room = {part: len(amounts) * share / whole for part, share in shares.items()}
    held: Counter[str] = Counter()
    parts: dict[str, str] = {}

    def order(group: str) -> tuple[int, bytes]:
        rarest = min((shown_by[name] for name in amounts[group]), default=len(amounts))
        return rarest, sha256(f"{seed} {group}".encode()).digest()

    ordered = sorted(amounts, key=order)
    for number, group in enumerate(ordered):
        empty = [part for part in shares if not held[part]]
        must_fill = len(ordered) - number <= len(empty)
        chosen = _neediest(
            empty if must_fill else shares, amounts[group], lacking, totals, shown_by, room, held
        )
        held[chosen] += 1
        for name, shown in amounts[group].items():
            lacking[chosen][name] -= shown
        parts[group] = chosen
    return parts


def _neediest(
    candidates: Iterable[str],
    amount: Mapping[str, float],
    lacking: Mapping[str, Mapping[str, float]],
    totals: Mapping[str, float],
    shown_by: Mapping[str, int],
    room: Mapping[str, float],
    held: Mapping[str, int],
) -> str:
    """Part that lacks most of the rarest class; of several, the one with most room."""
    rarest = min(amount, key=lambda name: (shown_by[name], name), default=None)

    def need(part: str) -> tuple[float, float]:
        lack = 0.0 if rarest is None else lacking[part][rarest] / max(totals[rarest], 1e-12)
        return round(lack, 9), room[part] - held[part]

    return max(candidates, key=need)
