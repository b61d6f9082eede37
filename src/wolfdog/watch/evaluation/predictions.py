"""Watchers held against labels, against each other, and against the ideal observer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

from ...errors import InputError
from ...tv import IdealObserver, World
from ..data.labelled_video import UNLABELLED, Reel
from ..model.context import Context
from ..model.frame_classifier import Eye
from .metrics import Labels, Mask, gap_since

Probabilities = NDArray[np.float64]

SNAPSHOT, IDEAL, IDEAL_EYE = "snapshot", "ideal", "ideal, this eye"


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What was said of labelled footage, all reels laid end to end.

    Args:
        classes: their names.
        truth: [F] indices into classes, UNLABELLED where nobody knows.
        gap: [F] frames since the last telling frame of the same reel, -1 before any.
        ambiguous: [F], whether a frame alone cannot tell its label from another.
        said: for each observer [F, classes] probabilities.
    """

    classes: tuple[str, ...]
    truth: Labels
    gap: Labels
    ambiguous: Mask
    said: dict[str, Probabilities]

    def right(self) -> dict[str, Mask]:
        """For each observer [F], whether its most probable label is the true one."""
        return {name: said.argmax(-1) == self.truth for name, said in self.said.items()}


def verdicts(
    eye: Eye,
    contexts: Mapping[str, Context],
    reels: Sequence[Reel],
    classes: Sequence[str],
    world: World | None,
) -> Verdicts:
    """What the eye alone and each context say of `reels`, whose events are the eye's embeddings.

    With a `world`, what is telling and ambiguous is read off it and the ideal observer speaks too, with a
    perfect eye and with this one; that takes reels labelled throughout.

    Raises InputError when the world's labels are not the classes, or a reel has gaps that the observer
    cannot watch.
    """
    said = {SNAPSHOT: [_snapshot(eye, reel) for reel in reels]}
    said |= {name: remember(context, reels) for name, context in contexts.items()}
    telling = ambiguous = np.zeros(len(classes), bool)
    if world is not None:
        telling, ambiguous = (
            np.isin(classes, names) for names in (list(world.telling_labels), list(world.ambiguous_labels))
        )
        said |= _ideal(world, reels, said[SNAPSHOT], eye.prior.double().numpy(), classes)
    truth = np.concatenate([reel.labels for reel in reels])
    return Verdicts(
        tuple(classes),
        truth,
        np.concatenate([gap_since(_among(telling, reel.labels)) for reel in reels]),
        _among(ambiguous, truth),
        {name: np.concatenate(parts) for name, parts in said.items()},
    )


@torch.no_grad()
def remember(context: Context, reels: Sequence[Reel], chunk: int = 256) -> list[Probabilities]:
    """For each reel [F, classes], what the context says of it, beginning to end; all are watched side by side."""
    context.eval()
    events = pad_sequence([torch.from_numpy(reel.events) for reel in reels])  # [longest, N, E]
    times = pad_sequence([torch.from_numpy(reel.times) for reel in reels])  # [longest, N]
    state, parts = None, []
    for start in range(0, len(events), chunk):
        piece = slice(start, start + chunk)
        logits, state = context(events[piece], state, times=times[piece])
        parts.append(logits.double().softmax(-1))
    said = torch.cat(parts).numpy()
    return [said[: len(reel), number] for number, reel in enumerate(reels)]


@torch.no_grad()
def _snapshot(eye: Eye, reel: Reel) -> Probabilities:
    said: Probabilities = eye.snapshot(torch.from_numpy(reel.events)).double().softmax(-1).numpy()
    return said


def _among(chosen: Mask, labels: Labels) -> Mask:
    """[F] whether each label is one of the chosen classes [classes]; an unlabelled moment is not."""
    return np.append(chosen, False)[np.where(labels == UNLABELLED, -1, labels)]


def _ideal(
    world: World,
    reels: Sequence[Reel],
    snapshot: Sequence[Probabilities],
    prior: Probabilities,
    classes: Sequence[str],
) -> dict[str, list[Probabilities]]:
    if set(world.labels) != set(classes):
        raise InputError(
            f"the world {world.name!r} has the labels {', '.join(world.labels)}, the watcher "
            f"{', '.join(classes)}: give the world that was broadcast (trained with it, a watcher knows all its labels)"
        )
    for reel in reels:
        if (reel.labels == UNLABELLED).any():
            raise InputError(
                f"{reel.name}: the ideal observer needs a label at every moment, and some have none"
            )
    observer = IdealObserver(world)
    order = [list(classes).index(label) for label in world.labels]  # world's label -> class
    back = np.argsort(order)
    looks = np.array([world.look(label) for label in classes])
    alike = (looks[:, None] == looks).astype(np.float64)  # [classes, classes]
    perfect, given = [], []
    for reel, eye_said in zip(reels, snapshot, strict=True):
        evidence = alike[reel.labels][:, None, order]  # [F, 1, labels]
        perfect.append(observer.filter(evidence).labels[:, 0, back])
        cuts = np.diff(reel.spans, prepend=-1)[:, None] != 0
        given.append(observer.given_eye(eye_said[:, None, order], prior[order], cuts)[:, 0, back])
    return {IDEAL: perfect, IDEAL_EYE: given}
