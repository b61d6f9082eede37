"""Multiple-instance learning of a frame classifier: labels that hold for at least one frame of a file or sequence."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...labels.rows import is_blank
from ..data.labelled_video import UNLABELLED, LabelledVideo
from ..model.frame_classifier import FrameClassifier
from .bags import expected_targets

BATCH = 256
"""Frames that go through the frame classifier together."""

Targets = list[NDArray[np.float32]]
"""Targets [F, K] of each video; zeros outside of bags."""


def blank_class(classes: Sequence[str]) -> int | None:
    """Position of the class that says that nothing is there; None without one.

    Examples:
        >>> blank_class(["fox", "empty"]), blank_class(["fox", "wolf"])
        (1, None)
    """
    return next((number for number, name in enumerate(classes) if is_blank(name)), None)


def first_targets(footage: Sequence[LabelledVideo], classes: int) -> Targets:
    """Targets before anything is learned: each frame of a bag shows the classes of the bag.

    Args:
        footage: Labelled videos.
        classes: Number of classes, K.

    Returns:
        The targets.
    """
    targets = [np.zeros((len(video), classes), np.float32) for video in footage]
    for video, of_one in zip(footage, targets, strict=True):
        for bag in video.bags:
            of_one[np.ix_(bag.frames, np.array(bag.classes))] = 1 / len(bag.classes)
    return targets


def bag_frame_targets(
    footage: Sequence[LabelledVideo], probabilities: Sequence[NDArray[np.float32]], blank: int | None
) -> Targets:
    """Targets of the frames of bags, given what a classifier says of them; see `bag_targets`.

    Args:
        footage: Labelled videos.
        probabilities: Probabilities [F, K] of each video.
        blank: Position of the class that says that nothing is there.

    Returns:
        The targets.
    """
    targets = [np.zeros_like(p) for p in probabilities]
    parts: dict[str, list[tuple[int, NDArray[np.int64]]]] = {}
    classes: dict[str, dict[int, None]] = {}
    for number, video in enumerate(footage):
        for bag in video.bags:
            parts.setdefault(bag.name, []).append((number, bag.frames))
            classes.setdefault(bag.name, {}).update(dict.fromkeys(bag.classes))
    for name, members in parts.items():
        p = np.concatenate([probabilities[number][frames] for number, frames in members])
        expected = expected_targets(p, tuple(classes[name]), blank)
        done = 0
        for number, frames in members:
            targets[number][frames] = expected[done : done + len(frames)]
            done += len(frames)
    return targets


@torch.no_grad()
def snapshot_probabilities(module: FrameClassifier, footage: Sequence[LabelledVideo]) -> Targets:
    """Probabilities of a frame classifier for the frames of bags; zeros elsewhere.

    Args:
        module: The classifier, in the mode that it is to run in.
        footage: Labelled videos, of frames or of the classifier's embeddings.

    Returns:
        Probabilities [F, K] of each video.
    """
    found = []
    for video in footage:
        p = np.zeros((len(video), module.snapshot.out_features), np.float32)
        rows = (
            np.unique(np.concatenate([bag.frames for bag in video.bags])) if video.bags else np.empty(0, int)
        )
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            events = torch.from_numpy(video.events[some])
            logits = module(events)[1] if video.events.dtype == np.uint8 else module.snapshot(events)
            p[some] = logits.softmax(-1).numpy()
        found.append(p)
    return found


def resolve_bags(
    module: FrameClassifier, footage: Sequence[LabelledVideo], classes: Sequence[str], seed: int
) -> list[LabelledVideo]:
    """Videos in which each frame of a bag has a label of its own, drawn with the probabilities of `bag_frame_targets`.

    Labels are drawn rather than chosen as the most probable, so that a calibration on them stays true. A frame that
    shows none of the bag's classes is blank, where there is such a class, and else without a label.

    Args:
        module: Frame classifier.
        footage: Labelled videos of its embeddings.
        classes: Names of the classes.
        seed: Of the drawing.

    Returns:
        The videos, without bags.
    """
    if not any(video.bags for video in footage):
        return list(footage)
    module.eval()
    rng = np.random.default_rng([seed, 2])
    targets = bag_frame_targets(footage, snapshot_probabilities(module, footage), blank_class(classes))
    resolved = []
    for video, of_one in zip(footage, targets, strict=True):
        labels = video.labels.copy()
        for bag in video.bags:
            reached = of_one[bag.frames].cumsum(1)
            drawn = (reached < rng.random((len(bag.frames), 1))).sum(1)
            labels[bag.frames] = np.where(drawn < len(classes), drawn, UNLABELLED)
        resolved.append(replace(video, labels=labels, bags=()))
    return resolved
