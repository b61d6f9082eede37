"""Labels of a live source as its pictures come: a classifier, and a method over the last minutes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..classifiers.classifier import Classifier
from ..predictions import Predictions
from ..smoothing.method import Method
from ..video.decoding import Picture
from ..video.live import LiveSource
from ..video.media import Medium
from ..video.sampling import Sampling
from .labeller import Labels, MediaProgress
from .moments_table import moments_of

STRETCH = 5
"""Pictures that are classified and handed out together."""

WINDOW = 900
"""Pictures that a method reads for each stretch, those of the stretch included: three minutes at five a second."""


def label_live(
    medium: Medium,
    classifier: Classifier,
    method: Method,
    *,
    sampling: Sampling,
    progress: MediaProgress,
) -> Iterator[Labels]:
    """Labels of a live source in stretches, in bounded memory, by the causal form of a method.

    Args:
        medium: With a live source.
        classifier: Of single pictures.
        method: Of smoothing; it reads the last `WINDOW` pictures.
        sampling: Which pictures are looked at.
        progress: Called after each stretch.

    Yields:
        Labels of a stretch.

    Raises:
        MediaError: The first connection fails.
    """
    from av.video.reformatter import VideoReformatter

    live = medium.live
    assert live is not None
    source = LiveSource(live.address, sampling=sampling, options=live.options)
    scaler = VideoReformatter()
    window: Predictions | None = None

    def labelled(pictures: list[Picture]) -> Labels:
        nonlocal window
        images = [classifier.preprocessing.video_frame(one.image, scaler) for one in pictures]
        times = np.array([one.time for one in pictures])
        new = Predictions.from_columns(
            classifier.classes,
            classifier.classify(np.stack(images)).probabilities,
            time=times,
            duration=np.array([one.end for one in pictures]) - times,
            deployment=medium.deployment,
            media=medium.name,
            frame=[one.index for one in pictures],
            blank="blank" if "blank" in classifier.classes else None,
            classifier=classifier.name,
        )
        both = new if window is None else Predictions.concat([window, new])
        window = both.take(slice(max(0, len(both) - WINDOW), None))
        rows = method.smooth(window).take(slice(len(window) - len(new), None))
        progress(medium, float(times[-1]), live.options.seconds)
        return Labels(list(moments_of(rows, medium)), replace(rows, time=rows.time + medium.begins))

    pending: list[Picture] = []
    for picture in source:
        pending.append(picture)
        if len(pending) == STRETCH:
            yield labelled(pending)
            pending = []
    if pending:
        yield labelled(pending)
