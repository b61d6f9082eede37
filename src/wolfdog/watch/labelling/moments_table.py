"""Conversion between moments and rows of the predictions table."""

from collections.abc import Iterator, Sequence
from math import nan

import numpy as np

from ..moments import Moment
from ..predictions import Predictions
from ..video.media import Medium

BACKGROUND = ("unknown", "blank")
"""Classes that name nothing: of several detections in a frame, one with another label stands for the frame."""


def moments_of(table: Predictions, medium: Medium | None = None, *, start: float = 0.0) -> Iterator[Moment]:
    """Moments of a table of one video, one for each frame, in the order of its rows.

    Of several detections in a frame, the one counts whose context has the highest probability of a class other than
    `unknown` and `blank`. Without a context, the classifier's probabilities are repeated as the context.

    Args:
        table: Rows of one video or image in the order of time, the rows of a frame together.
        medium: The video or image; if given, the moments have its deployment, and their times in UTC and local time.
        start: Time in the table at which it begins; NaN for an image without a known time.

    Yields:
        The moments.

    Examples:
        >>> table = Predictions.from_columns(
        ...     ["dog", "unknown"], [[0.2, 0.8], [0.9, 0.1]], time=[0, 0], frame=[0, 0], media="a.mp4", detection=[0, 1]
        ... )
        >>> [(moment.video, moment.snapshot) for moment in moments_of(table)]
        [('a.mp4', 'dog')]
    """
    if not len(table):
        return
    context = table.probabilities if table.context is None else table.context
    named = [position for position, name in enumerate(table.classes) if name not in BACKGROUND]
    sure = context[:, named].max(1) if named else context.max(1)
    frames = table.frame_numbers()
    starts = np.flatnonzero(np.diff(frames, prepend=-1))
    for first, stop in zip(starts, [*starts[1:], len(table)], strict=True):
        row = int(first) + int(sure[first:stop].argmax())
        alone, remembered = table.probabilities[row], context[row]
        duration = float(table.duration[row])
        seconds = 0.0 if np.isnan(start) else float(table.time[row] - start)
        yield Moment(
            video=str(table.media[row]),
            frame=int(table.frame[row]),
            time=seconds,
            snapshot=table.classes[int(alone.argmax())],
            context=table.classes[int(remembered.argmax())],
            snapshot_probabilities=alone,
            context_probabilities=remembered,
            duration=0.0 if np.isnan(duration) else duration,
            deployment="" if medium is None else medium.deployment,
            utc=nan if medium is None else medium.utc + seconds,
            local=nan if medium is None else medium.local + seconds,
        )


def table_of(
    moments: Sequence[Moment], classes: Sequence[str], *, classifier: str = "", method: str = ""
) -> Predictions:
    """Rows of the predictions table for moments of one video: whole frames, with the video as their deployment.

    Args:
        moments: The moments.
        classes: Names of the classes.
        classifier: Name of the classifier.
        method: Name of the smoothing method.

    Returns:
        The table.

    Examples:
        >>> p = np.float32([0.25, 0.75])
        >>> table = table_of([Moment("a.mp4", 0, 0.0, "wolf", "wolf", p, p)], ["dog", "wolf"])
        >>> table.label_names(context=True).tolist(), table.deployments()
        (['wolf'], ('a.mp4',))
    """
    K = len(classes)
    return Predictions.from_columns(
        classes,
        np.array([moment.snapshot_probabilities for moment in moments], np.float32).reshape(-1, K),
        context=np.array([moment.context_probabilities for moment in moments], np.float32).reshape(-1, K),
        time=[moment.time for moment in moments],
        duration=[moment.duration for moment in moments],
        frame=[moment.frame for moment in moments],
        media=np.array([moment.video for moment in moments], object),
        deployment=np.array([moment.video for moment in moments], object),
        classifier=classifier,
        method=method,
    )
