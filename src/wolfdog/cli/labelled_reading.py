"""Labelled videos for `train` and `evaluate`: reading, and messages about what is wrong with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..watch.distributed import SINGLE, Processes
from .screen import StageBars, tell_of_labels, tell_of_reading

if TYPE_CHECKING:
    from ..watch.data.labelled_media import LabelledMedia
    from ..watch.data.labelled_video import LabelledVideo


@dataclass(frozen=True)
class LabelledFootage:
    """Labelled files, and how they are read.

    Args:
        found: Files with labels.
        classes: Names of the classes.
        strict: Whether all files must be whole.
    """

    found: "LabelledMedia"
    classes: Sequence[str]
    strict: bool


def read_frames(
    footage: LabelledFootage,
    title: str,
    stages: StageBars,
    *,
    fps: float,
    size: int,
    develop: "Callable[[LabelledVideo], LabelledVideo] | None" = None,
    processes: Processes = SINGLE,
) -> "list[LabelledVideo]":
    """Frames of labelled files, with a progress bar; what is wrong with files and labels is printed.

    Args:
        footage: The files.
        title: Title of the stage.
        stages: Progress bars.
        fps: Frames a second.
        size: Pixels of a frame's side.
        develop: Makes of each video what is kept of it.
        processes: Processes that read together.

    Returns:
        The videos.

    Raises:
        MediaError: No file can be read, or, if all must be whole, one cannot be read to its end.
        LabelsError: More than half of the labels cover no frame.
    """
    from ..watch.data.labelled_video import read_labelled_videos

    found = footage.found
    tell_of_labels(found)
    with stages(title, len(found.media)) as done:
        read = read_labelled_videos(
            found.media,
            found.labels,
            classes=footage.classes,
            fps=fps,
            size=size,
            progress=lambda number: done(number, ""),
            sites=found.labels.sites,
            develop=develop,
            processes=processes,
        )
    tell_of_reading(found, read.troubles, read.misfits, strict=footage.strict)
    return read.videos
