"""Labeller of two parts: an image classifier over the frames, then a smoothing method over its predictions."""

from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError, MediaError
from ..classifiers.array_cache import ArrayCache
from ..classifiers.chosen_frames import LookOptions
from ..classifiers.classifier import Classifier
from ..classifiers.prediction_rows import as_predictions
from ..classifiers.video_classification import classify_video
from ..predictions import Predictions
from ..smoothing.method import Method
from ..video.container import announced_seconds, open_video
from .labeller import Labels, Passing, Progress
from .moments_table import moments_of

BLANK = "blank"
"""The class that, where a classifier has it, says that nothing is there."""


class ClassifierLabeller:
    """Labels of a video: every chosen frame is classified, and a method gives each its context.

    Decoding, classifying and smoothing follow each other: the method reads the predictions of the whole video, in its
    causal form as if it had not seen later frames. While frames are classified, the next ones are decoded.

    Args:
        classifier: Of single frames.
        method: Of smoothing.
        options: Which frames are looked at, and where in them.
        ahead: Whether the method reads later frames too.
        cache: Where what the classifier gave is kept, so that no frame is classified twice.

    Raises:
        InputError: The classifier has fewer than two classes, or the method has no such form.
    """

    reach = None

    def __init__(
        self,
        classifier: Classifier,
        method: Method,
        options: LookOptions | None = None,
        *,
        ahead: bool = False,
        cache: ArrayCache | None = None,
    ) -> None:
        if len(classifier.classes) < 2:
            raise InputError(
                f"{classifier.name}: labels need a classifier of two classes or more, got {len(classifier.classes)}."
            )
        if not (method.looks_ahead if ahead else method.causal):
            raise InputError(f"method {method.name}: it has no form with ahead={ahead}.")
        self._classifier, self._method = classifier, method
        self._options = options or LookOptions()
        self._ahead, self._cache = ahead, cache

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self._classifier.classes

    @property
    def blank(self) -> str | None:
        """The class "blank", where the classifier has it."""
        return BLANK if BLANK in self.classes else None

    @property
    def classifier(self) -> str:
        """Name of the frame classifier."""
        return self._classifier.name

    @property
    def method(self) -> str:
        """Name and options of the smoothing method."""
        return self._method.described(ahead=self._ahead)

    def label(
        self, path: Path, name: str, *, progress: Progress, passing: Passing | None = None
    ) -> Iterator[Labels]:
        """Labels of one video, all at once; see `Labeller`."""
        parts: list[Predictions] = []
        trouble: MediaError | None = None
        try:
            for part in self._classified(path, name, progress):
                parts.append(part)
        except MediaError as error:
            trouble = error
        if parts:
            table = self._method.smooth(Predictions.concat(parts), ahead=self._ahead)
            yield Labels(list(moments_of(table)), table)
        if trouble is not None:
            raise trouble

    def _classified(self, path: Path, name: str, progress: Progress) -> Iterator[Predictions]:
        container, stream = open_video(path)
        with container:
            seconds = announced_seconds(container, stream)
        if self._options.boxes is not None:
            try:
                self._options.boxes.finder(str(path))
            except InputError as error:  # this video's trouble, not that of the others
                raise MediaError(str(error)) from error
        for looks in classify_video(path, self._classifier, self._options, cache=self._cache):
            if len(looks):
                progress(float(looks.time[-1] + looks.duration[-1]), seconds)
                yield as_predictions(looks, self._classifier, media=name, deployment=name, blank=self.blank)
