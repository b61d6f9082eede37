"""Watchers held against labels, against each other, and against the ideal observer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

from ...errors import InputError, LabelsError
from ...labels import LabelSpan, spans_at
from ...tv import IdealObserver, World
from ..data.labelled_video import UNLABELLED, LabelledVideo
from ..model.context import Context
from ..model.frame_classifier import FrameClassifier
from ..model.unremembered import left_to_snapshot
from ..predictions import Predictions
from .metrics import Labels, Mask, gap_since

Probabilities = NDArray[np.float64]

SMALL = 200_000
"""Moments of all videos side by side, padding included, that any machine has room for."""

SNAPSHOT, IDEAL, IDEAL_GIVEN_CLASSIFIER = "snapshot", "ideal", "ideal, given classifier"


@dataclass(frozen=True, eq=False)
class ObserverPredictions:
    """Probabilities of several observers on labelled videos, all videos laid end to end.

    Args:
        classes: their names.
        truth: [F] indices into classes, UNLABELLED where nobody knows.
        gap: [F] frames since the last informative frame of the same video, -1 before any.
        ambiguous: [F], whether a frame alone cannot tell its label from another.
        probabilities: for each observer [F, classes] probabilities.
    """

    classes: tuple[str, ...]
    truth: Labels
    gap: Labels
    ambiguous: Mask
    probabilities: dict[str, Probabilities]

    def right(self) -> dict[str, Mask]:
        """For each observer [F], whether its most probable label is the true one."""
        return {
            name: probabilities.argmax(-1) == self.truth for name, probabilities in self.probabilities.items()
        }


def observe(
    frame_classifier: FrameClassifier,
    contexts: Mapping[str, Context],
    footage: Sequence[LabelledVideo],
    classes: Sequence[str],
    world: World | None,
) -> ObserverPredictions:
    """Probabilities of the frame classifier alone and of each context for `videos`, whose events are the frame
    classifier's embeddings.

    With a `world`, what is informative and ambiguous is read off it and the ideal observer speaks too, with a
    perfect frame classifier and with this one; that takes videos labelled throughout.

    Raises InputError when the world's labels are not the classes, or a video has gaps that the observer
    cannot watch.
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
    )


def observe_table(
    table: Predictions, labels: Mapping[str, Sequence[LabelSpan]], *, context: str = "context"
) -> ObserverPredictions:
    """Predictions of a table against labels: of the classifier and, where the table has one, of the context.

    Args:
        table: Its media are named as the videos in `labels`; rows of other media are left out.
        labels: Spans of each video.
        context: Name of the context's observer.

    Raises:
        InputError: No row is of a labelled video.
        LabelsError: A label is none of the table's classes.
    """
    known = table.take(np.isin(table.media.astype(str), list(labels)))
    if not len(known):
        some = ", ".join(dict.fromkeys(table.media.tolist())) or "none"
        raise InputError(f"the labels name none of the videos of these predictions ({some[:200]})")
    truth = np.full(len(known), UNLABELLED, np.int64)
    for name in dict.fromkeys(known.media.tolist()):
        spans, rows = labels[name], np.flatnonzero(known.media == name)
        strange = sorted({span.label for span in spans} - set(table.classes))
        if strange:
            raise LabelsError(
                f"{name}: labelled {strange[0]!r}; the predictions have {', '.join(table.classes)}"
            )
        index = np.array([table.classes.index(span.label) for span in spans] + [UNLABELLED])
        truth[rows] = index[spans_at(spans, known.time[rows], known.frame[rows])]
    probabilities = {SNAPSHOT: known.probabilities.astype(np.float64)}
    if known.context is not None:
        probabilities[context] = known.context.astype(np.float64)
    nothing = np.zeros(len(known), bool)
    return ObserverPredictions(
        table.classes, truth, np.full(len(known), -1, np.int64), nothing, probabilities
    )


@torch.no_grad()
def remember(context: Context, footage: Sequence[LabelledVideo], chunk: int = 256) -> list[Probabilities]:
    """Context probabilities of each video, [F, classes].

    Videos of similar lengths run side by side, so that the padding needs no more memory than the longest one.

    Args:
        context: Trained.
        footage: Videos of embeddings.
        chunk: Moments that are run in one call.
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
            observer.given_classifier(classifier_probabilities[:, None, order], prior[order], cuts)[
                :, 0, back
            ]
        )
    return {IDEAL: perfect, IDEAL_GIVEN_CLASSIFIER: given}
