"""Options that several commands have."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

LARGEST_SEED = 2**63 - 1
"""Largest seed; a little more, for a second seed, is one that PyTorch and NumPy take too."""


def check_seed(seed: int) -> int:
    """Seed that PyTorch and NumPy take, for `typer.Option(callback=check_seed)`.

    Args:
        seed: The seed.

    Returns:
        The same seed.

    Raises:
        typer.BadParameter: It is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise typer.BadParameter(f"expected a whole number from 0 to 2**63 - 1, got {seed}.")
    return seed


class Crop(StrEnum):
    """Ways to fit a frame into the square that a classifier reads."""

    SQUEEZE = "squeeze"
    CENTRE = "centre"
    LETTERBOX = "letterbox"


class Deployments(StrEnum):
    """Ways to group files into deployments."""

    AUTO = "auto"
    FOLDER = "folder"
    FILE = "file"


Classifier = Annotated[
    str,
    typer.Option(
        help="Image classifier: efficientnet-lite0, -lite1 or -lite2, onnx:FILE, timm:NAME, or the folder of a watcher "
        "that `wolfdog train` made.",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="TOML file that groups the classifier's classes under names of your own, or one that comes with wolfdog: "
        "animals, european-mammals, north-american-mammals, model-problem. own: the classes as they are.",
        show_default="animals, for classifiers of ImageNet's classes",
    ),
]
Method = Annotated[
    str,
    typer.Option(
        help="Memory or smoothing method over the predictions: memory, world-memory, hmm, mean, majority, frigate and "
        "others; none.",
        show_default="world-memory for the model problem's classes, else memory",
    ),
]
MethodOptions = Annotated[
    list[str] | None,
    typer.Option("--option", help="Option of the method, as name=value: frames=9.", show_default=False),
]
FrameRate = Annotated[float, typer.Option(help="Frames a second that are looked at.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of the classifier.")]
Stall = Annotated[
    float, typer.Option(help="Connect to a live source again after this many seconds without data.")
]
MaxPixels = Annotated[
    int, typer.Option(min=1, help="Refuse files and sources with larger pictures than this many pixels.")
]
Fit = Annotated[Crop, typer.Option(help="How frames that are not square are fitted.")]
Blank = Annotated[
    str | None,
    typer.Option(help="Class that says that nothing is there.", show_default="blank, empty, vide, ..."),
]
Timestamps = Annotated[
    Path | None,
    typer.Option(help="Table with the columns file and datetime, where the results hold no times."),
]

LABELS = (
    "Labels: CSV (video,start,end,label in seconds, hh:mm:ss or frames, or filepath,label), BORIS, Label Studio, COCO "
    "Camera Traps, a Camtrap DP package, or .npy."
)
MERGE = "Take labels that differ in capital letters or spaces alone as one class."
Strict = Annotated[bool, typer.Option("--strict", help="Stop if a video cannot be read to its end.")]
Detections = Annotated[
    Path | None,
    typer.Option(help="Classify the boxes of a results file of MegaDetector.", show_default=False),
]
Detector = Annotated[
    str | None,
    typer.Option(help="Classify the boxes that a YOLO network finds: onnx:FILE.", show_default=False),
]
DetectorClasses = Annotated[
    str | None,
    typer.Option(
        help="Use the boxes of these classes of the detector alone, such as bird,cat,dog.", show_default=False
    ),
]
