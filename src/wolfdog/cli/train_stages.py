"""The two trainings of `wolfdog train`: from nothing, and on the features of a pretrained classifier."""

from pathlib import Path
from typing import TYPE_CHECKING

from .labelled_reading import LabelledFootage, read_frames
from .screen import StageBars, console, percent, tell, tell_of_labels, tell_of_reading

if TYPE_CHECKING:
    from ..watch.classifiers.preprocessing import Crop as CropName
    from ..watch.distributed import Processes
    from ..watch.training.head_training import FreshMemory
    from ..watch.training.pipeline import WatcherTraining


def train_from_nothing(training: "WatcherTraining", footage: LabelledFootage, out: Path) -> None:
    """Train frame classifier and memory from nothing, and write the watcher."""
    from ..watch.training.halves import class_warnings

    stages, config = StageBars(), training.config
    processes = training.processes
    processes.from_first(lambda: make_folder(out))
    videos = read_frames(
        footage, "reading the videos", stages, fps=config.fps, size=config.size, processes=processes
    )
    for warning in class_warnings(videos, footage.classes, joint=training.joint):
        tell(warning)
    training.run(videos, stages)


def train_on_classifier(
    memory: "str | FreshMemory",
    classifier: str,
    crop: "CropName",
    fps: float,
    steps: int,
    footage: LabelledFootage,
    out: Path,
    processes: "Processes",
) -> None:
    """Train a head on a pretrained classifier's features, and a memory over its predictions; write both."""
    from ..watch.classifiers.array_cache import ArrayCache
    from ..watch.classifiers.efficientnet_lite_classifier import pretrained_network
    from ..watch.classifiers.registry import load_classifier
    from ..watch.labelling.trained_model import TrainedModel
    from ..watch.training.fine_tuning import FineTuning, fine_tune
    from ..watch.training.fine_tuning import read_frames as read_tuning_frames
    from ..watch.training.head_training import train_head
    from ..watch.training.labelled_features import read_features

    stages, found, classes = StageBars(), footage.found, tuple(footage.classes)
    features = load_classifier(classifier, crop=crop)
    processes.from_first(lambda: make_folder(out))
    tell_of_labels(found)
    data = read_features(
        found.media,
        found.labels,
        classes,
        features,
        fps=fps,
        stages=stages,
        sites=found.labels.sites,
        cache=ArrayCache("looks"),
        processes=processes,
    )
    tell_of_reading(found, data.troubles, data.misfits, strict=footage.strict)
    trained = train_head(data, memory=memory, classifier=classifier, stages=stages, processes=processes)
    for warning in trained.warnings:
        tell(warning)
    head, network = trained.head, None
    if steps:
        network = pretrained_network(classifier)
        wanted = {medium.path: medium.name for medium in found.media if not medium.image}
        frames = read_tuning_frames(
            wanted, found.labels, classes, features.preprocessing, fps=fps, stages=stages
        )
        tuned = fine_tune(
            network, frames, classes, FineTuning(steps=steps), stages=stages, processes=processes
        )
        better = tuned.head is not None
        head, network = (head, None) if tuned.head is None else (tuned.head, network)
        console.print(
            f"fine-tuning: log loss on held-out videos {tuned.loss_before:.3f} before, {tuned.loss_after:.3f} after; "
            f"{'kept' if better else 'not kept'}",
            markup=False,
            soft_wrap=True,
        )
    if processes.first:
        model = TrainedModel(
            classifier, features.identity, crop, fps, head, memory=trained.memory, network=network
        )
        model.save(out)
    if trained.right is not None:
        alone, remembering = (percent(share) for share in trained.right)
        console.print(
            f"on frames of videos that were held out: {alone} % right by the frame alone, {remembering} % with the "
            "any-class memory, before it was fitted",
            markup=False,
            soft_wrap=True,
        )


def make_folder(out: Path) -> None:
    """Make the folder of the results: now, rather than find in the end that it cannot be made."""
    out.mkdir(parents=True, exist_ok=True)
