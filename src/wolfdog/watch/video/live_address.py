"""Addresses of live sources: cameras and network streams, and how they are read."""

import re
import sys
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from wolfdog.errors import InputError

from .container import MAX_PIXELS

SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "rtp", "srt", "tcp")
"""Schemes of the addresses of network streams."""

CAMERAS = {
    "linux": ("v4l2", "/dev/video{}"),
    "darwin": ("avfoundation", "{}"),
    "win32": ("dshow", "video={}"),
}
"""Libav's input format and the name of a camera, by platform."""


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """Options of a live source.

    Args:
        first_wait: Seconds before the first attempt to connect again; each further attempt waits twice as long.
        longest_wait: Longest wait in seconds.
        stall: Seconds without data after which a connection counts as lost (watchdog); also the longest time that a
            connection may take.
        queue: Sampled frames that wait for the classifier. When it is full, the oldest is dropped: labels stay
            current, and a slow classifier sees fewer frames.
        seconds: End after this many seconds; None: never.
        max_pixels: Streams with larger pictures are refused.

    Raises:
        InputError: An option is out of range.
    """

    first_wait: float = 1.0
    longest_wait: float = 30.0
    stall: float = 10.0
    queue: int = 4
    seconds: float | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if not (0 < self.first_wait <= self.longest_wait and self.stall > 0 and self.queue >= 1):
            raise InputError(f"live source: waits, stall and queue must be above 0, got {self}.")
        if self.seconds is not None and not self.seconds > 0:
            raise InputError(f"live source: seconds must be above 0, got {self.seconds}.")


@dataclass(frozen=True)
class Live:
    """Address of a live source, and how it is read.

    Args:
        address: camera:0, or the address of a stream.
        options: Of the source.
        stop: Ends the source when it is set, as the end of its time does.
    """

    address: str
    options: LiveOptions = LiveOptions()
    stop: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)


def is_live(source: str) -> bool:
    """Whether a source is a camera (camera:0) or the address of a network stream.

    Examples:
        >>> [is_live(one) for one in ("rtsp://10.0.0.7/stream", "camera:0", "garden.mp4", "C:/a.mp4")]
        [True, True, False, False]
    """
    scheme, colon, _ = source.partition(":")
    return bool(colon) and (scheme.lower() == "camera" or (scheme.lower() in SCHEMES and "://" in source))


def is_camera(address: str) -> bool:
    """Whether an address is that of a camera of this computer."""
    return address.lower().startswith("camera:")


def camera_input(address: str) -> tuple[str, str, dict[str, str]]:
    """Format, name and options by which libav opens a camera of this computer.

    Args:
        address: camera:0, or camera: and the name of a device, as camera:/dev/video2; after a question mark, options of
            libav's format, as camera:0?video_size=1280x720&framerate=15.

    Returns:
        Format, name and options.

    Examples:
        >>> camera_input("camera:/dev/video2?framerate=15")[1:]
        ('/dev/video2', {'framerate': '15'})
    """
    device, _, query = address.partition(":")[2].partition("?")
    form, pattern = CAMERAS.get(sys.platform, CAMERAS["linux"])
    return form, device if device.startswith("/") else pattern.format(device), dict(parse_qsl(query))


def live_name(address: str) -> str:
    """Name of a live source in results: no password, no query, and fit for a file name.

    Examples:
        >>> live_name("rtsp://admin:secret@10.0.0.7:554/stream?x=1"), live_name("camera:0")
        ('10.0.0.7_554_stream', 'camera_0')
    """
    plain = re.sub(r"^[a-z]+://", "", without_password(address).partition("?")[0], flags=re.IGNORECASE)
    return re.sub(r"[^\w.-]+", "_", plain).strip("._") or "stream"


def without_password(address: str) -> str:
    """Address without the name and password of a user."""
    return re.sub(r"://[^/@]*@", "://", address)
