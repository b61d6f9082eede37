"""Training on a pretrained classifier's features: a linear head, and a memory over its predictions."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..classifiers.linear_head import LinearHead
from ..data.labelled_video import UNLABELLED, LabelledVideo
from ..distributed import SINGLE, Processes
from ..model.config import WatcherConfig
from ..model.context import Context
from ..model.registry import NO_MEMORY
from ..predictions import Predictions
from ..progress import Stages
from ..smoothing import AnyClass, Method, NoSmoothing
from ..smoothing.fit import fit_memory
from .context_method import ContextMethod, memory_events
from .cross_fitting import cross_fit
from .jobs import ContextJob
from .labelled_features import LabelledFeatures
from .settings import ContextTraining

ANY_CLASS = "any-class"
"""Memory that comes with wolfdog, with heads for the user's classes."""


@dataclass(frozen=True, kw_only=True)
class FreshMemory:
    """Memory that is trained from random weights on the head's predictions.

    Args:
        config: Of the memory; see `context_config`.
        training: Settings of its training.
        seed: Of the training.
        checkpoint: File from which an interrupted training resumes.
        save_every: Steps between two checkpoints.
    """

    config: WatcherConfig
    training: ContextTraining
    seed: int = 0
    checkpoint: Path | None = None
    save_every: int = 100


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """Result of the training.

    Attributes:
        head: On the classifier's features.
        memory: Over the head's predictions.
        penalty: Of the head.
        right: Accuracy on labelled frames of held-out videos, of the head and of the untrained any-class memory; None
            where no frame could be evaluated.
        warnings: Warnings for the user.
    """

    head: LinearHead
    memory: Method
    penalty: float
    right: tuple[float, float] | None
    warnings: tuple[str, ...]


def train_head(
    data: LabelledFeatures,
    *,
    memory: str | FreshMemory,
    classifier: str,
    stages: Stages,
    processes: Processes = SINGLE,
) -> TrainedHead:
    """Linear head on the features, and a memory over its predictions of held-out videos.

    The memory is trained on held-out predictions, since a head is more confident on its own training frames than on new
    ones. The any-class memory gets heads for these classes where two videos or more have labels, and only where they
    are better on held-out videos.

    Args:
        data: Labelled features.
        memory: "any-class", "none", or a memory that is trained from random weights.
        classifier: Name of the classifier that gave the features.
        stages: Shows progress.
        processes: Processes that train the memory together, each with the same features.

    Returns:
        The head, the memory, and their accuracy.

    Several labels of a frame have equal weights, and frames of bags expected ones; see `bag_targets`.

    Raises:
        InputError: No frame has a label, or there is no such memory.
    """
    if not isinstance(memory, FreshMemory) and memory not in (ANY_CLASS, NO_MEMORY):
        raise InputError(f"memory: expected {ANY_CLASS} or {NO_MEMORY}, got {memory!r}.")
    targets = data.targets()
    labels = np.where(targets.max(1) >= 0.5, targets.argmax(1), -1)
    several = np.flatnonzero(data.present.sum(1) > 1)
    labels[several] = data.present[several].argmax(1)
    plain = bool(np.isin(targets, (0, 1)).all())
    with stages("fitting the head", 1) as done:
        fit = processes.from_first(
            lambda: cross_fit(
                data.features, labels, data.group.tolist(), data.classes, targets=None if plain else targets
            )
        )
        done(1, f"penalty {fit.penalty:g}")
    table = data.predictions(fit.probabilities, classifier)
    labels[several] = np.where(data.present[several], fit.probabilities[several], -1).argmax(1)
    judged = (labels >= 0) & ~fit.unseen
    right = None
    if judged.any():
        context = AnyClass().smooth(table).labels(context=True)
        right = (_accuracy(table.labels(), labels, data, judged), _accuracy(context, labels, data, judged))
    method: Method = NoSmoothing()
    known = np.where(fit.unseen, -1, labels)
    if isinstance(memory, FreshMemory):
        method = _fresh(memory, table, known, stages, processes)
    elif memory == ANY_CLASS:
        method = AnyClass()
        if len(dict.fromkeys(data.deployment[known >= 0].tolist())) > 1:
            with stages("training the memory", 1) as done:
                method = fit_memory(table, known, processes=processes)
                done(1, "")
    return TrainedHead(fit.head, method, fit.penalty, right, tuple(_warnings(data, labels, fit.unseen)))


def _accuracy(
    said: NDArray[np.int64], labels: NDArray[np.int64], data: LabelledFeatures, judged: NDArray[np.bool_]
) -> float:
    """Share of frames whose label is right: one of those that hold, or the most probable one in a bag."""
    right = (said == labels) | data.present[np.arange(len(said)), said]
    return float(right[judged].mean())


def _fresh(
    memory: FreshMemory,
    table: Predictions,
    labels: NDArray[np.int64],
    stages: Stages,
    processes: Processes,
) -> ContextMethod:
    """Memory trained on the head's predictions of held-out videos; what it never saw is left to the head."""
    footage = []
    for name, rows in table.stream_rows():
        known = labels[rows]
        spans = np.cumsum(np.diff(known, prepend=known[:1]) != 0)
        footage.append(
            LabelledVideo(
                name,
                table.time[rows],
                np.where(known >= 0, known, UNLABELLED),
                np.where(known >= 0, spans, -1),
                ("",) * (int(spans.max(initial=0)) + 1),
                memory_events(table.probabilities[rows]),
            )
        )
    job = ContextJob(
        memory.config,
        footage,
        memory.training,
        memory.seed,
        checkpoint=memory.checkpoint,
        save_every=memory.save_every,
        processes=processes,
    )
    with stages(f"training the memory: {memory.config.memory}", memory.training.plan.steps) as done:
        context = job.run(lambda made: done(made.step, f"loss {made.loss:.3f}"))
    seen = set(np.unique(labels[labels >= 0]).tolist())
    unseen = tuple(name for number, name in enumerate(memory.config.classes) if number not in seen)
    config = replace(memory.config, unremembered=unseen)
    whole = Context.of(config)
    whole.load_state_dict(context.state_dict())
    return ContextMethod(config=config, context=whole.eval())


def _warnings(data: LabelledFeatures, labels: NDArray[np.int64], unseen: NDArray[np.bool_]) -> list[str]:
    found = []
    for number, name in enumerate(data.classes):
        rows = data.present[:, number] | (labels == number)
        if not rows.any():
            found.append(f"{name}: no frame that was looked at has this label; it will never be given")
        elif unseen[rows].any():
            [*groups] = dict.fromkeys(data.group[rows].tolist())
            found.append(
                f"{name}: only {groups[0]} shows it, so that nothing says how well it is recognised elsewhere, and the "
                "memory was not trained on it: its context label is the snapshot's. Label another video"
            )
    return found
