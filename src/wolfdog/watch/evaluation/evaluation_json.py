"""Evaluations as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from os import PathLike
from typing import Any

import numpy as np

from wolfdog.atomic import atomic_write

from .bag_scores import BagScores
from .confidence_scores import COVERAGES
from .evaluation import Evaluation


def evaluation_as_dict(found: Evaluation) -> dict[str, Any]:
    """Evaluation in what JSON holds; shares from 0 to 1, undefined values null, intervals as value, low, high."""
    names = list(found.classes)
    bins = found.reliability
    return {
        "name": found.name,
        "rows": found.rows,
        "deployments": found.sources,
        "classes": names,
        "labels_without_class": list(found.foreign),
        "accuracy": asdict(found.labels.accuracy),
        "balanced_accuracy": asdict(found.labels.balanced_accuracy),
        "macro_f1": asdict(found.labels.macro_f1),
        "same_taxon_or_above_or_below": found.consistent,
        "by_class": {name: asdict(score) for name, score in found.labels.classes.items()},
        "confusion": found.confusion.tolist(),
        "map": found.mean_average_precision,
        "mcap": found.calibrated_mean_average_precision,
        "edit": asdict(found.edit),
        "event_f1": {f"{100 * overlap:.0f}": asdict(value) for overlap, value in found.events.items()},
        "log_loss": found.log_loss,
        "brier": found.brier,
        "calibration_error": bins.error,
        "reliability": [
            {"confidence": _number(c), "accuracy": _number(a), "rows": int(n)}
            for c, a, n in zip(bins.confidence, bins.accuracy, bins.count, strict=True)
        ],
        "error_by_coverage": {f"{coverage:g}": found.risk.risk_at(coverage) for coverage in COVERAGES},
        "risk_coverage_area": found.risk.area,
    }


def write_evaluations(
    path: str | PathLike[str],
    evaluations: Sequence[Evaluation],
    *,
    bags: Mapping[str, BagScores] | None = None,
) -> None:
    """Write evaluations as a JSON object, atomically.

    Args:
        path: The file.
        evaluations: Of frames and detections.
        bags: Of files and sequences that are labelled as a whole, by name.

    Raises:
        OSError: The file cannot be written.
    """
    whole: dict[str, Any] = {"evaluations": [evaluation_as_dict(one) for one in evaluations]}
    if bags:
        whole["bags"] = {name: found.as_dict() for name, found in bags.items()}
    with atomic_write(path) as file:
        json.dump(whole, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def _number(value: np.float64) -> float | None:
    return None if math.isnan(value) else float(value)
