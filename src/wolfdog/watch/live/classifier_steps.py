"""Step labeller of an image classifier and a smoothing method."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classifiers.clarity import clarity
from ..classifiers.classifier import Classifier
from ..explanation.leave_one_out import leave_spans_out
from ..labelling.live_labels import RunningContext
from ..predictions import Predictions
from ..smoothing.method import Method, Stream
from .gates import Gates, gates_of
from .pictures import LivePicture, blank_picture
from .step_labeller import Floats, Past, Step, StepLabeller


class ClassifierSteps(StepLabeller):
    """Labels of one source by a classifier and the causal form of a method.

    Args:
        classifier: Classifier, which several sources may share.
        method: Smoothing method.
        fps: Pictures a second.
        lock: Held while the classifier works.
    """

    def __init__(
        self,
        classifier: Classifier,
        method: Method,
        fps: float,
        *,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self.classes = classifier.classes
        self.blank = "blank" if "blank" in classifier.classes else None
        self.classifier, self.method = classifier.name, method.described(ahead=False)
        self.fps = fps
        self._network, self._smoothing = classifier, method
        self._lock, self._scaler = lock or Lock(), VideoReformatter()
        self._context = RunningContext(method, classifier.classes)
        self._count = 0

    def step(self, picture: LivePicture) -> Step:
        """Labels of the next picture; see `StepLabeller`."""
        image = self._network.preprocessing.video_frame(
            picture.image,
            self._scaler,
            pixel_aspect=picture.pixel_aspect,
            orientation=picture.picture.orientation,
        )
        with self._lock:
            p = self._network.classify(image[None]).probabilities
            table = self._table(p, np.array([picture.picture.time]), first=self._count)
            rows = self._context.add(replace(table, clarity=clarity(image[None])))
        self._count += 1
        stream = self._context.stream
        assert rows.context is not None
        return Step(
            p[0], rows.context[0].astype(np.float32), inside=None if stream is None else stream.last_step
        )

    def warm_up(self) -> None:
        """Compile classifier and memory; see `StepLabeller`."""
        for second in range(2):
            self.step(blank_picture(float(second)))
        self._context = RunningContext(self._smoothing, self.classes)

    def losses(self, past: Past, ends: Sequence[int], label: int) -> NDArray[np.float64]:
        """Losses of log odds; see `StepLabeller`. The memory begins anew at the first of the moments."""
        stream = Stream(self._table(past.snapshot, past.times))
        spans = [(0, end) for end in ends]
        return leave_spans_out(self._smoothing, stream, len(past.times) - 1, spans, label=label)

    def gates(self, inside: Sequence[tuple[Any, Any] | None]) -> Gates | None:
        """Gates of the memory; see `StepLabeller`."""
        stream = self._context.stream
        steps = [one for one in inside if one is not None]
        if stream is None or not steps:
            return None
        return gates_of(stream.memory, [x for x, _ in steps], steps[0][1])

    def _table(self, p: Floats, times: NDArray[np.float64], *, first: int = 0) -> Predictions:
        return Predictions.from_columns(
            self.classes, p, time=times, frame=first + np.arange(len(times)), blank=self.blank
        )
