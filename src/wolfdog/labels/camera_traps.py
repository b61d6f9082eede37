"""Labels of camera-trap packages: COCO Camera Traps files and Camtrap DP observations.

Source: https://github.com/agentmorris/MegaDetector/blob/main/megadetector/data_management/README.md#coco-camera-traps-format,
https://camtrap-dp.tdwg.org, version 1.0.2
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wolfdog.errors import InputError, LabelsError
from wolfdog.text_files.camera_time import seconds_of
from wolfdog.text_files.camtrap_package import Table, observed_label, read_package

from .rows import LabelRow


def read_coco_camera_traps(
    path: Path, document: Mapping[str, Any], problems: list[str]
) -> Iterator[LabelRow]:
    """Rows of a COCO Camera Traps file.

    An annotation is for its image; with `sequence_level_annotation` it is for the sequence (`seq_id`) of the image. The
    site is `location`.

    Args:
        path: Of the file.
        document: Its contents.
        problems: Receives a message for each annotation that cannot be read.

    Raises:
        LabelsError: The file has no images, annotations or categories.
    """
    parts = [document.get(name) for name in ("images", "annotations", "categories")]
    if not all(isinstance(part, list) and all(isinstance(one, dict) for one in part) for part in parts):
        raise LabelsError(
            f"{path}: expected lists of images, annotations and categories (COCO Camera Traps)."
        )
    images, annotations, categories = parts
    assert images is not None
    assert annotations is not None
    assert categories is not None
    by_id = {image.get("id"): image for image in images}
    names = {category.get("id"): category.get("name") for category in categories}
    of_sequence: dict[Any, list[Any]] = {}
    for image in images:
        if image.get("seq_id") is not None:
            of_sequence.setdefault(image["seq_id"], []).append(image)
    for number, annotation in enumerate(annotations):
        where = f"{path}, annotation {annotation.get('id', number)}"
        image, label = by_id.get(annotation.get("image_id")), names.get(annotation.get("category_id"))
        if image is None or not isinstance(image.get("file_name"), str):
            problems.append(f"{where}: its image_id {annotation.get('image_id')!r} is not among the images.")
            continue
        if not isinstance(label, str):
            problems.append(
                f"{where}: its category_id {annotation.get('category_id')!r} is not among the categories."
            )
            continue
        sequence = image.get("seq_id") if annotation.get("sequence_level_annotation") else None
        for one in [image] if sequence is None else of_sequence[sequence]:
            yield LabelRow(
                where=where,
                media=str(one.get("file_name", "")),
                label=label,
                sequence="" if sequence is None else str(sequence),
                site=str(one.get("location", "")),
            )


def read_camtrap_dp(path: Path, problems: list[str]) -> Iterator[LabelRow]:
    """Rows of the observations of a Camtrap DP package.

    The label is `scientificName`, or `observationType` where that is empty. An observation of level `media` is for its
    file, or for the part of a video from `eventStart` to `eventEnd`. One of level `event` is for all media of the
    deployment with times in the event, as a sequence. Observations by machines are left out where there are others.

    Args:
        path: Of the folder, or of its datapackage.json.
        problems: Receives a message for each observation that cannot be read.

    Raises:
        LabelsError: The package cannot be understood.
        OSError: A file cannot be read.
    """
    try:
        package = read_package(path / "datapackage.json" if path.is_dir() else path)
        media = Table.read(package["media"], "media")
        observations = Table.read(package["observations"], "observations")
        when = {
            row["mediaID"]: seconds_of(row["timestamp"], f"{media.path}: row {number}")
            for number, row in media.numbered()
        }
    except InputError as error:
        raise LabelsError(str(error)) from error
    files = {row["mediaID"]: row.get("filePath", "") for row in media.rows}
    by_people = any(row.get("classificationMethod") == "human" for row in observations.rows)
    for number, row in observations.numbered():
        if by_people and row.get("classificationMethod") == "machine":
            continue
        where = f"{observations.path}, row {number}"
        label, site = observed_label(row), row["deploymentID"]
        try:
            start, end = (seconds_of(row.get(name, ""), where) for name in ("eventStart", "eventEnd"))
        except InputError as error:
            problems.append(str(error))
            continue
        if row["observationLevel"] == "media":
            if row["mediaID"] not in when:
                problems.append(f"{where}: mediaID {row['mediaID']!r} is not in {media.path.name}.")
                continue
            begin, file = when[row["mediaID"]], files[row["mediaID"]]
            within = _is_video(file) and end > start >= begin
            yield LabelRow(
                where=where,
                media=file,
                label=label,
                start=start - begin if within else None,
                end=end - begin if within else None,
                site=site,
            )
            continue
        for one in media.rows:
            if one["deploymentID"] == site and start <= when[one["mediaID"]] <= end:
                sequence = row.get("eventID") or f"{site} {row.get('eventStart', '')}"
                yield LabelRow(
                    where=where, media=files[one["mediaID"]], label=label, sequence=sequence, site=site
                )


def _is_video(file: str) -> bool:
    return not file.lower().endswith((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"))
