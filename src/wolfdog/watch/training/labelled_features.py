"""Features of labelled videos and images, with what the labels say of each frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import MediaError
from ...labels import LabelSpan, present_at, rows_of
from ...labels.rows import is_blank
from ..classifiers.array_cache import ArrayCache
from ..classifiers.chosen_frames import LookOptions
from ..classifiers.classifier import Classifier
from ..classifiers.looks import Looks
from ..classifiers.video_classification import classify_video
from ..data.labelled_video import check_classes
from ..data.span_fit import Misfit, misfits_by_frames
from ..distributed import SINGLE, Processes
from ..predictions import Predictions
from ..progress import Stages
from ..video.media import Medium, by_deployment, starts
from ..video.sampling import Rate
from .bags import Bag, bag_targets


@dataclass(frozen=True, eq=False)
class LabelledFeatures:
    """Features of the frames of labelled videos and images, all of them concatenated.

    Attributes:
        classes: K names.
        features: float32 [N, F].
        present: bool [N, K], whether a class is labelled in the frame; several may be.
        bags: Files and sequences with labels that hold for at least one of their frames.
        deployment: [N] names of the deployments.
        media: [N] names of the files.
        group: [N] names of the groups that are never divided between training and evaluation: sites or deployments.
        frame: [N] numbers of the frames in their files.
        time: [N] seconds.
        duration: [N] seconds that each frame lasts.
        troubles: Error messages of files that could not be read to their end.
        misfits: Labels that cover no frame.
    """

    classes: tuple[str, ...]
    features: NDArray[np.float32]
    present: NDArray[np.bool_]
    bags: tuple[Bag, ...]
    deployment: NDArray[np.object_]
    media: NDArray[np.object_]
    group: NDArray[np.object_]
    frame: NDArray[np.int64]
    time: NDArray[np.float64]
    duration: NDArray[np.float64]
    troubles: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()

    @property
    def blank(self) -> int | None:
        """Position of the class that says that nothing is there; None where there is none."""
        return next((number for number, name in enumerate(self.classes) if is_blank(name)), None)

    def targets(self) -> NDArray[np.float32]:
        """Weights [N, K] of the classes: equal ones where several hold, expected ones in bags, else zeros."""
        count = self.present.sum(1, keepdims=True)
        targets: NDArray[np.float32] = (self.present / np.maximum(count, 1)).astype(np.float32)
        if self.bags:
            targets = bag_targets(self.features, targets, self.bags, self.classes, self.blank)
        return targets

    def predictions(self, probabilities: NDArray[np.float32], classifier: str) -> Predictions:
        """Predictions table of these frames.

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
            deployment=self.deployment,
            media=self.media,
            frame=self.frame,
            classifier=classifier,
        )


def read_features(
    media: Sequence[Medium],
    labels: Mapping[str, Sequence[LabelSpan]],
    classes: tuple[str, ...],
    classifier: Classifier,
    *,
    fps: float,
    stages: Stages,
    sites: Mapping[str, str] | None = None,
    cache: ArrayCache | None = None,
    processes: Processes = SINGLE,
) -> LabelledFeatures:
    """Features of labelled videos and images.

    Of a file that is damaged, the frames before the damage are used.

    Args:
        media: Files, each with a name in `labels`.
        labels: Spans of each.
        classes: K names.
        classifier: Gives the features.
        fps: Frames a second that are read.
        stages: Shows progress.
        sites: Sites of the files, by name.
        cache: Store of features.
        processes: Processes that read together: each classifies its share of the files, and gets the features of all.

    Returns:
        The features, in order of deployment and time.

    Raises:
        MediaError: No file can be read; the message names all.
        LabelsError: A label is none of `classes`.
    """
    for medium in media:
        check_classes(medium.name, labels[medium.name], classes)
    files = [one for group in by_deployment(media) for one in zip(group, starts(group), strict=True)]
    own = files[processes.share(len(files))]
    options = LookOptions(sampling=Rate(fps))

    def read() -> tuple[list[tuple[Medium, float, Looks]], list[str]]:
        parts: list[tuple[Medium, float, Looks]] = []
        troubles: list[str] = []
        for number, (medium, start) in enumerate(own):
            try:
                for looks in classify_video(medium.path, classifier, options=options, cache=cache):
                    parts.append((medium, start, looks))
            except MediaError as error:
                troubles.append(str(error))
            done(number + 1, "")
        return parts, troubles

    with stages("looking at the videos", len(own)) as done:
        by_process = processes.gather(read)
    parts = [part for of_one, _ in by_process for part in of_one]
    troubles = tuple(trouble for _, of_one in by_process for trouble in of_one)
    if not parts:
        raise MediaError(f"no labelled video can be read: {' '.join(troubles) or 'they have no frames'}")
    return _features(parts, labels, classes, sites or {}, troubles)


def _features(
    parts: Sequence[tuple[Medium, float, Looks]],
    labels: Mapping[str, Sequence[LabelSpan]],
    classes: tuple[str, ...],
    sites: Mapping[str, str],
    troubles: tuple[str, ...],
) -> LabelledFeatures:
    media = np.concatenate([np.full(len(looks), medium.name, object) for medium, _, looks in parts])
    time = np.concatenate([looks.time for _, _, looks in parts])
    frame = np.concatenate([looks.frame for _, _, looks in parts])
    clock = np.concatenate([start + looks.time for _, start, looks in parts])
    deployments = {medium.name: medium.deployment for medium, _, _ in parts}
    present = np.zeros((len(media), len(classes)), bool)
    members: dict[str, dict[int, list[NDArray[np.int64]]]] = {}
    misfits: list[Misfit] = []
    for name in deployments:
        rows = np.flatnonzero(media == name)
        present[rows] = present_at(labels[name], classes, time[rows], frames=frame[rows])
        misfits += misfits_by_frames(name, labels[name], time[rows], frame[rows])
        for span in labels[name]:
            if span.bag:
                covered = rows[rows_of(span, time[rows], frames=frame[rows])]
                members.setdefault(span.bag, {}).setdefault(classes.index(span.label), []).append(covered)
    bags = tuple(
        Bag(
            name,
            np.unique(np.concatenate([part for parts in by_class.values() for part in parts])),
            tuple(by_class),
        )
        for name, by_class in members.items()
    )
    place = np.array([deployments[name] for name in media], object)
    return LabelledFeatures(
        classes,
        np.concatenate([looks.features for _, _, looks in parts]),
        present,
        tuple(bag for bag in bags if len(bag.rows)),
        place,
        media,
        np.array([sites.get(name, deployments[name]) for name in media], object),
        frame,
        clock,
        np.concatenate([looks.duration for _, _, looks in parts]),
        troubles,
        tuple(misfits),
    )
