"""Division of labelled videos into those of the frame classifier and those of the memory."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from ...labels.stratified import assign
from ..data.labelled_video import LabelledVideo

FEW = 4
"""With fewer videos than this, frame classifier and memory are trained on the same ones."""


class Halves(NamedTuple):
    """Two halves of the videos, and the classes that a single video shows, which is in both."""

    first: list[LabelledVideo]
    second: list[LabelledVideo]
    alone: dict[int, str]


def halves(footage: Sequence[LabelledVideo]) -> Halves:
    """Two halves of the videos, each with every class; fewer than four videos are not divided.

    The order is independent of the names. Where every second video leaves a class out of one half, or sites are named,
    videos are divided by class: all videos of a site are in one half if each class is shown at two sites or more. A
    video that alone shows a class is in both halves.

    Args:
        footage: Labelled videos.

    Returns:
        Both halves, or all videos twice; and by class the name of the video that alone shows it.

    Examples:
        >>> import numpy as np
        >>> nothing, none = np.zeros(0), np.zeros(0, np.int64)
        >>> footage = [LabelledVideo(f"{n}.mp4", nothing, none, none, (), nothing) for n in range(5)]
        >>> [len(half) for half in halves(footage)[:2]], [len(half) for half in halves(footage[:3])[:2]]
        ([3, 2], [3, 3])
    """
    shown: dict[int, list[LabelledVideo]] = {}
    for video in footage:
        for label in video.classes:
            shown.setdefault(label, []).append(video)
    if len(footage) < FEW:
        return Halves(list(footage), list(footage), {})
    alone = {label: videos[0] for label, videos in shown.items() if len(videos) == 1}
    mixed = sorted(footage, key=lambda video: sha256(video.name.encode()).digest())
    first, second = mixed[::2], mixed[1::2]
    by_site = len({video.site for video in footage if video.site}) > 1
    if by_site or any(_shows(first, label) != _shows(second, label) for label in shown):
        first, second = _stratified(mixed, shown)
    for video in alone.values():
        for half in (first, second):
            if video not in half:
                half.append(video)
    return Halves(first, second, {label: video.name for label, video in alone.items()})


def _shows(half: Sequence[LabelledVideo], label: int) -> bool:
    return any(label in video.classes for video in half)


def _stratified(
    footage: Sequence[LabelledVideo], shown: dict[int, list[LabelledVideo]]
) -> tuple[list[LabelledVideo], list[LabelledVideo]]:
    sites = {video.name: video.site or video.name for video in footage}
    enough = all(
        len({sites[video.name] for video in videos}) > 1 for videos in shown.values() if len(videos) > 1
    )
    group = (
        sites if enough and len(set(sites.values())) >= FEW else {video.name: video.name for video in footage}
    )
    amounts: dict[str, dict[str, float]] = {name: {} for name in group.values()}
    for video in footage:
        amount = amounts[group[video.name]]
        for label in video.classes:
            frames = int((video.labels == label).sum()) + int((video.further[:, 1] == label).sum())
            frames += sum(len(bag.frames) for bag in video.bags if label in bag.classes)
            amount[str(label)] = amount.get(str(label), 0.0) + frames
    parts = assign(amounts, {"first": 0.5, "second": 0.5})
    chosen = [parts[group[video.name]] == "first" for video in footage]
    return (
        [video for video, one in zip(footage, chosen, strict=True) if one],
        [video for video, one in zip(footage, chosen, strict=True) if not one],
    )


def class_warnings(
    footage: Sequence[LabelledVideo], classes: Sequence[str], *, joint: bool = False
) -> list[str]:
    """Messages about classes that no video shows, or a single one.

    Args:
        footage: Labelled videos.
        classes: Names of the classes.
        joint: Whether frame classifier and memory are trained together.
    """
    found = []
    joint_too = "" if any(video.bags for video in footage) else ", or add --mode joint"  # which takes no bags
    for number, name in enumerate(classes):
        shown = [video.name for video in footage if number in video.classes]
        if not shown:
            found.append(
                f"{name}: no frame that was looked at has this label; its context label is the snapshot's"
            )
        elif len(shown) == 1 and len(footage) >= FEW and not joint:
            found.append(
                f"{name}: only {shown[0]} shows it, so that frame classifier and memory are trained on the same frames "
                f"of it. Label another video{joint_too}"
            )
    return found
