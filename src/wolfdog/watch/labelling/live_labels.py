"""Labels of a live source as its pictures come: a classifier, and a method over the last minutes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..classifiers.clarity import clarity
from ..classifiers.classifier import Classifier
from ..predictions import Predictions
from ..smoothing import AnyClass, AnyClassMemory
from ..smoothing.method import Method
from ..video.decoding import Picture
from ..video.live import LiveSource
from ..video.media import Medium
from ..video.sampling import Sampling
from ..world_memory.method import WorldMemory, WorldMemoryStream
from .labeller import Labels, MediaProgress
from .moments_table import moments_of

STRETCH = 5
"""Pictures that are classified and handed out together."""

WINDOW = 900
"""Pictures that a method without a state of its own reads for each stretch: three minutes at five a second."""


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
        method: Of smoothing. The any-class memory and the world memory run through; another method reads the last
            `WINDOW` pictures.
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
    source = LiveSource(live.address, sampling=sampling, options=live.options, stop=live.stop)
    scaler = VideoReformatter()
    memory = RunningContext(method, classifier.classes)

    def labelled(pictures: list[Picture]) -> Labels:
        images = np.stack([classifier.preprocessing.video_frame(one.image, scaler) for one in pictures])
        times = np.array([one.time for one in pictures])
        new = Predictions.from_columns(
            classifier.classes,
            classifier.classify(images).probabilities,
            clarity=clarity(images),
            time=times,
            duration=np.array([one.end for one in pictures]) - times,
            deployment=medium.deployment,
            media=medium.name,
            frame=[one.index for one in pictures],
            blank="blank" if "blank" in classifier.classes else None,
            classifier=classifier.name,
        )
        rows = memory.add(new)
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


class RunningContext:
    """Context of rows that come one after the other, by a method.

    The any-class memory and the world memory run through; another method reads the last `WINDOW` rows.

    Args:
        method: Of smoothing.
        classes: Names of the classes.
    """

    def __init__(self, method: Method, classes: tuple[str, ...]) -> None:
        self._method = method
        self._window: Predictions | None = None
        self._stream: AnyClassMemory | WorldMemoryStream | None = None
        if isinstance(method, AnyClass):
            blank = classes.index("blank") if "blank" in classes else None
            self._stream = AnyClassMemory(
                len(classes), blank, network=method.network, prudence=method.prudence
            )
        elif isinstance(method, WorldMemory):
            self._stream = WorldMemoryStream(classes, method.network)

    @property
    def stream(self) -> AnyClassMemory | WorldMemoryStream | None:
        """Memory that runs through; None for other methods."""
        return self._stream

    def add(self, new: Predictions) -> Predictions:
        """Rows with their context.

        Args:
            new: The next rows, one for each frame.

        Returns:
            The rows.
        """
        if self._stream is not None:
            context = np.concatenate(
                [
                    self._stream.step(p[None], seconds=float(time), clarity=clear)
                    if isinstance(self._stream, WorldMemoryStream)
                    else self._stream.step(p[None], seconds=float(time))
                    for p, time, clear in zip(new.probabilities, new.time, new.clarity[:, None], strict=True)
                ]
            )
            return new.with_context(
                context / context.sum(-1, keepdims=True), self._method.described(ahead=False)
            )
        both = new if self._window is None else Predictions.concat([self._window, new])
        self._window = both.take(slice(max(0, len(both) - WINDOW), None))
        return self._method.smooth(self._window).take(slice(len(self._window) - len(new), None))
