"""Live sources on the command line: cameras and streams that are watched at the same time."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .screen import StageBars

if TYPE_CHECKING:
    from ..watch.recorder import Recorder, Watched
    from ..watch.video.media import Medium


def folders_of(media: Sequence["Medium"], out: Path, *, alone: bool, replace: bool) -> list[Path]:
    """Folder of the results of each live source.

    Args:
        media: The sources.
        out: Folder of the results.
        alone: Whether the results of a single source are in `out` itself, and not in a folder named after it.
        replace: Whether results in the folders may be replaced.

    Returns:
        The folders.

    Raises:
        InputError: There are results in one of them already: a live source cannot be read again.
    """
    from ..watch.jobs.folder import has_tables

    folders = [out] if alone and len(media) == 1 else [out / medium.name for medium in media]
    for folder in folders:
        if has_tables(folder) and not replace:
            raise InputError(
                f"{folder}: holds results of an earlier run, which would be lost. Choose another --out, or give "
                "--replace."
            )
    return folders


def watch_live(
    media: Sequence["Medium"],
    folders: Sequence[Path],
    recorder: Callable[[Path], "Recorder"],
    *,
    duration: float | None,
) -> list["Watched"]:
    """Label live sources side by side, and show how far each is.

    Args:
        media: The sources.
        folders: Folder of the results of each; see `folders_of`.
        recorder: Makes the recorder of a folder.
        duration: Seconds after which the sources end, if they do.

    Returns:
        Summary of each source.
    """
    from ..watch.live_recording import record_live

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
