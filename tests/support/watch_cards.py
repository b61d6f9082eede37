"""Cards of camera traps, made on the spot: images with EXIF, a COCO Camera Traps file, a Camtrap DP package."""

import csv
import json

import numpy as np
from PIL import Image

RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


def picture(path, colour=RED, *, date=None, offset=None, size=(64, 48), orientation=None):
    """An image of one colour, with the date and the offset from UTC that a camera notes. Returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, colour)
    exif = image.getexif()
    details = exif.get_ifd(0x8769)
    if date is not None:
        details[36867] = date
    if offset is not None:
        details[36881] = offset
    if orientation is not None:
        exif[274] = orientation
    image.save(path, exif=exif)
    return path


def camera_traps(path, images):
    """A COCO Camera Traps file of images, each a dictionary of its fields."""
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}), encoding="utf-8")
    return path


def camtrap_package(folder, media):
    """A Camtrap DP package of media, each (file, deployment, timestamp)."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "deployments": [["deploymentID"], *([name] for name in sorted({row[1] for row in media}))],
        "media": [
            ["mediaID", "deploymentID", "timestamp", "filePath"],
            *([f"m{n}", deployment, time, file] for n, (file, deployment, time) in enumerate(media)),
        ],
        "observations": [["observationID"]],
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    resources = [{"name": name, "path": f"{name}.csv"} for name in tables]
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources}), encoding="utf-8")
    return folder


def quarters(size=64):
    """A picture whose four quarters differ: red, green, blue and white, clockwise from the upper left."""
    image = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    image[:half, :half], image[:half, half:], image[half:, half:], image[half:, :half] = RED, GREEN, BLUE, 255
    return image
