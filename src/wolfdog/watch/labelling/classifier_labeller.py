"""Labeller of two parts: an image classifier for the frames, then a smoothing method over its predictions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...errors import InputError, MediaError
from ...object_storage.address import Stored
from ...object_storage.fetching import fetched_ahead, local_copy
from ..classifiers.array_cache import ArrayCache
from ..classifiers.chosen_frames import LookOptions
from ..classifiers.classifier import Classifier
from ..classifiers.prediction_rows import as_predictions
from ..classifiers.video_classification import classify_video
from ..predictions import Predictions
from ..smoothing.method import Method
from ..video.decoding import PictureObserver
from ..video.footage import open_footage
from ..video.media import Medium, starts
from .labeller import Labeller, Labels, MediaProgress, Observe, Passing, Trouble
from .live_labels import label_live
from .moments_table import moments_of

BLANK = "blank"
"""Name of the class for empty pictures."""


class ClassifierLabeller(Labeller):
    """Labeller that classifies every chosen frame and then applies a smoothing method.

    The method reads the predictions of a whole deployment, in its causal form as if later frames did not exist. While
    frames are classified, the next ones are decoded.

    Args:
        classifier: Classifier of single frames.
        method: Smoothing method.
        options: Choice of frames, and of boxes in them.
        ahead: Whether the method reads later frames too.
        cache: Cache of the classifier's results, so that no frame is classified twice; None without one.

    Raises:
        InputError: The classifier has fewer than two classes, or the method has no such form.
    """

    def __init__(
        self,
        classifier: Classifier,
        method: Method,
        *,
        options: LookOptions | None = None,
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
    def parts(self) -> tuple[Classifier, Method, LookOptions]:
        """Classifier, smoothing method and choice of frames."""
        return self._classifier, self._method, self._options

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self._classifier.classes

    @property
    def blank(self) -> str | None:
        """Class "blank", if the classifier has it."""
        return BLANK if BLANK in self.classes else None

    @property
    def classifier(self) -> str:
        """Name of the frame classifier."""
        return self._classifier.name

    @property
    def method(self) -> str:
        """Name and options of the smoothing method."""
        return self._method.described(ahead=self._ahead)

    @property
    def reach(self) -> None:
        """None: there are no attention weights."""

    def label_deployment(
        self,
        media: Sequence[Medium],
        *,
        progress: MediaProgress,
        trouble: Trouble,
        passing: Passing | None = None,
        observe: Observe | None = None,
    ) -> Iterator[tuple[Medium, Labels]]:
        """Labels of the media of a deployment, those of each medium together; see `Labeller`.

        Args:
            media: See `Labeller`.
            progress: See `Labeller`.
            trouble: See `Labeller`.
            passing: Not used.
            observe: See `Labeller`.

        Yields:
            A medium and its labels.
        """
        if any(medium.live is not None for medium in media):
            yield from self._live(media, progress, trouble)
            return
        found: list[tuple[Medium, float, Predictions]] = []
        for medium, start in zip(fetched_ahead(media, self._unread), starts(media), strict=True):
            table, reason = self._kept(medium, progress, observe)
            if reason is not None:
                trouble(medium, reason)
            if table is not None:
                found.append((medium, start, replace(table, time=table.time + start)))
        if not found:
            return
        smoothed = self._method.smooth(
            Predictions.concat([table for _, _, table in found]), ahead=self._ahead
        )
        end = 0
        for medium, start, table in found:
            begin, end = end, end + len(table)
            rows = smoothed.take(slice(begin, end))
            yield medium, Labels(list(moments_of(rows, medium, start=start)), rows)

    def _live(
        self, media: Sequence[Medium], progress: MediaProgress, trouble: Trouble
    ) -> Iterator[tuple[Medium, Labels]]:
        """Labels of live sources, one after the other."""
        for medium in media:
            if self._ahead or self._options.boxes is not None:
                trouble(
                    medium,
                    f"{medium.name}: a live source has no later frames, and no boxes are looked for in it.",
                )
                continue
            try:
                found = label_live(
                    medium,
                    self._classifier,
                    self._method,
                    sampling=self._options.sampling,
                    progress=progress,
                )
                for labels in found:
                    yield medium, labels
            except MediaError as error:
                trouble(medium, str(error))

    def _unread(self, medium: Medium) -> Stored | None:
        """File of a medium in object storage that is going to be read."""
        kept = medium.stored is not None and self.store is not None and self.store.read(medium) is not None
        return None if kept else medium.stored

    def _kept(
        self, medium: Medium, progress: MediaProgress, observe: Observe | None
    ) -> tuple[Predictions | None, str | None]:
        """Rows of a medium, from the store if they are there, and the reason why it was not read to its end."""
        kept = None if self.store is None else self.store.read(medium)
        if kept is not None:
            progress(medium, 1.0, 1.0)
            return kept
        parts: list[Predictions] = []
        reason = None
        try:
            observer = None if observe is None else observe(medium)
            for part in self._classified(medium, progress, observer):
                parts.append(part)
        except MediaError as error:
            reason = str(error)
        table = Predictions.concat(parts) if parts else None
        if self.store is not None:
            self.store.write(medium, table, reason)
        return table, reason

    def _classified(
        self, medium: Medium, progress: MediaProgress, observer: PictureObserver | None
    ) -> Iterator[Predictions]:
        options = self._options
        with local_copy(medium.path, medium.stored) as path:
            with open_footage(path, max_pixels=options.max_pixels) as footage:
                seconds = footage.seconds
            if options.boxes is not None:
                try:
                    options.boxes.finder(str(path))
                except InputError as error:  # this video's trouble, not that of the others
                    raise MediaError(str(error)) from error
            for looks in classify_video(
                path, self._classifier, options=options, cache=self._cache, observer=observer
            ):
                if len(looks):
                    progress(medium, float(looks.time[-1] + looks.duration[-1]), seconds)
                    yield as_predictions(
                        looks,
                        self._classifier,
                        media=medium.name,
                        deployment=medium.deployment,
                        blank=self.blank,
                    )
