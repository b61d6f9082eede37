"""Small copy of a video's pictures, written while the video is labelled, from which an annotated copy is drawn."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from ..video.decoding import Picture
from ..video.media import Medium
from ..video.orientation import Orientation
from .picture_size import WIDTH, shown_height

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

WORTHWHILE = 4
"""Least number of pixels of the video for each pixel of the copy; smaller videos are decoded a second time."""


class _Place(NamedTuple):
    time: float
    end: float
    orientation: Orientation
    corrupt: bool


class PictureCopy:
    """Small copy of the pictures of a video, with the interface of a `PictureObserver`.

    The labels of a video are known only when its deployment has been watched. Drawing them needs the pictures again:
    decoding this copy is faster than decoding the video a second time.

    Args:
        path: File to write (.mkv); `remove` deletes it.
        width: Pixels that pictures are scaled to, upright.
    """

    def __init__(self, path: Path, width: int) -> None:
        self._path, self._width = path, width
        self._places: list[_Place] = []
        self._target: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._scaler: VideoReformatter | None = None
        self._passed_over = False
        self.whole = False
        """Whether it holds every picture of the video."""

    def see(self, picture: Picture, pixel_aspect: float) -> None:
        """Add a picture; a failure to write ends the copy, and the video is decoded again for its labels.

        Args:
            picture: The picture.
            pixel_aspect: Width of a pixel divided by its height.
        """
        import av

        if self._passed_over:
            return
        try:
            stream = self._opened(picture, pixel_aspect) if self._stream is None else self._stream
            if stream is None or self._scaler is None or self._target is None:
                return
            small: VideoFrame = self._scaler.reformat(
                picture.image, stream.width, stream.height, "yuv420p", interpolation="BICUBIC", threads=1
            )
            small.pts = len(self._places)
            self._target.mux(stream.encode(small))
        except (av.FFmpegError, OSError, ValueError):
            self._give_up()
            return
        self._places.append(_Place(picture.time, picture.end, picture.orientation, picture.corrupt))

    def finish(self) -> None:
        """Complete the copy."""
        import av

        if self._target is None or self._stream is None or self._passed_over:
            return
        try:
            self._target.mux(self._stream.encode(None))
            self._target.close()
            self.whole = True
        except (av.FFmpegError, OSError, ValueError):
            self._give_up()

    def pictures(self) -> Iterator[Picture]:
        """Pictures of the copy, numbered and timed as in the video, with square pixels."""
        import av

        with av.open(str(self._path)) as container:
            frames = container.decode(video=0)
            for index, (place, frame) in enumerate(zip(self._places, frames, strict=True)):
                yield Picture(index, place.time, place.end, frame, place.orientation, place.corrupt)

    def remove(self) -> None:
        """Delete the file."""
        self._give_up()

    def _opened(self, picture: Picture, pixel_aspect: float) -> "VideoStream | None":
        """Stream of the file; None of a video so small that a copy gains nothing."""
        import av
        from av.video.reformatter import VideoReformatter

        image, transposed = picture.image, picture.orientation.transposed
        height = shown_height(picture, pixel_aspect, self._width)
        if image.width * image.height < WORTHWHILE * self._width * height:
            self._passed_over = True
            return None
        self._scaler = VideoReformatter()
        self._target = av.open(str(self._path), "w", format="matroska")
        options = {"preset": "ultrafast", "crf": "16", "g": "250", "bf": "0"}
        self._stream = self._target.add_stream("libx264", rate=25, options=options)
        across, down = (height, self._width) if transposed else (self._width, height)
        self._stream.width, self._stream.height, self._stream.pix_fmt = across, down, "yuv420p"
        return self._stream

    def _give_up(self) -> None:
        self._passed_over, self.whole = True, False
        if self._target is not None:
            self._target.close()
        self._target = None
        self._path.unlink(missing_ok=True)


class PictureCopies:
    """Small copies of the pictures of a deployment's videos, in a folder that is removed in the end."""

    def __init__(self, out: Path) -> None:
        self._folder = TemporaryDirectory(prefix=".pictures-", dir=out, ignore_cleanup_errors=True)
        self._copies: dict[str, PictureCopy] = {}

    def of(self, medium: Medium) -> PictureCopy | None:
        """Copy of a medium; None for an image or a live source."""
        if medium.image or medium.live is not None:
            return None
        if medium.name not in self._copies:
            path = Path(self._folder.name) / f"{len(self._copies)}.mkv"
            self._copies[medium.name] = PictureCopy(path, WIDTH)
        return self._copies[medium.name]

    def remove(self) -> None:
        """Delete all copies."""
        for copy in self._copies.values():
            copy.remove()
        self._folder.cleanup()
