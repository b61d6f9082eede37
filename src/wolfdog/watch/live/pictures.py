"""Pictures of live sources as they arrive: cameras and streams, and video files played at their own speed."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import MediaError
from ..video.container import MAX_PIXELS, open_video
from ..video.decoding import Decoding, Picture, intact
from ..video.live import LiveSource
from ..video.live_address import LiveOptions, live_name
from .soonest import Soonest

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Kind = Literal["stream", "file", "television"]
Say = Callable[[str], None]
"""Called with a sentence about the state of a source."""


@dataclass(frozen=True, slots=True, eq=False)
class LivePicture:
    """Picture of a live source.

    Attributes:
        picture: The picture; its `time` is in seconds since the start of the source.
        arrived: Value of `time.monotonic()` when it was there.
        truth: Label and channel of simulated television; empty for real sources.
        pixel_aspect: Width of a pixel divided by its height.
    """

    picture: Picture
    arrived: float
    truth: tuple[str, ...] = ()
    pixel_aspect: float = field(default=1.0, kw_only=True)

    @property
    def image(self) -> "VideoFrame":
        """Decoded frame."""
        return self.picture.image


def blank_picture(seconds: float, *, side: int = 64) -> LivePicture:
    """Grey picture, for the compilation of a labeller.

    Args:
        seconds: Its time.
        side: Pixels of a side.

    Returns:
        The picture.
    """
    import av

    frame = av.VideoFrame.from_ndarray(np.full((side, side, 3), 127, np.uint8), format="rgb24")
    return LivePicture(Picture(0, seconds, seconds + 1.0, frame), time.monotonic())


class PictureSource(ABC):
    """Source of live pictures.

    Args:
        name: Name in results, fit for a file name.
        kind: Kind of source.
        fps: Pictures a second that are looked at.
    """

    def __init__(self, name: str, kind: Kind, fps: float) -> None:
        self.name, self.kind, self.fps = name, kind, fps
        self.dropped = 0
        """Pictures that were due and were left out because the labels were late."""
        self.lost = False
        """Whether its connection is lost and not back yet; its last pictures may still come."""
        self._stop = Event()

    @abstractmethod
    def pictures(self, say: Say) -> Iterator[LivePicture]:
        """Pictures as they come, until the source ends or is stopped.

        Args:
            say: Called with a sentence when the source is lost, and when it is back.

        Yields:
            The pictures.

        Raises:
            MediaError: The source cannot be read.
        """

    def stop(self) -> None:
        """End the source; may be called from another thread."""
        self._stop.set()


class StreamPictures(PictureSource):
    """Pictures of a camera or of a network stream, with reconnection; see `LiveSource`.

    Args:
        address: camera:0, or the address of a stream.
        fps: Pictures a second.
        options: Of the source.
        name: Name in results; None: that of the address without password.
    """

    def __init__(
        self, address: str, fps: float, *, options: LiveOptions | None = None, name: str | None = None
    ) -> None:
        super().__init__(name or live_name(address), "stream", fps)
        # One picture waits at most: the newest. A page that shows the present needs no older ones.
        self._address, self._options = address, replace(options or LiveOptions(), queue=1)
        self._reached = 0.0

    def pictures(self, say: Say) -> Iterator[LivePicture]:
        """Pictures as they come; see `PictureSource`. Times go on when it is called again."""
        source = LiveSource(self._address, sampling=Soonest(self.fps), options=self._options, stop=self._stop)
        before, base, self.lost = self.dropped, self._reached, False

        def tell(text: str) -> None:
            self.lost = source.lost
            say(text)

        for arrived, picture in source.arrivals(tell):
            self.dropped, self.lost = before + source.dropped, source.lost
            self._reached = base + picture.end
            yield LivePicture(replace(picture, time=base + picture.time, end=self._reached), arrived)


class FilePictures(PictureSource):
    """Pictures of a video file, at the times at which a player shows them.

    A picture that is late by more than a period is left out, so that the film keeps its speed.

    Args:
        path: The file.
        fps: Pictures a second that are looked at.
        max_pixels: Largest picture in pixels.

    Raises:
        MediaError: The file cannot be opened.
    """

    def __init__(self, path: Path, fps: float, *, max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(path.name, "file", fps)
        self._path, self._pixels = path, max_pixels
        container, _ = open_video(path, max_pixels=max_pixels)
        container.close()

    def pictures(self, say: Say) -> Iterator[LivePicture]:
        """Pictures as they come; see `PictureSource`."""
        container, stream = open_video(self._path, max_pixels=self._pixels)
        with container:
            decoding = Decoding(container, stream)
            pixel = float(stream.sample_aspect_ratio or 1)
            began: float | None = None
            for picture in Soonest(self.fps).pick(intact(decoding)):
                now = time.monotonic()
                began = now - picture.time if began is None else began
                late = now - (began + picture.time)
                if late > 1 / self.fps:
                    self.dropped += 1
                    continue
                if self._stop.wait(max(0.0, -late)):
                    return
                yield LivePicture(picture, time.monotonic(), pixel_aspect=pixel)
            if decoding.trouble is not None:
                raise MediaError(f"{self._path}: {decoding.trouble}.")
