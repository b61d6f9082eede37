"""Encoding of frames as a video file."""

import os
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from wolfdog.atomic import atomic_path
from wolfdog.errors import MediaError
from wolfdog.extras import needs_extra
from wolfdog.tv.scene import Frame

QUALITY = 18
"""x264's constant rate factor: visually close to lossless."""
TICK = 50
"""Frames between two reports of progress."""


def exact_rate(fps: float) -> Fraction:
    """Frame rate as a ratio that containers can hold.

    Args:
        fps: Frames per second.

    Returns:
        The ratio.

    Examples:
        >>> exact_rate(23.976023976)
        Fraction(24000, 1001)
    """
    return Fraction(fps).limit_denominator(1001)


def write_video(path: str | Path, frames: Iterable[Frame], fps: float, size: int) -> int:
    """Encode frames as H.264 in MP4, atomically; frame k is shown at k / fps seconds.

    Args:
        path: The file.
        frames: Frames uint8 [size, size, 3].
        fps: Frames per second.
        size: Pixels of a frame's side.

    Returns:
        The number of frames.

    Raises:
        MediaError: The file cannot be written, or there is no frame.
    """
    with needs_extra("watch", "writing a video"):
        import av  # loads FFmpeg
        from av.video.reformatter import VideoReformatter

    rate = exact_rate(fps)
    count = 0
    try:
        with atomic_path(path) as beside, av.open(os.fspath(beside), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.width = stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.time_base = 1 / rate
            stream.codec_context.thread_count = 1  # broadcasts run a process per core
            # mbtree: macroblock-tree rate control makes x264 give other bytes now and then for the same small
            # pictures (2 of 25 encodings of one video); without it, none of 80 differed.
            stream.options = {"crf": str(QUALITY), "preset": "veryfast", "x264-params": "mbtree=0"}
            converter = VideoReformatter()
            for pixels in frames:
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                # On threads of its own, as is the default, this takes ten times as long for pictures so small.
                frame = converter.reformat(frame, format="yuv420p", threads=1)
                frame.pts = count
                frame.time_base = 1 / rate
                container.mux(stream.encode(frame))
                count += 1
            container.mux(stream.encode(None))
            if count == 0:
                raise MediaError(f"{path}: a video needs one frame or more, got none.")
    except (OSError, av.FFmpegError) as error:
        raise MediaError(
            f"cannot write {path}: {error.strerror or error}. Choose a folder that exists and has room."
        ) from error
    return count


def counted(frames: Iterable[Frame], tick: Callable[[int], None]) -> Iterator[Frame]:
    """Frames with a progress report after every fifty and at the end.

    Args:
        frames: The frames.
        tick: Called with the number of frames since the last call.

    Yields:
        The frames.
    """
    since = 0
    for frame in frames:
        yield frame
        since += 1
        if since == TICK:
            tick(since)
            since = 0
    tick(since)
