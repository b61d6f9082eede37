"""Camtrap DP packages of smoothed results.

Source: https://camtrap-dp.tdwg.org, version 1.0.2
"""

import csv
import json
import mimetypes
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import iso_utc

from ..formats.taxonomy import Taxon
from ..moments import events
from ..predictions import Predictions
from .camtrap_places import Place
from .result_moments import media_starts, result_moments

VERSION = "1.0.2"
_SITE = f"https://raw.githubusercontent.com/tdwg/camtrap-dp/{VERSION}"
_TYPES = {
    "person": "human",
    "human": "human",
    "vehicle": "vehicle",
    "unknown": "unknown",
    "unclassified": "unclassified",
}
_HEADERS = {
    "deployments": (
        "deploymentID locationID locationName latitude longitude coordinateUncertainty deploymentStart "
        "deploymentEnd setupBy cameraID cameraModel cameraDelay cameraHeight cameraDepth cameraTilt "
        "cameraHeading detectionDistance timestampIssues baitUse featureType habitat deploymentGroups "
        "deploymentTags deploymentComments"
    ),
    "media": (
        "mediaID deploymentID captureMethod timestamp filePath filePublic fileName fileMediatype "
        "exifData favorite mediaComments"
    ),
    "observations": (
        "observationID deploymentID mediaID eventID eventStart eventEnd observationLevel observationType "
        "cameraSetupType scientificName count lifeStage sex behavior individualID "
        "individualPositionRadius individualPositionAngle individualSpeed bboxX bboxY bboxWidth "
        "bboxHeight classificationMethod classifiedBy classificationTimestamp classificationProbability "
        "observationTags observationComments"
    ),
}
"""Columns of each table, all of the standard."""


def write_camtrap_dp(folder: Path, table: Predictions, places: Mapping[str, Place]) -> None:
    """Write smoothed results as a Camtrap DP package: a folder with four files.

    Observations of level `media` hold the classifier's labels of each picture (of a video, each label with its mean
    probability); those of level `event` hold the context labels of events. Media files are named and not copied. What
    only the project's people know (title, sampling design, licences) is filled in with the plainest value: edit
    `datapackage.json` before it is published.

    Args:
        folder: Folder to write; it is made.
        table: Predictions with a context, whose times are in UTC.
        places: Place of each deployment.

    Raises:
        InputError: A time or the place of a deployment is not known, or a path leads out of the package.
        OSError: A file cannot be written.
    """
    if table.context is None:
        raise InputError("these predictions have no context probabilities: run a smoothing method first.")
    if not table.utc or np.isnan(table.time).any():
        raise InputError("camtrap-dp: needs the date and time of every picture. Give them with --timestamps.")
    missing = [name for name in table.deployments() if name not in places]
    if missing:
        raise InputError(
            f"camtrap-dp: the place of the deployment {missing[0]!r} is not known. Give --deployments a table with the "
            "columns deployment, latitude and longitude."
        )
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    rows = {
        "deployments": list(_deployments(table, places)),
        "media": list(_media(table)),
        "observations": [*_of_media(table, now), *_of_events(table, now)],
    }
    for name, lines in rows.items():
        with atomic_write(folder / f"{name}.csv", newline="") as file:
            writer = csv.DictWriter(file, _HEADERS[name].split(), restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
    with atomic_write(folder / "datapackage.json") as file:
        json.dump(_package(table, places, rows, now), file, ensure_ascii=False, allow_nan=False, indent=1)
        file.write("\n")


def _deployments(table: Predictions, places: Mapping[str, Place]) -> Iterable[dict[str, Any]]:
    for name in table.deployments():
        times, place = table.time[table.deployment == name], places[name]
        yield {
            "deploymentID": _identifier(name),
            "latitude": place.latitude,
            "longitude": place.longitude,
            "deploymentStart": iso_utc(float(times.min()) if isnan(place.start) else place.start),
            "deploymentEnd": iso_utc(float(times.max()) if isnan(place.end) else place.end),
        }


def _media(table: Predictions) -> Iterable[dict[str, Any]]:
    starts = media_starts(table)
    deployment = dict(zip(table.media.tolist(), table.deployment.tolist(), strict=True))
    for name, start in starts.items():
        path = name.replace("\\", "/").removeprefix("./")
        if path.startswith(("/", "~", ".")) or ".." in path:
            raise InputError(
                f"camtrap-dp: {name}: the path of a medium must lead down from the package's folder. Smooth results "
                "whose paths are relative."
            )
        kind = mimetypes.guess_type(path)[0] or ""
        several = len(np.unique(table.frame[table.media == name])) > 1
        yield {
            "mediaID": name,
            "deploymentID": _identifier(deployment[name]),
            "timestamp": iso_utc(start),
            "filePath": path,
            "filePublic": "false",
            "fileMediatype": kind
            if kind.startswith(("image/", "video/"))
            else "video/mp4"
            if several
            else "image/jpeg",
        }


def _of_media(table: Predictions, now: datetime) -> Iterable[dict[str, Any]]:
    """Observations of single pictures, and of the labels of each video."""
    number = 0
    by = table.classifier or "classifier"
    for name in dict.fromkeys(table.media.tolist()):
        part = table.take(table.media == name)
        labels, sure = part.labels(), part.probabilities.max(1)
        if len(np.unique(part.frame)) > 1:
            groups = [np.flatnonzero(labels == k) for k in dict.fromkeys(labels.tolist())]
            if len(groups) > 1:
                groups = [rows for rows in groups if labels[rows[0]] != part.blank_index]
        else:
            groups = [np.array([row]) for row in range(len(part))]
        for rows in groups:
            number += 1
            line = {
                "observationID": f"media-{number}",
                "deploymentID": _identifier(str(part.deployment[0])),
                "mediaID": name,
                "eventStart": iso_utc(float(part.time[rows].min())),
                "eventEnd": iso_utc(float(part.time[rows].max())),
                "observationLevel": "media",
                **_label(part.classes[labels[rows[0]]], part.blank),
                **_classified(by, float(sure[rows].mean()), now),
            }
            box = part.box[rows[0]].astype(float).clip(0, 1)
            if len(rows) == 1 and not np.isnan(box).any() and (box[2:] > 0).all():
                line |= {
                    key: f"{value:.6g}"
                    for key, value in zip(("bboxX", "bboxY", "bboxWidth", "bboxHeight"), box, strict=True)
                }
            yield line


def _of_events(table: Predictions, now: datetime) -> Iterable[dict[str, Any]]:
    for number, event in enumerate(events(result_moments(table)), start=1):
        yield {
            "observationID": f"event-{number}",
            "deploymentID": _identifier(event.deployment),
            "eventID": f"event-{number}",
            "eventStart": iso_utc(event.utc),
            "eventEnd": iso_utc(event.utc + event.duration),
            "observationLevel": "event",
            **_label(event.label, table.blank),
            **_classified(f"wolfdog {version('wolfdog')}: {table.method}", event.probability, now),
        }


def _label(name: str, blank: str | None) -> dict[str, str]:
    """Type and scientific name of a label; a taxonomy string gives its scientific name."""
    taxon = Taxon.of(name)
    common = name if taxon is None else taxon.common
    kind = "blank" if name == blank else _TYPES.get(common.lower(), "animal")
    if kind != "animal":
        return {"observationType": kind, "scientificName": ""}
    scientific = name if taxon is None else taxon.scientific.capitalize()
    return {"observationType": kind, "scientificName": scientific}


def _classified(by: str, probability: float, now: datetime) -> dict[str, str]:
    return {
        "classificationMethod": "machine",
        "classifiedBy": by,
        "classificationTimestamp": iso_utc(now.timestamp()),
        "classificationProbability": f"{min(probability, 1.0):.4f}",
    }


def _identifier(deployment: str) -> str:
    """Name of a deployment; the standard wants at least one character."""
    return deployment or "deployment"


def _package(
    table: Predictions,
    places: Mapping[str, Place],
    rows: Mapping[str, list[dict[str, Any]]],
    now: datetime,
) -> dict[str, Any]:
    names = dict.fromkeys(line["scientificName"] for line in rows["observations"] if line["scientificName"])
    used = [places[name] for name in table.deployments()]
    points = [[place.longitude, place.latitude] for place in used]
    return {
        "profile": f"{_SITE}/camtrap-dp-profile.json",
        "name": "wolfdog-results",
        "title": "Labels of camera traps",
        "created": iso_utc(now.timestamp()),
        "contributors": [{"title": f"wolfdog {version('wolfdog')}", "role": "contributor"}],
        "project": {
            "title": "Labels of camera traps",
            "samplingDesign": "opportunistic",
            "captureMethod": ["activityDetection"],
            "individualAnimals": False,
            "observationLevel": ["media", "event"],
        },
        "spatial": {"type": "MultiPoint", "coordinates": points},
        "temporal": {
            "start": min(line["deploymentStart"] for line in rows["deployments"])[:10],
            "end": max(line["deploymentEnd"] for line in rows["deployments"])[:10],
        },
        "taxonomic": [{"scientificName": name} for name in names],
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": f"{_SITE}/{name}-table-schema.json",
            }
            for name in _HEADERS
        ],
    }
