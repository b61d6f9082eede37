"""Clips: the parts of a video in which something happens, copied without decoding."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wolfdog.atomic import atomic_path
from wolfdog.errors import InputError, MediaError
from wolfdog.extras import needs_extra
from wolfdog.labels.rows import is_blank

from ..moments import Event, Merge, Moment
from ..video.container import open_video

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

UNKNOWN = "unknown"
"""Class of what is none of the others."""

MARGIN = 2.0
"""Seconds of a clip before and after its event."""

_IN_MP4 = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9"})
_SOUND_IN_MP4 = frozenset({"aac", "mp3", "ac3", "opus"})


@dataclass(frozen=True)
class Clip:
    """Part of a video with one label.

    Attributes:
        start: Seconds, with the margin.
        end: Seconds, with the margin.
        label: Label of the event; of several that overlap by their margins, the first one's.
    """

    start: float
    end: float
    label: str


class ClipChoice:
    """Choice of clips from the moments of one video: an event each, and overlapping events of one label together.

    Events whose label says that nothing is there, or that it is unknown, have no clip.

    Args:
        margin: Seconds before and after an event.
        min_event: Shortest event, in seconds.

    Raises:
        InputError: `margin` or `min_event` is negative.
    """

    def __init__(self, *, margin: float = MARGIN, min_event: float = 0.0) -> None:
        if not margin >= 0:
            raise InputError(f"clips: the margin is in seconds and cannot be below 0, got {margin}.")
        self._margin = margin
        self._merge = Merge(lambda one: one.context, lambda one: one.probability("context"), min_event)
        self._clips: list[Clip] = []

    def add(self, moment: Moment) -> None:
        """Take the next moment."""
        self._take(self._merge.add(moment))

    def clips(self) -> Sequence[Clip]:
        """Clips of all moments that were added."""
        self._take(self._merge.close())
        return self._clips

    def _take(self, event: Event | None) -> None:
        if event is None or is_blank(event.label) or event.label == UNKNOWN:
            return
        clip = Clip(max(0.0, event.start - self._margin), event.end + self._margin, event.label)
        before = self._clips[-1] if self._clips else None
        if before is not None and before.label == clip.label and before.end >= clip.start:
            self._clips[-1] = Clip(before.start, clip.end, clip.label)
        else:
            self._clips.append(clip)


def cut_clips(source: Path, clips: Iterable[Clip], folder: Path) -> list[Path]:
    """Write clips of a video into a folder, each named after its first second and its label.

    Pictures and sound are copied as they are. A clip begins with the last keyframe before its start, since pictures
    after it are coded as differences. It is an MP4 file where that holds the video's format, else a Matroska file.

    Args:
        source: The video.
        clips: Parts of it.
        folder: Created where it does not exist.

    Returns:
        The files.

    Raises:
        MediaError: The video cannot be read, or a clip cannot be written.
        OSError: A file cannot be written.
    """
    with needs_extra("watch", "cutting clips"):
        import av

    written = []
    for clip in clips:
        folder.mkdir(parents=True, exist_ok=True)
        container, stream = open_video(source)
        with container:
            sound = next(iter(container.streams.audio), None)
            streams: list[Stream] = [stream, *([] if sound is None else [sound])]
            mp4 = stream.codec_context.name in _IN_MP4
            mp4 = mp4 and (sound is None or sound.codec_context.name in _SOUND_IN_MP4)
            name = f"{clip.start:09.2f} {_file_name(clip.label)}{'.mp4' if mp4 else '.mkv'}"
            try:
                with atomic_path(folder / name) as beside, av.open(str(beside), "w") as target:
                    _copy(container, streams, target, clip)
            except (av.FFmpegError, ValueError) as error:
                why = getattr(error, "strerror", None) or error
                raise MediaError(
                    f"{source}: its clip from {clip.start:.2f} s cannot be written ({why})."
                ) from error
        written.append(folder / name)
    return written


def _copy(
    container: "InputContainer", streams: "list[Stream]", target: "OutputContainer", clip: Clip
) -> None:
    offset = (container.start_time or 0) / 1e6
    video = streams[0]
    outputs = {stream.index: target.add_stream_from_template(stream) for stream in streams}
    if video.time_base:
        container.seek(int((clip.start + offset) / video.time_base), stream=video)
    first: float | None = None
    for packet in container.demux(*streams):
        time = _seconds(packet)
        if time is None:
            continue
        past = time - offset >= clip.end
        if packet.stream is video:
            if past:
                break
            first = time if first is None else first
        if first is None or time < first or past:  # sound before the first picture, or after the last
            continue
        shift = round(first / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        packet.stream = outputs[packet.stream.index]
        target.mux(packet)


def _seconds(packet: "Packet[Stream]") -> float | None:
    """Time at which a packet is decoded; None of an empty one."""
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None or not packet.size else float(stamp * packet.time_base)


def _file_name(label: str) -> str:
    """Label as part of a file name."""
    return re.sub(r"[^\w.-]+", "_", label)[:60].strip("._") or "label"
