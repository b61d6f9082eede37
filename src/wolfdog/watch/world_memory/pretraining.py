"""Pretraining of a world memory on a folder of photographs."""

import time
from os import PathLike
from pathlib import Path

from wolfdog.tv import World, default_world

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
    bank: str | PathLike[str] | None = None,
    stages: Stages = silent,
) -> WorldNetwork:
    """World memory trained on a classifier's probabilities for a folder of photographs, written to a file.

    The memory in the package was made by this function, with the default options.

    Args:
        images: Folder with a folder of photographs for each label of the world.
        out: The safetensors file.
        classifier: Classifier whose classes are the world's labels.
        world: The world; None for that of the model problem.
        options: Options of the training.
        most: Largest number of photographs of a class.
        bank: NPZ file of the classifier's probabilities; read if it exists, else written.
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
    if kept is not None and kept.exists():
        seen = Bank.load(kept)
    else:
        photographs = PhotographSet.of_folder(images, world.labels, most=most)
        with stages(
            f"classifying {len(photographs)} photographs, clean and degraded", len(photographs)
        ) as done:
            seen = build_bank(classifier, photographs, progress=lambda n, _: done(n, ""))
        if kept is not None:
            seen.save(kept)
    began = time.process_time()
    with stages("training on simulated streams", options.steps) as done:
        network = train_world_memory(
            seen, world, options, progress=lambda step, _, loss: done(step, f"loss {loss:.3f}")
        )
    notes = {
        "world": world.name,
        "classifier": seen.classifier,
        "photographs": {name: int((seen.labels == k).sum()) for k, name in enumerate(seen.classes)},
        "degradations": list(seen.degradations),
        "steps": options.steps,
        "streams": options.streams,
        "balance": options.balance,
        "seed": options.seed,
        "processor_seconds": round(time.process_time() - began),
    }
    save_world_network(out, network, notes)
    return network
