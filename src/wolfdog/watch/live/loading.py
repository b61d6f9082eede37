"""Sources and their labellers from the names of the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from ...errors import InputError
from ...tv import Painter, Photographs, World, default_world
from ..labelling.classifier_labeller import ClassifierLabeller
from ..labelling.labeller import Labeller
from ..labelling.loading import PAINTED, LabelOptions, load_labeller, load_model_labeller
from ..labelling.watcher_labeller import WatcherLabeller
from ..video.images import is_image
from ..video.live_address import LiveOptions, is_live
from .classifier_steps import ClassifierSteps
from .pictures import FilePictures, PictureSource, StreamPictures
from .step_labeller import StepLabeller
from .television import Television
from .watcher_steps import WatcherSteps

TELEVISION = "tv"
"""Source that is simulated television."""
MODEL_PROBLEM = "model-problem"
MOST_SOURCES = 16
TELEVISION_SIDE = 320


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Options of live sources.

    Args:
        labels: Classifier and method, for sources without a model.
        model: Folder of a trained watcher, or "painted-television"; None: for drawn television that one, for other
            sources the classifier.
        live: Of cameras and streams.
        world: World of television.
        images: Folder of photographs, which television shows in place of drawings.
        seed: Seed of television.
    """

    labels: LabelOptions = field(default_factory=LabelOptions)
    model: str | None = None
    live: LiveOptions = field(default_factory=LiveOptions)
    world: World | None = None
    images: Path | None = None
    seed: int = 0


def open_sources(
    names: Sequence[str], options: SourceOptions | None = None
) -> list[tuple[PictureSource, StepLabeller]]:
    """Sources with a labeller each; sources share the network of their labellers.

    Args:
        names: camera:0 or the number of a camera, the address of a stream, a video file, or "tv".
        options: The options.

    Returns:
        The sources.

    Raises:
        InputError: A source is none of these, or there are more than 16.
        MediaError: A file cannot be opened.
    """
    options = options or SourceOptions()
    if not 1 <= len(names) <= MOST_SOURCES:
        raise InputError(f"wolfdog live: expected 1 to {MOST_SOURCES} sources, got {len(names)}.")
    made: dict[str, tuple[Labeller, Lock]] = {}
    found: list[tuple[PictureSource, StepLabeller]] = []
    for name in names:
        drawn = name == TELEVISION and options.images is None
        model = options.model or (PAINTED if drawn else None)
        key = model or (MODEL_PROBLEM if name == TELEVISION else "classifier")
        if key not in made:
            made[key] = _labeller(options, model, television=name == TELEVISION), Lock()
        labeller, lock = made[key]
        steps = _steps(labeller, lock, options.labels.fps)
        found.append((_source(name, options, steps.fps, len(found)), steps))
    _tell_apart([source for source, _ in found])
    return found


def _labeller(options: SourceOptions, model: str | None, *, television: bool) -> Labeller:
    labels = options.labels
    if model is not None:
        return load_model_labeller(model, threads=labels.threads, cache=False)
    if television and labels.classes is None:
        labels = replace(labels, classes=MODEL_PROBLEM)  # the classes of its world
    return load_labeller(replace(labels, cache=False))


def _steps(labeller: Labeller, lock: Lock, fps: float) -> StepLabeller:
    if isinstance(labeller, WatcherLabeller):
        return WatcherSteps(labeller.watcher, labeller.classifier, lock=lock)
    if isinstance(labeller, ClassifierLabeller):
        classifier, method, _ = labeller.parts
        return ClassifierSteps(classifier, method, fps, lock=lock)
    raise InputError(f"{labeller.classifier}: this kind of model cannot watch live.")


def _source(name: str, options: SourceOptions, fps: float, number: int) -> PictureSource:
    if name == TELEVISION:
        seed = options.seed + number
        world = default_world() if options.world is None else options.world
        painting = (
            Painter(TELEVISION_SIDE, seed)
            if options.images is None
            else Photographs(options.images, size=TELEVISION_SIDE, seed=seed)
        )
        return Television(world, painting, seed=seed)
    if name.isdecimal() and name.isascii() and len(name) <= 3:
        name = f"camera:{name}"
    if is_live(name):
        return StreamPictures(name, fps, options=options.live)
    path = Path(name)
    if not path.is_file() or is_image(path):
        what = "not a video" if path.exists() else "no such file"
        raise InputError(
            f"{name}: {what}. Give a video file, camera:0, the address of a stream (rtsp://, http://, udp://), or tv."
        )
    return FilePictures(path, fps, max_pixels=options.live.max_pixels)


def _tell_apart(sources: Sequence[PictureSource]) -> None:
    """Give sources of one name a number each."""
    names = [source.name for source in sources]
    for number, source in enumerate(sources):
        if names.count(source.name) > 1:
            source.name = f"{names[number]}-{names[: number + 1].count(names[number])}"
