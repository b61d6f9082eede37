"""Opening of video files."""

import errno
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from wolfdog.errors import InputError, MediaError, MediaWarning
from wolfdog.extras import needs_extra

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Things that libav would gladly show as film, and why they are none.
_NOT_FOOTAGE = {
    "tty": "it is text",
    "concat": "it is a list of other files",
    "hls": "it is a playlist of other files",
    "dash": "it is a playlist of other files",
    "image2": "it is a still picture",
}

MAX_PIXELS = 100_000_000
"""Pixels of a picture above which a file is refused where nothing else is said: three times those of 8K video."""

_WITHOUT_TIMES = frozenset({"h264", "hevc", "vvc", "mjpeg", "m4v", "mpegvideo", "h263", "obu"})
"""Formats that are a stream of pictures and nothing else."""


def open_video(
    path: Path, *, max_pixels: int = MAX_PIXELS, file: BinaryIO | None = None
) -> tuple["InputContainer", "VideoStream"]:
    """Open a video file and choose its video stream, the default one of several; the caller closes the container.

    Args:
        path: The file.
        max_pixels: Largest picture in pixels; a file with larger ones is refused, since a small file can demand any
            amount of memory.
        file: Its content, if it does not lie at the path; for the header alone.

    Returns:
        The container and the stream.

    Raises:
        MediaError: The file is missing, a folder, empty, unreadable, no video, or without a stream of pictures that can
            be decoded; or its pictures are too large.
        InputError: `max_pixels` is below 1.

    Warns:
        MediaWarning: The file has no times, and its pictures are read at a guessed rate.
    """
    if max_pixels < 1:
        raise InputError(f"max_pixels must be 1 or more, got {max_pixels}.")
    # Decoders load with the first video, so that `import wolfdog` stays light.
    with needs_extra("watch", "reading a video"):
        import av
        from av.stream import Disposition

    if file is None:
        check_file(path)
    source: Any = f"file:{path}" if file is None else file  # PyAV has no overload for either of them
    try:
        # "file:" keeps a name such as "cam:3.mp4" from being read as a protocol; tags in old code pages are
        # common.
        bound = {"max_pixels": str(max_pixels)}  # libav decodes a picture to know its format
        container = av.open(source, metadata_errors="replace", options=bound)
        if container.format.name == "jpeg_pipe" and path.suffix.lower() in (".mjpg", ".mjpeg"):
            container.close()  # pictures one after the other, which look like the first of them alone
            if file is not None:
                file.seek(0)
            container = av.open(source, format="mjpeg", metadata_errors="replace", options=bound)
    except PermissionError as error:
        raise MediaError(f"{path}: no permission to read it. Change its permissions, or copy it.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path}: not a video, or its header is damaged or missing ({_reason(error)}). A recording cut "
            "off before its end often has no header: copy it from the camera again, or repair it."
        ) from error
    try:
        name = container.format.name
        why = "it is a still picture" if name.endswith("_pipe") else _NOT_FOOTAGE.get(name.split(",")[0])
        if why is not None:
            raise MediaError(f"{path}: not a video: {why}. Give a video file, or a folder of them.")
        streams = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
        if not streams:
            held = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
            raise MediaError(f"{path}: no video in it (it holds {held}). Give a file with pictures.")
        stream = next((s for s in streams if Disposition.default in s.disposition), streams[0])
        if stream.codec_context is None:
            raise MediaError(
                f"{path}: its video is in a format that libav cannot decode. Convert it to H.264."
            )
        if not stream.width * stream.height:  # libav forgets the size of pictures that it refused
            raise MediaError(
                f"{path}: the size of its pictures cannot be read, or is more than the {max_pixels:,} pixels that are "
                "read. Set a higher bound if you trust the file."
            )
        if stream.width * stream.height > max_pixels:
            raise MediaError(too_large(path, stream.width, stream.height, max_pixels))
        stream.codec_context.options = {"max_pixels": str(max_pixels)}  # pictures may grow on the way
        if name in _WITHOUT_TIMES and not stream.codec_context.framerate:
            warnings.warn(
                f"{path}: it holds pictures without times; they are taken at {1 / frame_period(stream):g} a second. "
                "Put the stream into an MP4 file with its true rate.",
                MediaWarning,
                stacklevel=3,
            )
    except BaseException:
        container.close()
        raise
    return container, stream


def announced_seconds(container: "InputContainer", stream: "VideoStream") -> float | None:
    """Duration of the video stream by the header, in seconds; None if the header has none.

    The shorter one of stream and container counts: sound may be longer than the pictures, and an edit list may show
    less than the stream has. AVI's own frame count has precedence over both, because libav shortens them to the data in
    the file. Matroska counts from zero; the start of a segment of a longer recording is subtracted.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)
    start = max(0.0, (container.start_time or 0) / 1e6) if "matroska" in container.format.name else 0.0
    known = []
    if stream.duration is not None and stream.time_base is not None:
        known.append(float(stream.duration * stream.time_base))
    elif (tagged := _tagged_seconds(stream)) is not None:
        known.append(tagged - start)
    if container.duration is not None:
        known.append(container.duration / 1e6 - start)
    return max(0.0, min(known)) if known else None


def announces_pictures(container: "InputContainer", stream: "VideoStream") -> bool:
    """Whether the announced end is that of the pictures, and not that of the longest of several streams."""
    return len(container.streams) == 1 or stream.duration is not None or _tagged_seconds(stream) is not None


def is_complete(container: "InputContainer") -> bool:
    """Whether a file certainly holds all that was written: an AVI by the length in its first bytes.

    The frame count of an AVI that is a segment of a recording includes the segments before it.
    """
    if container.format.name != "avi":
        return False
    path = Path(container.name.removeprefix("file:"))
    with path.open("rb") as file:
        head = file.read(8)
    length = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and 0 < length <= path.stat().st_size - 8


def frame_period(stream: "VideoStream") -> float:
    """Seconds from frame to frame by the header, for frames without times of their own."""
    context = stream.codec_context
    coded = context.framerate if stream.container.format.name in _WITHOUT_TIMES and context else None
    rate = coded or stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.04


def _tagged_seconds(stream: "VideoStream") -> float | None:
    """Length of a stream in a Matroska file, from a tag that FFmpeg and mkvmerge write."""
    for name, text in stream.metadata.items():
        match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text) if name.startswith("DURATION") else None
        if match is not None:
            return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
    return None


def too_large(path: Path, width: int, height: int, max_pixels: int) -> str:
    """Error message for pictures above the bound."""
    return (
        f"{path}: its pictures are {width} x {height}, more than the {max_pixels:,} pixels that are read. "
        "Set a higher bound if you trust the file."
    )


def check_file(path: Path) -> None:
    """Check that a path is a file that is not empty.

    Raises:
        MediaError: It is not.
    """
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise MediaError(f"{str(path)[:200]}...: its name is too long for any file system.") from error
    if not path.exists():
        raise MediaError(f"{path}: no such file. Check the name and the folder.")
    if path.is_dir():
        raise MediaError(f"{path}: a folder, where one video file was expected. Name a file in it.")
    if not path.is_file():
        raise MediaError(f"{path}: a device or a pipe, where a video file was expected. Record it first.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: empty (0 bytes). Copy it from the camera again, or delete it.")


def _reason(error: Exception) -> str:
    """Message of libav for an error, without its number and without the path."""
    return str(getattr(error, "strerror", None) or error).rstrip(". ")
