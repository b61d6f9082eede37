"""Pretraining of a world memory on a folder of photographs."""

import time
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from wolfdog.tv import World, default_world
from wolfdog.tv.world import UNKNOWN

from ..classifiers.classifier import Classifier
from ..progress import Stages, silent
from .bank import Bank, build_bank
from .network import WorldNetwork
from .network_file import save_world_network
from .photographs import PhotographSet
from .training import WorldTraining, train_world_memory

MOST = 300
"""Photographs of a class that are taken at most, unless it is said."""


def pretrain_world(
    images: str | PathLike[str],
    out: str | PathLike[str],
    classifier: Classifier,
    *,
    world: World | None = None,
    options: WorldTraining | None = None,
    most: int = MOST,
    distractors: Sequence[str] = (),
    bank: str | PathLike[str] | None = None,
    stages: Stages = silent,
) -> WorldNetwork:
    """World memory trained on a classifier's probabilities for a folder of photographs, written to a file.

    The memory in the package was made by this function, with the default options and the distractors "fox", "coyote",
    "dingo", "dhole" and "african_hunting_dog".

    Args:
        images: Folder with a folder of photographs for each label of the world.
        out: The safetensors file.
        classifier: Classifier whose classes are the world's labels.
        world: The world; None for that of the model problem.
        options: Options of the training.
        most: Largest number of photographs of a class.
        distractors: Names of other folders of `images`, whose photographs are `unknown` in the world, and look like
            one of its animals.
        bank: NPZ file of the classifier's probabilities; read if it exists, else written. Those of the distractors
            are kept beside it, in NAME-distractors.npz.
        stages: Shows progress.

    Returns:
        The network.

    Raises:
        MediaError: A photograph cannot be read, a class has none, or the bank is damaged.
        InputError: The classifier's classes are not the world's labels.
        CheckpointError: The file cannot be written.
    """
    world = default_world() if world is None else world
    options = WorldTraining() if options is None else options
    kept = None if bank is None else Path(bank)
    seen = _bank(kept, lambda: PhotographSet.of_folder(images, world.labels, most=most), classifier, stages)
    others = None
    if distractors:
        others = distractor_bank(images, distractors, classifier, world.labels, bank=kept, stages=stages)
    began = time.process_time()
    with stages("training on simulated streams", options.steps) as done:
        network = train_world_memory(
            seen,
            world,
            options,
            progress=lambda step, _, loss: done(step, f"loss {loss:.3f}"),
            distractors=others,
        )
    notes = {
        "world": world.name,
        "classifier": seen.classifier,
        "photographs": {name: int((seen.labels == k).sum()) for k, name in enumerate(seen.classes)},
        "distractors": 0 if others is None else len(others),
        "degradations": list(seen.degradations),
        "steps": options.steps,
        "streams": options.streams,
        "balance": options.balance,
        "seed": options.seed,
        "processor_seconds": round(time.process_time() - began),
    }
    save_world_network(out, network, notes)
    return network


def distractor_bank(
    images: str | PathLike[str],
    folders: Sequence[str],
    classifier: Classifier,
    classes: Sequence[str],
    *,
    bank: Path | None = None,
    stages: Stages = silent,
) -> Bank:
    """Bank of the photographs of some folders, all of them labelled `unknown`.

    Args:
        images: Folder that holds them.
        folders: Their names.
        classifier: Classifier whose classes are `classes`.
        classes: Classes of the bank, `unknown` among them.
        bank: File of another bank, beside which this one is kept; read if it exists, else written.
        stages: Shows progress.

    Returns:
        The bank.

    Raises:
        MediaError: A photograph cannot be read, a folder has none, or the bank is damaged.
    """
    kept = None if bank is None else bank.with_name(f"{bank.stem}-distractors.npz")
    return _bank(
        kept,
        lambda: PhotographSet.of_folder(images, folders).labelled(classes, UNKNOWN),
        classifier,
        stages,
    )


def _bank(
    kept: Path | None, photographs: Callable[[], PhotographSet], classifier: Classifier, stages: Stages
) -> Bank:
    if kept is not None and kept.exists():
        return Bank.load(kept)
    found = photographs()
    with stages(f"classifying {len(found)} photographs, clean and degraded", len(found)) as done:
        seen = build_bank(classifier, found, progress=lambda n, _: done(n, ""))
    if kept is not None:
        seen.save(kept)
    return seen
