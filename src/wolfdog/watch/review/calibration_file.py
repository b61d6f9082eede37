"""File of a calibration: JSON, to lie beside the model whose probabilities it calibrates."""

import json
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError
from wolfdog.text_files.json_file import read_json

from .calibration import Calibration, Floats, Threshold

KIND = "wolfdog calibration"
_FORMS = ("none", "temperature", "matrix")


def save_calibration(path: str | PathLike[str], calibration: Calibration) -> None:
    """Write a calibration, atomically.

    Args:
        path: The file.
        calibration: The calibration.

    Raises:
        OSError: The file cannot be written.
    """
    whole = {
        "kind": KIND,
        "version": 1,
        "classes": list(calibration.classes),
        "method": calibration.method,
        "form": calibration.form,
        "temperature": calibration.temperature,
        "matrix": None if calibration.matrix is None else calibration.matrix.tolist(),
        "bias": None if calibration.bias is None else calibration.bias.tolist(),
        "rows": calibration.rows,
        "log_loss": dict(calibration.log_loss),
        "thresholds": [asdict(one) for one in calibration.thresholds],
    }
    with atomic_write(path) as file:
        json.dump(whole, file, ensure_ascii=False, allow_nan=False, indent=1)
        file.write("\n")


def load_calibration(path: str | PathLike[str]) -> Calibration:
    """Calibration that `save_calibration` wrote.

    Raises:
        InputError: The file is none, or its numbers cannot be.
        OSError: The file cannot be read.
    """
    path = Path(path)
    given: Any = read_json(path)
    if not isinstance(given, dict) or given.get("kind") != KIND:
        raise InputError(
            f"{path}: expected a calibration that wolfdog evaluate --calibrate wrote, got another file."
        )
    try:
        classes = tuple(str(name) for name in given["classes"])
        matrix, bias = _array(given["matrix"]), _array(given["bias"])
        K = len(classes)
        temperature = float(given["temperature"])
        sound = given["form"] in _FORMS and 0 < temperature < 1e3
        sound &= matrix is None or (matrix.shape == (K, K) and bool(np.isfinite(matrix).all()))
        sound &= bias is None or (bias.shape == (K,) and bool(np.isfinite(bias).all()))
        sound &= (matrix is None) == (bias is None) == (given["form"] != "matrix")
        thresholds = tuple(
            Threshold(float(one["error"]), float(one["confidence"]), float(one["coverage"]))
            for one in given["thresholds"]
        )
        if not sound or not thresholds:
            raise ValueError("its numbers do not fit its classes")
        return Calibration(
            classes,
            str(given["method"]),
            given["form"],
            temperature,
            matrix,
            bias,
            int(given["rows"]),
            {str(name): float(value) for name, value in given["log_loss"].items()},
            thresholds,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: a calibration, but not a sound one: {error}.") from None


def _array(given: Any) -> Floats | None:
    return None if given is None else np.asarray(given, np.float64)
