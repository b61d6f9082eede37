"""Live sources on the command line: cameras and streams that are watched at the same time."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .screen import StageBars

if TYPE_CHECKING:
    from ..watch.recorder import Recorder, Watched
    from ..watch.video.media import Medium


def watch_live(
    media: Sequence["Medium"],
    out: Path,
    recorder: Callable[[Path], "Recorder"],
    *,
    alone: bool,
    duration: float | None,
) -> list["Watched"]:
    """Label live sources side by side, and show how far each is.

    Args:
        media: The sources.
        out: Folder of the results.
        recorder: Makes the recorder of a folder.
        alone: Whether the results of a single source are in `out` itself, and not in a folder named after it.
        duration: Seconds after which the sources end, if they do.

    Returns:
        Summary of each source.
    """
    from ..watch.live_recording import record_live

    folders = [out] if alone and len(media) == 1 else [out / medium.name for medium in media]
    seconds = dict.fromkeys((medium.name for medium in media), 0.0)
    began = time.monotonic()

    def progress(medium: "Medium", second: float, _: float | None) -> None:
        seconds[medium.name] = second

    title = media[0].name if len(media) == 1 else f"{len(media)} live sources"
    with StageBars()(title, duration or 1.0) as done:

        def waiting() -> None:
            reached = [f"{second:,.0f} s" for second in seconds.values()]
            done(min(time.monotonic() - began, duration) if duration else 0.0, ", ".join(reached))

        return record_live(media, folders, recorder, progress=progress, waiting=waiting)
