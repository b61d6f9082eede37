"""Frames of a video that are classified, in chunks, as images of the classifier's input size."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..video.container import MAX_PIXELS
from ..video.decoding import Decoding, Picture, intact
from ..video.images import StillPicture
from ..video.sampling import AllFrames, Sampling
from .boxes import BoxFinder, BoxSource, FoundBox, FullFrame
from .preprocessing import Image, Preprocessing
from .regions import crop_box

if TYPE_CHECKING:
    from av.video.reformatter import VideoReformatter

CHUNK = 64
"""Frames that are handed out and kept together."""
PIECE = 4
"""Frames of a chunk that are classified together: with few, decoding and classifying overlap in short videos too."""
LARGEST = 0.8
"""Part of a frame above which a crop shows nothing that the whole frame does not."""


@dataclass(frozen=True, slots=True)
class LookOptions:
    """Options of the choice of frames of a video.

    Args:
        sampling: Choice of frames.
        boxes: Source of boxes within frames: `MotionOptions`, `MegaDetectorResults` or `YoloDetector`; None for whole
            frames.
        reuse: Threshold of `ReusingClassifier` for whole frames, in grey levels; None classifies every frame. The first
            frame of each chunk is always classified.
        max_pixels: Largest picture in pixels; a file with larger ones is refused.
    """

    sampling: Sampling = field(default_factory=AllFrames)
    boxes: BoxSource | None = field(default=None, kw_only=True)
    reuse: float | None = field(default=None, kw_only=True)
    max_pixels: int = field(default=MAX_PIXELS, kw_only=True)


@dataclass(slots=True)
class ChosenFrame:
    """Chosen frame with its images of the network's input size."""

    index: int
    time: float
    whole: Image | None
    boxes: list[FoundBox]
    crops: list[Image]
    duration: float = np.nan


@dataclass(frozen=True, slots=True)
class Piece:
    """Some chosen frames in a row.

    Args:
        frames: The frames.
        ends_chunk: Whether they end a chunk.
        ends_video: Whether they are the last of an undamaged video.
    """

    frames: list[ChosenFrame]
    ends_chunk: bool
    ends_video: bool = False


class FrameChoice:
    """Choice of frames, and of boxes in them, of one video.

    Args:
        media: Path by which results files name the video.
        preprocessing: Preprocessing of the classifier.
        options: Options of the choice.
        pixel_aspect: Width of a pixel divided by its height.
    """

    def __init__(
        self, media: str, preprocessing: Preprocessing, options: LookOptions, pixel_aspect: float
    ) -> None:
        self._media, self._preprocessing, self._options = media, preprocessing, options
        self._pixel = pixel_aspect

    def pieces(self, decoding: Decoding | StillPicture, *, known: int = 0) -> Iterator[Piece]:
        """Chosen frames in pieces of chunks.

        Args:
            decoding: The pictures.
            known: Number of frames at the beginning whose images are not needed.

        Yields:
            A chunk, and whether it is the last one of an undamaged video.
        """
        from av.video.reformatter import VideoReformatter

        scaler = VideoReformatter()  # one for the whole video: it keeps its tables
        source = self._options.boxes
        finder = None if source is None else source.finder(self._media)
        pending: list[ChosenFrame] = []
        done = 0
        chosen = self._options.sampling.pick(intact(decoding))
        for number, picture in enumerate(chosen):
            if pending:
                pending[-1].duration = picture.time - pending[-1].time
            if len(pending) == PIECE:
                done += PIECE
                yield Piece(pending, ends_chunk=done % CHUNK == 0)
                pending = []
            pending.append(self._see(picture, scaler, finder, known=number < known))
        if pending:
            pending[-1].duration = decoding.end - pending[-1].time
            yield Piece(pending, ends_chunk=True, ends_video=decoding.trouble is None)

    def _see(
        self,
        picture: Picture,
        scaler: "VideoReformatter",
        finder: BoxFinder | None,
        *,
        known: bool,
    ) -> ChosenFrame:
        """Images of a frame for the network; for a known frame, none, although the motion detector still reads it."""
        source, preprocessing = self._options.boxes, self._preprocessing
        full = FullFrame(
            picture.image,
            scaler,
            index=picture.index,
            time=picture.time,
            pixel_aspect=self._pixel,
            orientation=picture.orientation,
        )
        looked = finder is not None and source is not None and not (known and source.objects)
        boxes = finder.boxes(full) if finder is not None and looked else []
        if known:
            return ChosenFrame(picture.index, picture.time, None, [], [])
        objects = source is not None and source.objects
        kept, crops = [], []
        for found in boxes:
            crop = self._crop(full.rgb(), found, always=objects)
            if crop is not None:
                kept.append(found)
                crops.append(crop)
        whole = None
        if not (objects and kept):
            whole = preprocessing.video_frame(
                picture.image, scaler, pixel_aspect=self._pixel, orientation=picture.orientation
            )
        return ChosenFrame(picture.index, picture.time, whole, kept, crops)

    def _crop(self, frame: Image, found: FoundBox, *, always: bool) -> Image | None:
        """Image around a box; None if it is nearly the whole frame, unless `always`."""
        preprocessing = self._preprocessing
        height, width = frame.shape[:2]
        left, top, right, bottom = found.box
        crop = crop_box(
            (left * width, top * height, right * width, bottom * height),
            height,
            width,
            aspect=preprocessing.width / preprocessing.height,
        )
        covered = (crop[2] - crop[0]) * (crop[3] - crop[1]) / (height * width)
        return preprocessing.whole(frame, crop) if always or covered <= LARGEST else None
