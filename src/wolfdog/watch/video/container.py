"""Opening a video file, or one clear message why it cannot be opened."""

from pathlib import Path
from typing import TYPE_CHECKING

from wolfdog.errors import MediaError
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


def open_video(path: Path) -> tuple["InputContainer", "VideoStream"]:
    """Open a video file and choose its first moving picture; the caller closes the container.

    Raises:
        MediaError: the file is missing, a folder, empty, unreadable, no video, or without a stream of
        pictures
            that can be decoded.
    """
    # Decoders load with the first video, so that `import wolfdog` stays light.
    with needs_extra("watch", "reading a video"):
        import av
        from av.stream import Disposition

    _check_file(path)
    try:
        # "file:" keeps a name such as "cam:3.mp4" from being read as a protocol; tags in old code pages are
        # common.
        container = av.open(f"file:{path}", metadata_errors="replace")
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
        if streams[0].codec_context is None:
            raise MediaError(
                f"{path}: its video is in a format that libav cannot decode. Convert it to H.264."
            )
    except BaseException:
        container.close()
        raise
    return container, streams[0]


def announced_seconds(container: "InputContainer", stream: "VideoStream") -> float | None:
    """How long the header says that the pictures go on, in seconds; None where it does not say.

    The shorter of what the stream and the container say: sound may outlast the pictures, and an edit list may
    show less than the stream holds. AVI's own count of frames goes before both, which libav shortens to what
    is there.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)
    known = []
    if stream.duration is not None and stream.time_base is not None:
        known.append(float(stream.duration * stream.time_base))
    if container.duration is not None and (known or len(container.streams) == 1):
        known.append(container.duration / 1e6)
    return min(known, default=None)


def frame_period(stream: "VideoStream") -> float:
    """Seconds from frame to frame as the header has it: for frames without times of their own."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.04


def _check_file(path: Path) -> None:
    if not path.exists():
        raise MediaError(f"{path}: no such file. Check the name and the folder.")
    if path.is_dir():
        raise MediaError(f"{path}: a folder, where one video file was expected. Name a file in it.")
    if not path.is_file():
        raise MediaError(f"{path}: a device or a pipe, where a video file was expected. Record it first.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: empty (0 bytes). Copy it from the camera again, or delete it.")


def _reason(error: Exception) -> str:
    """libav's words for an error, without its number and without the path again."""
    return str(getattr(error, "strerror", None) or error).rstrip(". ")
