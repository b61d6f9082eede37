"""Videos as streams of small frames, decoded on demand."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError, MediaError

from .container import MAX_PIXELS, announced_seconds, frame_period, open_video
from .decoding import Decoding, Picture, PictureObserver, intact
from .sampling import AllFrames, Sampling

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video, in the size that a network reads.

    Attributes:
        index: Number of the frame among all frames of the video, from 0.
        time: Seconds from the start of the video, by the container's timestamps; strictly increasing.
        duration: Seconds up to the next sampled frame, or to the end of the video.
        image: RGB image [size, size, 3].
        corrupt: Whether the decoder found it damaged, and filled in what was missing.
    """

    index: int
    time: float
    duration: float
    image: NDArray[np.uint8]
    corrupt: bool = field(default=False, kw_only=True)


class VideoSource:
    """Iterator over the frames of a video file, `size` by `size` pixels, in bounded memory.

    The whole picture is squeezed to a square. The header is read at once, the pictures on demand; a new pass starts at
    the beginning and ends the last one. Quarter turns and mirrorings recorded by the camera are applied. Of several
    videos in a file, the default one is read. Frames that the decoder finds damaged are skipped: the frame before lasts
    until the next intact one.

        with VideoSource("garden.mp4", size=64, sampling=Rate(5.0)) as source:  # closes the file after a break, too
            for frame in source:
                ...

    Args:
        path: The file.
        size: Pixels of a side.
        sampling: `AllFrames()`, `Every(n)` or `Rate(hz)`.
        damaged: Whether damaged frames are yielded too; they are marked `corrupt`.
        max_pixels: Largest picture in pixels; a file with larger ones is refused.
        observer: Sees every picture that is decoded.

    Raises:
        MediaError: At once, if the file is missing, empty, no video or without pictures; while iterating, after the
            last frame that could be decoded, if the file is damaged or breaks off, with the time.
        InputError: `size` or `max_pixels` is below 1.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        size: int = 64,
        *,
        sampling: Sampling | None = None,
        damaged: bool = False,
        max_pixels: int = MAX_PIXELS,
        observer: PictureObserver | None = None,
    ) -> None:
        if size < 1:
            raise InputError(f"A frame is size by size pixels, so size must be 1 or more, got {size}.")
        self.path = Path(path)
        self.size = size
        self.sampling: Sampling = AllFrames() if sampling is None else sampling
        self._damaged, self._max_pixels, self._observer = damaged, max_pixels, observer
        self._open: tuple[InputContainer, VideoStream] | None = self._opened()
        self._pass: tuple[InputContainer, Generator[Frame, None, None]] | None = None
        self.seconds = announced_seconds(*self._open)
        """Duration of the video by its header, in seconds, or None: an estimate, for progress."""
        self._pixel = float(self._open[1].sample_aspect_ratio or 1)
        self.rate = 1 / frame_period(self._open[1])
        """Frames a second, on average, as the header has it."""
        self.aspect = 1.0
        """Aspect ratio of the pictures, width over height: known once the first has come."""

    def _opened(self) -> tuple["InputContainer", "VideoStream"]:
        return open_video(self.path, max_pixels=self._max_pixels)

    def __iter__(self) -> Iterator[Frame]:
        self._end_pass()
        opened, self._open = self._open or self._opened(), None
        self._pass = opened[0], self._frames(*opened)
        return self._pass[1]

    def _frames(self, container: "InputContainer", stream: "VideoStream") -> Generator[Frame, None, None]:
        from av.video.reformatter import VideoReformatter

        decoding = Decoding(container, stream, observer=self._observer)
        scaler = VideoReformatter()  # one for the whole video: it keeps its tables
        held: Frame | None = None  # until the next one says how long it stood
        try:
            for picture in self.sampling.pick(iter(decoding) if self._damaged else intact(decoding)):
                if held is not None:
                    yield _until(held, picture.time)
                image = small_picture(picture, self.size, scaler)
                wide = picture.image.width * self._pixel / picture.image.height
                self.aspect = 1 / wide if picture.orientation.transposed else wide
                held = Frame(picture.index, picture.time, 0.0, image, corrupt=picture.corrupt)
            if held is not None:
                yield _until(held, decoding.end)
            if decoding.trouble is not None:
                raise MediaError(f"{self.path}: {decoding.trouble}.")
        finally:
            container.close()

    def close(self) -> None:
        """Close the file; a running iterator ends."""
        self._end_pass()
        if self._open is not None:
            self._open[0].close()
            self._open = None

    def _end_pass(self) -> None:
        if self._pass is not None:
            container, frames = self._pass
            frames.close()
            container.close()  # a pass that never began has not come to its own closing
            self._pass = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def small_picture(picture: Picture, size: int, scaler: "VideoReformatter") -> NDArray[np.uint8]:
    """Whole picture as shown, squeezed to [size, size, 3]."""
    frame = picture.image
    # Averaging over areas when shrinking, or fine patterns would flicker; it has nothing to add when
    # enlarging.
    shrinks = frame.width >= size and frame.height >= size
    how = "AREA" if shrinks else "BILINEAR"
    # One thread: handing 64 x 64 pixels to several takes ten times as long, and a film gains nothing by it.
    small = scaler.reformat(frame, size, size, "rgb24", interpolation=how, threads=1)
    return np.ascontiguousarray(picture.orientation.apply(small.to_ndarray()))


def batches(frames: Iterable[Frame], n: int) -> Iterator[list[Frame]]:
    """Frames in lists of `n`, the last one shorter.

    If the source fails, the frames before the failure come first, as a last list, and then its MediaError.

    Args:
        frames: The frames.
        n: Length of a list.

    Yields:
        The lists.

    Raises:
        InputError: `n` is below 1.

    Examples:
        >>> frames = [Frame(i, i / 5, 0.2, np.zeros((64, 64, 3), np.uint8)) for i in range(5)]
        >>> [len(batch) for batch in batches(frames, 2)]
        [2, 2, 1]
    """
    if n < 1:
        raise InputError(f"A batch holds n frames, so n must be 1 or more, got {n}.")
    batch: list[Frame] = []
    trouble: MediaError | None = None
    try:
        for frame in frames:
            batch.append(frame)
            if len(batch) == n:
                yield batch
                batch = []
    except MediaError as error:
        trouble = error
    if batch:
        yield batch
    if trouble is not None:
        raise trouble


def _until(frame: Frame, time: float) -> Frame:
    return Frame(frame.index, frame.time, time - frame.time, frame.image, corrupt=frame.corrupt)
