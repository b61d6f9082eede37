"""Labels in the form of COCO Camera Traps."""

from pathlib import Path
from typing import Any

from wolfdog.errors import InputError
from wolfdog.text_files.json_file import read_json

from .label_rows import LabelRow


def coco_labels(path: Path) -> list[LabelRow]:
    """Labels of images: one row for each annotation.

    Source: https://github.com/agentmorris/MegaDetector, "COCO Camera Traps" format.

    Raises:
        InputError: The file is not of this form.
        OSError: The file cannot be read.
    """
    document: Any = read_json(path)
    parts = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not all(isinstance(document.get(name), list) for name in parts):
        raise InputError(f"{path}: expected COCO Camera Traps, with {', '.join(parts)} as lists.")
    try:
        files = {image["id"]: str(image["file_name"]) for image in document["images"]}
        names = {category["id"]: str(category["name"]) for category in document["categories"]}
        return [
            LabelRow(files[annotation["image_id"]], names[annotation["category_id"]])
            for annotation in document["annotations"]
        ]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: an image, category or annotation lacks its id or name, or refers to one that is not there: "
            f"{error}."
        ) from None
