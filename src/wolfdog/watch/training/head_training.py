"""Training on a pretrained classifier's features: a linear head, and a memory over its predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, LabelsError, MediaError
from ...labels import LabelSpan, spans_at
from ..classifiers.array_cache import ArrayCache
from ..classifiers.chosen_frames import LookOptions
from ..classifiers.classifier import Classifier
from ..classifiers.linear_head import LinearHead
from ..classifiers.looks import Looks
from ..classifiers.video_classification import classify_video
from ..data.labelled_video import UNLABELLED, LabelledVideo
from ..model.config import WatcherConfig
from ..model.registry import NO_MEMORY
from ..predictions import Predictions
from ..progress import Stages
from ..smoothing import AnyClass, Method, NoSmoothing
from ..smoothing.fit import fit_memory
from ..video.sampling import Rate
from .context_method import ContextMethod, memory_events
from .cross_fitting import cross_fit
from .jobs import ContextJob
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
class LabelledFeatures:
    """Features of the frames of labelled videos, all videos concatenated.

    Attributes:
        classes: K names.
        features: float32 [N, F].
        labels: [N] positions of classes, -1 where no span covers the frame.
        media: [N] names of the videos.
        frame: [N] numbers of the frames in their videos.
        time: [N] seconds.
        duration: [N] seconds that each frame lasts.
        troubles: Error messages of videos that could not be read to their end.
    """

    classes: tuple[str, ...]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    media: NDArray[np.object_]
    frame: NDArray[np.int64]
    time: NDArray[np.float64]
    duration: NDArray[np.float64]
    troubles: tuple[str, ...]

    def predictions(self, probabilities: NDArray[np.float32], classifier: str) -> Predictions:
        """Predictions table of these frames, each video a deployment.

        Args:
            probabilities: [N, K].
            classifier: Name of the classifier.

        Returns:
            The table.
        """
        return Predictions.from_columns(
            self.classes,
            probabilities,
            time=self.time,
            duration=self.duration,
            deployment=self.media,
            media=self.media,
            frame=self.frame,
            classifier=classifier,
        )


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


def read_features(
    videos: Sequence[Path],
    root: Path,
    labels: Mapping[str, Sequence[LabelSpan]],
    classes: tuple[str, ...],
    classifier: Classifier,
    *,
    fps: float,
    stages: Stages,
    cache: ArrayCache | None = None,
) -> LabelledFeatures:
    """Features of the videos that have labels.

    Of a video that is damaged, the frames before the damage are used.

    Args:
        videos: Files.
        root: Folder that the names in `labels` start from.
        labels: Spans of each video.
        classes: K names.
        classifier: Gives the features.
        fps: Frames a second that are read.
        stages: Shows progress.
        cache: Store of features.

    Returns:
        The features, in order of video and time.

    Raises:
        InputError: No video has labels, or none that has can be read.
        LabelsError: A label is none of `classes`.
    """
    named = [(path, path.relative_to(root).as_posix()) for path in videos]
    wanted = [(path, name) for path, name in named if name in labels]
    for _, name in wanted:
        strange = sorted({span.label for span in labels[name]} - set(classes))
        if strange:
            raise LabelsError(f"{name}: labelled {strange[0]!r}; expected one of {', '.join(classes)}")
    if not wanted:
        raise InputError(f"{root}: none of its videos is named in the labels file.")
    parts: list[tuple[str, Looks]] = []
    troubles: list[str] = []
    options = LookOptions(sampling=Rate(fps))
    with stages("looking at the videos", len(wanted)) as done:
        for number, (path, name) in enumerate(wanted):
            try:
                parts.extend(
                    (name, looks) for looks in classify_video(path, classifier, options=options, cache=cache)
                )
            except MediaError as error:
                troubles.append(str(error))
            done(number + 1, "")
    if not parts:
        raise InputError(f"{root}: no labelled video can be read: {troubles[0] if troubles else 'no frames'}")
    return LabelledFeatures(
        classes,
        np.concatenate([looks.features for _, looks in parts]),
        np.concatenate([_labels(looks.time, labels[name], classes) for name, looks in parts]),
        np.concatenate([np.full(len(looks), name, object) for name, looks in parts]),
        np.concatenate([looks.frame for _, looks in parts]),
        np.concatenate([looks.time for _, looks in parts]),
        np.concatenate([looks.duration for _, looks in parts]),
        tuple(troubles),
    )


def train_head(
    data: LabelledFeatures, *, memory: str | FreshMemory, classifier: str, stages: Stages
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

    Returns:
        The head, the memory, and their accuracy.

    Raises:
        InputError: No frame has a label, or there is no such memory.
    """
    if not isinstance(memory, FreshMemory) and memory not in (ANY_CLASS, NO_MEMORY):
        raise InputError(f"memory: expected {ANY_CLASS} or {NO_MEMORY}, got {memory!r}.")
    with stages("fitting the head", 1) as done:
        fit = cross_fit(data.features, data.labels, data.media.tolist(), data.classes)
        done(1, f"penalty {fit.penalty:g}")
    table = data.predictions(fit.probabilities, classifier)
    judged = (data.labels >= 0) & ~fit.unseen
    right = None
    if judged.any():
        context = AnyClass().smooth(table).labels(context=True)
        right = (
            float((table.labels()[judged] == data.labels[judged]).mean()),
            float((context[judged] == data.labels[judged]).mean()),
        )
    warnings = [*data.troubles, *_warnings(data, fit.unseen)]
    method: Method = NoSmoothing()
    labels = np.where(fit.unseen, -1, data.labels)
    if isinstance(memory, FreshMemory):
        method = _fresh(memory, table, labels, stages)
    elif memory == ANY_CLASS:
        method = AnyClass()
        known = dict.fromkeys(data.media[labels >= 0].tolist())
        if len(known) > 1:
            with stages("training the memory", 1) as done:
                method = fit_memory(table, labels)
                done(1, "")
    return TrainedHead(fit.head, method, fit.penalty, right, tuple(warnings))


def _fresh(
    memory: FreshMemory, table: Predictions, labels: NDArray[np.int64], stages: Stages
) -> ContextMethod:
    """Memory trained on the head's predictions of held-out videos."""
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
    )
    with stages(f"training the memory: {memory.config.memory}", memory.training.plan.steps) as done:
        context = job.run(lambda made: done(made.step, f"loss {made.loss:.3f}"))
    return ContextMethod(config=memory.config, context=context.eval())


def _labels(
    time: NDArray[np.float64], spans: Sequence[LabelSpan], classes: tuple[str, ...]
) -> NDArray[np.int64]:
    index = np.array([classes.index(span.label) for span in spans] + [-1])
    return np.asarray(index[spans_at(spans, time)], np.int64)


def _warnings(data: LabelledFeatures, unseen: NDArray[np.bool_]) -> list[str]:
    found = []
    for number, name in enumerate(data.classes):
        rows = data.labels == number
        if not rows.any():
            found.append(f"{name}: no frame that was looked at has this label; it will never be given")
        elif unseen[rows].any():
            [*videos] = dict.fromkeys(data.media[rows].tolist())
            found.append(
                f"{name}: only {videos[0]} shows it, so that nothing says how well it is recognised elsewhere, and the "
                "memory was not trained on it. Label another video"
            )
    return found
