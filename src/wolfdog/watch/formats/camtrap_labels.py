"""Labels by people in a Camtrap DP package."""

from collections.abc import Mapping
from pathlib import Path

from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import seconds_of
from wolfdog.text_files.camtrap_package import Table, read_package

from .label_rows import LabelRow


def camtrap_labels(path: Path) -> list[LabelRow]:
    """Labels of the observations with `classificationMethod` human; those of events hold for all their media.

    Media are named by `mediaID` and by `filePath`. A label is `scientificName`, or `observationType` where that is not
    animal.

    Args:
        path: Of `datapackage.json`.

    Raises:
        InputError: The package is not sound, or has no such observation.
    """
    package = read_package(path)
    media = Table.read(package["media"], "media")
    observations = Table.read(package["observations"], "observations")
    files = {row["mediaID"]: row.get("filePath", "") for row in media.rows}
    when = {
        row["mediaID"]: (row["deploymentID"], seconds_of(row["timestamp"], f"{media.path}: row {n}"))
        for n, row in media.numbered()
    }
    found: list[LabelRow] = []
    for n, row in observations.numbered():
        if row.get("classificationMethod") != "human":
            continue
        label = label_of(row)
        if row["observationLevel"] == "media":
            ids = [row["mediaID"]]
        else:
            where = f"{observations.path}: row {n}"
            start, end = (seconds_of(row.get(name, ""), where) for name in ("eventStart", "eventEnd"))
            ids = [
                medium
                for medium, (place, time) in when.items()
                if place == row["deploymentID"] and start <= time <= end
            ]
        for medium in ids:
            found += [
                LabelRow(name, label) for name in dict.fromkeys((medium, files.get(medium, ""))) if name
            ]
    if not found:
        raise InputError(f"{observations.path}: has no observation with classificationMethod human.")
    return found


def label_of(row: Mapping[str, str]) -> str:
    """Label of an observation: `scientificName`, or `observationType` where that is not animal.

    Examples:
        >>> label_of({"observationType": "animal", "scientificName": "Felis catus"})
        'Felis catus'
        >>> label_of({"observationType": "blank"})
        'blank'
    """
    name = row.get("scientificName", "").strip()
    return name if row["observationType"] == "animal" and name else row["observationType"] or "unknown"
