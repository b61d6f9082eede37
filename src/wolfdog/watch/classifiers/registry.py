"""Classifiers by the names that the command line takes."""

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
    """A classifier by name.

    Args:
        name: One of `CLASSIFIERS`.
        classes: Groups of its classes: a TOML file, or a name of `classes.SHIPPED`; None leaves them as they are.
        crop, part: What becomes of frames of another shape than the input's; see `Preprocessing`. A `scratch` network
            always sees whole frames squeezed, as it was trained.
        threads: Threads of one call.
        onnx: Facts about an ONNX file that it does not say.

    Raises:
        InputError: An unknown name, or classes that do not fit.
        MissingPackageError: A package that it needs is not installed.
        CheckpointError, ONNXError: Its weights or its file cannot be used.
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
