"""Splits of labelled videos by site, stratified by class, and leaks between splits."""

from collections import defaultdict
from collections.abc import Mapping

from wolfdog.errors import LabelsError

from .stratified import assign
from .table import LabelTable

_ENDLESS = 60.0
"""Seconds that a label counts for whose end is not known, in the strata."""


def split_by_site(labels: LabelTable, shares: Mapping[str, float], *, seed: int = 0) -> dict[str, str]:
    """Split for each video: all videos of a site are in one split, and each split has its share of every class.

    See `stratified.assign`.

    Args:
        labels: Of the videos.
        shares: Share of each split; they need not sum to one.
        seed: Of the order of sites that are alike.

    Returns:
        Name of the split of each video.

    Raises:
        LabelsError: There are fewer sites than splits, or a share is not above 0.

    Examples:
        >>> from wolfdog.labels import LabelSpan
        >>> table = LabelTable({f"{site}/a.mp4": [LabelSpan(0, 9, "wolf")] for site in "abcd"})
        >>> sorted(split_by_site(table, {"train": 0.75, "test": 0.25}).values())
        ['test', 'train', 'train', 'train']
    """
    if not shares or not all(share > 0 for share in shares.values()):
        raise LabelsError(f"splits: expected shares above 0, got {dict(shares)}.")
    sites: dict[str, list[str]] = defaultdict(list)
    for name in labels:
        sites[labels.site(name)].append(name)
    if len(sites) < len(shares):
        raise LabelsError(
            f"splits: expected a site for each of {', '.join(shares)}, got {len(sites)}: {', '.join(sorted(sites))}. "
            "Name sites in a column, or put the videos of each into a folder."
        )
    parts = assign({site: _amounts(labels, names) for site, names in sites.items()}, shares, seed=seed)
    return {name: parts[site] for site, names in sites.items() for name in names}


def leaks(labels: LabelTable, contents: Mapping[str, str] | None = None) -> list[str]:
    """Leaks between the splits of some labels: sites and equal files that are in more than one.

    Args:
        labels: With their splits.
        contents: Digest of the contents of each video, where equal files are looked for.

    Returns:
        A message for each leak, which names files.

    Examples:
        >>> table = LabelTable(
        ...     {}, sites={"a.mp4": "x", "b.mp4": "x"}, splits={"a.mp4": "train", "b.mp4": "test"}
        ... )
        >>> leaks(table)
        ['the site x is in the splits train (a.mp4) and test (b.mp4)']
    """
    found = []
    sites = {name: labels.site(name) for name in labels.splits}
    folder_alone = not labels.sites and len(set(sites.values())) == 1  # says nothing about cameras
    groups = [] if folder_alone else [("the site {}", sites)]
    if contents is not None:
        groups.append(("equal files", {name: contents[name] for name in labels.splits if name in contents}))
    for what, keys in groups:
        members: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for name, key in keys.items():
            members[key][labels.splits[name]].append(name)
        for key, by_split in members.items():
            if len(by_split) > 1:
                said = " and ".join(f"{split} ({_some(names)})" for split, names in by_split.items())
                verb = "are" if what == "equal files" else "is"
                found.append(f"{what.format(key)} {verb} in the splits {said}")
    return found


def _amounts(labels: LabelTable, names: list[str]) -> dict[str, float]:
    amounts: dict[str, float] = defaultdict(float)
    for name in names:
        for span in labels[name]:
            length = span.end - span.start
            amounts[span.label] += min(length if span.unit == "seconds" else length / 25, _ENDLESS)
    return dict(amounts)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
