"""MegaDetector's batch results: detections with classifications, of images and videos."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import folder_of, seconds_of
from wolfdog.text_files.json_file import read_json

from ..predictions import Predictions
from .blank_names import blank_of
from .results import Results

CERTAIN = 0.98
"""Probability of the class of a detection that the detector alone names (person, vehicle), and of "blank" where there
is no detection. The rest is spread over the other classes."""

UNSMOOTHED = "unsmoothed_classifications"
"""Key under which a detection keeps the classifier's own classifications."""

LEAST_WRITTEN = 0.005
_ANIMAL = "animal"


class MegaDetectorJSON(Results):
    """MegaDetector batch results, format 1.3 to 1.6, also with SpeciesNet's taxonomy strings as class names.

    A row is a detection whose confidence is at least `least_confidence`, or a frame without any, which counts as blank.
    A folder is a deployment. A classifier that gives only its first few classes leaves a rest of the probability, which
    is spread evenly over the other classes (`Predictions.spread`).

    In the output, `classifications` has the context's classes and `unsmoothed_classifications` the classifier's;
    everything else is unchanged. A file that was smoothed before is smoothed from the classifier's; its earlier labels
    are the context of `predictions`.

    Source: https://lila.science/megadetector-output-format

    Args:
        path: The file.
        times: Seconds since 1970 by file name, for files without `datetime`.
        least_confidence: Least confidence of a detection that is smoothed; others are unchanged.
        blank: Name of the class for empty pictures; None to find it by its name.

    Raises:
        InputError: The file is not of this format.
        OSError: The file cannot be read.
    """

    name = "megadetector"

    def __init__(
        self,
        path: Path,
        *,
        times: Mapping[str, float] | None = None,
        least_confidence: float = 0.15,
        blank: str | None = None,
    ) -> None:
        self.path = path
        self._document = _checked(read_json(path), path)
        self._names = _Names.of(self._document, path, blank)
        rows = list(_rows(self._document, self._names, path, times or {}, least_confidence))
        self._places = [(row.image, row.number) for row in rows]
        classes = self._names.classes
        known = [row.time for row in rows if not np.isnan(row.time)]
        self.predictions = Predictions.from_columns(
            classes,
            np.array([row.p for row in rows], np.float32).reshape(len(rows), len(classes)),
            time=[row.time for row in rows],
            utc=bool(known) and any(row.dated for row in rows),
            deployment=[row.deployment for row in rows],
            media=[row.file for row in rows],
            frame=[row.frame for row in rows],
            detection=[-1 if row.number is None else row.number for row in rows],
            box=np.array([row.box for row in rows], np.float32).reshape(len(rows), 4),
            confidence=[row.confidence for row in rows],
            spread=[row.spread for row in rows],
            context=self._context(rows),
            blank=self._names.blank,
            classifier=str(self._document["info"].get("classifier", "")),
            method=_method(self._document["info"]),
        )

    def _context(self, rows: "list[_Row]") -> NDArray[np.float64] | None:
        """[N, K] context probabilities of a file that was smoothed before; None of another."""
        context = np.array([row.p for row in rows])
        smoothed = False
        index = {name: k for k, name in enumerate(self._names.classes)}
        for at, row in enumerate(rows):
            if row.number is None:
                continue
            detection = self._document["images"][row.image]["detections"][row.number]
            if UNSMOOTHED in detection:
                smoothed = True
                written = {**detection, UNSMOOTHED: detection.get("classifications")}
                context[at], _ = _probabilities(written, self._names, index, f"{self.path}: {row.file}")
        return context if smoothed else None

    def _write(self, smoothed: Predictions, path: Path) -> None:
        document = copy.deepcopy(self._document)
        categories = document.setdefault("classification_categories", {})
        assert smoothed.context is not None  # checked by `write`
        for (image, number), p in zip(self._places, smoothed.context, strict=True):
            if number is None:
                continue
            detection = document["images"][image]["detections"][number]
            old = _classified(detection)
            is_animal = self._names.detected.get(detection["category"]) == _ANIMAL
            if not old and not (is_animal and p.max() >= 0.5 and self._names.has_classifier):
                continue
            detection[UNSMOOTHED] = old
            detection["classifications"] = [
                [self._category(categories, smoothed.classes[k]), round(float(p[k]), 4)]
                for k in np.argsort(-p, kind="stable")[: max(len(old), 1)]
                if p[k] >= LEAST_WRITTEN
            ]
        document["info"]["smoothing"] = {
            "method": smoothed.method,
            "program": f"wolfdog {version('wolfdog')}",
        }
        with atomic_write(path) as file:
            json.dump(document, file, ensure_ascii=False, indent=1)

    def _category(self, categories: dict[str, str], name: str) -> str:
        """Number of a class in the file; a class of the detector, or "blank", is added to the file's classes."""
        for number, known in categories.items():
            if known == name:
                return number
        number = str(max(map(int, categories), default=-1) + 1)
        categories[number] = name
        return number


@dataclass(frozen=True)
class _Names:
    """Classes of a file: the classifier's, those that the detector names itself, and the blank one."""

    classes: tuple[str, ...]
    blank: str
    classified: dict[str, str]
    detected: dict[str, str]
    has_classifier: bool

    @classmethod
    def of(cls, document: dict[str, Any], path: Path, blank: str | None) -> "_Names":
        classified = _texts(
            document.get("classification_categories") or {}, "classification_categories", path
        )
        detected = _texts(document["detection_categories"], "detection_categories", path)
        names = list(dict.fromkeys(classified.values()))
        others = [name for name in detected.values() if not (classified and name == _ANIMAL)]
        names += [name for name in dict.fromkeys(others) if name not in names]
        found = blank_of(names, blank)
        if found is None:
            found = "blank"
        if found not in names:
            names.append(found)
        return cls(tuple(names), found, classified, detected, bool(classified))


@dataclass(frozen=True)
class _Row:
    image: int
    number: int | None
    file: str
    deployment: str
    frame: int
    time: float
    dated: bool
    p: NDArray[np.float64]
    spread: float
    box: tuple[float, ...] = (np.nan,) * 4
    confidence: float = np.nan


def _rows(
    document: dict[str, Any], names: _Names, path: Path, times: Mapping[str, float], least: float
) -> Iterator[_Row]:
    """Rows of a file, image by image, frame by frame."""
    index = {name: k for k, name in enumerate(names.classes)}
    nothing = _mostly(index[names.blank], len(index))
    for at, image in enumerate(document["images"]):
        where = f"{path}: images[{at}]"
        file = image.get("file")
        if not isinstance(file, str):
            raise InputError(f"{where}: expected the path of the picture under 'file', got {file!r}.")
        if image.get("failure") or image.get("detections") is None:
            continue
        began = seconds_of(image["datetime"], where) if isinstance(image.get("datetime"), str) else None
        began = times.get(file, np.nan) if began is None or np.isnan(began) else began
        rate = image.get("frame_rate")
        is_video = isinstance(rate, int | float) and not isinstance(rate, bool) and rate > 0
        dated = not np.isnan(began)
        # a video whose date nobody knows is a deployment of its own: how long after another it was is not known either
        deployment = folder_of(file) if dated or not is_video else file
        frames: dict[int, list[tuple[int, Any]]] = {
            _whole(number, where): []
            for number in (image.get("frames_processed") or ([] if is_video else [0]))
        }
        for number, detection in enumerate(_list(image["detections"], f"{where}.detections")):
            what = f"{where}.detections[{number}]"
            if not isinstance(detection, dict):
                raise InputError(f"{what}: expected an object, got {detection!r}.")
            frame = _whole(detection.get("frame_number", 0), what)
            category = detection.get("category")
            known = isinstance(category, str) and category in names.detected
            if _number(detection.get("conf"), what) >= least and known:
                frames.setdefault(frame, []).append((number, detection))
            else:
                frames.setdefault(frame, [])
        for frame, detections in sorted(frames.items()):
            time = (began if dated else 0.0) + frame / float(rate) if is_video else began
            row = partial(
                _Row, image=at, file=file, deployment=deployment, frame=frame, time=time, dated=dated
            )
            if not detections:
                yield row(number=None, p=nothing, spread=1 - CERTAIN)
            for number, detection in detections:
                what = f"{where}.detections[{number}]"
                p, spread = _probabilities(detection, names, index, what)
                box = tuple(_number(v, what) for v in _list(detection.get("bbox"), f"{what}.bbox"))
                if len(box) != 4:
                    raise InputError(f"{what}: expected 'bbox' as [x, y, width, height], got {list(box)}.")
                confidence = min(max(_number(detection["conf"], what), 0.0), 1.0)
                yield row(number=number, p=p, spread=spread, box=box, confidence=confidence)


def _probabilities(
    detection: dict[str, Any], names: _Names, index: dict[str, int], where: str
) -> tuple[NDArray[np.float64], float]:
    """Probabilities [K] of a detection, and the share of them that was spread."""
    p = np.zeros(len(index))
    for entry in _list(_classified(detection), f"{where}.classifications"):
        sound = isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)
        if not sound or entry[0] not in names.classified:
            raise InputError(
                f"{where}: expected classifications as [category, confidence] with a category of "
                f"classification_categories, got {entry!r}."
            )
        p[index[names.classified[entry[0]]]] += max(_number(entry[1], where), 0.0)
    if not p.any():
        said = names.detected[detection["category"]]
        if said in index:
            return _mostly(index[said], len(index)), 1 - CERTAIN
        any_animal = np.array(
            [name in names.classified.values() and name != names.blank for name in index], float
        )
        return any_animal / any_animal.sum(), 1.0
    total = p.sum()
    unnamed = (p == 0) & np.array([name in names.classified.values() for name in index])
    if total >= 1 or not unnamed.any():
        return p / total, 0.0
    p[unnamed] = (1 - total) / unnamed.sum()
    return p, float(1 - total)


def _classified(detection: dict[str, Any]) -> Any:
    """Classifications of the classifier itself, also in a file that has been smoothed before."""
    return detection.get(UNSMOOTHED, detection.get("classifications")) or []


def _method(info: dict[str, Any]) -> str:
    """Name and options of the method that a file was smoothed with; empty of another file."""
    smoothing = info.get("smoothing")
    method = smoothing.get("method") if isinstance(smoothing, dict) else None
    return method if isinstance(method, str) else ""


def _mostly(k: int, classes: int) -> NDArray[np.float64]:
    p = np.full(classes, (1 - CERTAIN) / max(classes - 1, 1))
    p[k] = CERTAIN if classes > 1 else 1.0
    return p


def _checked(document: Any, path: Path) -> dict[str, Any]:
    """Document, checked for the parts of every version."""
    if not isinstance(document, dict):
        raise InputError(
            f"{path}: expected MegaDetector results, an object with info, images and categories."
        )
    for name, kind in (("info", dict), ("detection_categories", dict), ("images", list)):
        if not isinstance(document.get(name), kind):
            raise InputError(
                f"{path}: expected MegaDetector results with {name!r} as {'an object' if kind is dict else 'a list'}, "
                f"got {type(document.get(name)).__name__}."
            )
    for at, image in enumerate(document["images"]):
        if not isinstance(image, dict):
            raise InputError(f"{path}: images[{at}]: expected an object, got {image!r}.")
    return document


def _texts(given: Any, name: str, path: Path) -> dict[str, str]:
    if not isinstance(given, dict):
        raise InputError(f"{path}: expected {name} as an object, got {given!r}.")
    for number, text in given.items():
        if not (number.isascii() and number.isdigit()) or not isinstance(text, str) or not text.strip():
            raise InputError(
                f"{path}: {name}: expected numbers in quotes and names, got {number!r}: {text!r}."
            )
    return given


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list, got {value!r}.")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: expected a number, got {value!r}.")
    return float(value)


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise InputError(f"{where}: expected the number of a frame, 0 or more, got {value!r}.")
    return value
