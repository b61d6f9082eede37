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
