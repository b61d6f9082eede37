"""Classifiers by their names on the command line."""

import difflib
from os import PathLike
from pathlib import Path

from wolfdog.errors import InputError

from .classes import GroupedClassifier, read_groups
from .classifier import Classifier
from .efficientnet_lite import VARIANTS
from .efficientnet_lite_classifier import efficientnet_lite
from .onnx_classifier import OnnxClassifier
from .onnx_settings import OnnxOptions
from .preprocessing import Crop
from .scratch_classifier import scratch_classifier
from .timm_classifier import timm_classifier

DEFAULT = "efficientnet-lite0"
CLASSIFIERS = (*VARIANTS, "onnx:FILE", "timm:NAME", "scratch:FOLDER")
"""Names that `load_classifier` takes."""


def load_classifier(
    name: str = DEFAULT,
    *,
    classes: str | PathLike[str] | None = None,
    crop: Crop = "squeeze",
    part: float = 1.0,
    threads: int = 1,
    onnx: OnnxOptions | None = None,
) -> Classifier:
    """Classifier by name.

    Args:
        name: One of `CLASSIFIERS`.
        classes: Groups of its classes: a TOML file, or a name of `classes.SHIPPED`; None for its own classes.
        crop: Conversion of frames with another shape than the input's; see `Preprocessing`. A `scratch` network always
            gets whole frames, squeezed, as in its training.
        part: See `Preprocessing`.
        threads: Threads of one call.
        onnx: Facts that an ONNX file does not state.

    Returns:
        The classifier.

    Raises:
        InputError: The name is unknown, or the groups do not fit the classes.
        MissingPackageError: A package that it needs is not installed.
        CheckpointError: Its weights cannot be used.
        ONNXError: Its file cannot be used.
    """
    classifier = _ungrouped(name, crop, part, threads, onnx)
    return (
        classifier
        if classes is None
        else GroupedClassifier(classifier, read_groups(classes, classifier.classes))
    )


def _ungrouped(name: str, crop: Crop, part: float, threads: int, onnx: OnnxOptions | None) -> Classifier:
    if name in VARIANTS:
        return efficientnet_lite(name, crop=crop, part=part, threads=threads)
    match name.partition(":"):
        case "onnx", ":", file if file:
            return OnnxClassifier(Path(file), name=name, options=onnx, crop=crop, part=part, threads=threads)
        case "timm", ":", network if network:
            return timm_classifier(network, crop=crop, part=part, threads=threads)
        case "scratch", ":", folder if folder:
            return scratch_classifier(folder, threads=threads)
    near = difflib.get_close_matches(name, VARIANTS, 1)
    raise InputError(
        f"No classifier is called {name!r}. "
        + (f"Did you mean {near[0]}?" if near else f"Choose one of {', '.join(CLASSIFIERS)}.")
    )
