"""Options that several commands have."""

from enum import StrEnum


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


LABELS = (
    "Labels: CSV (video,start,end,label in seconds, hh:mm:ss or frames, or filepath,label), BORIS, Label Studio, COCO "
    "Camera Traps, a Camtrap DP package, or .npy."
)
MERGE = "Take labels that differ in capital letters or spaces alone as one class."
STRICT = "Stop if a video cannot be read to its end."
