"""Camtrap DP packages: observations by a machine, smoothed to events."""

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import iso_utc, seconds_of
from wolfdog.text_files.camtrap_package import Table, observed_label, read_package

from ..predictions import Predictions
from .blank_names import blank_of
from .results import Results

GAP = 120.0
"""Longest pause in seconds between two pictures of one event."""

_UNSURE = 0.9
"""Probability of a label that stands without `classificationProbability`."""


class CamtrapDP(Results):
    """Camtrap DP package, version 1: a folder with `datapackage.json`, media and observations.

    A row is an observation of level `media`: its class is `scientificName`, or `observationType` if that is blank,
    human, vehicle, unclassified or unknown; its probability is `classificationProbability`, and the rest is spread over
    the other classes. Deployments and times are those of the package.

    The output is a folder with a copy of the package's tables. Its `observations.csv` has, after all earlier rows, an
    observation of level `event` for each run of pictures of one context label: from its first to its last picture, with
    `classificationMethod` machine, `classifiedBy` wolfdog and the mean probability. Media files are not copied.

    Source: https://camtrap-dp.tdwg.org, version 1.0.2

    Args:
        path: The folder, or its `datapackage.json`.
        times: Not used: the package has its own.
        blank: Name of the class for empty pictures; None to find it by its name.

    Raises:
        InputError: The package lacks a table or a column, or refers to a medium that it does not have.
        OSError: A file cannot be read.
    """

    name = "camtrap-dp"

    def __init__(
        self, path: Path, *, times: Mapping[str, float] | None = None, blank: str | None = None
    ) -> None:
        if times:
            raise InputError(f"{path}: a Camtrap DP package holds its times: give none beside it.")
        self.path = path / "datapackage.json" if path.is_dir() else path
        self._package = read_package(self.path)
        self._observations = Table.read(self._package["observations"], "observations")
        media = Table.read(self._package["media"], "media")
        when = {
            row["mediaID"]: seconds_of(row["timestamp"], f"{media.path}: row {n}")
            for n, row in media.numbered()
        }
        rows = [(n, row) for n, row in self._observations.numbered() if row["observationLevel"] == "media"]
        if not rows:
            raise InputError(f"{self._observations.path}: has no observation of level media to be smoothed.")
        for n, row in rows:
            if row["mediaID"] not in when:
                raise InputError(
                    f"{self._observations.path}: row {n}: mediaID {row['mediaID']!r} is not in {media.path.name}."
                )
        labels = [observed_label(row) for _, row in rows]
        classes = tuple(dict.fromkeys([*labels, "blank"]))
        p, spread = _probabilities([row for _, row in rows], labels, classes, self._observations.path)
        numbers: dict[str, int] = {}
        detection = []
        for _, row in rows:
            detection.append(numbers.get(row["mediaID"], 0))
            numbers[row["mediaID"]] = detection[-1] + 1
        self.predictions = Predictions.from_columns(
            classes,
            p,
            time=[when[row["mediaID"]] for _, row in rows],
            utc=True,
            deployment=np.array([row["deploymentID"] for _, row in rows], object),
            media=np.array([row["mediaID"] for _, row in rows], object),
            frame=np.zeros(len(rows)),
            detection=[
                -1 if numbers[row["mediaID"]] == 1 else k for k, (_, row) in zip(detection, rows, strict=True)
            ],
            spread=spread,
            blank=blank_of(classes, blank),
        )

    def _write(self, smoothed: Predictions, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if path.samefile(self.path.parent):
            raise InputError(f"{path}: would replace the package that is read. Choose another folder.")
        for file in {self.path, *self._package.values()} - {self._package["observations"]}:
            target = path / file.relative_to(self.path.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        target = path / self._package["observations"].relative_to(self.path.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        header = [*self._observations.header]
        events = [event.as_row() for event in _events(smoothed)]
        header += [name for name in (events[0] if events else {}) if name not in header]
        with atomic_write(target, newline="") as text:
            writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._observations.rows)
            writer.writerows(events)


@dataclass(frozen=True)
class _Event:
    number: int
    deployment: str
    label: str
    start: float
    end: float
    probability: float
    blank: bool

    def as_row(self) -> dict[str, str]:
        type_ = "blank" if self.blank else self.label if self.label in _TYPES else "animal"
        return {
            "observationID": f"wolfdog-{self.number}",
            "deploymentID": self.deployment,
            "mediaID": "",
            "eventID": f"wolfdog-{self.number}",
            "eventStart": iso_utc(self.start),
            "eventEnd": iso_utc(self.end),
            "observationLevel": "event",
            "observationType": type_,
            "scientificName": self.label if type_ == "animal" else "",
            "classificationMethod": "machine",
            "classifiedBy": f"wolfdog {version('wolfdog')}",
            "classificationTimestamp": iso_utc(datetime.now(UTC).timestamp()),
            "classificationProbability": f"{self.probability:.4f}",
        }


_TYPES = ("human", "vehicle", "unknown", "unclassified")


def _events(smoothed: Predictions) -> Iterator[_Event]:
    """Runs of one context label in each deployment, no two pictures of a run further apart than `GAP`."""
    number = 0
    assert smoothed.context is not None  # checked by `write`
    for name, rows in smoothed.stream_rows():
        stream = smoothed.take(rows)
        labels, times = stream.labels(context=True), stream.time
        chosen = smoothed.context[rows, labels]
        begins = np.flatnonzero(
            np.diff(labels, prepend=-1).astype(bool) | (np.diff(times, prepend=-np.inf) > GAP)
        )
        for first, end in zip(begins, [*begins[1:], len(labels)], strict=True):
            number += 1
            label = stream.classes[labels[first]]
            yield _Event(
                number,
                name,
                label,
                float(times[first]),
                float(times[end - 1]),
                float(chosen[first:end].mean()),
                label == stream.blank,
            )


def _probabilities(
    rows: Sequence[Mapping[str, str]], labels: Sequence[str], classes: Sequence[str], path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    index = {name: k for k, name in enumerate(classes)}
    p, spread = np.zeros((len(rows), len(classes))), np.zeros(len(rows))
    for n, (row, label) in enumerate(zip(rows, labels, strict=True)):
        text = row.get("classificationProbability", "").strip()
        try:
            value = float(text) if text else _UNSURE
        except ValueError:
            value = np.nan
        if not 0 <= value <= 1:
            raise InputError(
                f"{path}: observation {row['observationID']!r}: expected classificationProbability from 0 to 1, "
                f"got {text!r}."
            )
        spread[n] = (1 - value) if len(classes) > 1 else 0.0
        p[n] = spread[n] / max(len(classes) - 1, 1)
        p[n, index[label]] = 1 - spread[n]
    return p, spread
