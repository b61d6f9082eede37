"""Probabilities of several observers on labelled videos: frame classifier, contexts, ideal observer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

from ...errors import InputError
from ...tv import IdealObserver, World
from ..data.labelled_video import UNLABELLED, LabelledVideo
from ..model.context import Context
from ..model.frame_classifier import FrameClassifier
from ..model.unremembered import left_to_snapshot
from ..predictions.bags import LabelledBag
from .bag_scores import BagScores, bag_scores
from .metrics import Labels, Mask, gap_since

Probabilities = NDArray[np.float64]

SMALL = 200_000
"""Moments of all videos side by side, padding included, that any machine has room for."""

SNAPSHOT, IDEAL, IDEAL_GIVEN_CLASSIFIER = "snapshot", "ideal", "ideal, given classifier"


@dataclass(frozen=True, eq=False)
class ObserverPredictions:
    """Probabilities of several observers on labelled videos, which are concatenated.

    Args:
        classes: Names of the classes.
        truth: True labels [F], indices into the classes; UNLABELLED where there is none.
        gap: Frames since the last informative frame of the same video [F], -1 before the first.
        ambiguous: Whether a single frame cannot decide the label [F].
        probabilities: Probabilities [F, classes] of each observer.
        further: Whether a class is labelled besides [F, classes], where several hold at a time; None if none do.
        bags: Labels of whole files and sequences; `truth` says nothing of their frames.
    """

    classes: tuple[str, ...]
    truth: Labels
    gap: Labels
    ambiguous: Mask
    probabilities: dict[str, Probabilities]
    further: NDArray[np.bool_] | None = None
    bags: tuple[LabelledBag, ...] = ()

    def truth_for(self, name: str) -> Labels:
        """True labels [F] that an observer is judged by: where several hold, its own label if it is one of them.

        Args:
            name: Name of the observer.

        Returns:
            The labels.
        """
        if self.further is None:
            return self.truth
        said = self.probabilities[name].argmax(-1)
        among = np.take_along_axis(self.further, said[:, None], 1)[:, 0]
        return np.where(among, said, self.truth)

    def right(self) -> dict[str, Mask]:
        """For each observer, whether its most probable label is the true one [F]."""
        return {
            name: probabilities.argmax(-1) == self.truth_for(name)
            for name, probabilities in self.probabilities.items()
        }

    def of_bags(self) -> dict[str, BagScores]:
        """For each observer, its scores over whole files and sequences; empty without bags."""
        if not self.bags:
            return {}
        return {
            name: bag_scores(self.bags, probabilities.argmax(-1), self.classes)
            for name, probabilities in self.probabilities.items()
        }


def observe(
    frame_classifier: FrameClassifier,
    contexts: Mapping[str, Context],
    footage: Sequence[LabelledVideo],
    classes: Sequence[str],
    world: World | None,
) -> ObserverPredictions:
    """Probabilities of the frame classifier alone and of each context on labelled videos.

    With a world, its informative and ambiguous labels are known, and the ideal observer is added twice: given a perfect
    frame classifier, and given this one.

    Args:
        frame_classifier: Network whose embeddings the videos hold.
        contexts: Contexts by name.
        footage: Labelled videos of embeddings.
        classes: Names of the classes.
        world: World of the videos; None if there is none. It needs videos that are labelled throughout.

    Returns:
        The probabilities.

    Raises:
        InputError: The labels of the world are not the classes, or a video with a world has unlabelled moments.
    """
    probabilities = {SNAPSHOT: [_snapshot(frame_classifier, video) for video in footage]}
    probabilities |= {
        name: [
            left_to_snapshot(
                torch.from_numpy(said).log(), torch.from_numpy(alone).log(), context.unremembered
            )
            .softmax(-1)
            .numpy()
            if bool(context.unremembered.any())
            else said
            for said, alone in zip(remember(context, footage), probabilities[SNAPSHOT], strict=True)
        ]
        for name, context in contexts.items()
    }
    informative = ambiguous = np.zeros(len(classes), bool)
    if world is not None:
        informative, ambiguous = (
            np.isin(classes, names)
            for names in (list(world.informative_labels), list(world.ambiguous_labels))
        )
        probabilities |= _ideal(
            world, footage, probabilities[SNAPSHOT], frame_classifier.prior.double().numpy(), classes
        )
    truth = np.concatenate([video.labels for video in footage])
    return ObserverPredictions(
        tuple(classes),
        truth,
        np.concatenate([gap_since(_among(informative, video.labels)) for video in footage]),
        _among(ambiguous, truth),
        {name: np.concatenate(parts) for name, parts in probabilities.items()},
        _further(footage, len(classes)),
        _bags(footage, classes),
    )


def _bags(footage: Sequence[LabelledVideo], classes: Sequence[str]) -> tuple[LabelledBag, ...]:
    """Bags of all videos; those of one name are one."""
    rows: dict[str, list[Labels]] = {}
    labels: dict[str, dict[str, None]] = {}
    start = 0
    for video in footage:
        for bag in video.bags:
            rows.setdefault(bag.name, []).append(start + bag.frames)
            labels.setdefault(bag.name, {}).update(dict.fromkeys(classes[k] for k in bag.classes))
        start += len(video)
    return tuple(
        LabelledBag(name, np.concatenate(parts), tuple(labels[name])) for name, parts in rows.items()
    )


def _further(footage: Sequence[LabelledVideo], classes: int) -> NDArray[np.bool_] | None:
    """Labels besides the first one of each frame; None where no frame has several."""
    if not any(len(video.further) for video in footage):
        return None
    parts = [np.zeros((len(video), classes), bool) for video in footage]
    for video, part in zip(footage, parts, strict=True):
        part[video.further[:, 0], video.further[:, 1]] = True
    return np.concatenate(parts)


@torch.no_grad()
def remember(context: Context, footage: Sequence[LabelledVideo], chunk: int = 256) -> list[Probabilities]:
    """Probabilities [F, classes] of a context for each video, which it watches from beginning to end.

    Videos of similar lengths run side by side, so that the padding needs no more memory than the longest one.

    Args:
        context: The context.
        footage: Labelled videos of embeddings.
        chunk: Frames in a step.

    Returns:
        Probabilities of each video.
    """
    context.eval()
    found: list[Probabilities] = [np.empty((0, context.head.out_features))] * len(footage)
    for group in _side_by_side([len(video) for video in footage]):
        for number, probabilities in zip(
            group, _remember(context, [footage[number] for number in group], chunk), strict=True
        ):
            found[number] = probabilities
    return found


def _side_by_side(lengths: Sequence[int]) -> list[list[int]]:
    """Groups of videos whose padded size is at most that of the longest, or `SMALL`."""
    most = max(SMALL, max(lengths, default=0))
    groups: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= most:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _remember(context: Context, footage: Sequence[LabelledVideo], chunk: int) -> list[Probabilities]:
    events = pad_sequence([torch.from_numpy(video.events) for video in footage])  # [longest, N, E]
    times = pad_sequence([torch.from_numpy(video.times) for video in footage])  # [longest, N]
    state, parts = None, []
    for start in range(0, len(events), chunk):
        piece = slice(start, start + chunk)
        logits, state = context(events[piece], state, times=times[piece])
        parts.append(logits.double().softmax(-1))
    probabilities = torch.cat(parts).numpy()
    return [probabilities[: len(video), number].copy() for number, video in enumerate(footage)]


@torch.no_grad()
def _snapshot(frame_classifier: FrameClassifier, video: LabelledVideo) -> Probabilities:
    probabilities: Probabilities = (
        frame_classifier.snapshot(torch.from_numpy(video.events)).double().softmax(-1).numpy()
    )
    return probabilities


def _among(chosen: Mask, labels: Labels) -> Mask:
    """[F] whether each label is one of the chosen classes [classes]; an unlabelled moment is not."""
    return np.append(chosen, False)[np.where(labels == UNLABELLED, -1, labels)]


def _ideal(
    world: World,
    footage: Sequence[LabelledVideo],
    snapshot: Sequence[Probabilities],
    prior: Probabilities,
    classes: Sequence[str],
) -> dict[str, list[Probabilities]]:
    if set(world.labels) != set(classes):
        raise InputError(
            f"the world {world.name!r} has the labels {', '.join(world.labels)}, the watcher "
            f"{', '.join(classes)}: give the world that was broadcast (trained with it, a watcher knows all its labels)"
        )
    for video in footage:
        if (video.labels == UNLABELLED).any():
            raise InputError(
                f"{video.name}: the ideal observer needs a label at every moment, and some have none"
            )
    observer = IdealObserver(world)
    order = [list(classes).index(label) for label in world.labels]  # world's label -> class
    back = np.argsort(order)
    looks = np.array([world.look(label) for label in classes])
    alike = (looks[:, None] == looks).astype(np.float64)  # [classes, classes]
    perfect, given = [], []
    for video, classifier_probabilities in zip(footage, snapshot, strict=True):
        evidence = alike[video.labels][:, None, order]  # [F, 1, labels]
        perfect.append(observer.filter(evidence).labels[:, 0, back])
        cuts = np.diff(video.spans, prepend=-1)[:, None] != 0
        given.append(
            observer.given_classifier(classifier_probabilities[:, None, order], prior[order], cuts=cuts)[
                :, 0, back
            ]
        )
    return {IDEAL: perfect, IDEAL_GIVEN_CLASSIFIER: given}
