"""Labellers from the options of the command line."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ...errors import InputError
from ..classifiers.array_cache import ArrayCache
from ..classifiers.boxes import BoxSource
from ..classifiers.chosen_frames import LookOptions
from ..classifiers.classes import GroupedClassifier, read_groups
from ..classifiers.classifier import Classifier
from ..classifiers.detections import MegaDetectorResults
from ..classifiers.detector import YoloDetector
from ..classifiers.imagenet import imagenet_classes
from ..classifiers.motion import MotionOptions
from ..classifiers.preprocessing import Crop
from ..classifiers.registry import DEFAULT, load_classifier
from ..model.watcher import WEIGHTS, Watcher
from ..video.container import MAX_PIXELS
from ..video.moving import Moving
from ..video.sampling import Rate
from .classifier_labeller import ClassifierLabeller
from .labeller import Labeller
from .methods import AUTO, load_method
from .trained_model import FILE, load_trained_model
from .watcher_labeller import WatcherLabeller

PAINTED = "painted-television"
"""Name of the watcher that comes with wolfdog, which knows drawn animals only."""

OWN_CLASSES = "own"
"""In place of a file of groups: the classifier's classes as they are."""

IMAGENET_GROUPS = "animals"
"""Default groups of a classifier with ImageNet's classes."""


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """Options of a labeller with a classifier and a smoothing method.

    Args:
        classifier: Name of an image classifier, or the folder of a trained watcher.
        classes: TOML file of groups of its classes, or the name of one that comes with wolfdog; "own" keeps the
            classes. None: a classifier with ImageNet's classes gets the groups "animals", and any other keeps its own.
        method: Name of a smoothing method; see `METHOD_NAMES`.
        method_options: Options of the method, each as name=value.
        ahead: Whether the method reads later frames too.
        crop: Conversion of frames that are not square: "squeeze", "centre" or "letterbox".
        fps: Frames per second that are classified.
        skip_still: Whether frames that look like the last one taken are left out, up to two seconds long.
        motion: Whether moving regions are classified too.
        detections: Results file of MegaDetector, whose boxes are classified.
        detector: "onnx:FILE", a YOLO network whose boxes are classified.
        detector_classes: Names of the classes of that network whose boxes are used; empty for all.
        threads: Threads of the classifier.
        cache: Whether the classifier's results are kept on disk.
        max_pixels: Largest picture in pixels; files with larger ones are refused.
    """

    classifier: str = DEFAULT
    classes: str | None = None
    method: str = AUTO
    method_options: tuple[str, ...] = ()
    ahead: bool = False
    crop: Crop = "squeeze"
    fps: float = 5.0
    skip_still: bool = False
    motion: bool = False
    detections: Path | None = None
    detector: str | None = None
    detector_classes: tuple[str, ...] = ()
    threads: int = 1
    cache: bool = True
    max_pixels: int = MAX_PIXELS


def load_labeller(options: LabelOptions | None = None) -> ClassifierLabeller:
    """Labeller with a classifier and a smoothing method.

    Args:
        options: The options; None for the defaults.

    Returns:
        The labeller.

    Raises:
        InputError: An option is invalid, or two of them contradict each other.
        MissingPackageError: A package that the classifier needs is not installed.
        CheckpointError: The classifier's weights cannot be used.
        ONNXError: The classifier's file cannot be used.
    """
    options = options or LabelOptions()
    if options.threads < 1:
        raise InputError(f"threads must be 1 or more, got {options.threads}.")
    sampling = Moving(options.fps) if options.skip_still else Rate(options.fps)
    classifier = _classifier(options)
    method = load_method(
        options.method, classifier.classes, options=options.method_options, ahead=options.ahead
    )
    looks = LookOptions(sampling=sampling, boxes=_boxes(options), max_pixels=options.max_pixels)
    cache = ArrayCache("looks") if options.cache else None
    return ClassifierLabeller(classifier, method, options=looks, ahead=options.ahead, cache=cache)


def load_model_labeller(
    model: str | PathLike[str],
    *,
    ahead: bool = False,
    threads: int = 1,
    cache: bool = True,
    max_pixels: int = MAX_PIXELS,
) -> Labeller:
    """Labeller of a trained model, with its own memory.

    Args:
        model: Folder that `wolfdog train` wrote; "painted-television" is the watcher that comes with wolfdog.
        ahead: Whether the memory reads later frames too.
        threads: Threads of the classifier.
        cache: Whether the classifier's results are kept on disk.
        max_pixels: Largest picture in pixels; files with larger ones are refused.

    Returns:
        The labeller.

    Raises:
        CheckpointError: The folder has no model that can be read.
        InputError: Its memory does not read later frames.
    """
    if (Path(model) / FILE).is_file():
        trained = load_trained_model(model)
        return ClassifierLabeller(
            trained.labels(threads=threads),
            trained.memory,
            options=LookOptions(sampling=Rate(trained.fps), max_pixels=max_pixels),
            ahead=ahead,
            cache=ArrayCache("looks") if cache else None,
        )
    shipped = str(model) == PAINTED and not Path(model).exists()
    watcher = Watcher.load(None if shipped else model)
    if ahead:
        raise InputError(f"{model}: its memory never reads later frames. Leave --lookahead out.")
    return WatcherLabeller(watcher, str(model), max_pixels=max_pixels)


def _classifier(options: LabelOptions) -> Classifier:
    name, folder = options.classifier, Path(options.classifier)
    if (folder / FILE).is_file():
        classifier = load_trained_model(folder).labels(threads=options.threads)
    else:
        if (folder / WEIGHTS).is_file():
            name = f"scratch:{folder}"
        classifier = load_classifier(name, crop=options.crop, threads=options.threads)
    groups = options.classes
    if groups is None:
        groups = IMAGENET_GROUPS if classifier.classes == imagenet_classes() else OWN_CLASSES
    if groups == OWN_CLASSES:
        return classifier
    return GroupedClassifier(classifier, read_groups(groups, classifier.classes))


def _boxes(options: LabelOptions) -> BoxSource | None:
    chosen = [
        name
        for name, given in (
            ("--motion", options.motion),
            ("--detections", options.detections is not None),
            ("--detector", options.detector is not None),
        )
        if given
    ]
    if len(chosen) > 1:
        raise InputError(f"{' and '.join(chosen)}: these are ways to find regions; give one of them.")
    if options.detector_classes and options.detector is None:
        raise InputError("--detector-classes names classes of a detector: give --detector too.")
    if options.motion:
        return MotionOptions()
    if options.detections is not None:
        return MegaDetectorResults(options.detections)
    if options.detector is not None:
        kind, _, file = options.detector.partition(":")
        if kind != "onnx" or not file:
            raise InputError(f"detector: expected onnx:FILE, got {options.detector!r}.")
        return YoloDetector(Path(file), classes=options.detector_classes or None, threads=options.threads)
    return None
