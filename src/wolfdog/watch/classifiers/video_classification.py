"""Classification of a video: its frames, and boxes in them, through a classifier, with a cache of results.

decode, choose frames, find boxes, crop and scale, clarity      the caller's thread
classify in batches                                             a thread of its own, at most two chunks behind
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from wolfdog.errors import MediaError

from ..video.decoding import PictureObserver
from ..video.footage import Footage, open_footage
from .array_cache import ArrayCache, content_digest
from .boxes import FoundBox
from .chosen_frames import CHUNK, LARGEST, ChosenFrame, FrameChoice, LookOptions, Piece
from .clarity import Clarity, clarity
from .classes import GroupedClassifier
from .classifier import Classification, Classifier
from .looks import Looks
from .preprocessing import Image, Images
from .reuse import ReusingClassifier


def classify_video(
    path: str | PathLike[str],
    classifier: Classifier,
    *,
    options: LookOptions | None = None,
    cache: ArrayCache | None = None,
    observer: PictureObserver | None = None,
) -> Iterator[Looks]:
    """Features and class probabilities of a video or an image, in chunks of frames in their order.

    Without `boxes`, and with boxes that are further views (motion), each frame has one row: that with the highest
    probability. With boxes that are objects (detections), each object has a row, and a frame without any has one for
    the whole.

    Args:
        path: The video, or an image, which is one frame.
        classifier: The classifier. A grouped one is run ungrouped and its probabilities are summed afterwards, so that
            the cache serves all groupings.
        options: Options of the choice of frames.
        cache: Cache of the looks, by the content of the video, the classifier and the options. A video that was
            classified to its end is not decoded again. One that was left early is decoded again, and only the remaining
            frames are classified.
        observer: Sees every picture that is decoded.

    Yields:
        The looks, chunk by chunk.

    Raises:
        MediaError: With the first chunk, if the file cannot be opened; after the last frame that could be decoded, if
            it is damaged.
        InputError: The source of boxes has none for this video.
    """
    options = options or LookOptions()
    network = classifier.ungrouped if isinstance(classifier, GroupedClassifier) else classifier
    for looks in _Pass(Path(path), network, options, cache, observer).looks():
        if isinstance(classifier, GroupedClassifier):
            looks = looks.with_probabilities(classifier.groups.probabilities(looks.probabilities))
        objects = options.boxes is not None and options.boxes.objects
        yield looks if objects else looks.surest(classifier.classes)


class _Pass:
    """One pass over a video."""

    def __init__(
        self,
        path: Path,
        classifier: Classifier,
        options: LookOptions,
        cache: ArrayCache | None,
        observer: PictureObserver | None,
    ) -> None:
        self._observer = observer
        self._path, self._classifier, self._options, self._cache = path, classifier, options, cache
        self._whole = classifier if options.reuse is None else ReusingClassifier(classifier, options.reuse)
        self._key = ""

    def looks(self) -> Iterator[Looks]:
        """All chunks, those in the cache first."""
        pixels, observer = self._options.max_pixels, self._observer
        with open_footage(self._path, max_pixels=pixels, observer=observer) as footage:
            known = 0
            if self._cache is not None:
                self._key = _key(self._path, self._classifier, self._options)
                for looks, last in self._kept(self._cache):
                    yield looks
                    known += 1
                    if last:
                        return
            yield from self._new(footage, known)
            if footage.decoding.trouble is not None:
                raise MediaError(f"{self._path}: {footage.decoding.trouble}.")

    def _kept(self, cache: ArrayCache) -> Iterator[tuple[Looks, bool]]:
        """Chunks of the cache, as far as they reach, and whether each is the last one of the video."""
        n = 0
        while (arrays := cache.read(f"{self._key} {n}")) is not None:
            last = arrays.pop("last", None)
            looks = Looks.from_arrays(
                arrays, features=self._classifier.feature_size, classes=len(self._classifier.classes)
            )
            if looks is None or last is None:
                return
            yield looks, bool(last)
            n += 1

    def _new(self, footage: Footage, known: int) -> Iterator[Looks]:
        """Chunks from number `known` on: while frames are classified, the next are decoded."""
        choice = FrameChoice(
            str(self._path), self._classifier.preprocessing, self._options, footage.pixel_aspect
        )
        chunk = _Chunk()
        number = 0
        under_way: _Chunk | None = None
        with ThreadPoolExecutor(1, "classify") as thread:
            for piece in choice.pieces(footage.decoding, known=known * CHUNK):
                if number >= known:
                    part = thread.submit(self._classified, piece.frames, first=not chunk.frames)
                    chunk.add(piece, part, clarity(self._stacked(_images(piece.frames))))
                if not piece.ends_chunk:
                    continue
                if under_way is not None:
                    yield self._finished(under_way)
                under_way, chunk = (chunk if number >= known else None), _Chunk(number + 1)
                number += 1
            if under_way is not None:
                yield self._finished(under_way)

    def _classified(self, seen: list[ChosenFrame], *, first: bool) -> Classification:
        """Some frames and their crops through the network, in the order of rows."""
        if first and isinstance(self._whole, ReusingClassifier):
            self._whole.forget()  # a chunk stands alone, so that it is the same after an interruption
        wholes = [one.whole for one in seen if one.whole is not None]
        crops = [crop for one in seen for crop in one.crops]
        parts = [
            self._whole.classify(self._stacked(wholes)),
            self._classifier.classify(self._stacked(crops)),
        ]
        results = Classification(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        order = []
        next_whole, next_crop = 0, len(wholes)
        for one in seen:
            if one.whole is not None:
                order.append(next_whole)
                next_whole += 1
            order += range(next_crop, next_crop + len(one.boxes))
            next_crop += len(one.boxes)
        return results.rows(np.array(order, np.int64))

    def _finished(self, chunk: "_Chunk") -> Looks:
        """Looks of a chunk, which are kept in the cache."""
        whole = FoundBox((np.nan,) * 4, np.nan)
        rows = [
            (one, k, found)
            for one in chunk.frames
            for k, found in enumerate(
                one.boxes if one.whole is None else [whole, *one.boxes], start=-(one.whole is not None)
            )
        ]
        results = chunk.results()
        corners = np.array([found.box for _, _, found in rows], np.float32).reshape(-1, 4)
        looks = Looks(
            frame=np.array([one.index for one, _, _ in rows], np.int64),
            time=np.array([one.time for one, _, _ in rows], np.float64),
            duration=np.array([one.duration for one, _, _ in rows], np.float64),
            detection=np.array([k for _, k, _ in rows], np.int32),
            box=np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
            confidence=np.array([found.confidence for _, _, found in rows], np.float32),
            clarity=np.concatenate(chunk.clarity),
            features=results.features,
            probabilities=results.probabilities,
        )
        if self._cache is not None:
            kept = {**looks.arrays(), "last": np.array(chunk.ends_video)}
            self._cache.write(f"{self._key} {chunk.number}", kept)
        return looks

    def _stacked(self, images: list[Image]) -> Images:
        size = self._classifier.preprocessing
        return np.stack(images) if images else np.empty((0, size.height, size.width, 3), np.uint8)


@dataclass
class _Chunk:
    """Frames of a chunk, and their classifications as they are computed."""

    number: int = 0
    frames: list[ChosenFrame] = field(default_factory=list)
    parts: list[Future[Classification]] = field(default_factory=list)
    clarity: list[Clarity] = field(default_factory=list)
    ends_video: bool = False

    def add(self, piece: Piece, part: Future[Classification], clear: Clarity) -> None:
        self.frames += piece.frames
        self.parts.append(part)
        self.clarity.append(clear)
        self.ends_video = piece.ends_video

    def results(self) -> Classification:
        """Classifications of all rows, once they are there."""
        results = (part.result() for part in self.parts)
        return Classification(*(np.concatenate(part) for part in zip(*results, strict=True)))


def _images(frames: list[ChosenFrame]) -> list[Image]:
    """Images of some frames in the order of rows: the whole frame, where it is looked at, before its crops."""
    return [image for one in frames for image in (one.whole, *one.crops) if image is not None]


def _key(path: Path, classifier: Classifier, options: LookOptions) -> str:
    """Key of a video's looks, made of everything that they depend on."""
    try:
        content = content_digest(path)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror or error}).") from error
    boxes = "" if options.boxes is None else options.boxes.identity
    return "\0".join(
        [
            f"looks 2 {CHUNK} {LARGEST}", content, classifier.identity, str(classifier.preprocessing),
            repr(options.sampling), boxes, repr(options.reuse),
        ]
    )  # fmt: skip
